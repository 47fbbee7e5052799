#!/bin/sh
# Does for an image what its packages' own scripts would have done: mmdebstrap
# only unpacked them.
#
#	settle.sh IMAGE ROOT
#
# IMAGE is a folder beside this file; its settle.sh does what only that image
# needs. Called by mmdebstrap.
set -eu
umask 022
PATH=$PATH:/usr/sbin:/sbin
here=$(dirname "$0")/$1
root=$2

# Users: base-passwd's, and those that the image adds.
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
sed -i 's/:\*:/:x:/' "$root/etc/passwd" "$root/etc/group"
cp "$root/usr/share/libc-bin/nsswitch.conf" "$root/etc/nsswitch.conf"
mkdir -p "$root/run" "$root/proc" "$root/sys" "$root/dev"

# user NAME ID HOME adds a user with a group of its own.
user() {
	echo "$1:x:$2:$2::$3:/bin/false" >>"$root/etc/passwd"
	echo "$1:x:$2:" >>"$root/etc/group"
}
. "$here/settle.sh"

# What nobody reads in a container, and what differs from one run to the next.
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/share/info \
	"$root"/usr/share/i18n "$root"/usr/share/lintian \
	"$root"/usr/share/bash-completion "$root"/var/cache/* "$root"/var/lib/apt "$root"/var/lib/dpkg/*-old "$root"/var/log/apt

# The building machine's own name and resolvers are no part of the image.
rm -f "$root/etc/hostname" "$root/etc/resolv.conf"
rm -rf "$root/var/run" "$root/var/lock"
ln -s /run "$root/var/run"
ln -s /run/lock "$root/var/lock"

ldconfig -r "$root"
rm -f "$root/var/cache/ldconfig/aux-cache"
