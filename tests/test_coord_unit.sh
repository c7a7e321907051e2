#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# The unit for systemd: systemd takes it, and under its limits the coordinator can do its work. And a daemon keeps no
# pipe of whoever started it.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
unit=$bin/tools/coord/dam-coord.service
export DAM_RUNTIME_DIR="$tmp/run"
unset NOTIFY_SOCKET

value() { sed -n "s/^$1=//p" "$unit"; }
wait_end() {
	tries=200
	while kill -0 "$1" 2>/dev/null && [ $((tries -= 1)) -gt 0 ]; do sleep 0.05; done
}

grep -q '@[a-z]*@' "$unit" && fail "something is not filled in: $(grep '@[a-z]*@' "$unit")"
[ "$(value Type)" = notify ] || fail "not Type=notify"

if command -v systemd-analyze >/dev/null; then
	# the programs where they are now
	sed "s,^\(Exec[A-Za-z]*=\)[^ ]*/,\1$bin/," "$unit" >"$tmp/dam-coord.service"
	systemd-analyze verify --man=no "$tmp/dam-coord.service" >"$tmp/out" 2>&1 || fail "verify: $(cat "$tmp/out")"
	grep dam-coord.service "$tmp/out" && fail "systemd complains"
	# what a coordinator calls beside what every program does
	systemd-analyze syscall-filter @system-service @default @aio @ipc @process @resources >"$tmp/groups"
	for call in pidfd_open pidfd_getfd memfd_create io_uring_setup sched_setaffinity perf_event_open; do
		grep -qw "$call" "$tmp/groups" || value SystemCallFilter | grep -qw "$call" || fail "$call is filtered"
	done
fi

mkdir "$tmp/run"
timeout 30 "$bin/dam-coord" 2>&1 | cat >"$tmp/out" &
wait_end $!
pid=$("$bin/dam-ctl" status --json | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
[ -n "$pid" ] || fail "no daemon: $(cat "$tmp/out")"
pids=$pid
kill -0 $! 2>/dev/null && fail "the daemon keeps the pipe that was its standard error"
[ -z "$pid" ] || { kill "$pid"; wait_end "$pid"; }

# With the unit's capabilities, and no others, a ring of another user's program is seen.
nobody() { exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
observed() { "$bin/dam-ctl" threads --json 2>/dev/null | grep -q '"observed_ops": [1-9]'; }
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	caps=-all$(value CapabilityBoundingSet | tr '[:upper:]' '[:lower:]' | sed 's/ *cap_/,+/g')
	dd if=/dev/zero of="$tmp/data" bs=1M count=16 2>/dev/null
	cp "$bin/tests/raw_uring" "$bin/.libs/libdam_preload.so" "$tmp/"
	chmod 755 "$tmp" "$tmp/raw_uring"
	chmod 644 "$tmp/data"
	setpriv --bounding-set "$caps" "$bin/dam-coord" --foreground >"$tmp/log" 2>&1 </dev/null &
	pids=$!
	tries=200
	until [ -S "$tmp/run/coord.sock" ] || [ $((tries -= 1)) -eq 0 ]; do sleep 0.05; done
	# a dynamic shell announces itself; the program that takes its place is static
	nobody env LD_PRELOAD="$tmp/libdam_preload.so" \
		sh -c "exec '$tmp/raw_uring' read '$tmp/data' 4096 100000000" >"$tmp/read" 2>&1 </dev/null &
	reader=$! pids="$pids $!"
	tries=400
	until observed || [ $((tries -= 1)) -eq 0 ] || ! kill -0 $reader 2>/dev/null; do sleep 0.05; done
	if kill -0 $reader 2>/dev/null; then
		observed || fail "with $caps rings are not seen: $(cat "$tmp/log")"
	else
		echo "rings are not looked at here: $(cat "$tmp/read")"
	fi
fi

[ "$fails" -eq 0 ]
