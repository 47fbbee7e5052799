#!/bin/bash
# Makes the disk and the kernel of an emulated machine of Debian's:
#
#	make.sh DIR
#
# The files are kernel, initrd and disk. As root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
mkdir -p "$dir"
root=$(mktemp -d "$dir/root.XXXXXX")
trap 'rm -rf "$root"' EXIT
mmdebstrap --quiet --variant=minbase --include="$(paste -sd, "$here/packages")" \
	--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --skip=cleanup/run bookworm "$root" >"$dir/log" 2>&1 ||
	{ cat "$dir/log" >&2; exit 1; }
install -m 755 "$here/init" "$root/sbin/machine-init"
sed -i 's/^SELINUX=.*/SELINUX=permissive/' "$root/etc/selinux/config"
cp "$here/container.cil" "$root/root/"
chroot "$root" semodule -N -i /root/container.cil
cp "$root"/boot/vmlinuz-* "$dir/kernel"
cp "$root"/boot/initrd.img-* "$dir/initrd"
rm -f "$dir/disk"
truncate -s 6G "$dir/disk"
mke2fs -q -t ext4 -d "$root" "$dir/disk"
