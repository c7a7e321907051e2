#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Threads born where they do best: once there is advice, the threads that do DMA need no move; nobody sees DAM's mask;
# who has plans of his own is left alone. Two simulated engines, one beside each of two CPUs.
[ "${1-}" ] || exec taskset 3 "$0" two # CPUs, on a machine with more
SCRATCH=$PWD . "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

all=$(taskset -p $$ 2>/dev/null | sed 's/.*: //')
[ "$all" = 3 ] || { echo "SKIP: CPUs 0 and 1 are not both there"; exit 77; }
head -c 262144 /dev/zero >"$tmp/data"

# shellcheck disable=SC2094 # the file is a pipe
mkfifo "$tmp/ready" "$tmp/held"
HWLOC_SYNTHETIC="node:2 pu:1" DAM_MIN_CPUS=1 \
	DAM_SIM="pool p; engine e0 capacity=32M domain=0 pool=p; engine e1 capacity=32M domain=1 pool=p" \
	"$bin/dam-coord" --foreground --runtime-dir "$tmp" --ready-fd 3 3>"$tmp/ready" &
coord=$! pids=$!
head -c 1 "$tmp/ready" >/dev/null

LD_PRELOAD="$bin/.libs/libdam_preload.so" DAM_RUNTIME_DIR="$tmp" "$bin/tests/births_prog" "$tmp/data" >"$tmp/out" ||
	fail "the program: $(cat "$tmp/out")"
"$bin/dam-ctl" --runtime-dir "$tmp" moves --json >"$tmp/moves"

while read -r what tid _ kernel _ shown; do
	case $what in
	worker)
		# the shell's arithmetic is enough for two CPUs
		case $kernel in 1 | 2) ;; *) fail "a worker was not placed: $kernel" ;; esac
		[ "$shown" = 3 ] || fail "a worker sees $shown"
		grep -q "\"tid\": $tid," "$tmp/moves" && fail "worker $tid was moved after its birth"
		;;
	c11 | forker)
		[ "$shown" = 3 ] || fail "$what sees $shown"
		;;
	child | helper)
		[ "$kernel $shown" = "3 3" ] || fail "$what has $kernel, sees $shown"
		;;
	attr | pinned)
		[ "$kernel $shown" = "1 1" ] || fail "$what has $kernel, sees $shown"
		;;
	esac
done <"$tmp/out"
[ "$(grep -c ^ "$tmp/out")" -eq 21 ] || fail "not all threads told what they saw: $(cat "$tmp/out")"
grep -q '^c11 .* kernel [12] ' "$tmp/out" || fail "no thread of thrd_create() was placed"
grep -q '^forker .* kernel [12] ' "$tmp/out" || fail "no thread that forks was placed"

# A child that is known may pin itself to what is a place of its parent's, and execute another program: it is its own.
# The question is answered after what the new program announces.
for mask in 1 2; do
	# shellcheck disable=SC2016 # the child's own
	LD_PRELOAD="$bin/.libs/libdam_preload.so" DAM_RUNTIME_DIR="$tmp" "$bin/tests/births_prog" "$tmp/data" sh "
		taskset -p $mask \$\$ >/dev/null
		exec sh -c '\"$bin/dam-ctl\" --runtime-dir \"$tmp\" status >/dev/null
			exec grep ^Cpus_allowed: /proc/self/status'" >"$tmp/own" || fail "a child with a mask of its own"
	grep -q "[[:space:]]0*$mask\$" "$tmp/own" || fail "a child's own mask, $mask, is taken: $(cat "$tmp/own")"
done

# A coordinator that is killed leaves its record: the thread that was born elsewhere has its mask back.
# mask_of TID
mask_of() { sed -n 's/^Cpus_allowed:[[:space:]]*0*//p' "/proc/$prog/task/$1/status"; }
LD_PRELOAD="$bin/.libs/libdam_preload.so" DAM_RUNTIME_DIR="$tmp" "$bin/tests/births_prog" "$tmp/data" hold >"$tmp/held" &
prog=$! pids="$pids $!"
read -r tid <"$tmp/held"
case $(mask_of "$tid") in 1 | 2) ;; *) fail "the held thread has $(mask_of "$tid")" ;; esac
kill -KILL "$coord"
wait "$coord" 2>/dev/null
"$bin/dam-ctl" --runtime-dir "$tmp" restore >"$tmp/restored" || fail "restore: $(cat "$tmp/restored")"
[ "$(mask_of "$tid")" = 3 ] || fail "after restore it has $(mask_of "$tid"): $(cat "$tmp/restored")"
kill "$prog"
wait "$prog" 2>/dev/null
[ "$fails" -eq 0 ] || { cat "$tmp/out"; exit 1; }
