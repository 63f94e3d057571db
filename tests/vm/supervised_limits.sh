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

# Jobs within jobs. The outer's own processes step aside: the kernel passes no controller down from where any are.
outer_has() { # FILE TEXT
  name=outer
  control "$1" | grep -qx "$2"
}
is_inside() { grep -q "^0::.*/$2\$" "/proc/$1/cgroup"; } # PID END: of its path
pid_of() { corral show --json "$1" | sed 's/.*"main_pid": *\([0-9]*\).*/\1/'; }
detached outer --limit memory=256M,processes=50 -- sh -c 'while ! test -e /run/over; do sleep 1; done; exit 3'
main=$(pid_of outer)
detached plain --parent outer -- sleep 1000
check 'a job within that asks for nothing changes nothing' outer_has cgroup.procs "$main"
detached inner --parent outer --limit memory=32M -- sh -c "$hog"
check 'a job within passes its own bound of memory' ended_as "$memory"
check 'the outer goes on, aside' is_inside "$main" own
check 'and is the job that it was' sh -c "corral show --pid $main | grep -q outer"
detached inner --parent outer --limit processes=5,cpu-rate=50% -- sleep 1000
check 'processes within are held' holds pids.max 5
check 'and their rate' holds cpu.max '50000 100000'
detached deep --parent inner --limit memory=16M -- sleep 1000
check 'in the third likewise' holds memory.max 16777216
check 'whose processes the second counts' sh -c "corral limit inner -l processes=2 && ! corral run -d --parent deep -- true 2>/run/err && grep -q \"at its limit 'processes' of 2\" /run/err"
sleep 1000 &
aside=$!
check 'a process is attached to the outer' corral attach outer "$aside"
check 'and is where its own are' is_inside "$aside" own
check 'nobody moves into a full one' sh -c "! corral attach --mode nested deep $aside 2>/run/err && grep -q \"at its limit 'processes' of 2\" /run/err"
corral limit inner -l processes=9 >/dev/null
check 'one of the outer moves in' corral attach --mode nested deep "$aside"
check 'and out again' corral detach "$aside"
check 'to the second' is_inside "$aside" own
kill "$aside"
check "the outer's are lowered" corral limit outer -l processes=20 -l cpu-rate=20%
name=inner
check 'and those within with them' holds cpu.max '20000 100000'
kill -9 "$(pidof corrald)"
detached again --parent outer --limit memory=8M -- sleep 1000
check 'another supervisor makes more' holds memory.max 8388608
name=deep
check 'and knows what holds' holds memory.max 16777216
corral kill -g 0 again plain inner
: >/run/over
name=outer
check 'what ran out within is no end of the outer' ended_as 'exited: exited with code 3'
detached outer --limit memory=48M -- sleep 1000
detached inner --parent outer --limit memory=100M -- sh -c "$hog"
name=outer
check "the outer's bound is the outer's end" ended_as 'over-limit: passed its limit of memory: 48.0 MiB of 48.0 MiB'
check 'no cgroup of a job is left' no_jobs
checks_are_done
kill -TERM 1
