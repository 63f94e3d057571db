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
  exec 9<>/run/ready 8</run/ready # read from 8: what was written before the last writer closed is kept while that is open
  "$1" checks 9<&- &
  exec 8<&-
  mkdir -p /run/units
  exec /bin/corral-init --units /run/units --ready-fd 9 -- --bus none --pacct "${2:-/run/pacct}" --log-dir /run/log
}

await_instance() { read -r _ <&8; }

probe_limits() { # ENGINE...: what comes of each limit, with two disks in memory (brd.ko), is what doctor says
  export DISK=/dev/ram0 SWAP=/dev/ram1
  [ -b "$DISK" ] || mknod "$DISK" b 1 0
  [ -b "$SWAP" ] || mknod "$SWAP" b 1 1
  mkswap "$SWAP" >/dev/null
  dd if=/dev/zero of="$DISK" bs=1M count=16 2>/dev/null
  corral doctor --limits >/run/doctor
  sh /bin/limit_probes.sh "$@" 2>&1 | while read -r line; do
    echo "$line" >"$report"
    # shellcheck disable=SC2086
    set -- $line
    if grep -q "^$2  *$3  *$4\\b" /run/doctor; then
      echo "CHECK ok: $line" >"$report"
    else
      echo "CHECK FAIL: $line: doctor says $(grep "^$2  *$3 " /run/doctor)" >"$report"
    fi
  done
}

checks_are_done() { echo "CHECKS DONE" >"$report"; }
