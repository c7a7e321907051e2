#!/bin/bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# A program whose threads are moved sees, by itself and by its children, the masks that it had. The engines are
# simulated, the moves are real.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

# The first two CPUs that this process may use.
mapfile -t cpus < <(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' |
	awk -F- '{ for (c = $1; c <= ($2 == "" ? $1 : $2); c++) print c }' | head -2)
if [ ${#cpus[@]} -lt 2 ]; then
	skip "one CPU: nowhere to move a thread to"
	exit 0
fi
# Two nodes of one CPU each; whoever runs on the second has an engine that is far too slow.
export HWLOC_SYNTHETIC="node:2 pu:1(indexes=${cpus[0]},${cpus[1]})"
export DAM_SIM='pool both;engine e0 capacity=1G domain=0 pool=both;engine e1 capacity=1M domain=1 pool=both'

file=$BUILDDIR/dam-masks.data
trap 'rm -f "$file"; cleanup' EXIT
dd if=/dev/zero of="$file" bs=1M count=4 conv=fsync status=none
foreign=()
command -v busybox >/dev/null && foreign=(busybox sleep 120)
for round in 1 2 3; do
	taskset -c "${cpus[0]},${cpus[1]}" dam-run -q --json "$tmp/json" -- \
		"$BUILDDIR/tests/e2e/moved" "$file" "${foreign[@]}" >"$tmp/out" 2>&1
	status=$?
	if [ $status -eq 0 ]; then
		pass "round $round: $(tail -1 "$tmp/out")"
	else
		fail "round $round: exit status $status: $(sort "$tmp/out" | uniq -c | sort -rn | head -5)"
	fi
	grep -q '"to_engine": "sim:' "$tmp/json" || fail "round $round: nothing was moved: no proof"
done
exit $((failed > 0))
