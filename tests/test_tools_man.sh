#!/bin/sh
# SPDX-License-Identifier: MIT
# Each man page holds what its tool's --help-mdoc prints, line by line and in this order.
set -u
man="${srcdir:-$(dirname "$0")/..}/man"
seen=0 fails=0
for page in "$man"/dam-*.[18]; do
	tool=$(basename "$page" | sed 's/\.[18]$//')
	if [ ! -f "$page" ] || [ ! -x "./$tool" ]; then continue; fi
	seen=$((seen + 1))
	"./$tool" --help-mdoc | awk -v tool="$tool" '
		NR == FNR { want[n++] = $0; next }
		at < n && $0 == want[at] { at++ }
		END { if (!n || at < n) { print tool ": not in the man page: " want[at + 0]; exit 1 } }' \
		- "$page" || fails=$((fails + 1))
done
[ "$seen" -gt 0 ] || exit 77
[ "$fails" -eq 0 ]
