#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Hooked calls fail, and succeed, exactly as without the library: result and errno, row by row.
set -eu

lib=$PWD/.libs/libdam_preload.so
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

tests/preload_errno_prog </dev/null >"$tmp/without"
DAM_RUNTIME_DIR=$tmp LD_PRELOAD=$lib tests/preload_errno_prog </dev/null >"$tmp/with"
diff -u "$tmp/without" "$tmp/with"
# the table is worth something: most rows fail, some do not
test "$(grep -c ' 12345$' "$tmp/with")" -ge 2
test "$(grep -vc ' 12345$' "$tmp/with")" -ge 55
