#!/bin/sh
# Does for the nginx image what the packages' own scripts would have done:
# mmdebstrap only unpacked them. Called by mmdebstrap with the root folder.
set -eu
umask 022
PATH=$PATH:/usr/sbin:/sbin
root=$1
here=$(dirname "$0")

# Users: base-passwd's, and one of nginx's own as the official image has it.
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
sed -i 's/:\*:/:x:/' "$root/etc/passwd" "$root/etc/group"
echo 'nginx:x:101:101:nginx user:/nonexistent:/bin/false' >>"$root/etc/passwd"
echo 'nginx:x:101:' >>"$root/etc/group"
cp "$root/usr/share/libc-bin/nsswitch.conf" "$root/etc/nsswitch.conf"

# nginx: this configuration, and logs that go to the container's output.
cp "$here/conf/nginx.conf" "$root/etc/nginx/nginx.conf"
mkdir -p "$root/etc/nginx/conf.d" "$root/var/lib/nginx" "$root/var/log/nginx" "$root/run" "$root/proc" "$root/sys" "$root/dev"
cp "$here/conf/default.conf" "$root/etc/nginx/conf.d/default.conf"
chmod 0644 "$root/etc/nginx/nginx.conf" "$root/etc/nginx/conf.d/default.conf"
chown -R 101:101 "$root/var/lib/nginx"
ln -sf /dev/stdout "$root/var/log/nginx/access.log"
ln -sf /dev/stderr "$root/var/log/nginx/error.log"

# What nobody reads in a container, and what differs from one run to the next.
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/share/info \
	"$root"/usr/share/bash-completion "$root"/var/cache/* "$root"/var/lib/apt "$root"/var/lib/dpkg/*-old "$root"/var/log/apt

# The building machine's own name and resolvers are no part of the image.
rm -f "$root/etc/hostname" "$root/etc/resolv.conf"
rm -rf "$root/var/run" "$root/var/lock"
ln -s /run "$root/var/run"
ln -s /run/lock "$root/var/lock"

ldconfig -r "$root"
rm -f "$root/var/cache/ldconfig/aux-cache"
