#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# collectors.sh: runs in the tests' virtual machine (Linux 6.1) as its PID 1. Starts
# the checks below as a child and becomes corral-init --units: the eBPF collector
# on a kernel whose exit tracepoint does not tell which thread is the last. See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

[ $# -gt 0 ] || become_instance "$0"

records() { corral records --json /run/pacct; }
processes() { records | grep '"kind":"process"' | grep "\"jid\":\"$1\""; }
is_number() { [ "$1" = "$2" ] || { echo "found $1, wanted $2"; false; }; }
has() { # TEXT PATTERN: all of its lines have it
  [ -n "$1" ] && ! printf '%s\n' "$1" | grep -v "$2"
}
lacks() { ! printf '%s\n' "$1" | grep "$2"; }
end_says() { records | grep '"kind":"end"' | grep "\"jid\":\"$1\"" | grep "\"processes_seen\":$2,\"processes_not_seen\":0"; }

await_instance
can_count() { corral doctor >/run/doctor; grep collector /run/doctor; grep -q 'collector *ebpf' /run/doctor; }
check 'doctor says that it can' can_count
corral run -- sh -c 'dd if=/dev/zero of=/dev/null bs=64k count=10 2>/dev/null; (exit 3); exit 5'
all=$(processes 0x1)
check 'every process has a record' is_number "$(printf '%s\n' "$all" | wc -l)" 3
check 'by the kernel, each for itself' has "$all" '"includes_children":false.*"collector":"ebpf"'
check 'the most address space too, which the tracepoint could not tell' has "$all" '"peak_virtual_bytes":[1-9]'
check 'and the most memory' has "$all" '"peak_resident_bytes":[1-9]'
check 'what dd read' has "$(printf '%s\n' "$all" | grep '"name":"dd"')" '"read_bytes":65[0-9][0-9][0-9][0-9],'
check 'and statuses' is_number "$(printf '%s\n' "$all" | grep -c '"exit_code":[35],')" 2
check 'delays that the kernel does not count are absent' lacks "$all" block_delay_us
check 'the end says that none is missing' end_says 0x1 3

# shellcheck disable=SC2016 # the job's own shell expands it
jid=$(corral run -d -- sh -c 'i=0; while [ $i -lt 300 ]; do (exit 1); i=$((i+1)); done')
for _ in 1 2 3; do
  sleep 0.2
  kill -9 "$(pidof corrald | tr ' ' '\n' | sort -n | head -1)"
  sleep 1
done
corral wait "$jid" >/dev/null 2>&1
check 'a storm of exits over deaths of the supervisor: one record a process' is_number "$(processes "$jid" | wc -l)" 301
check 'and the end agrees' end_says "$jid" 301

# The clock is stepped by a day forward and by two back while jobs run: their times are those of a clock that nobody steps.
step_clock() { date -s "@$(($(date +%s) + $1))"; }
wall_of() { records | grep "\"kind\":\"$1\"" | grep "\"jid\":\"$2\"" | sed 's/.*"wall_us":\([0-9]*\).*/\1/'; }
took_seconds() { # KIND JID: at least 3, and the little that an emulated machine needs besides
  wall=$(wall_of "$1" "$2")
  if [ "$wall" -lt 3000000 ] || [ "$wall" -ge 30000000 ]; then
    echo "wall_us $wall"
    return 1
  fi
}
for step in 86400 -172800; do
  jid=$(corral run -d -l wall=60s -- sleep 3)
  sleep 1
  step_clock $step >/dev/null
  check "the clock stepped by $step s: the job is not over its time" corral wait "$jid"
  check 'its process took what it took' took_seconds process "$jid"
  check 'and so did the job' took_seconds end "$jid"
done
check 'the file is whole after that' corral csaverify -P /run/pacct
jid=$(corral run -d -l wall=1s -- sleep 600)
step_clock -3600 >/dev/null
corral wait "$jid" >/dev/null 2>&1
check 'a job is over its time although the clock went back' has "$(records | grep '"kind":"end"' | grep "\"jid\":\"$jid\"")" '"result":"over-limit"'

# The same by taskstats, in an instance of its own.
export CORRAL_COLLECTOR=taskstats CORRAL_RUNTIME_DIR=/run/second CORRAL_PACCT=/run/second-pacct CORRAL_LOG_DIR=/run/second-log
counted() { corral records --json /run/second-pacct | grep '"kind":"process"'; }
ended() { corral records --json /run/second-pacct | grep '"kind":"end"'; }
jid=$(corral run -d -- sh -c 'dd if=/dev/zero of=/dev/null bs=64k count=10 2>/dev/null; (exit 3); exit 5')
corral wait "$jid" >/dev/null 2>&1
for _ in 1 2 3 4 5 6 7 8 9 10; do # the machine is emulated: how fast depends on what else its host does
  all=$(counted)
  [ "$(printf '%s\n' "$all" | wc -l)" -lt 3 ] || break
  sleep 1
done
check 'by taskstats: every process has a record' is_number "$(printf '%s\n' "$all" | wc -l)" 3
check 'it is noted who counted' has "$all" '"includes_children":false.*"collector":"taskstats"'
check 'what dd read, in whole KiB' has "$(printf '%s\n' "$all" | grep '"name":"dd"')" '"read_bytes":65[0-9][0-9][0-9][0-9],'
check 'calls are absent' lacks "$all" read_calls
check 'and the most memory is not' has "$all" '"peak_resident_bytes":[1-9]'
check 'statuses' is_number "$(printf '%s\n' "$all" | grep -c '"exit_code":[35],')" 2
check 'the end says that none is missing' has "$(ended)" '"processes_seen":3,"processes_not_seen":0'
checks_are_done
kill -TERM 1
