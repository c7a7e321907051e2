#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# A coordinator whose machine changes under it: engines come, go, and come back, without uevents.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
trees=$top/tests/trees
unset HWLOC_SYNTHETIC HWLOC_XMLFILE DAM_CAPACITY DAM_LOCALITY DAM_SIM
export DAM_RUNTIME_DIR="$tmp/run"
class=$tmp/tree/sys/class/block

fail() {
	echo "FAIL: $*"
	cat "$tmp/log" "$tmp/out" 2>/dev/null
	exit 1
}

# wants WHY COMMAND...: within a generous bound; a coordinator that has died wants nothing more
wants() {
	why=$1 tries=0
	shift
	until "$@"; do
		kill -0 $coord 2>/dev/null || fail "$why: the coordinator has died"
		[ $tries -lt 200 ] || fail "$why: not within 20 s"
		tries=$((tries + 1))
		sleep 0.1
	done
}

# state NAME: "live" or "gone" of each engine that has or had this name, in the order of their coming
state() {
	"$bin/dam-ctl" engines --json >"$tmp/out" 2>&1 || return 1
	tr -d ' \n' <"$tmp/out" | grep -o "\"name\":\"$1\",\"kind\"[^}]*\"gone\":[a-z]*" |
		sed 's/.*"gone":true/gone/; s/.*"gone":false/live/' | tr '\n' ' '
}
is() { [ "$(state "$1")" = "$2" ]; }

mkdir "$tmp/tree" "$tmp/run"
unpack() {
	"$trees/generate.sh" "$1" >"$tmp/file" || fail "generate.sh $1"
	"$bin/tests/hal_unpack" "$tmp/file" "$tmp/tree" || fail "hal_unpack of $1"
}
unpack multipath
DAM_LOG=2 "$bin/dam-coord" --root "$tmp/tree" 2>"$tmp/log" &
coord=$! pids=$!
wants "it starts" is block:nvme0c1n1 "live "
mv "$class/nvme0c1n1" "$tmp/aside"
wants "a path goes" is block:nvme0c1n1 "gone "
wants "its pool, of which one is left" is block:nvme0c0n1 "live "
grep -q '"block:nvme0n1"' "$tmp/out" || fail "the pool is not told"
mv "$tmp/aside" "$class/nvme0c1n1"
wants "it comes back as another engine" is block:nvme0c1n1 "gone live "
unpack unknown
wants "another controller comes" is block:vda "live "
rm -rf "$tmp/tree/sys"
wants "all is gone" is block:vda "gone "
is block:nvme0c0n1 "gone " || fail "the first path is not gone"
kill $coord
wait $coord || fail "the coordinator ended badly"
grep -q 'engine block:vda has come' "$tmp/log" || fail "what came is not told"
