#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run-in-vm.sh [OPTIONS] MODE PROGRAM [ARGUMENT...]: boots a Linux kernel in qemu
# (emulated: no /dev/kvm is needed) and runs one thing in it.
#
# MODE     --init   PROGRAM, linked statically, is PID 1 of an empty machine
#          --pid1   PROGRAM becomes PID 1 once vminit has mounted what a machine has
#          --run    PROGRAM is a child of vminit
# OPTIONS  -k FILE       the kernel (default $VM_KERNEL)
#          -i FILE       vminit, compiled (default $VM_INIT)
#          -t SECONDS    the time it may take (60)
#          -m MB         memory (1024)
#          -c COUNT      processors (2)
#          -a WORDS      more words for the kernel's command line
#          -f SRC[:DST]  a file to take along; with its libraries, if it is a program
#          -r DIRECTORY  a root file system to take along
#          -o DIRECTORY  where console.log and s1.log (/dev/ttyS1 of the guest) go; also qemu's pid, in `pid`
#          -d FILE       a disk, /dev/nvme0n1: what the guest has written is in FILE when qemu is killed
#          -q            do not copy the console to stdout
# Exit status: the guest program's; 124 when the time is over, 125 when nothing is known.
# As PID 1 (--init, --pid1) a program tells its status by exiting: the kernel's panic names it.
set -euo pipefail

kernel=${VM_KERNEL:-} vminit=${VM_INIT:-} seconds=60 memory=1024 processors=2 words='' out='' root='' quiet=0 disk=()
files=()
usage() {
  sed -n '3,/^set -euo/{/^set -euo/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 125
}
while getopts 'k:i:t:m:c:a:f:r:o:d:q-:' option; do
  case $option in
    k) kernel=$OPTARG ;;
    i) vminit=$OPTARG ;;
    t) seconds=$OPTARG ;;
    m) memory=$OPTARG ;;
    c) processors=$OPTARG ;;
    a) words=$OPTARG ;;
    f) files+=("$OPTARG") ;;
    r) root=$OPTARG ;;
    o) out=$OPTARG ;;
    d) disk=(-drive "file=$OPTARG,if=none,id=d0,format=raw,cache=writethrough" -device "nvme,drive=d0,serial=d0") ;;
    q) quiet=1 ;;
    -) mode=$OPTARG && break ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
case ${mode:-} in init | pid1 | run) ;; *) usage ;; esac
if [ $# -lt 1 ] || [ ! -r "$kernel" ]; then usage; fi
if [ "$mode" != init ] && [ ! -x "$vminit" ]; then usage; fi
[ -n "$out" ] || out=$(mktemp -d)
tree=$out/root
mkdir -p "$tree"

# A merged-usr root keeps its links: /bin/x goes to /usr/bin/x there.
place_of() {
  local first=${1#/}
  first=${first%%/*}
  if [ -n "$root" ] && [ -L "$root/$first" ]; then echo "/usr$1"; else echo "$1"; fi
}

put_one() {
  local place
  place=$(place_of "$2")
  [ -e "$tree$place" ] && return
  mkdir -p "$tree$(dirname "$place")"
  cp -L --preserve=mode "$1" "$tree$place"
}

# put FILE PLACE: with the libraries that it needs.
put() {
  local library
  put_one "$1" "$2"
  { ldd "$1" 2>/dev/null || true; } | { grep -oE '/[^ )]+' || true; } | sort -u | while read -r library; do
    put_one "$library" "$library"
  done
}

words_of_init=''
if [ "$mode" = init ]; then
  put "$1" /init
  shift
  words_of_init="-- $*"
else
  cp "$vminit" "$tree/init"
  printf '%s\n' "$mode" "$@" >"$tree/vm.cmd"
fi
if [ -z "$root" ]; then
  mkdir -p "$tree"/{dev,proc,sys,run,tmp,root,etc,bin,sbin,usr/bin,usr/sbin,var}
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$tree/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
  if [ -x /bin/busybox ]; then
    put /bin/busybox /bin/busybox
    for applet in $(/bin/busybox --list | grep -vx busybox); do
      ln -sf busybox "$tree/bin/$applet"
    done
  fi
fi
for file in ${files[@]+"${files[@]}"}; do
  source=${file%%:*}
  place=${file#*:}
  put "$source" "$place"
done

# The kernel unpacks one archive after the other.
pack() {
  (cd "$1" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./var/cache/apt \) -prune -o -print0 |
    cpio --null --create --format=newc --owner=0:0 --quiet)
}
{
  [ -z "$root" ] || pack "$root"
  (cd "$tree" && find . -print0 | cpio --null --create --format=newc --owner=0:0 --quiet)
} >"$out/initrd"

status=0
timeout -k 3 "$seconds" qemu-system-x86_64 -accel tcg -cpu max -M q35 -m "$memory" -smp "$processors" \
  -nodefaults -no-user-config -display none -no-reboot -pidfile "$out/pid" ${disk[@]+"${disk[@]}"} \
  -chardev file,id=c0,path="$out/console.log" -device isa-serial,chardev=c0,index=0 \
  -chardev file,id=c1,path="$out/s1.log" -device isa-serial,chardev=c1,index=1 \
  -kernel "$kernel" -initrd "$out/initrd" \
  -append "console=ttyS0 quiet panic=-1 reboot=t tsc=reliable no_timer_check random.trust_cpu=on rdinit=/init $words $words_of_init" \
  </dev/null >"$out/qemu.log" 2>&1 || status=$?
rm -rf "$tree" "$out/initrd"
[ "$quiet" = 1 ] || tr -d '\r' <"$out/console.log"

if [ "$status" = 124 ] || [ "$status" = 137 ]; then exit 124; fi
told=$(grep -ahoE '^VMEXIT [0-9]+' "$out/s1.log" "$out/console.log" | tail -n 1 | tr -dc 0-9 || true)
[ -z "$told" ] || exit "$told"
panic=$(grep -aoE 'Attempted to kill init! exitcode=0x[0-9a-f]+' "$out/console.log" | tail -n 1 || true)
if [ -n "$panic" ]; then
  code=$((${panic##*=}))
  exit $(((code & 127) ? 128 + (code & 127) : (code >> 8) & 255))
fi
cat "$out/qemu.log" >&2
exit 125
