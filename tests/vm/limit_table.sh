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
DISK=/dev/ram0
[ -b "$DISK" ] || mknod "$DISK" b 1 0
export DISK
SWAP=/dev/ram1
[ -b "$SWAP" ] || mknod "$SWAP" b 1 1
mkswap "$SWAP" >/dev/null
export SWAP
dd if=/dev/zero of=$DISK bs=1M count=16 2>/dev/null
corral doctor --limits >/run/doctor
sh /bin/limit_probes.sh cgroup2 subreaper pidns cgroup2+pidns 2>&1 | while read -r line; do
  echo "$line" >"$report"
  # shellcheck disable=SC2086
  set -- $line
  if grep -q "^$2  *$3  *$4\\b" /run/doctor; then
    echo "CHECK ok: $line" >"$report"
  else
    echo "CHECK FAIL: $line: doctor says $(grep "^$2  *$3 " /run/doctor)" >"$report"
  fi
done
checks_are_done
kill -TERM 1
