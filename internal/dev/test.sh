#!/bin/bash
# Runs make targets side by side and sums up their tests: what `make test` does.
#
#	test.sh TARGET...
#
# REPORT has flags of internal/dev/testreport. The last line says how long it took.
set -uo pipefail
cd "$(dirname "$0")/../.."
began=$(date +%s)
rm -rf build/test
mkdir -p build/test
failed=0
${MAKE:-make} --no-print-directory --keep-going -j"$(nproc)" --output-sync=target "$@" || failed=1
${GO:-go} run -buildvcs=false ./internal/dev/testreport ${REPORT:-} -began "$began" build/test || failed=1
exit "$failed"
