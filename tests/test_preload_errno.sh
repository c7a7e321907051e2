#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Hooked calls fail, and succeed, exactly as without the library: result, errno, and whether a pending cancellation is
# taken in them, row by row; without a coordinator, and with one, where they count. Every hook has a row.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
set -e

lib=$PWD/.libs/libdam_preload.so
program=tests/preload_errno_prog

# What the library exports and is no hook: what the runtimes of sanitizers ask for.
nm -D --defined-only "$lib" | awk '$3 !~ /^__asan/ { print $3 }' | sort -u >"$tmp/hooks"
"$program" --rows | sort -u >"$tmp/rows"
diff -u "$tmp/hooks" "$tmp/rows" || {
	echo "a hook without a row (-), or a row without a hook (+)" >&2
	exit 1
}

"$program" </dev/null >"$tmp/without"
DAM_RUNTIME_DIR=$tmp LD_PRELOAD=$lib "$program" </dev/null >"$tmp/with"
diff -u "$tmp/without" "$tmp/with"
./dam-run -q -- "$program" </dev/null >"$tmp/counting"
diff -u "$tmp/without" "$tmp/counting"
# the table is worth something: most rows fail, some do not; and some are where threads are cancelled
test "$(grep -c ' 12345 ' "$tmp/with")" -ge 2
test "$(grep -vc ' 12345 ' "$tmp/with")" -ge 55
test "$(grep -c ' taken$' "$tmp/with")" -ge 10
test "$(grep -c ' pending$' "$tmp/with")" -ge 40
