#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_static.sh BUILD: holds how the programs are linked. corral-init needs no
# library, has no heap and nothing of libstdc++, and so are corral-reaper,
# corral-pidns and corral's front; corral-command needs neither libstdc++ nor libsystemd to start
# (docs/DESIGN.md, "Programs").
set -eu
build=$1
faults=0
fault() {
  echo "FAIL: $*"
  faults=$((faults + 1))
}

needed() {
  readelf --dynamic "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

check_program() { # <path> <object>
  libraries=$(needed "$build/$1")
  [ -z "$libraries" ] || fault "$1 needs $libraries"
  readelf --program-headers "$build/$1" | grep -q INTERP && fault "$1 has an interpreter"

  # The same link, not stripped: what is in it?
  program=$(mktemp)
  musl-gcc -static -no-pie -Wl,--gc-sections "$build/$2" -o "$program"
  # The heap, operator new and delete, exceptions, guards, and anything of libstdc++ that is not a header's.
  unwanted=$(nm --defined-only "$program" | awk '{ print $3 }' |
    grep -E '^(malloc|calloc|realloc|free|aligned_alloc|posix_memalign|_Zn[wa]|_Zd[la]|__cxa_|__gxx_|_Unwind_|_ZNSs|_ZNKSs|_ZTI|_ZTV|stdout|printf)' |
    grep -vxE '__cxa_atexit|__cxa_finalize' || true)
  rm -f "$program"
  [ -z "$unwanted" ] || fault "$1 holds $unwanted"
  echo "$1: $(stat -c %s "$build/$1") bytes, no library, no heap, nothing of libstdc++"
}

if [ ! -f "$build/reaper/corral-init.o" ]; then
  echo "SKIP: corral-init was not linked statically in this build"
  exit 77
fi
check_program reaper/corral-init reaper/corral-init.o
check_program reaper/corral-reaper reaper/corral-reaper.o
check_program reaper/corral-pidns reaper/corral-pidns.o
check_program cli/corral cli/front.o

libraries=$(needed "$build/cli/corral-command")
for unwanted in libstdc++ libsystemd libgcc_s; do
  echo "$libraries" | grep -q "^$unwanted" && fault "corral-command needs $unwanted to start"
done
echo "corral-command: $(stat -c %s "$build/cli/corral-command") bytes, needs $(echo "$libraries" | tr '\n' ' ')"
[ "$faults" -eq 0 ]
