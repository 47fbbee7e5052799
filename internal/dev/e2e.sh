#!/bin/bash
# All tests of e2e in two halves beside each other, as root. Each half has its own
# network, mounts and shim sockets, so what one does is no leak of the other.
set -euo pipefail
cd "$(dirname "$0")/../.."
go=${GO:-go}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
$go test -buildvcs=false -tags e2e -c -o "$dir/e2e.test" ./e2e

half() { # NUMBER
	local names
	names=$(grep -hoE '^func Test[A-Za-z0-9_]+' e2e/*_test.go | cut -c6- | grep -vx TestMain | sort | awk -v n="$1" 'NR % 2 == n' | paste -sd'|')
	cd e2e
	# shellcheck disable=SC2016 # the inner shell's own arguments
	unshare -mn --propagation private sh -c '
		mkdir -p /run/containerd && mount -t tmpfs -o mode=711 none /run/containerd &&
		ip link set lo up && ip link add eth0 type veth peer name far0 && ip addr add 198.51.100.2/24 dev eth0 &&
		ip link set far0 up && ip link set eth0 up && exec "$@"' half \
		"$dir/e2e.test" ${VERBOSE:+-test.v} -test.timeout 25m -test.run "^($names)\$" >"$dir/$1" 2>&1
}

half 0 &
first=$!
half 1 &
second=$!
failed=0
wait "$first" || failed=1
cat "$dir/0"
wait "$second" || failed=1
cat "$dir/1"
test "$failed" = 0
$go test -buildvcs=false -tags e2e -count=1 -timeout 5m ./internal/ctrd/...
