#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# entrypoint.sh: runs in the tests' virtual machine, as its PID 1, and becomes
# corral-init with the checks below as its main process. Then it asks PID 1 to
# stop, and the machine ends with the main process's code, 7. See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

[ $# -gt 0 ] || exec /bin/corral-init --stop-timeout 20s -- "$0" main

gives() { # STATUS COMMAND...
  wanted=$1
  shift
  "$@"
  [ $? -eq "$wanted" ]
}
nobody() { ! pidof "$1"; }
no_zombie() { ! grep -l '^[0-9]* (.*) Z ' /proc/[0-9]*/stat 2>/dev/null; }
said() { grep -q "$1" /run/stopped; }
pid_namespace() { unshare --fork --pid --mount-proc "$@"; }

# An orphan that says when it was asked to end, beside a main process that ends with 3.
# shellcheck disable=SC2016 # for the other shell
leaves='setsid sh -c '\''trap "echo orphan ends; exit" TERM; echo >/run/ready; while :; do sleep 1 & wait $!; done'\'' &
  trap "exit 3" TERM; while :; do sleep 1 & wait $!; done'

# stops INIT...: it is started, asked to stop, and ends with 3 and the orphan in less than 20 s of this slow machine.
stops() {
  "$@" >/run/stopped 2>&1 &
  wrapper=$!
  read -r _ </run/ready
  init=$(pidof corral-init | tr ' ' '\n' | grep -vx 1 | head -n 1)
  before=$(cut -d. -f1 /proc/uptime)
  kill -TERM "$init"
  wait "$wrapper"
  code=$?
  [ "$code" -eq 3 ] && [ $(($(cut -d. -f1 /proc/uptime) - before)) -lt 20 ] && said 'orphan ends'
}

mkfifo /run/ready
exec 8<>/run/ready
check 'PID 1 is corral-init' grep -qx corral-init /proc/1/comm
check 'the machine has cgroup v2 with its controllers' grep -q memory /sys/fs/cgroup/cgroup.controllers
check 'it is healthy' /bin/corral-init --health
sh -c 'sleep 0.1 &'
sleep 1
check 'an orphan was reaped' no_zombie
check 'an exit code in a pid namespace' gives 5 pid_namespace /bin/corral-init -- sh -c 'exit 5'
check 'a stop in a pid namespace' stops unshare --fork --pid --mount-proc /bin/corral-init -- sh -c "$leaves"
check 'an exit code without being PID 1' gives 5 /bin/corral-init -- sh -c 'setsid sleep 1000 & exit 5'
check 'and the orphan was ended' nobody sleep
check 'a stop without being PID 1' stops /bin/corral-init -- sh -c "$leaves"
check 'a cgroup of its own' gives 6 /bin/corral-init --record /run/pacct -- sh -c 'setsid sleep 1000 & exit 6'
check 'is empty at the end' nobody sleep
for engine in subreaper cgroup2; do
  check "a process without its first thread, $engine" gives 4 timeout 30 \
    /bin/corral-init --record /run/pacct --engine $engine --stop-timeout 1s -- sh -c 'headless & sleep 1; exit 4'
  check 'is killed' nobody headless
done

# The last check: the serial line needs a second, as nobody waits for it when PID 1 ends.
end() {
  check 'an orphan of PID 1 is asked to end, too' timeout 20 head -n 1 /run/ready
  echo "CHECKS DONE" >"$report"
  sleep 1
  exit 7
}
setsid sh -c 'trap "echo ends >/run/ready; exit" TERM; echo >/run/ready; while :; do sleep 1 & wait $!; done' &
read -r _ </run/ready
trap end TERM
kill -TERM 1
while :; do
  sleep 1 &
  wait $!
done
