#!/bin/sh
# Installs with apt what is missing, and only that:
#
#	need.sh THING=PACKAGE...
#
# THING is a program (looked for in PATH and the sbin folders) or a file name
# pattern that begins with a slash. PACKAGE is the Debian package that has it.
set -eu
PATH=$PATH:/usr/sbin:/sbin

has() {
	case $1 in
	/*) ls $1 >/dev/null 2>&1 ;; # unquoted: a pattern
	*) command -v "$1" >/dev/null ;;
	esac
}

missing=
for pair in "$@"; do
	has "${pair%%=*}" || missing="$missing ${pair#*=}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "missing, and no apt-get to install it:$missing" >&2
	exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "missing:$missing; run as root: apt-get install$missing" >&2
		exit 1
	fi
	as_root=sudo
fi
echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
install() {
	$as_root apt-get -qq -o DPkg::Lock::Timeout=300 update &&
		$as_root apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install $missing
}
if ! install >"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi
