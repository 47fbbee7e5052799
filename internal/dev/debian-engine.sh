#!/bin/sh
# Puts Debian's own containerd, shim and runc into a folder, for tests:
#
#	debian-engine.sh FOLDER
#
# Installed ones are linked. Otherwise the packages are only unpacked, never
# installed: installing containerd would start a service on this machine, and
# every later stack would live on that one.
set -eu
into=$1
mkdir -p "$into"
if [ -x /usr/bin/containerd ] && [ -x /usr/bin/containerd-shim-runc-v2 ] && [ -x /usr/sbin/runc ]; then
	ln -sf /usr/bin/containerd /usr/bin/containerd-shim-runc-v2 /usr/sbin/runc "$into/"
	exit 0
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
cd "$tmp"
if ! apt-get -qq download containerd runc >log 2>&1; then
	# The package lists may be missing or old.
	if [ "$(id -u)" = 0 ]; then apt-get -qq update; else sudo apt-get -qq update; fi
	apt-get -qq download containerd runc >log 2>&1 || { cat log >&2; exit 1; }
fi
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cd - >/dev/null
cp "$tmp/root/usr/bin/containerd" "$tmp/root/usr/bin/containerd-shim-runc-v2" "$tmp/root/usr/sbin/runc" "$into/"
