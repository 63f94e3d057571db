#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ten_thousand.sh: runs in the tests' virtual machine as its PID 1. A job of
# 10,000 processes is killed, and one that makes more meanwhile, each against a
# bare write of cgroup.kill, three times in turns; then 10,000 jobs live. "TOOK WHAT MILLISECONDS" are
# lines of the report. See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

if [ $# -eq 0 ]; then
  mkdir -p /tmp
  mount -t tmpfs none /tmp
  # shellcheck disable=SC3045 # every sh that this meets has it
  ulimit -n 65536 # a descriptor for each job
  echo 60000 >/proc/sys/kernel/pid_max
  become_instance "$0"
fi
count=10000
bare=/sys/fs/cgroup/bare

await_ready() { # FILE
  until grep -q ready "$1" 2>/dev/null; do sleep 0.2; done
}
members() { wc -l <"$1/cgroup.procs"; }
took() { echo "TOOK $*" >"$report"; }
raw() { # KIND
  mkdir $bare
  sh -c "echo 0 >$bare/cgroup.procs; exec /bin/crowd $count $1 >/tmp/raw" &
  await_ready /tmp/raw
  took "raw$1" "$(stopwatch $bare/cgroup.events sh -c "echo 1 >$bare/cgroup.kill")"
  wait $!
  rm /tmp/raw
  rmdir $bare
}
kills() { # KIND
  name=crowd$round
  corral run -d --name "$name" -- sh -c "exec /bin/crowd $count $1 >/tmp/job"
  await_ready /tmp/job
  cgroup=/sys/fs/cgroup$(corral show --json "$name" | sed 's/.*"container":"\([^"]*\)".*/\1/')
  [ "$(members "$cgroup")" -ge $count ] || return 1
  pinger /run/corral/private >/tmp/ping &
  pinger=$!
  spent=$(stopwatch "$cgroup/cgroup.events" corral kill -g 0 "$name") || return 2
  kill -TERM $pinger
  wait $pinger || return 4
  took "ping$1" "$(cut -d' ' -f1 /tmp/ping)"
  took "corral$1" "$spent"
  corral wait "$name"
  [ $? -eq 137 ] || return 3
  rm /tmp/job
  ! pidof crowd
}
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(pidof corrald | sed 's/.* //')/status"; } # the first of them is no worker
lives() { [ "$(corral ps | grep -c ' still')" -eq "$1" ]; }
# All processes of the machine are cheap to count.
processes() { sed 's/.*\/\([0-9]*\) .*/\1/' /proc/loadavg; }
all_made() {
  left=120
  until [ "$(processes)" -ge $count ]; do
    left=$((left - 1))
    [ $left -gt 0 ] || return 1
    sleep 5
  done
}
small() { # BEFORE
  grown=$(($(resident) - $1))
  took resident "$grown"
  [ $grown -lt $((4 * count)) ]
}

await_instance
for round in 1 2 3; do
  for kind in '' ' grow'; do
    raw "$kind"
    check "a job of $count processes is killed$kind, round $round" kills "$kind"
  done
done
before=$(resident)
check "$count jobs are asked for" corral run -d --name still --array "1-$count" -- /bin/crowd 1
check 'all of them live' all_made
check "the supervisor has less than 4 KiB for each" small "$before"
began=$(cut -d' ' -f1 /proc/uptime)
check 'they are killed' corral kill -g 0 still
corral wait still >/dev/null 2>&1
took jobs "$began $(cut -d' ' -f1 /proc/uptime)"
check 'nobody is left' sh -c '! pidof crowd'
check 'nor a container' sh -c "! find /sys/fs/cgroup -type d -name 'j????????????????' | grep -q ."
checks_are_done
kill -TERM 1
