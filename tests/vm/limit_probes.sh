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
# With 0, 1 and 2 the descriptors up to 8 are nine: these can be had, and no tenth. (One that cannot be had ends a shell.)
nine='exec 3</dev/null 4</dev/null 5</dev/null 6</dev/null 7</dev/null 8</dev/null'
fills="($nine) || exit 0; $nine; (exec 9</dev/null) && exit 0; exit 1"
# Leaves a core, as large as it may be, in a directory that has nothing else.
cores=/tmp/probe.$$.d
dumps="cd $cores && ulimit -c \$(ulimit -Hc) && sh -c 'kill -SEGV \$\$'; exit 1"
# Half of what may be locked can be, and twice as much cannot; without an interpreter it is only read what may be.
# shellcheck disable=SC2016 # what is for the job's shell
locks='[ -x /usr/bin/python3 ] || { test "$(ulimit -l)" != 64; exit; }
exec /usr/bin/python3 -c "
import ctypes, mmap, sys
calls = ctypes.CDLL(None)
pages = mmap.mmap(-1, 131072)
at = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(pages)))
half = calls.mlock(at, ctypes.c_size_t(32768)) == 0
both = calls.mlock(at, ctypes.c_size_t(131072)) == 0
sys.exit(0 if both or not half else 1)"'

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
  files) limit=files=9 command="$fills" ;;
  virtual) limit=virtual=60M command="$eats" ;;
  file-size) limit=file-size=1M command="exec dd if=/dev/zero of=/tmp/probe.$$ bs=64k count=100" ;;
  core) limit=core=0 command="$dumps" seen=left_no_core ;;
  locked) limit=locked=64K command="$locks" ;;
  swap)
    limit=memory=64M,swap=8M command='sleep 20' seen=swap_is_bound
    [ -z "${SWAP:-}" ] || command="$eats" seen=swap_is_held
    ;;
  cpu-rate) limit=cpu-rate=20%,wall=3s command="$busy" seen=used_little ;;
  cpu-set) limit=cpu-set=0,wall=2s command="grep -qx 'Cpus_allowed_list:.0' /proc/self/status || exit 0; ($busy) & $busy" seen=used_one ;;
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
# Two busy loops on one processor for two seconds; on two they would be four. A machine that has one shows where they may run.
used_one() {
  not_well || return 1
  user=$(fact user_us)
  system=$(fact system_us)
  test -n "$user" && test $((user + system)) -lt 2600000
}
cores_left() {
  set -- "$cores"/*
  test -s "$1" && rm -f "$@"
}
# Without the limit there is one, where the kernel leaves cores as files and we may have any; else it is only read that none may be left.
left_no_core() {
  corral wait "$jid" >/dev/null 2>&1
  ! cores_left || return 1
  case $(cat /proc/sys/kernel/core_pattern) in
  [/\|]*) ;;
  *)
    # shellcheck disable=SC3045 # every sh that this meets has it
    if [ "$(ulimit -Hc)" != 0 ]; then
      corral wait "$(corral run -d --engine "$engine" -- sh -c "$dumps")" >/dev/null 2>&1
      cores_left
      return
    fi
    ;;
  esac
  # shellcheck disable=SC2016 # what is for the job's shell
  ! corral wait "$(corral run -d --engine "$engine" --limit "$limit" -- sh -c 'test "$(ulimit -Hc)" != 0')" >/dev/null 2>&1
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
  corral run -d --engine "$engine" "$@" --limit "$limit" -- sh -c "$command" >"/tmp/said.$$" 2>"/tmp/complained.$$" || return 1
  jid=$(cat "/tmp/said.$$")
}
cell() { # KIND
  if start; then
    $seen && echo enforced || echo broken
  elif start --accept-less; then
    $seen && echo approximated || echo refused
  else
    echo "unknown: $(tr '\n' ' ' <"/tmp/complained.$$")"
  fi
}

mkdir -p "$cores"
for engine in "$@"; do
  for kind in $kinds; do
    probe "$kind"
    [ "$kind" != swap ] || [ -z "${SWAP:-}" ] || swapon "$SWAP"
    echo "CELL $engine $kind $(cell)"
    [ "$kind" != swap ] || [ -z "${SWAP:-}" ] || swapoff "$SWAP"
  done
done
rm -rf "/tmp/said.$$" "/tmp/complained.$$" "/tmp/probe.$$" "$cores"
