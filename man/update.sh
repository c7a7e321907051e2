#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Puts what the tools print by --help-mdoc between the BEGIN and END lines of the man pages, or, with --check, tells
# where the two differ. usage: man/update.sh BUILDDIR [--check]
set -eu
if [ $# -lt 1 ] || [ $# -gt 2 ] || [ "${2:---check}" != --check ]; then
	echo "usage: $0 BUILDDIR [--check]" >&2
	exit 2
fi
build=$1 check=${2:-}
man=$(dirname "$0")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0

# A command with options of its own is a tool here.
for tool in dam-run dam-ctl dam-coord dam-replay dam-sim "dam-replay dim" "dam-replay forecast"; do
	# shellcheck disable=SC2086 # two words
	"$build"/$tool --help-mdoc
done >"$tmp/blocks"

# merge PAGE: the page with the tools' own blocks; a block that no tool prints, or that has no end, is an error
merge() {
	awk -v page="$1" '
		NR == FNR {
			if (/^\.\\" BEGIN generated: /) name = $0
			block[name] = block[name] $0 "\n"
			next
		}
		/^\.\\" BEGIN generated: / {
			if (inside || !($0 in block)) { bad = $0; exit }
			printf "%s", block[$0]
			inside = 1
			next
		}
		/^\.\\" END generated/ { inside = 0; next }
		!inside
		END {
			if (inside) bad = "a block without an end"
			if (bad) { print page ": " bad >"/dev/stderr"; exit 1 }
		}' "$tmp/blocks" "$1"
}

for page in "$man"/*.[1-8]; do
	merge "$page" >"$tmp/page" || { status=1; continue; }
	cmp -s "$tmp/page" "$page" && continue
	if [ -n "$check" ]; then
		diff -u "$page" "$tmp/page" || :
		echo "$page: not what the tools say; run make man-update"
		status=1
	else
		cat "$tmp/page" >"$page"
		echo "updated $page"
	fi
done

# A block that no page holds would be an option that nobody can read about.
grep '^\.\\" BEGIN generated: ' "$tmp/blocks" >"$tmp/names"
while read -r name; do
	grep -qxF -e "$name" "$man"/*.[1-8] || { echo "in no page: $name"; status=1; }
done <"$tmp/names"
exit $status
