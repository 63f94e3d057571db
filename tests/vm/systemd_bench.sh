#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# systemd_bench.sh ROUNDS [kill-reaper]: runs as a service of a virtual machine
# whose PID 1 is systemd (tests/bench/vm_systemd_run.py). First it checks that
# Corral's unit works there, line by line "CHECK ok|FAIL: text"; then it times
# the launchers in turns. All of it goes to the second serial line; "VMEXIT 0" is
# the last. kill-reaper: the unit's main process is killed too, on the way.
set -u
exec >/dev/ttyS1 2>&1
rounds=$1
fault=${2:-none}
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
in_job_of_unit() { corral run -- cat /proc/self/cgroup | grep "^0::/system.slice/$unit/corral/j[0-9a-f]\{16\}$"; }
exits_with() { # STATUS COMMAND...
  wanted=$1
  shift
  "$@"
  [ $? -eq "$wanted" ]
}
has_cgroup2() { corral doctor --json | grep cgroup2; }
is_listed() { corral ps | grep "$1"; }
nobody() { ! pidof "$@"; }
supervisor() { ps_of_unit corrald | head -n 1; }
ps_of_unit() { # NAME: the pids of the unit's own cgroup with that name
  while read -r pid; do
    [ "$(cat "/proc/$pid/comm")" != "$1" ] || echo "$pid"
  done <"/sys/fs/cgroup/system.slice/$unit/cgroup.procs"
}
main_is_reaper() { grep corral-init "/proc/$(systemctl show --property MainPID --value $unit)/comm"; }
ready() { # within 60 s: the unit's Type= does not say when it answers
  left=600
  until corral ps --system >/dev/null 2>&1; do
    left=$((left - 1))
    [ $left -gt 0 ] || return 1
    sleep 0.1
  done
}

check_unit() {
  check 'the machine has started' systemctl is-active multi-user.target dbus.socket
  check 'systemd takes the unit as it is' systemd-analyze verify --man=no $unit
  check 'the unit starts' systemctl start $unit
  check 'the instance answers' ready
  check 'the unit is active' systemctl is-active $unit
  check 'the engine is cgroup2' has_cgroup2
  check 'the name is on the system bus' busctl --system call org.corral.Manager1 /org/corral/manager \
    org.freedesktop.DBus.Peer Ping
  check "a job is in the unit's own cgroup" in_job_of_unit
  check 'its exit code comes through' exits_with 7 corral run -- sh -c 'exit 7'
  check 'a detached job starts' corral run -d --name stays -- sleep 1000
  check 'the supervisor is killed' kill -9 "$(supervisor)"
  check_that_job_stayed
  [ "$fault" != kill-reaper ] || check_killed_reaper
  check 'a job starts' corral run -d --name stopped -- sleep 1000
  check 'the unit is stopped' systemctl stop $unit
  check 'which ends its jobs' nobody sleep
  check 'and leaves no process' nobody corral-init corrald
  check 'the unit starts again' systemctl start $unit
  check 'the instance answers' ready
}

check_that_job_stayed() {
  check 'the instance answers again' ready
  check 'the unit is active' systemctl is-active $unit
  check 'its main process is the reaper' main_is_reaper
  check 'the job lives' pidof sleep
  check 'the job is known' is_listed stays
  check 'the job is ended' corral kill stays
  corral wait stays >/dev/null 2>&1
  check 'and nothing of it is left' nobody sleep
}

check_killed_reaper() {
  check 'another job starts' corral run -d --name stays -- sleep 1000
  check "the unit's main process is killed" systemctl kill --kill-whom=main --signal=KILL $unit
  sleep 5
  check_that_job_stayed
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
echo VMEXIT 0
sync
systemctl reboot --force --force
