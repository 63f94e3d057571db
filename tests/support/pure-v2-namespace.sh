#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pure-v2-namespace.sh COMMAND...: runs it where /sys/fs/cgroup is cgroup v2 alone, also on a hybrid machine: in a
# mount namespace of its own, with a bind of the v2 mount that is there. crun needs it. Root.
set -eu
unified=/sys/fs/cgroup/unified
[ -e "$unified/cgroup.procs" ] || exec "$@"
if [ -z "${PURE_V2_INSIDE:-}" ]; then
  PURE_V2_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi
unset PURE_V2_INSIDE
aside=$(mktemp -d)
mount --bind "$unified" "$aside"
umount --recursive --lazy /sys/fs/cgroup
mount --move "$aside" /sys/fs/cgroup
rmdir "$aside"
exec "$@"
