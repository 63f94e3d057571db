#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# limit_probes.sh ENGINE...: tries each limit of an instance's jobs with each
# engine and tells what came of it, a line each: "CELL ENGINE LIMIT VERDICT".
#
#   enforced      it was taken as asked, and seen to hold
#   approximated  it was refused, taken with --accept-less, and seen to hold less
#   refused       it was refused, and does nothing with --accept-less
#   broken        it was taken as asked, and does nothing
#
# `corral` is found in PATH and finds the instance; DISK is a disk that may be
# read, or empty; SWAP one that is made a swap area while swap is tried, or
# empty: then it is only read what was set. TASKS is a bound that a job has
# room for, but not for eight more, where all of its user's count (5). It runs here and in the tests'
# virtual machine, by any sh.
set -u
kinds='wall cpu memory processes files virtual threads file-size core locked idle swap cpu-rate cpu-set io-rate io-ops'
busy='while :; do :; done'
forks='for i in 1 2 3 4 5 6 7 8; do sleep 3 & done; exit 0'
eats='exec dd if=/dev/zero of=/dev/null bs=100M count=1'

# Each probe: the limit as it is asked for, and the command, which exits with 0
# only if nothing held it. `seen_KIND` looks otherwise.
# shellcheck disable=SC2016 # what is for the job's shell
probe() { # KIND: sets limit and command
  seen=not_well
  case $1 in
  wall) limit=wall=1s command='sleep 20' ;;
  cpu) limit=cpu=300ms command="$busy" ;;
  idle) limit=idle=1s command='sleep 20' ;;
  memory) limit=memory=40M command="$eats" ;;
  processes) limit=processes=${TASKS:-5} command="$forks" ;;
  threads) limit=threads=${TASKS:-5} command="$forks" ;;
  files) limit=files=9 command='test "$(ulimit -n)" != 9' ;;
  virtual) limit=virtual=60M command="$eats" ;;
  file-size) limit=file-size=1M command="exec dd if=/dev/zero of=/tmp/probe.$$ bs=64k count=100" ;;
  core) limit=core=0 command='test "$(ulimit -Hc)" != 0' ;;
  locked) limit=locked=64K command='test "$(ulimit -l)" != 64' ;;
  swap)
    limit=memory=64M,swap=8M command='sleep 20' seen=swap_is_bound
    [ -z "${SWAP:-}" ] || command="$eats" seen=swap_is_held
    ;;
  cpu-rate) limit=cpu-rate=20%,wall=3s command="$busy" seen=used_little ;;
  cpu-set) limit=cpu-set=0 command='! grep -qx "Cpus_allowed_list:.0" /proc/self/status' ;;
  io-rate) limit=io-rate=2M command="exec dd if=${DISK:-/nonexistent} of=/dev/null bs=256k count=16 iflag=direct" seen=took_long ;;
  io-ops) limit=io-ops=8 command="exec dd if=${DISK:-/nonexistent} of=/dev/null bs=4k count=16 iflag=direct" seen=took_long ;;
  esac
}
fact() { # KEY: a number of the job's JSON
  corral show --json "$jid" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}
not_well() {
  corral wait "$jid" >/dev/null 2>&1
  test "$(fact exit_code)" != 0
}
# Two seconds of one processor would be ten times that.
used_little() {
  corral wait "$jid" >/dev/null 2>&1
  user=$(fact user_us)
  system=$(fact system_us)
  test -n "$user" && test $((user + system)) -lt 1500000
}
hundredths() { # of a second since the machine's start
  sed 's/^\([0-9]*\)\.\([0-9]*\) .*/\1\2/' /proc/uptime
}
# By so much longer than the same without the limit, on a machine that may be slow.
took_long() {
  begun=$(hundredths)
  corral wait "$jid" >/dev/null 2>&1
  took=$(($(hundredths) - begun))
  test "$(fact exit_code)" = 0 || return 1
  begun=$(hundredths)
  jid=$(corral run -d --engine "$engine" -- sh -c "$command")
  corral wait "$jid" >/dev/null 2>&1
  test $((took - ($(hundredths) - begun))) -ge 80
}
# What does not fit is refused, and what fits by more of it is not: so it is
# swap that decides. (Without a bound of it the first would fit too.)
swap_is_held() {
  not_well || return 1
  wanted=$limit limit=memory=64M,swap=200M
  start && corral wait "$jid" >/dev/null 2>&1
  limit=$wanted
  test "$(fact exit_code)" = 0
}
swap_is_bound() {
  pid=$(fact main_pid)
  group2=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
  group1=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' "/proc/$pid/cgroup")
  grep -qx 8388608 "$group2/memory.swap.max" 2>/dev/null || grep -qx 75497472 "$group1/memory.memsw.limit_in_bytes" 2>/dev/null
  status=$?
  corral kill -g 0 "$jid" >/dev/null 2>&1
  return $status
}
# Where the limit beside it is refused, that is not this one's verdict.
start() { # OPTION...
  corral run -d --engine "$engine" "$@" --limit "$limit" -- sh -c "$command" >"/tmp/said.$$" 2>&1 || return 1
  jid=$(cat "/tmp/said.$$")
}
cell() { # KIND
  if start; then
    $seen && echo enforced || echo broken
  elif start --accept-less; then
    $seen && echo approximated || echo refused
  else
    echo "unknown: $(tr '\n' ' ' <"/tmp/said.$$")"
  fi
}

for engine in "$@"; do
  for kind in $kinds; do
    probe "$kind"
    [ "$kind" != swap ] || [ -z "${SWAP:-}" ] || swapon "$SWAP"
    echo "CELL $engine $kind $(cell)"
    [ "$kind" != swap ] || [ -z "${SWAP:-}" ] || swapoff "$SWAP"
  done
done
rm -f "/tmp/said.$$" "/tmp/probe.$$"
