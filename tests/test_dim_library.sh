#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# shellcheck disable=SC2086 # $cc and $MAKE may be lists of words
# libdam_dim as its users meet it: installed into a scratch folder, its header alone in C and C++, the example by
# pkg-config against the shared and the static library, what it exports, and the example of the man page.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
cc=${CC:-cc}

# quiet WHY COMMAND...: shows what it says only if it fails
quiet() {
	why=$1
	shift
	"$@" >"$tmp/log" 2>&1 || { cat "$tmp/log"; fail "$why"; }
}

# The man page holds the example word by word, but for the lines of the licence.
sed 's/\\e/\\/g' "$top/man/dam_dim.3" | sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' |
	sed '1,/^\.Bd/d; /^\.Ed/,$d' >"$tmp/page.c"
sed '/SPDX/d' "$top/examples/dim_example.c" | diff -u - "$tmp/page.c" || fail "the man page has another example"

for std in c99 c11 gnu17; do
	echo '#include "dam_dim.h"' | quiet "the header alone, $std" $cc -std=$std -pedantic -Wall -Wextra -Werror \
		-I"$top/predict" -fsyntax-only -x c -
done
cxx=${CXX:-c++}
if command -v "$cxx" >/dev/null; then
	echo '#include "dam_dim.h"' | quiet "the header alone, C++" "$cxx" -std=c++11 -pedantic -Wall -Wextra -Werror \
		-I"$top/predict" -fsyntax-only -x c++ -
fi

# Nothing but dam_dim_*, and no symbol of the header is missing.
grep -v '^[/ ]\*' "$top/predict/dam_dim.h" | sed -n 's/^[a-z].*[ *]\(dam_dim_[a-z_]*\)(.*/\1/p' |
	sort >"$tmp/declared"
nm -D --defined-only .libs/libdam_dim.so | sed -n 's/.* T \([^@]*\).*/\1/p' | sort >"$tmp/exported"
[ "$(wc -l <"$tmp/exported")" -eq 11 ] || fail "exported: $(tr '\n' ' ' <"$tmp/exported")"
comm -3 "$tmp/declared" "$tmp/exported" | grep . && fail "declared and exported functions differ"
grep -v '^dam_dim_' "$tmp/exported" && fail "other names are exported"

quiet "install" ${MAKE:-make} -s DESTDIR="$tmp/root" install-libLTLIBRARIES install-libLIBRARIES \
	install-includeHEADERS install-pkgconfigDATA
pc=$(find "$tmp/root" -name dam_dim.pc)
PKG_CONFIG_PATH=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR=$tmp/root
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
lib=$(find "$tmp/root" -name libdam_dim.so.0 -printf '%h')
[ -f "$lib/libdam_dim.a" ] || fail "no static library"

# build NAME OPTION...: the example
build() {
	out=$tmp/$1
	shift
	# shellcheck disable=SC2046 # a list of words
	quiet "building $out" $cc -Wall -Werror -o "$out" "$tmp/page.c" $(${PKG_CONFIG:-pkg-config} "$@" --cflags --libs dam_dim)
}
build shared
quiet "running with the shared library" env LD_LIBRARY_PATH="$lib" "$tmp/shared"
env LD_LIBRARY_PATH="$lib" ldd "$tmp/shared" | grep -q 'libdam_dim\.so\.0' || fail "not linked to libdam_dim.so.0"
rm -f "$lib"/libdam_dim.so*
build static --static
quiet "running with the static library" "$tmp/static"

[ "$fails" -eq 0 ]
