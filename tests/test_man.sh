#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# The man pages say what the code says: options, commands, environment, JSON keys; and they are correct mdoc.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

"$top/man/update.sh" . --check || fail "the generated lists"

# The check itself must notice: an option too many, one too few, a list that is nowhere.
# notices WHY SED-SCRIPT PAGE
notices() {
	rm -rf "$tmp/man"
	mkdir "$tmp/man"
	cp "$top"/man/*.[1-8] "$top/man/update.sh" "$tmp/man/"
	chmod u+w "$tmp"/man/*
	sed "$2" "$top/man/$3" >"$tmp/man/$3"
	"$tmp/man/update.sh" . --check >"$tmp/out" 2>&1 && fail "update.sh --check does not notice $1"
	[ -s "$tmp/out" ] || fail "update.sh --check does not say that there is $1"
}
notices "an option that does not exist" 's/^\.It Fl -force$/.It Fl -farce/' dam-ctl.1
notices "a default that is not the code's" 's/default 10 \.$/default 11 ./' dam-coord.8
notices "a page without its list" '/BEGIN generated/,/END generated/d' dam-ctl.1
notices "a list without an end" '/END generated/d' dam-ctl.1
"$tmp/man/update.sh" . >/dev/null 2>&1 && fail "update.sh writes a page whose list has no end"

# keys FILE...: the JSON keys that these sources write
keys() {
	sed -n 's/.*json_object_set\(_new\)\{0,1\}([^,]*, "\([a-z0-9_]*\)".*/\2/p' "$@"
	sed -n '/json_pack(/,/);/p' "$@" | grep -o '"[a-z0-9_]*"' | tr -d '"'
	# a table of keys: TERM(name)
	sed '/#define/d' "$@" | grep -o 'TERM([a-z]*)' | sed 's/TERM(\(.*\))/\1/'
}

# documented PAGE...: the keys that stand after .It Va, and in the lists of them in the text
documented() {
	sed -n 's/^\.\(It \)\{0,1\}Va //p' "$@" | tr -d ',' | tr ' ' '\n' | grep '^[a-z]'
}

keys "$top"/tools/coord/report*.c "$top/tools/coord/explain.c" "$top/tools/coord/requests.c" "$top/tools/common/symbols.c" \
	"$top/tools/common/learned.c" "$top/tools/ctl/history.c" "$top/tools/ctl/restore.c" | grep -vx error | sort -u >"$tmp/keys"
documented "$top/man/dam-ctl.1" | sort -u >"$tmp/documented"
[ "$(wc -l <"$tmp/keys")" -gt 50 ] || fail "not all JSON keys were found in the sources"
comm -23 "$tmp/keys" "$tmp/documented" | while read -r key; do echo "no JSON key in dam-ctl.1: $key"; done
[ -z "$(comm -23 "$tmp/keys" "$tmp/documented")" ] || fail "JSON keys without a description"
comm -13 "$tmp/keys" "$tmp/documented" | while read -r key; do echo "dam-ctl.1 has a key that no source writes: $key"; done
[ -z "$(comm -13 "$tmp/keys" "$tmp/documented")" ] || fail "descriptions without a JSON key"
for key in command exit_status signal elapsed_s threads moves engines pools processes rings call_sites coordinator; do
	grep -q "\"$key\"" "$top/tools/run/summary.c" || fail "dam-run --json has no $key"
	documented "$top/man/dam-run.1" | grep -qx "$key" || fail "no JSON key in dam-run.1: $key"
done

[ "$fails" -eq 0 ] || exit 1
if ! command -v mandoc >/dev/null; then
	echo "SKIP: the lists and keys agree; mandoc is not installed, so the mdoc itself was not checked"
	exit 77
fi
# Which other pages are installed is no matter of ours, and what is generated may have long lines.
# What it says on stderr is about the manuals of this machine.
mandoc -Tlint "$top"/man/*.[1-8] 2>"$tmp/err" |
	grep -Ev 'referenced manual not found: Xr |longer than 80 bytes' >"$tmp/lint"
[ ! -s "$tmp/lint" ] || { cat "$tmp/lint"; exit 1; }
