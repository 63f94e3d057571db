#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# limits.sh: runs in the tests' virtual machine, which has all of cgroup v2, and
# checks corral-init's limits of whole jobs there. See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh
root=/sys/fs/cgroup
cd /run || exit 1

circumstances() { cat /run/json /run/err 2>/dev/null; }
job() { # OPTION... -- COMMAND...: its status is in $code, its report in /run/json, its messages in /run/err
  /bin/corral-init --quiet --report /run/json --report-format json "$@" 2>/run/err
  code=$?
}
told() { grep -qF "$1" /run/json; }
said() { [ "$(cat /run/err)" = "$1" ]; }
ended() { [ "$code" -eq "$1" ]; }
no_jobs() { ! find "$1" -type d -name 'j????????????????' | grep -q .; }
hog='exec dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null'

job --strict-limits --limit wall=60 --limit cpu=60 --limit memory=1G --limit processes=99 --limit files=64 -- true
check 'every limit holds as asked' ended 0
check 'which is not worth a word' said ''

job --limit memory=32M -- sh -c "$hog"
check 'a main process over the memory limit is killed' ended 137
check 'and that limit is named' told '"result":"over-limit","sentence":"passed its limit of memory: 32.0 MiB of 32.0 MiB; its main process was ended by SIGKILL"'
check 'with its numbers' told '"limit":{"kind":"memory","word":"memory","value":33554432,"bound":33554432}'

job --limit memory=32M -- sh -c "(sleep 1; $hog) & while :; do sleep 60; done"
check 'a job is ended when any process met its memory limit' ended 143
check 'which is the limit passed' told '"kind":"memory"'

# shellcheck disable=SC2016 # for the other shell
job --limit memory=32M -- sh -c '(dd if=/dev/zero of=/dev/null bs=20M count=1; sleep 2) 2>/dev/null & dd if=/dev/zero of=/run/file bs=20M count=1 2>/dev/null; wait $!'
check 'memory is counted for the whole job' told '"kind":"memory"'
rm -f /run/file

job --limit processes=5 -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 2 & done; wait; exit 3'
check 'forks over the limit are refused' grep -q "can't fork" /run/err
check 'how many is said' grep -q "^corral-init: limit 'processes' was met; forks refused: [1-9]" /run/err
check 'and reported' grep -q '"forks_refused":[1-9]' /run/json
check 'it is not the end of the job' told '"limit":null'
job --limit processes=9 -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait; exit 3'
check 'nine processes of nine are none too many' told '"forks_refused":0'
check 'and nothing is said' said ''

job --limit cpu=500ms -- sh -c 'while :; do :; done & while :; do :; done'
check 'processor time of the whole job is limited' ended 143
check 'and named' told '"limit":{"kind":"cpu time","word":"cpu","value":5'
check 'no cgroup of a job is left' no_jobs $root

# A cgroup above that is short of memory.
mkdir $root/above $root/above/base
echo +memory >$root/above/cgroup.subtree_control
echo 40M >$root/above/memory.max
job --cgroup-base $root/above/base --limit memory=1G -- sh -c "$hog"
check 'memory that ran out above is not the limit of the job' told '"result":"out-of-memory"'
check 'its kills are counted' told '"oom_kills":1'

# A container: corral-init and the command are in one cgroup.
mkdir $root/container
echo 40M >$root/container/memory.max
contained() {
  sh -c "echo 0 >$root/container/cgroup.procs; exec \"\$@\"" - /bin/corral-init --quiet --report /run/json --report-format json "$@" 2>/run/err
  code=$?
}
contained --engine subreaper -- sh -c "$hog"
check "a container's own out-of-memory kill is named" told '"result":"out-of-memory"'
check 'without a count of the job' told '"oom_kills":null'
contained --engine subreaper -- sh -c 'kill -9 $$'
check 'another SIGKILL is not taken for one' told '"result":"signalled"'
contained --limit memory=1G --limit processes=9 -- true
check 'beside processes no controller can be passed down, which is said' \
  said "corral-init: limit 'memory' holds for the data of each process (RLIMIT_DATA), not for the job: no writable cgroup with the memory controller
corral-init: limit 'processes' is not held, as the kernel does not count root's processes: no writable cgroup with the pids controller"
check 'and the command runs' ended 0
check 'the cgroup of the container stays what it was' grep -qx domain $root/container/cgroup.type
contained --limit memory=1G --strict-limits -- true
check 'or is refused' ended 125
check 'and no cgroup of a job is left there' no_jobs $root
checks_are_done
