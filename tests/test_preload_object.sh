#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# The object itself: it needs libc alone, exports the hooks and nothing else, and does nothing in secure mode.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

lib=$PWD/.libs/libdam_preload.so
map=${srcdir:-.}/preload/preload.map

needed=$(readelf -d "$lib" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' || :)
[ "$needed" = libc.so.6 ] || fail "needs: $needed"

sed -n '/global:/,/local:/p' "$map" | tr -d ' \t' | tr ';' '\n' | grep -E '^[a-z_0-9]+$' | sort >"$tmp/want"
nm -D --defined-only "$lib" | awk '{ print $3 }' | sort >"$tmp/have"
diff -u "$tmp/want" "$tmp/have" || fail "exports differ from preload.map"

# nothing of glibc's that another libc lacks: no fortified and no stack protector symbols
! nm -D --undefined-only "$lib" | grep -E '_chk|__stack_chk' || fail "fortified"

# the stub must not have a frame: not one push before the jump to libc's function
if readelf -h "$lib" | grep -q 'X86-64'; then
	objdump -d --no-show-raw-insn "$lib" | sed -n '/<syscall>:/,/jmp  *\*%rax/p' >"$tmp/stub"
	grep -q endbr64 "$tmp/stub" || fail "the stub lacks endbr64"
	! grep -E 'push|sub.*%rsp' "$tmp/stub" || fail "the stub has a frame"
fi
[ "$fails" -eq 0 ]
