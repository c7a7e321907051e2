#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# dam-run --call-sites and dam-ctl call-sites, with the real coordinator: a program with three known places, and the same
# in C++, with libunwinds of its own, and with the address sanitizer.
# shellcheck disable=SC2086 # CC, CXX and flags are words
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
unset DAM_RUNTIME_DIR XDG_RUNTIME_DIR LD_PRELOAD
export DAM_SAMPLE=8
dd if=/dev/zero of=tests/sites.data bs=4096 count=16 2>"$tmp/dd" || exit 99
# a file system that refuses direct I/O
if ! dd if=tests/sites.data of="$tmp/x" iflag=direct bs=4096 count=1 2>"$tmp/dd"; then
	echo "SKIP: no direct I/O here: $(cat "$tmp/dd")"
	exit 77
fi

# The places of the program in the order of the table, without what the compiler adds to a name.
order() { grep -oE 'site_(one|two|four)' "$1" | tr '\n' ' '; }

# shows WHY PROGRAM [WAY]: the table must have the three places in their order, and who calls them
shows() {
	why=$1 program=$2
	if ! "$bin/dam-run" --call-sites "$program" tests/sites.data 800 "${3:-uring}" >"$tmp/out" 2>"$tmp/err"; then
		fail "$why: the program failed: $(cat "$tmp/err")"
		return
	fi
	[ "$(order "$tmp/err")" = "site_four site_two site_one " ] || fail "$why: $(cat "$tmp/err")"
	[ "${3:-}" = leaf ] || grep -q 'site_four.*all_sites.*main' "$tmp/err" || fail "$why: no callers: $(cat "$tmp/err")"
}

stacks=$(grep -c 'define HAVE_LIBUNWIND_H 1' config.h)
[ "$stacks" = 1 ] || { echo "SKIP: built without libunwind"; exit 77; }

shows "no frame pointers" "$bin/tests/preload_sites_prog"

# Built here, where there is what they need.
flags="-O2 -fomit-frame-pointer -D_GNU_SOURCE -I. -I$top -Wno-error"
prog="$top/tests/preload_sites_prog.c"
# build NAME COMPILER FLAGS...: false: cannot be built here
build() {
	name=$1
	shift
	"$@" $flags "$prog" -o "$tmp/$name" -luring -lpthread -ldl $more >"$tmp/build" 2>&1 && return
	echo "not built here: $name"
	return 1
}

more=
cc=${CC:-cc}
if build cxx "${CXX:-c++}" -fpermissive -w -x c++; then shows "C++" "$tmp/cxx"; fi
if build clang clang; then shows "clang" "$tmp/clang"; fi
more="-l:libunwind.a -llzma"
if build own $cc -no-pie -rdynamic -Wl,-u,_ULx86_64_step -Wl,-u,unw_backtrace; then
	shows "a libunwind of its own, exported" "$tmp/own"
fi
for lib in /usr/lib/llvm-*/lib/libunwind.so.1; do
	[ -e "$lib" ] || continue
	more="-Wl,--no-as-needed $lib -Wl,-rpath,$(dirname "$lib")"
	if build llvm $cc; then shows "LLVM's libunwind" "$tmp/llvm"; fi
done
more=
if build asan $cc -fsanitize=address -static-libasan; then
	export ASAN_OPTIONS=detect_leaks=0
	shows "the address sanitizer" "$tmp/asan"
fi

"$bin/dam-run" -q --json "$tmp/o.json" "$bin/tests/preload_sites_prog" tests/sites.data 800 || fail "--json"
for key in '"function": "site_four"' '"function": "main"' '"samples"' '"period": 8' '"whole_stacks": true' '"address"'; do
	grep -q -- "$key" "$tmp/o.json" || fail "--json has no $key"
done
# Traffic to memory, by events that need no hardware. What perf refuses, it refuses for everybody.
memory() {
	event=$1
	shift
	env DAM_MEM_EVENT="$event" "$bin/dam-run" --json "$tmp/m.json" "$bin/tests/preload_sites_prog" \
		tests/sites.data 300 "$@" >"$tmp/out" 2>"$tmp/err" || fail "$event: the program failed"
}
memory perf::TASK-CLOCK threads
if grep -q '"memory_event": "perf::TASK-CLOCK"' "$tmp/m.json"; then
	grep -Eq '"memory_bytes": [1-9]' "$tmp/m.json" || fail "nothing counted"
	[ "$(grep -c '"memory_why": null' "$tmp/m.json")" -eq 2 ] || fail "a reason why nothing was counted"
	memory perf::CGROUP-SWITCHES
	grep -q '"memory_why": "perf::CGROUP-SWITCHES: it opens, but counts nothing"' "$tmp/m.json" ||
		fail "an event that never moves"
else
	echo "not tested: no perf events here"
fi
memory no::such:event
grep -q '"memory_why": "no::such:event: ' "$tmp/m.json" || fail "an unknown event"
rm -f tests/sites.data
[ "$fails" -eq 0 ]
