#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# delays.sh: runs in the tests' virtual machine as its PID 1, with the kernel's delay
# accounting on. One process tells what the kernel tells it of itself, by each collector;
# what its record says of it goes out too: "COLLECTOR NAME", "TOLD KEY VALUE", "RECORD JSON".
# The test compares them (vm_delays.py). See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

if [ $# -eq 0 ]; then
  echo 1 >/proc/sys/kernel/task_delayacct
  become_instance "$0"
fi

await_instance
tell_of() { # COLLECTOR PACCT
  jid=$(corral run -d -- sh -c '/bin/counted /dev/nvme0n1 >/run/told')
  corral wait "$jid" >/dev/null 2>&1
  pid=$(sed -n 's/^TOLD pid //p' /run/told)
  record() { corral records --json "$2" | grep '"kind":"process"' | grep "\"pid\":$pid,"; }
  has_record() { [ -n "$(record "$@")" ]; }
  check "$1: there is a record" await has_record "$@"
  { echo "COLLECTOR $1" && cat /run/told && echo "RECORD $(record "$@")"; } >"$report"
}
tell_of ebpf /run/pacct
export CORRAL_COLLECTOR=taskstats CORRAL_RUNTIME_DIR=/run/second CORRAL_PACCT=/run/second-pacct CORRAL_LOG_DIR=/run/second-log
tell_of taskstats /run/second-pacct
checks_are_done
kill -TERM 1
