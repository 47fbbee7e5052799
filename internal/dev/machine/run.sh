#!/bin/bash
# Runs tests of e2e in an emulated machine, whose kernel is Debian's, with cgroups
# v2, and does what this machine's may not do:
#
#	run.sh MACHINE PATTERN [KERNEL OPTION...]
#
# What make.sh has made is in MACHINE. Nothing of it is changed.
set -euo pipefail
machine=$1 pattern=$2
shift 2
cd "$(dirname "$0")/../../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
repo=$dir/repo
mkdir -p "$repo/build" "$repo/e2e"
cp -a bin examples "$repo/"
cp -a build/engines build/*-image.tar "$repo/build/"
cp -a e2e/testdata "$repo/e2e/"
cp build/test/e2e.test build/test/rpcfault "$repo/e2e/"
cat >"$repo/e2e/command" <<END
export E2E_RPCFAULT=/repo/e2e/rpcfault E2E_MACHINE=1
failed=0
for engine in embedded containerd-debian; do
	echo "machine: engine \$engine"
	E2E_ENGINE=\$engine ./e2e.test -test.v -test.timeout ${TIMEOUT:-60m} -test.run '$pattern' || failed=1
done
( exit \$failed )
END
truncate -s 4G "$dir/data"
mke2fs -q -t ext4 -d "$repo" "$dir/data"
timeout 3h qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 6G -nographic -no-reboot -nic none \
	-kernel "$machine/kernel" -initrd "$machine/initrd" \
	-drive "file=$machine/disk,format=raw,if=virtio,snapshot=on" -drive "file=$dir/data,format=raw,if=virtio" \
	-append "root=/dev/vda console=ttyS0 quiet panic=-1 init=/sbin/machine-init $*" </dev/null | tee "$dir/log"
mkdir -p build/test
log=build/test/machine-$(case "$*" in *selinux*) echo selinux ;; *) echo apparmor ;; esac).log
tr -d '\r' <"$dir/log" >"$log" # testreport counts its tests
grep -q '^--- ' "$log" || { echo "no test has run: $pattern" >&2; exit 1; }
grep -q '^machine: exit 0' "$log"
