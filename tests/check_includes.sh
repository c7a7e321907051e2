#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Who may include whom: fails when a room includes what its row does not list.
#
#   check_includes.sh [SOURCE TREE]    first plants violations in a scratch tree and sees that each is found
set -eu

# room | headers of the project, as prefixes of the path | libraries beside libc, as prefixes of the header
rooms='
base    | base/                             |
shm     | shm/ base/                        | urcu
hal     | hal/ base/                        | hwloc perfmon/ libmnl/
predict | predict/ base/                    |
dim     | dim/ predict/dam_dim.h            |
policy  | policy/ predict/ base/            |
preload | preload/ shm/ base/ hal/pmu       | urcu liburing libaio libunwind
tools   | tools/ policy/ predict/ hal/ shm/ base/ | urcu jansson hwloc liburing ncurses sqlite3
'
# Libraries that a row has to name; every other <header> is libc's or the kernel's.
libraries='urcu hwloc perfmon/ libmnl/ libunwind jansson liburing libaio ncurses sqlite3 check.h'
# A pure room takes from libc only what has no clock, no I/O and no global state.
pure='predict policy'
pure_libc='assert.h errno.h float.h limits.h math.h stdbool.h stddef.h stdint.h stdlib.h string.h'

# has_prefix TEXT PREFIX…
has_prefix() {
	text=$1
	shift
	for p; do
		case $text in "$p"*) return 0 ;; esac
	done
	return 1
}

# check_room TREE ROOM PROJECT_PREFIXES LIBRARY_PREFIXES: prints one line per violation
check_room() {
	[ -d "$1/$2" ] || return 0
	(cd "$1" && find "$2" -name '*.[chS]' -exec grep -Hn '^[[:space:]]*#[[:space:]]*include' {} +) |
	while IFS= read -r line; do
		where=${line%%:[[:space:]#]*}
		header=$(printf '%s\n' "${line#"$where":}" | sed 's/^[^<"]*//; s/\([>"]\)[^>"]*$/\1/')
		case $header in
		'"config.h"') continue ;;
		'"'*)
			name=${header#\"} name=${name%\"}
			# shellcheck disable=SC2086 # the rows are lists of words
			has_prefix "$name" $3 || echo "$where: $2/ may not include \"$name\""
			;;
		'<'*)
			name=${header#<} name=${name%>}
			# shellcheck disable=SC2086
			if has_prefix "$name" $libraries && ! has_prefix "$name" $4; then
				echo "$where: $2/ may not include <$name>"
			fi
			case " $pure " in *" $2 "*)
				case " $pure_libc " in *" $name "*) ;; *)
					echo "$where: $2/ is pure and may not include <$name>" ;;
				esac ;;
			esac
			;;
		esac
	done
}

# check_tree TREE: prints the violations of all rooms
check_tree() {
	printf '%s\n' "$rooms" | while IFS='|' read -r room project libs; do
		room=$(echo "$room" | tr -d ' ')
		[ -z "$room" ] || check_room "$1" "$room" "$project" "$libs"
	done
}

# What must be found, and what must not.
self_test() {
	while IFS='|' read -r verdict file include; do
		[ -n "$verdict" ] || continue
		rm -rf "$tmp/tree"
		mkdir -p "$tmp/tree/$(dirname "$file")"
		printf '%s\n' '#include "config.h"' "$include" >"$tmp/tree/$file"
		found=$(check_tree "$tmp/tree")
		case $verdict:$found in
		bad: | ok:?*)
			echo "self-test: $file with '$include' was taken for $([ "$verdict" = bad ] && echo good || echo bad)"
			exit 1 ;;
		esac
	done <<-ROWS
		bad|base/x.c|#include "shm/layout.h"
		bad|hal/x.h|#include "policy/policy.h"
		bad|hal/deep/x.c|#  include "tools/common/x.h"
		bad|policy/x.c|#include "hal/hal.h"
		bad|policy/x.c|#include <time.h>
		bad|policy/x.c|#include <unistd.h>
		bad|predict/x.c|#include "policy/policy.h"
		bad|predict/x.c|#include <pthread.h>
		bad|dim/x.c|#include "predict/predict.h"
		bad|preload/x.c|#include "hal/hal.h"
		bad|preload/x.c|#include <hwloc.h>
		bad|shm/x.c|#include <jansson.h>
		bad|tools/run/x.c|#include "preload/account.h"
		bad|tools/run/x.c|#include "x.h"
		ok|base/x.c|#include <time.h>
		ok|policy/x.c|#include <math.h>
		ok|preload/x.c|#include "hal/pmu.h"
		ok|shm/x.c|#include <urcu/arch.h>
		ok|tools/run/x.c|#include "tools/common/x.h"
		ok|hal/x.c|/* #include "policy/policy.h" */
	ROWS
}

tree=${1:-${srcdir:-$(dirname "$0")/..}}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
self_test
found=$(check_tree "$tree")
if [ -n "$found" ]; then
	printf '%s\n' "$found" "The rooms and who may include whom stand at the top of $0."
	exit 1
fi
