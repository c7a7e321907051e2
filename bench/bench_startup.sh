#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# What the library adds to the start of a trivial program: /bin/true by the hundred, in alternating rounds.
set -eu

lib=$PWD/.libs/libdam_preload.so
coord=$PWD/dam-coord
runs=${RUNS:-500}
rounds=5
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$dir"' EXIT

# launch PRELOAD: microseconds for runs/rounds starts
launch() {
	start=$(date +%s%N)
	i=0
	while [ $i -lt $((runs / rounds)) ]; do
		DAM_RUNTIME_DIR=$dir LD_PRELOAD=$1 /bin/true
		i=$((i + 1))
	done
	echo $((($(date +%s%N) - start) / 1000))
}

# measure TITLE: alternate, take the quickest round of each: the others were disturbed
measure() {
	best_plain=999999999 best_with=999999999
	r=0
	while [ $r -lt $rounds ]; do
		t=$(launch ""); [ "$t" -ge "$best_plain" ] || best_plain=$t
		t=$(launch "$lib"); [ "$t" -ge "$best_with" ] || best_with=$t
		r=$((r + 1))
	done
	awk -v t="$1" -v n=$((runs / rounds)) -v p="$best_plain" -v w="$best_with" 'BEGIN {
		printf "  %-24s %10.0f %10.0f %8.2f %6s   %s\n", t, p / n, w / n, w / p, "1.2", w / p <= 1.2 ? "" : "over" }'
}

printf '%s\n  %-24s %10s %10s %8s %6s\n' "start-up of /bin/true × $runs" "" "plain us" "with us" "ratio" "aim"
measure "no coordinator"
if [ -x "$coord" ]; then
	DAM_RUNTIME_DIR=$dir "$coord" --foreground --dry-run 2>"$dir/log" &
	pid=$!
	i=0
	while [ ! -S "$dir/coord.sock" ] && [ $i -lt 100 ]; do
		sleep 0.05
		i=$((i + 1))
	done
	if [ -S "$dir/coord.sock" ]; then
		measure "coordinator present"
	else
		echo "bench_startup: dam-coord does not listen: $(cat "$dir/log")" >&2
		exit 1
	fi
fi
