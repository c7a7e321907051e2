#!/bin/bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# A disk that comes and goes is found at once, by the kernel's uevents: a loop device, for root.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || { skip "only root may set up a loop device"; exit 0; }
mkdir -p "$DAM_RUNTIME_DIR"
truncate -s 16M "$tmp/image"
start_coordinator
loop=$(losetup --find --show "$tmp/image" 2>/dev/null) || { skip "no loop device can be set up here"; exit 0; }
name=block:${loop#/dev/}

# shellcheck disable=SC2317 # wait_until calls it
# last GONE: the engine of that name that came last is there, or gone
last() {
	dam-ctl engines --json | tr -d ' \n' | grep -o "\"name\":\"$name\",\"kind\"[^}]*\"gone\":[a-z]*" |
		tail -1 | grep -q "\"gone\":$1$"
}

# wants GONE WHAT: how long it took is told, not judged: the machine may be busy
wants() {
	began=$(date +%s%N)
	if wait_until 10 last "$1"; then
		pass "round $round: $2 within $((($(date +%s%N) - began) / 1000000)) ms"
	else
		fail "round $round: $name: not $2: $(cat "$tmp/coord.err")"
	fi
}

for round in 1 2 3; do
	[ "$round" -eq 1 ] || loop=$(losetup --show "$loop" "$tmp/image")
	wants false "it came"
	losetup --detach "$loop"
	wants true "it went"
done
kill -0 "$coordinator" 2>/dev/null || fail "the coordinator has died"
exit $((failed > 0))
