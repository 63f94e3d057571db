#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# limit_table.sh: runs in the tests' virtual machine as its PID 1, which has all
# of cgroup v2 and a disk in memory. Starts the probes of limits as a child and
# becomes corral-init --units. Each line of theirs is a check: doctor says it too.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

if [ $# -eq 0 ]; then
  insmod /brd.ko rd_nr=2 rd_size=262144
  mkdir -p /tmp
  become_instance "$0"
fi

await_instance
probe_limits cgroup2 subreaper pidns cgroup2+pidns
checks_are_done
kill -TERM 1
