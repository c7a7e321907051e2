#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# What dam-coord --list-engines finds in the trees of tests/trees, against the .expect beside each.
# Regenerate: DAM_GOLDEN=update tests/test_list_engines.sh, from the build directory.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
trees=$top/tests/trees
unset HWLOC_SYNTHETIC HWLOC_XMLFILE DAM_CAPACITY DAM_LOCALITY DAM_SIM
export DAM_RUNTIME_DIR="$tmp"

# list EXPECT TREE OPTIONS...
list() {
	expect=$trees/$1 tree=$2
	shift 2
	"$bin/dam-coord" --list-engines --root "$tmp/$tree" "$@" >"$tmp/out" 2>&1 || fail "$expect: $(cat "$tmp/out")"
	[ "${DAM_GOLDEN:-}" = update ] && cp "$tmp/out" "$expect"
	diff -u "$expect" "$tmp/out" || fail "$expect"
}

# unpack NAME FILE, and compare
check() {
	mkdir "$tmp/$1"
	"$bin/tests/hal_unpack" "$2" "$tmp/$1" || fail "$2"
	list "$1.expect" "$1"
}

for name in $("$trees/generate.sh" --list); do
	"$trees/generate.sh" "$name" >"$tmp/$name.tree" || fail "generate.sh $name"
	check "$name" "$tmp/$name.tree"
done
for file in "$trees"/*.tree; do
	check "$(basename "$file" .tree)" "$file"
done
list idxd.json idxd --json
# what the user says goes before what the tree tells; -1 is all domains
DAM_LOCALITY="nvme:nvme0=1,net:eth1=0,0000:ca:00.0=-1" DAM_CAPACITY="0000:20:01.0=r:7G/w:5G/ops:1M,block:nvme1n1=3G" \
	list switch-told.expect switch
# and the decision is told so of components: what is given goes before links, where there is not room for all
DAM_CAPACITY="package1=9G,pci0000:20=8G,0000:20:01.0=r:7G/w:5G" \
	"$bin/dam-coord" --once --json --root "$tmp/switch" --record "$tmp/record" >"$tmp/out" 2>&1 || fail "--record"
cat >"$tmp/expect" <<'EOE'
#> component 1 given_capacity=8589934592 duplex=0
#> component 2 given_capacity=5368709120 duplex=1
#> component 10 given_capacity=9663676416 duplex=0
component=6,5,3,2 component=8,7,3,2 component=10,9,3,2 component=14,12,11,0 component=14,12,11,0
EOE
{
	grep -E '^#> component (1|2|10) ' "$tmp/record"
	sed -n 's/^#> engine .* \(component=[0-9,]*\).*/\1/p' "$tmp/record" | paste -sd' '
} | diff -u "$tmp/expect" - || fail "components are told otherwise"
# without a standard input a recording neither gets its number, to be closed with it,
"$bin/dam-coord" --list-engines --root "$tmp/switch" --record "$tmp/record0" <&- >"$tmp/out" 2>&1 || fail "--record as 0"
grep -q '^#> engine ' "$tmp/record0" || fail "a recording with the lowest descriptor is lost: $(cat "$tmp/out")"
# nor is it turned into /dev/null by a daemon
DAM_SIM="engine e0 capacity=1M" "$bin/dam-coord" --runtime-dir "$tmp" --record "$tmp/record1" <&- || fail "no daemon"
pid=$("$bin/dam-ctl" --runtime-dir "$tmp" status --json | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
pids=$pid
[ "$(readlink "/proc/$pid/cwd")" = / ] || fail "the daemon keeps the folder in use that it was started in"
kill "$pid" || fail "no daemon: $pid"
tries=200
while kill -0 "$pid" 2>/dev/null && [ $((tries -= 1)) -gt 0 ]; do sleep 0.05; done
grep -q '^#> engine ' "$tmp/record1" || fail "the daemon's recording with the lowest descriptor is lost"
"$bin/dam-coord" --list-engines --root "$tmp/nowhere" >"$tmp/out" 2>&1 || fail "an empty root: $(cat "$tmp/out")"
grep -q '^no engines' "$tmp/out" || fail "an empty root: $(cat "$tmp/out")"
"$bin/dam-coord" --list-engines --root "$tmp/idxd" >/dev/full 2>"$tmp/out" && fail "a full disk is not told"

[ "$fails" -eq 0 ]
