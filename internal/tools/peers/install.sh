#!/bin/sh
# Puts the programs that the benchmark compares with into a folder:
#
#	install.sh FOLDER
#
# Each is taken from the first of these that has it: the Go modules beside this
# file, Debian's docker.io (the engine only; unpacked, never installed, which
# would start a service), PATH. What none of them has is left out, with a line
# that says so; the benchmark then runs without it. What is there already and
# newer than its pins stays.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
into=$(cd "$1" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp" # apt downloads as a user of its own
GO=${GO:-go}

# is_new PROGRAM MODULE: PROGRAM needs no build.
is_new() {
	[ -x "$into/$1" ] && [ "$into/$1" -nt "$here/$2/go.mod" ] && [ "$into/$1" -nt "$here/$2/go.sum" ]
}

# build MODULE PACKAGE PROGRAM VARIABLE: builds one program of a module, with
# its version in VARIABLE. CGO is off: no compiler of C is needed.
build() {
	version=$($GO -C "$here/$1" list -f '{{with .Module}}{{.Version}}{{end}}' "$2" 2>>"$tmp/log") &&
		CGO_ENABLED=0 $GO -C "$here/$1" build -buildvcs=false -trimpath \
			-ldflags "-s -w -X $4=$version" -o "$tmp/$3" "$2" >>"$tmp/log" 2>&1 &&
		mv "$tmp/$3" "$into/$3" && echo "build $3 $version"
}

# from_path PROGRAM: links the one that PATH has.
from_path() {
	found=$(command -v "$1" 2>/dev/null) && ln -sf "$found" "$into/$1" && echo "link $1 from PATH"
}

# engine_from_debian unpacks dockerd and docker-proxy.
engine_from_debian() {
	command -v apt-get >/dev/null || return 1
	(cd "$tmp" && apt-get -qq download docker.io && dpkg-deb -x docker.io_*.deb root) >>"$tmp/log" 2>&1 || return 1
	mv "$tmp/root/usr/sbin/dockerd" "$into/dockerd" &&
		mv "$tmp/root/usr/sbin/docker-proxy" "$into/docker-proxy" && echo "unpack dockerd from Debian's docker.io"
}

left_out() {
	rm -f "$into/$1"
	echo "left out: $1: $2"
	[ ! -s "$tmp/log" ] || tail -n 2 "$tmp/log" | sed 's/^/    /'
}

: >"$tmp/log"
is_new docker-compose compose ||
	build compose github.com/docker/compose/v5/cmd docker-compose github.com/docker/compose/v5/internal.Version ||
	from_path docker-compose ||
	left_out docker-compose 'neither a build from Go modules nor PATH gave it'

: >"$tmp/log"
moby=github.com/moby/moby/v2
{ is_new dockerd engine && is_new docker-proxy engine; } ||
	{ build engine $moby/cmd/docker-proxy docker-proxy $moby/dockerversion.Version &&
		build engine $moby/cmd/dockerd dockerd $moby/dockerversion.Version; } ||
	engine_from_debian ||
	{ from_path docker-proxy && from_path dockerd; } ||
	left_out dockerd 'neither Go modules nor Debian nor PATH gave it'

# No module can be pinned for nerdctl: the Go module proxy has none of it.
: >"$tmp/log"
[ -x "$into/nerdctl" ] || from_path nerdctl || left_out nerdctl 'not in PATH'
