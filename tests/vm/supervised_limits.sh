#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# supervised_limits.sh: runs in the tests' virtual machine as its PID 1, which has
# all of cgroup v2. Starts the checks below as a child and becomes corral-init
# --units: limits of an instance's jobs there. See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

[ $# -gt 0 ] || become_instance "$0"

circumstances() { corral show "$name"; }
name=none
detached() { # NAME OPTION... -- COMMAND...
  name=$1
  shift
  corral run -d --name "$name" "$@" >/run/said 2>&1
}
ended_as() { # TEXT: the job's end
  corral wait "$name" >/dev/null 2>&1
  corral show "$name" | grep -qF "$1"
}
front_ended_as() { # TEXT OPTION... -- COMMAND...
  wanted=$1
  shift
  name=front
  corral run --name front "$@" >/run/out 2>/run/err
  corral show front | grep -qF "$wanted"
}
control() { # FILE: of the job's cgroup
  cat "/sys/fs/cgroup$(corral show --json "$name" | sed 's/.*"container":"\([^"]*\)".*/\1/')/$1"
}
holds() { [ "$(control "$1")" = "$2" ]; }
no_jobs() { ! find /sys/fs/cgroup -type d -name 'j????????????????' | grep -q .; }
hog='exec dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null'
memory='over-limit: passed its limit of memory: 32.0 MiB of 32.0 MiB'

await_instance
check 'every limit is taken as asked' detached all --limit wall=60,cpu=60,memory=1G,processes=99,files=64 -- sleep 1000
check 'memory is held by the job'"'"'s cgroup' holds memory.max 1073741824
check 'what would be swapped out too' sh -c '! test -e /sys/fs/cgroup/corral/j*/memory.swap.max || grep -qx 0 /sys/fs/cgroup/corral/j*/memory.swap.max'
check 'processes too' holds pids.max 99
check 'a limit is changed there' corral limit all -l memory=512M -l processes=none
check 'and holds' holds memory.max 536870912
check 'one is taken away' holds pids.max max
kill -9 "$(pidof corrald)"
check 'another supervisor knows' sh -c 'corral limit all | grep -q "memory .*512.0 MiB"'
corral kill -g 0 all

check 'in front a process over the memory limit is the end' front_ended_as "$memory" --limit memory=32M -- sh -c "$hog"
detached eater --limit memory=32M -- sh -c "$hog"
check 'detached likewise' ended_as "$memory"
detached child --limit memory=32M -- sh -c "(sleep 1; $hog) & while :; do sleep 60; done"
check 'any process that meets it is the end of all' ended_as "$memory"
detached late -- sh -c "while ! test -e /run/go; do sleep 1; done; $hog"
corral limit late -l memory=32M >/dev/null
: >/run/go
check 'a limit that came later holds' ended_as "$memory"

# Memory runs out above the jobs: the kernel's choice is one of a job that has no
# limit of its own, whose memory.events counts the kill all the same.
outer=/sys/fs/cgroup/corral/memory.max
echo 64M >$outer
detached starved -- sh -c "$hog; exit 3"
check 'who is killed because memory ran out above the job is told so' ended_as 'out-of-memory'
check 'and that it was no limit of its own' sh -c '! corral show starved | grep -q over-limit'
check 'in JSON too' sh -c 'corral show --json starved | grep -q "\"result\":\"out-of-memory\""'
check 'with the kill counted' sh -c 'corral show --json starved | grep -q "\"oom_kills\":1"'
check 'in front likewise' front_ended_as 'out-of-memory' -- sh -c "$hog; exit 3"
detached survivor -- sh -c "$hog & sleep 1; wait; exit 4"
check 'whose main process goes on ends as that does, with the kill counted' sh -c 'corral wait survivor; corral show --json survivor | grep -q "\"oom_kills\":1"'
echo max >$outer

check 'forks over the limit fail' front_ended_as 'exited: exited with code 2' --limit processes=5 -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 2 & done; wait; exit 3'
check 'and the program is told' grep -q "can't fork" /run/err
check 'processor time of the whole job' front_ended_as 'over-limit: passed its limit of cpu time' --limit cpu=500ms -- sh -c 'while :; do :; done & while :; do :; done'
front_ended_as exited --limit files=9 -- sh -c 'ulimit -n'
check 'files of each process' grep -qx 9 /run/out
detached soft --limit memory=32M:512M/signal=USR1 -- sh -c "trap 'echo told' USR1; dd if=/dev/zero of=/dev/null bs=100M count=1; while :; do sleep 1; done"
check 'a soft bound of memory is told' sh -c 'for i in 1 2 3 4 5 6 7 8 9; do corral log soft | grep -q told && exit 0; sleep 1; done; exit 1'
check 'and slows nobody from then on' holds memory.high max
corral kill -g 0 soft
detached lazy --limit idle=2s -- sleep 60
check 'who does nothing ends' ended_as 'over-limit: passed its limit of idle time: 2.'
detached threads --limit threads=7 -- sleep 60
check 'threads are counted' holds pids.max 7
corral kill -g 0 threads
check 'no cgroup of a job is left' no_jobs
checks_are_done
kill -TERM 1
