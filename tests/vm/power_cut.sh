#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# power_cut.sh: runs in the tests' virtual machine as its PID 1, once for each boot of a disk
# that holds the accounting file. Tells on the second serial line what was acknowledged, until
# the machine is killed; called with the word `last` it waits until all that was left open is
# closed, and freezes the disk so that it can be read from outside. See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh
pacct=/disk/day/pacct

if [ "$1" != checks ]; then
  mkdir /disk
  mount -t ext4 /dev/nvme0n1 /disk || echo "CHECK FAIL: the disk can be mounted" >"$report"
  mkdir -p /disk/day /disk/cuts
  [ "$1" = first ] || cp "$pacct" "/disk/cuts/$1" # as the cut left it
  sync
  echo "$1" >/run/which
  become_instance "$0" "$pacct"
fi

await_instance
counted() { corral records --json "$pacct" | grep -c "\"kind\":\"$1\""; }
all_closed() { [ "$(counted start)" = "$(counted end)" ]; }

if [ "$(cat /run/which)" = last ]; then
  check 'what the cuts left open is closed' await all_closed
  check 'the file is whole' corral csaverify -P "$pacct"
  checks_are_done
  sync
  fsfreeze -f /disk
  echo FROZEN >"$report"
  exec sleep 1000
fi

# Processes as fast as the machine makes them, and jobs one after the other.
corral run -d -- sh -c 'while :; do (exit 1); done' >/dev/null
for loop in a b; do
  while :; do
    jid=$(corral run -d -- true) || break # told when it was launched
    echo "RAN $loop $jid" >"$report"
    corral wait "$jid" >/dev/null 2>&1
    echo "ENDED $loop $jid" >"$report"
  done &
done
wait
