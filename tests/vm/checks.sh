# SPDX-License-Identifier: Apache-2.0
# checks.sh: what the scripts that run in the tests' virtual machine have in common;
# they source it. Every check is a line "CHECK ok|FAIL: text" on the second serial
# line, and "CHECKS DONE" there is the end.
# shellcheck shell=sh
report=/dev/ttyS1

check() { # TEXT COMMAND...: the command succeeds
  text=$1
  shift
  "$@" >/run/said 2>&1
  status=$?
  if [ "$status" -eq 0 ]; then
    echo "CHECK ok: $text" >"$report"
  else
    echo "CHECK FAIL: $text: status $status: $(tr '\n' ' ' </run/said | tail -c 600) $(circumstances 2>&1 | tr '\n' ' ')" >"$report"
  fi
}

circumstances() { :; } # for a failed check, what else is to be known; a script may have its own

await() { # COMMAND...: within 30 s
  left=150
  until "$@"; do
    left=$((left - 1))
    [ $left -gt 0 ] || return 1
    sleep 0.2
  done
}

become_instance() { # SCRIPT [PACCT]: PID 1 becomes an instance, and SCRIPT checks is its first child
  mkfifo /run/ready
  exec 9<>/run/ready
  "$1" checks 9<&- &
  mkdir -p /run/units
  exec /bin/corral-init --units /run/units --ready-fd 9 -- --bus none --pacct "${2:-/run/pacct}" --log-dir /run/log
}

await_instance() { read -r _ </run/ready; }

checks_are_done() { echo "CHECKS DONE" >"$report"; }
