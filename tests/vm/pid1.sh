#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pid1.sh: runs in the tests' virtual machine as its PID 1. Starts the checks
# below as a child and becomes corral-init --units: that PID 1 adopts a
# process it did not start, runs jobs, loses its supervisor, and shuts down.
# See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

if [ $# -eq 0 ]; then
  mkdir /run/units
  : >/run/units/web.toml
  become_instance "$0"
fi

gives() { # STATUS COMMAND...
  wanted=$1
  shift
  "$@"
  [ $? -eq "$wanted" ]
}
lines() { # COUNT PATTERN COMMAND...: that many lines of its output have the pattern
  count=$1
  pattern=$2
  shift 2
  found=$("$@" | tee /run/said | grep -c "$pattern")
  [ "$found" -eq "$count" ]
}
nobody() { ! pidof "$1"; }
no_zombie() { ! grep -l '^[0-9]* (.*) Z ' /proc/[0-9]*/stat 2>/dev/null; }
in_job() { grep -q '/corral/j[0-9a-f]\{16\}$'; }

await_instance
check 'PID 1 is the reaper' grep -qx corral-reaper /proc/1/comm
check 'the engine is cgroup2' sh -c 'corral doctor --json | grep -q cgroup2'
check 'an exit code comes through' gives 7 corral run -- sh -c 'exit 7'
check 'a job is born in its own cgroup' sh -c 'corral run -- cat /proc/self/cgroup | grep -Eq "/corral/j[0-9a-f]{16}$"'
check 'a detached job starts' corral run -d --name work -- sh -c 'setsid sleep 1000 & exec sleep 1001'
check 'it is listed' lines 1 work corral ps
kill -9 "$(pidof corrald)"
check 'a killed supervisor comes back with the job' lines 1 work corral ps
check 'its processes live' pidof sleep
check 'the job is ended' corral kill work
corral wait work >/dev/null 2>&1
check 'with the process that had left its session' nobody sleep
sh -c 'sleep 0.1 &'
sleep 1
check 'an orphan was reaped' no_zombie
# shellcheck disable=SC2016 # for the other shell
check 'there are two ends in the accounting file' sh -c '[ "$(corral records --json /run/pacct | grep -c "\"kind\": *\"end\"")" -ge 2 ]'
checks_are_done
kill -TERM 1
