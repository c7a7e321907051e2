# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# For the end-to-end tests: a scratch folder, a coordinator, the count of what held. Sourced; $BUILDDIR is the
# build's folder (default: the current one).
# shellcheck disable=SC2034,SC2119,SC2120 # used by those who source this, or not
set -u
BUILDDIR=$(cd "${BUILDDIR:-.}" && pwd)
PATH=$BUILDDIR:$PATH:/usr/sbin:/sbin
library=$BUILDDIR/.libs/libdam_preload.so
test_name=$(basename "$0")
test_name=${test_name%.*}
failed=0
coordinator=
tmp=$(mktemp -d /tmp/dam-e2e.XXXXXX)
export DAM_RUNTIME_DIR=$tmp/run
unset LD_PRELOAD DAM_SIM DAM_CAPACITY HWLOC_SYNTHETIC HWLOC_XMLFILE

pass() {
	echo "PASS: $test_name: $*"
}

skip() {
	echo "SKIP: $test_name: $*"
}

fail() {
	echo "FAIL: $test_name: $*"
	failed=$((failed + 1))
}

# wait_until SECONDS COMMAND…
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# Starts a coordinator for $DAM_RUNTIME_DIR and waits until it answers.
start_coordinator() {
	dam-coord --foreground "$@" >"$tmp/coord.out" 2>"$tmp/coord.err" &
	coordinator=$!
	wait_until 10 dam-ctl status || {
		fail "no coordinator after 10 s: $(tail -1 "$tmp/coord.err")"
		exit 1
	}
}

stop_coordinator() {
	[ -n "$coordinator" ] || return 0
	kill "${1:--TERM}" "$coordinator" 2>/dev/null
	wait "$coordinator" 2>/dev/null
	coordinator=
}

cleanup() {
	stop_coordinator
	rm -rf "$tmp"
}
trap cleanup EXIT
