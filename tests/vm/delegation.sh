#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# delegation.sh: runs as a service of a virtual machine whose PID 1 is systemd
# (tests/integration/vm_delegation.py): what makes cgroups itself runs in jobs, an
# instance of ours, a container's, systemd; and an instance in places that are
# delegated to it. See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

init=/usr/libexec/corral/corral-init
daemon=/usr/libexec/corral/corrald
place=none
circumstances() { corral log --system "$place" | tail -n 5; tail -n 4 "/run/$place/stderr"; corral show --system "$place"; systemd-cgls --no-pager -a 2>&1 | tail -n 30; }

begin() { # PLACE UID: where an instance has its files
  place=$1
  mkdir -p "/run/$place/run" "/run/$place/log"
  chmod 700 "/run/$place/run"
  chown -R "$2" "/run/$place"
}
start_of() { # PLACE: becomes an instance
  echo "exec $init --supervise -- $daemon --runtime /run/$1/run --pacct /run/$1/pacct --log-dir /run/$1/log --bus none 2>/run/$1/stderr"
}
inner() { CORRAL_RUNTIME_DIR=/run/$place/run CORRAL_PACCT=/run/$place/pacct corral "$@"; }
answers() { inner ps --private >/dev/null 2>&1; }
directory() { echo "/sys/fs/cgroup$(corral show --system --json "$place" | sed 's/.*"container":"\([^"]*\)".*/\1/')"; }
is_over_limit() { # a job of the instance in this place
  inner run --private --name hog --limit memory=32M -- sh -c 'exec dd if=/dev/zero of=/dev/null bs=100M count=1' >/dev/null 2>&1
  inner show --private hog | grep -q 'over-limit: passed its limit of memory: 32.0 MiB of 32.0 MiB'
}
has_engine() { # ENGINE
  inner run -d --private --name any -- sleep 100 >/dev/null
  inner show --private any | grep -q "engine *$1"
}
is_in() { grep -q "^0::$2" "/proc/$1/cgroup"; } # PID PATH
supervisor_of() { # PLACE
  for words in /proc/[0-9]*/cmdline; do
    tr '\0' ' ' <"$words" 2>/dev/null | grep -q "^$daemon --runtime /run/$1/" || continue
    pid=${words#/proc/}
    echo "${pid%/cmdline}"
  done
}
is_gone() { ! find /sys/fs/cgroup/system.slice/corrald.scope -mindepth 1 -type d -name 'j*' | grep -q .; }
has_processes() { grep -q . "$1/cgroup.procs"; } # its size is 0
refused() { # STATUS COMMAND...
  wanted=$1
  shift
  "$@"
  [ $? -eq "$wanted" ]
}

check 'the system instance starts' systemctl start corrald.service

begin own root
check 'a job runs an instance' corral run -d --system --name own --delegate --limit memory=400M -- sh -c "$(start_of own)"
check 'which answers' await answers
outer=$(directory)
check 'and steps aside' has_processes "$outer/own/corral/instance"
check 'a job of its is held to its limit' is_over_limit
supervisor=$(supervisor_of own)
kill -9 "$supervisor"
check 'another supervisor of its' await answers
check 'finds the same place' is_over_limit
check 'that is below the outer job' test ! -d "$outer/own/corral/instance/corral"
inner run -d --private --name sleeper -- sleep 1000 >/dev/null
main=$(inner show --private --json sleeper | sed 's/.*"main_pid":\([0-9]*\).*/\1/')
check 'whose processes are of both' sh -c "corral show --system --pid $main | grep -q own"
sleep 1000 &
check 'a process comes to the outer job' corral attach --system own $!
check 'beside what passes controllers down' is_in $! '.*/beside$'
check 'the outer job is ended with all that' corral kill --system -g 0 own
corral wait --system own >/dev/null 2>&1
check 'and nothing of it is left' await is_gone

as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups env HOME="/run/$place" CORRAL_RUNTIME_DIR="/run/$place/run" corral "$@"; }
begin theirs nobody
check "a user's job runs an instance" corral run -d --system --user nobody -e HOME=/run/theirs --name theirs --delegate -- sh -c "$(start_of theirs)"
check 'that answers' await as_nobody ps --private
outer=$(directory)
check 'the cgroup is the user'"'"'s' test "$(stat -c %U "$outer/own") $(stat -c %U "$outer/own/cgroup.procs") $(stat -c %U "$outer")" = 'nobody nobody root'
check 'its bounds are not' test "$(stat -c %U "$outer/own/memory.max")" = root
as_nobody run -d --private --name hog --limit memory=32M -- sh -c 'exec dd if=/dev/zero of=/dev/null bs=100M count=1' >/dev/null
as_nobody wait --private hog >/dev/null 2>&1
as_nobody show --private hog >/run/hog
check 'a job there is held to its limit' grep -q 'over-limit: passed its limit of memory' /run/hog
check 'nobody makes another job' sh -c "! setpriv --reuid nobody --regid nogroup --clear-groups mkdir $outer/j0000000000000001 2>/dev/null"
setpriv --reuid nobody --regid nogroup --clear-groups sh -c "mkdir $outer/own/j0000000000000001 && head -n 1 $outer/own/corral/instance/cgroup.procs >$outer/own/j0000000000000001/cgroup.procs"
check 'nor comes to be of one by a name' sh -c "corral show --system --pid \$(cat $outer/own/j0000000000000001/cgroup.procs) | grep -q theirs"
check 'nor makes what is too deep to be removed' sh -c "! setpriv --reuid nobody --regid nogroup --clear-groups mkdir -p $outer/own/$(printf 'd/%.0s' $(seq 40)) 2>/dev/null"
setpriv --reuid nobody --regid nogroup --clear-groups sh -c "while :; do mkdir $outer/own/again; rmdir $outer/own/other; mkdir $outer/own/other; done" 2>/dev/null &
maker=$!
check 'nobody leaves' sh -c "! setpriv --reuid nobody --regid nogroup --clear-groups sh -c 'echo 0 >$outer/../cgroup.procs' 2>/dev/null"
corral kill --system -g 0 theirs
corral wait --system theirs >/dev/null 2>&1
check 'what the user made goes with the job, also while he makes more' await is_gone
kill $maker

begin none nobody
corral run -d --system --user nobody -e HOME=/run/none --name none -- sh -c "$(start_of none)" >/dev/null
await as_nobody ps --private
as_nobody run -d --private --name any -- sleep 100 >/dev/null
as_nobody show --private any >/run/any
check 'without that an instance there has no cgroups' grep -q 'engine *subreaper' /run/any
corral kill --system -g 0 none
check 'and no other engine has that' refused 72 corral run -d --system --delegate --engine subreaper -- true

begin scope root
systemd-run --quiet --scope --unit=ours -p Delegate=yes sh -c "$(start_of scope)" &
check 'an instance in a scope of systemd' await answers
check 'has its controllers' is_over_limit
kill "$(cat /run/scope/run/private.lock)"
wait $!

begin beside root
systemd-run --quiet --scope --unit=shared -p Delegate=yes sh -c "($(start_of beside)) & exec sleep 1000" &
check 'one that shares its scope' await answers
check 'moves nobody either' test ! -d /sys/fs/cgroup/system.slice/shared.scope/corral/instance
check 'and says who is in the way' grep -q 'other processes are in the cgroup of the instance' /run/beside/stderr
systemctl stop shared.scope

begin alone root
(sleep 1000 & sh -c "$(start_of alone)") &
check 'one beside others' await answers
check 'has the engine' has_engine cgroup2
check 'and moves nobody' test ! -d "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/corral/instance"
kill "$(cat /run/alone/run/private.lock)"

# In a job, a container's namespaces round a cgroup of its own. COMMAND is its PID 1.
contained() { # COMMAND
  cat <<END
own=/sys/fs/cgroup\$(sed -n 's/^0:://p' /proc/self/cgroup)
mkdir \$own/rest \$own/c
echo \$\$ >\$own/rest/cgroup.procs
echo +memory +pids +cpu >\$own/cgroup.subtree_control
exec unshare --mount --uts --ipc --pid --fork --mount-proc sh -c "
  echo \\\$\\\$ >\$own/c/cgroup.procs
  exec unshare --cgroup sh -c '
    umount /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
    $1'"
END
}
begin box root
corral run -d --system --name box --delegate -- sh -c "$(contained "$(start_of box)")" >/dev/null
outer=$(directory)
await has_processes "$outer/own/c/corral/instance"
first=$(cat /run/box/run/private.lock)
check 'an instance that is the PID 1 of a container' test "$first" = 1
inside() { nsenter --target "$(head -n 1 "$outer/own/c/corral/instance/cgroup.procs")" --mount --uts --ipc --pid --cgroup env CORRAL_RUNTIME_DIR=/run/box/run CORRAL_PACCT=/run/box/pacct corral "$@"; }
inside run -d --private --name hog --limit memory=32M -- sh -c 'exec dd if=/dev/zero of=/dev/null bs=100M count=1' >/dev/null
inside wait --private hog >/dev/null 2>&1
inside show --private hog >/run/hog
check 'has its controllers' grep -q 'over-limit: passed its limit of memory: 32.0 MiB of 32.0 MiB' /run/hog
corral kill --system -g 0 box
corral wait --system box >/dev/null 2>&1

begin other root
corral run -d --system --name other --delegate -- sh -c "$(contained 'mount -t tmpfs none /run; exec env -i container=corral /lib/systemd/systemd --unit=basic.target')" >/dev/null
outer=$(directory)
check 'a systemd in a job' await has_processes "$outer/own/c/init.scope"
check 'has units' await sh -c "ls -d $outer/own/c/system.slice/*.service"
check 'all of them are the job'"'"'s' sh -c "corral show --system --pid \$(head -n 1 $outer/own/c/system.slice/*.service/cgroup.procs | grep -m 1 '^[0-9]') | grep -q other"
corral kill --system -g 2s other
corral wait --system other >/dev/null 2>&1
check 'and nothing of it is left' await is_gone
checks_are_done
systemctl poweroff
