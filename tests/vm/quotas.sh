#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quotas.sh: runs in the tests' virtual machine, with a disk whose ext4 keeps quotas of users. What dodisk
# says by the quotas is what it finds by walking. See checks.sh.
set -u
# shellcheck source=tests/vm/checks.sh
. /bin/checks.sh

insmod /lib/quota_tree.ko
insmod /lib/quota_v2.ko
mkdir -p /disk /plain /site
export CSACONFIG=/site/csa.conf
printf 'ACCT_DIR /site\nCHGRP root\n' >/site/csa.conf
printf 'ann:x:1001:1001::/:/bin/sh\ncal:x:1002:1001::/:/bin/sh\nben:x:4294967294:1001::/:/bin/sh\n' >>/etc/passwd
mount -t tmpfs tmpfs /plain
check 'the disk can be mounted' mount -t ext4 /dev/nvme0n1 /disk

mkdir -p /disk/ann/deep/er /disk/ben /disk/lent
dd if=/dev/urandom of=/disk/ann/deep/er/large bs=1k count=3000 2>/dev/null
dd if=/dev/urandom of=/disk/ann/sparse bs=1k count=5 seek=90000 2>/dev/null
dd if=/dev/urandom of=/disk/ben/one bs=1k count=77 2>/dev/null
dd if=/dev/urandom of=/disk/lent/ours bs=1k count=9 2>/dev/null
dd if=/dev/urandom of=/disk/nobody bs=1k count=11 2>/dev/null
dd if=/dev/urandom of=/disk/cal bs=1k count=21 2>/dev/null
ln /disk/ann/deep/er/large /disk/ben/again
ln -s /usr /disk/ann/link
chown -hR 1001 /disk/ann
chown -R 4294967294 /disk/ben/one
chown 1002 /disk/cal # the number behind ann's
chown 65534 /disk/nobody
chown 4242 /disk/lent/ours
sync

text_by() { corral dodisk "$@" >/run/complaints 2>&1 && cat /site/day/dtmp; }
text_by /disk >/run/walked
text_by -q /disk /disk/ann >/run/counted
sed 's/^/SAID /' /run/complaints >"$report"
sed 's/^/WALKED /' /run/walked >"$report"
sed 's/^/COUNTED /' /run/counted >"$report"
check 'a user has what he wrote' grep -q '^01001	ann ' /run/walked
check 'so has one with a large number' grep -q '^4294967294	ben ' /run/walked
check 'by quota dodisk says the same, of a file system once' cmp /run/walked /run/counted
check 'who has no name is told' grep -q 4242 /run/complaints
corral dodisk /disk 2>/dev/null
cp /site/nite/diskcacct /run/records
check 'by its long name too' corral dodisk --quota /disk
check 'with the same records' cmp /run/records /site/nite/diskcacct

rm -f /site/day/dtmp
refused() { ! corral dodisk -q /disk /plain >/run/refused 2>&1; }
check 'where no quotas are kept it is refused' refused
check 'by name, and how they are switched on' grep -q "of '/plain' keeps no quotas of users.*tune2fs -O quota.*uquota" /run/refused
check 'and nothing is written' test ! -e /site/day/dtmp
checks_are_done
