#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Every line that dam-replay dim prints against recorded ones.
#
#   test_dim_vectors.sh [DIR]    from the build directory; by default the directory in $DAM_DIM_VECTORS, else skipped
#
# inNN.txt and outNN.MODE.txt, outNN.MODE.ixI.delayK.txt; rdma_inNN.txt and rdma_outNN.txt, rdma_outNN.ixI.delayK.txt;
# all may be compressed. Where a recording has "0 0" for the profile, the profile is not compared.
set -u
dir=${1:-${DAM_DIM_VECTORS:-}}
[ -n "$dir" ] || { echo "SKIP: DAM_DIM_VECTORS names no directory"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
files=0 lines=0 bad=0

# plain FILE
plain() {
	case $1 in *.gz) gzip -dc "$1" ;; *) cat "$1" ;; esac
}

# part NAME WORD: what follows WORD in one of NAME's parts between dots
part() {
	printf '%s\n' "$1" | tr . '\n' | sed -n "s/^$2\([0-9]*\)$/\1/p"
}

for out in "$dir"/out*.txt* "$dir"/rdma_out*.txt*; do
	[ -f "$out" ] || continue
	name=$(basename "${out%.gz}" .txt)
	base=${name%%.*}
	case $name in
	rdma_*) in=rdma_in${base#rdma_out} mode=rdma ;;
	*) in=in${base#out} mode=${name#*.} mode=${mode%%.*} ;;
	esac
	for in in "$dir/$in.txt" "$dir/$in.txt.gz"; do [ ! -f "$in" ] || break; done
	ix=$(part "$name" ix) delay=$(part "$name" delay)
	./dam-replay dim --profile "$mode" --start-ix "${ix:-0}" --apply-delay "${delay:-0}" "$in" >"$tmp/got" ||
		{ bad=$((bad + 1)); continue; }
	plain "$out" >"$tmp/want"
	files=$((files + 1)) lines=$((lines + $(wc -l <"$tmp/want")))
	awk 'FILENAME == ARGV[1] { want[NR] = $0; n = NR; next }
	     { got = $0; w = want[FNR] }
	     w ~ / 0 0$/ { sub(/ [0-9]+ [0-9]+$/, " 0 0", got) }
	     got != w { print FILENAME ":" FNR ": " $0 " instead of " w; exit failed = 1 }
	     END { if (!failed && n != FNR) { print FNR " lines instead of " n; failed = 1 } exit failed }' \
		"$tmp/want" "$tmp/got" >"$tmp/diff" || { bad=$((bad + 1)); echo "FAIL: $name: $(head -1 "$tmp/diff")"; }
done
echo "$files recordings, $lines lines, $bad differ"
[ "$files" -gt 0 ] && [ "$bad" -eq 0 ]
