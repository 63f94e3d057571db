#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# v1_machine.sh: runs in the tests' virtual machine as the child of its init. Makes it a machine that has version 1 of
# cgroups alone, each controller in a hierarchy of its own but for cpu and cpuacct, and tries a system instance there,
# with deaths of its parts. Each check is a line (checks.sh).
# shellcheck disable=SC2016 # what is for an inner shell
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

umount /sys/fs/cgroup
mount -t tmpfs tmpfs /sys/fs/cgroup
for controllers in memory pids cpu,cpuacct cpuset blkio freezer devices; do
  mkdir "/sys/fs/cgroup/$controllers"
  mount -t cgroup -o "$controllers" "$controllers" "/sys/fs/cgroup/$controllers"
done
mkdir -p /run/log /tmp
insmod /brd.ko rd_nr=2 rd_size=262144 2>/dev/null

start() {
  mkfifo /run/ready 2>/dev/null
  exec 9<>/run/ready
  corral-init --supervise --ready-fd 9 -- /bin/corrald --runtime /run/corral --bus none --pacct /run/pacct --log-dir /run/log \
    >>/run/said-by-instance 2>&1 9<&9 &
  reaper=$!
  # shellcheck disable=SC3045 # busybox has it
  read -r -t 60 _ </run/ready
}
circumstances() { tail -n 5 /run/said-by-instance; }
fact() { corral show --json "$1" | sed -n "s/.*\"$2\":\"*\([^,\"]*\).*/\1/p"; }
mounts() { grep -c ' cgroup2 ' /proc/mounts; }
supervisor() { # the child of the reaper's that has its name
  for status in /proc/[0-9]*/status; do
    grep -qx "PPid:.$reaper" "$status" 2>/dev/null && grep -qx 'Name:.corrald' "$status" && sed -n 's/^Pid:.//p' "$status"
  done | head -n 1
}
nobody_says() { ! pgrep -f "^$1" >/dev/null; }

check "no version 2 is mounted" sh -c '! grep -q " cgroup2 " /proc/mounts'
check "doctor: an instance would mount it" sh -c 'corral doctor | grep -q "mounts it for itself"'
start
check "the instance has mounted it" grep -q '^[^ ]* /run/corral/cgroup2 cgroup2 ' /proc/mounts
check "doctor says where" sh -c 'corral doctor | grep "engine  *cgroup2" | grep -q /run/corral/cgroup2'

jid=$(corral run -d -- sh -c 'cat /proc/self/cgroup >/run/place; exit 7')
corral wait "$jid" >/dev/null 2>&1
check "a job runs" test "$(fact "$jid" exit_code)" = 7
check "with the engine cgroup2" test "$(fact "$jid" engine)" = cgroup2
check "in a directory of its own" grep -q '^0::/corral/j00' /run/place

jid=$(corral run -d -- sh -c '(setsid sleep 77 &) ; setsid sh -c "sleep 77 & sleep 77" & sleep 77')
sleep 1
corral kill -g 0 "$jid" >/dev/null 2>&1
check "who left its session is killed with it" await nobody_says 'sleep 77'

jid=$(corral run -d --limit memory=40M -- dd if=/dev/zero of=/dev/null bs=100M count=1)
corral wait "$jid" >/dev/null 2>&1
check "memory is bounded" test "$(fact "$jid" result)" = over-limit
jid=$(corral run -d --limit processes=5 --kill-stragglers -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 3 & done; exit 0')
corral wait "$jid" >/dev/null 2>&1
check "processes are" test "$(fact "$jid" exit_code)" -gt 0
jid=$(corral run -d --limit cpu-rate=20%,wall=3s -- sh -c 'while :; do :; done')
corral wait "$jid" >/dev/null 2>&1
check "the rate of processor time is" test "$(($(fact "$jid" user_us) + $(fact "$jid" system_us)))" -lt 1500000
corral run -d -n bound --limit memory=100M,processes=50,cpu-rate=50% -- sleep 88 >/dev/null
pid=$(fact bound main_pid)
for controller in memory pids cpu,cpuacct; do
  check "a job has a directory for $controller" grep -q ":$controller:/corral/j00" "/proc/$pid/cgroup"
done
check "and none where it has no limit" sh -c "! grep -q ':blkio:/corral/j' /proc/$pid/cgroup"
corral kill bound >/dev/null 2>&1

chmod 755 /run/corral
check "an ordinary user's job in front is contained" sh -c 'su -s /bin/sh nobody -c "corral run --limit memory=60M -- cat /proc/self/cgroup" | grep -q "^0::/corral/j00"'

jid=$(corral run -d -- sh -c '(setsid sleep 99 &) ; sleep 4; exit 9')
first=$(supervisor)
kill -9 "$first"
corral wait "$jid" >/dev/null 2>&1
check "there is another supervisor" sh -c "test -n '$(supervisor)' && test '$(supervisor)' != '$first'"
check "a job outlives the supervisor" test "$(fact "$jid" exit_code)" = 9
check "which found its mount again" test "$(mounts)" = 1
check "and ended who was left" sh -c '! pgrep -f "^sleep 99" >/dev/null'

jid=$(corral run -d --limit memory=100M -- sleep 66)
kill -STOP "$reaper"
kill -9 "$(supervisor)" "$reaper"
sleep 1
start
check "an instance after both were lost takes the job over" test "$(fact "$jid" state)" = running
check "by the same mount" test "$(mounts)" = 1
corral kill -g 0 "$jid" >/dev/null 2>&1
check "and ends it" await nobody_says 'sleep 66'

check "no job's directory is left in version 2" await sh -c 'test -z "$(find /run/corral/cgroup2 -name "j00*" -type d)"'
check "nor in version 1" await sh -c 'test -z "$(find /sys/fs/cgroup -name "j00*" -type d)"'

probe_limits cgroup2
checks_are_done
