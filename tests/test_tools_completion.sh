#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# What bash offers after a few beginnings of a command line.
top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
command -v bash >/dev/null || exit 77
exec bash -s "$top" "$PWD" <<'BASH'
. "$1/tools/completion/dam.bash"
PATH=$2:$PATH
fails=0

# offers WORD-OR-NOTHING WHY COMMAND-LINE...: the last word is the one being typed
offers() {
	local want=$1 why=$2
	shift 2
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_dam "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	if [ -n "$want" ] && ! printf '%s\n' "${COMPREPLY[@]}" | grep -qx -- "$want"; then
		echo "FAIL: $why: '$*' offers no '$want', but: ${COMPREPLY[*]}"
		fails=$((fails + 1))
	elif [ -z "$want" ] && [ ${#COMPREPLY[@]} -ne 0 ]; then
		echo "FAIL: $why: '$*' offers: ${COMPREPLY[*]}"
		fails=$((fails + 1))
	fi
}

offers restore "a command" dam-ctl res
offers --force "an option of dam-ctl" dam-ctl restore --f
offers --dry-run "an option of dam-coord" dam-coord --dr
offers --version "an option that every tool has" dam-run --v
offers "" "what is between DAM's own programs stays hidden" dam-coord --help-m
offers /proc "the value of an option" dam-ctl --runtime-dir /pro
offers dim "a command of dam-replay" dam-replay d
offers --start-ix "an option of a command" dam-replay dim --st
offers /proc "its file" dam-replay dim /pro
offers /proc "a scenario" dam-sim --json /pro
offers cat "the program of dam-run" dam-run --json out.json ca
offers cat "after --" dam-run -- ca
offers /proc "an argument of that program" dam-run cat /pro
offers "" "its options are not ours" dam-run cat --dry
[ "$fails" -eq 0 ]
BASH
