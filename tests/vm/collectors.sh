#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# collectors.sh: runs in the tests' virtual machine (Linux 6.1) as its PID 1. Starts
# the checks below as a child and becomes corral-init --units: the eBPF collector
# on a kernel whose exit tracepoint does not tell which thread is the last. Every
# check is a line "CHECK ok|FAIL: text" on the second serial line.
set -u
report=/dev/ttyS1

if [ $# -eq 0 ]; then
  mkfifo /run/ready
  exec 9<>/run/ready
  "$0" checks 9<&- &
  mkdir /run/units
  exec /bin/corral-init --units /run/units --ready-fd 9 -- --bus none --pacct /run/pacct --log-dir /run/log
fi

check() { # TEXT COMMAND...: the command succeeds
  text=$1
  shift
  if "$@" >/run/said 2>&1; then
    echo "CHECK ok: $text" >$report
  else
    echo "CHECK FAIL: $text: status $?: $(tr '\n' ' ' </run/said | tail -c 600)" >$report
  fi
}
records() { corral records --json /run/pacct; }
processes() { records | grep '"kind":"process"' | grep "\"jid\":\"$1\""; }
is_number() { [ "$1" = "$2" ] || { echo "found $1, wanted $2"; false; }; }
has() { # TEXT PATTERN: all of its lines have it
  [ -n "$1" ] && ! printf '%s\n' "$1" | grep -v "$2"
}
lacks() { ! printf '%s\n' "$1" | grep "$2"; }
end_says() { records | grep '"kind":"end"' | grep "\"jid\":\"$1\"" | grep "\"processes_seen\":$2,\"processes_not_seen\":0"; }

read -r _ </run/ready
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
echo "CHECKS DONE" >$report
kill -TERM 1
