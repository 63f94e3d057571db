#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bare_root.sh [WORK] : proves contrib/try and contrib/check on a bare Debian 12.
# Makes a minimal root with debootstrap in WORK (default build/bare), clones this
# tree's HEAD into it, and runs both commands there by pivot_root, in a mount and pid
# namespace of its own, with nothing preinstalled; then both again, which must be
# quick (BARE_QUICK, default 60 s each): contrib/try with its job, contrib/check
# with one test, as all that comes before the tests has nothing to do. WORK/log tells it all; its last lines are the packages installed and the
# times. Needs root, the network and about 3 GB; takes some ten minutes or more.
#
# BARE_STEPS="try check again" chooses the steps. BARE_KEEP=1 keeps the root.
set -eu
cd "$(dirname "$0")/../.."
top=$PWD
work=${1:-$top/build/bare}
steps=${BARE_STEPS:-try check again}
mkdir -p "$work"
work=$(cd "$work" && pwd)
root=$work/root
log=$work/log

if [ "$(id -u)" -ne 0 ]; then
  echo "SKIP: needs root"
  exit 77
fi
if [ -z "${BARE_INSIDE:-}" ]; then
  # Mounts and processes of ours end with this namespace.
  BARE_INSIDE=1 exec unshare --mount --pid --fork --kill-child --propagation private "$0" "$work"
fi

say() { echo "== $*" | tee -a "$log"; }
: >"$log"
say "bare Debian 12 proof of $(git rev-parse --short HEAD), $(date -u +%FT%TZ), $(nproc) processors"

# The mirror is this machine's own.
mirror=$(apt-cache policy | sed -n 's/^ *[0-9]* \(http[^ ]*debian\) bookworm\/main .*/\1/p' | head -n 1)
mirror=${mirror:-$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)}
if [ ! -f "$work/minbase.tar" ]; then
  say "debootstrap --variant=minbase"
  rm -rf --one-file-system "$root"
  debootstrap --variant=minbase bookworm "$root" "$mirror" >>"$log" 2>&1
  tar --directory "$root" --create --file "$work/minbase.tar" .
fi
rm -rf --one-file-system "$root"
mkdir -p "$root"
tar --directory "$root" --extract --file "$work/minbase.tar"

mount --bind "$root" "$root"
# What a container engine gives: proc, dev, sys with the cgroups, the network's names; and how apt gets there.
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/hosts "$root/etc/hosts"
grep -lE 'Proxy|Check-Valid-Until|Check-Date' /etc/apt/apt.conf.d/* 2>/dev/null |
  xargs -r cp --target-directory="$root/etc/apt/apt.conf.d/"
cat >"$root/etc/apt/sources.list" <<SOURCES
deb $mirror bookworm main
deb $mirror bookworm-updates main
SOURCES
git clone --quiet --no-hardlinks "$top" "$root/corral"

# Not by chroot: unshare(1) needs a root that is a mount of its own.
inside() {
  # shellcheck disable=SC2016 # the inner shell's own words
  unshare --mount --propagation private sh -c 'cd "$1" && shift && pivot_root . mnt && cd / && umount -l mnt &&
    exec "$@"' sh "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"
}
installed() {
  # shellcheck disable=SC2016 # dpkg-query's own words
  inside dpkg-query -W -f '${Package} ${Version}\n' | sort
}

failed=0
times=
step() {
  name=$1
  shift
  say "$name: $*"
  start=$(date +%s)
  if inside "$@" >"$work/$name.log" 2>&1; then result=passed; else result=failed; failed=1; fi
  took=$(($(date +%s) - start))
  cat "$work/$name.log" >>"$log"
  tail -n 1 "$work/$name.log"
  times="$times
$name: $result in $took s"
}

# step, again: it may take 60 s.
repeat() {
  step "$@"
  [ "$took" -le "${BARE_QUICK:-60}" ] || { say "$1 took $took s, at most ${BARE_QUICK:-60} are allowed" && failed=1; }
}

rm -f "$work"/*.log
installed >"$work/packages.before"
for chosen in $steps; do
  case $chosen in
    try) step try /corral/contrib/try ;;
    check) step check /corral/contrib/check ;;
    again)
      repeat try-again /corral/contrib/try
      if [ -f "$work/check.log" ]; then
        repeat check-again /corral/contrib/check layers
        grep -qx 'ninja: no work to do.' "$work/check-again.log" || { say "check-again built something" && failed=1; }
      fi
      ;;
    *) say "no step '$chosen'" && exit 2 ;;
  esac
done
installed >"$work/packages.after"

say "packages installed: $(comm -13 "$work/packages.before" "$work/packages.after" | wc -l), on top of $(wc -l <"$work/packages.before")"
comm -13 "$work/packages.before" "$work/packages.after" >>"$log"
say "times:$times"
[ -n "${BARE_KEEP:-}" ] || { umount -R "$root" && rm -rf --one-file-system "$root"; }
exit "$failed"
