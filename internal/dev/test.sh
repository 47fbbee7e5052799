#!/bin/bash
# Runs make targets and sums up their tests: what `make test` does.
#
#	test.sh TARGET... [-- TARGET...]
#
# Those before -- run side by side, those after it alone, one after another. REPORT has
# flags of internal/dev/testreport. The last line says how long it took.
set -uo pipefail
cd "$(dirname "$0")/../.."
began=$(date +%s)
rm -rf build/test
mkdir -p build/test
together=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	together+=("$1")
	shift
done
failed=0
${MAKE:-make} --no-print-directory --keep-going -j"$(nproc)" --output-sync=target "${together[@]}" || failed=1
for target in "${@:2}"; do
	${MAKE:-make} --no-print-directory "$target" || failed=1
done
[ "$failed" = 0 ] || REPORT="${REPORT:-} -failed"
# shellcheck disable=SC2086 # REPORT is a list
${GO:-go} run ./internal/dev/testreport ${REPORT:-} -began "$began" build/test || failed=1
exit "$failed"
