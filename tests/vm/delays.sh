#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# delays.sh: runs in the tests' virtual machine as its PID 1, with the kernel's delay
# accounting on. One process tells what the kernel tells it of itself, by each collector;
# what its record and its job's end say of it goes out too: "COLLECTOR NAME", "TOLD KEY VALUE",
# "RECORD JSON", "END JSON".
# The test compares them (vm_delays.py). See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

if [ $# -eq 0 ]; then
  echo 1 >/proc/sys/kernel/task_delayacct
  become_instance "$0"
fi

if [ "$1" = in-job ]; then
  /bin/counted /dev/nvme0n1 >/run/told
  cgroup=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
  for resource in cpu memory io; do
    sed -n "s/^\(some\|full\) .*total=\([0-9]*\)$/TOLD ${resource}_\1 \2/p" "$cgroup/$resource.pressure"
  done >>/run/told
  for peak in pids.peak memory.swap.peak; do
    [ ! -e "$cgroup/$peak" ] || echo "TOLD $peak $(cat "$cgroup/$peak")" >>/run/told
  done
  exit 0
fi

await_instance
tell_of() { # COLLECTOR PACCT
  jid=$(corral run -d -- /bin/delays.sh in-job)
  corral wait "$jid" >/dev/null 2>&1
  pid=$(sed -n 's/^TOLD pid //p' /run/told)
  record() { corral records --json "$2" | grep '"kind":"process"' | grep "\"pid\":$pid,"; }
  has_record() { [ -n "$(record "$@")" ]; }
  check "$1: there is a record" await has_record "$@"
  end() { corral records --json "$2" | grep '"kind":"end"' | grep "\"jid\":\"$jid\""; }
  { echo "COLLECTOR $1" && cat /run/told && echo "RECORD $(record "$@")" && echo "END $(end "$@")"; } >"$report"
}
tell_of ebpf /run/pacct
export CORRAL_COLLECTOR=taskstats CORRAL_RUNTIME_DIR=/run/second CORRAL_PACCT=/run/second-pacct CORRAL_LOG_DIR=/run/second-log
tell_of taskstats /run/second-pacct
checks_are_done
kill -TERM 1
