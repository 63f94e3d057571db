#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# systemd_bench.sh ROUNDS: runs as a service of a virtual machine whose PID 1 is
# systemd (tests/bench/vm_systemd_run.py). First it checks that Corral's unit is
# there, line by line "CHECK ok|FAIL: text"; then it times the launchers in turns.
# All of it goes to the second serial line; "VMEXIT 0" is the last.
set -u
exec >/dev/ttyS1 2>&1
rounds=$1
unit=corrald.service

check() { # TEXT COMMAND...: the command succeeds
  text=$1
  shift
  if "$@" >/run/said 2>&1; then
    echo "CHECK ok: $text"
  else
    echo "CHECK FAIL: $text: status $?: $(tail -c 600 /run/said | tr '\n' ' ')"
  fi
}
check_unit() {
  check 'the machine has started' systemctl is-active multi-user.target dbus.socket
  check 'the unit starts' systemctl start $unit
  check 'the instance answers' corral ps --system
  check 'the name is on the system bus' busctl --system call org.corral.Manager1 /org/corral/manager \
    org.freedesktop.DBus.Peer Ping
}

systemctl --version | head -n 1
check_unit
echo LOG
journalctl --unit=$unit --output=cat --quiet --no-pager | uniq | head -n 60
echo BENCH
/bench/bench-spawner "$rounds" /bin/true %% sh -c true %% systemd-run --wait --quiet true \
  %% systemd-run --scope --quiet true %% corral run -- true \
  %% CORRAL_RUNTIME_DIR=/run/none CORRAL_PACCT=/run/pacct-alone corral run -- true
echo "BENCH END $?"
echo OPEN BUS
/bench/bench-bus-launches "$rounds" /bin/true
echo "OPEN BUS END $?"
echo VMEXIT 0
sync
systemctl reboot --force --force
