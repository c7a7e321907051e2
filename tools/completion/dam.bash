# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Completion for dam-run, dam-ctl, dam-coord, dam-replay and dam-sim: options and commands as the tool's own --help lists them.

# _dam_help SECTION: the names in one section of --help, options with "=" if they take a value
_dam_help() {
	"$_dam_tool" ${_dam_command:+"$_dam_command"} --help 2>/dev/null | awk -v section="$1:" '
		/^[^ ]/ { inside = $0 == section; next }
		!inside || !NF { next }
		section == "Commands:" { print $1; next }
		match($0, /--[a-z0-9-]+( [A-Z]+)?  /) {
			split(substr($0, RSTART, RLENGTH), word, " ")
			print word[1] (word[2] ? "=" : "")
		}'
}

# Offers the value that the word before the cursor wants; 1: it wants none.
_dam_value() {
	local previous=$1 cur=$2
	_dam_help Options | grep -qx -- "$previous=" || return 1
	case $previous in
	*-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	esac
	compopt -o filenames 2>/dev/null || :
}

# Where the program of dam-run stands on the command line; nothing: not yet there.
_dam_program() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) echo $((i + 1)) && return ;;
		-*) ! _dam_help Options | grep -qx -- "${COMP_WORDS[i]}=" || i=$((i + 1)) ;;
		*) echo "$i" && return ;;
		esac
	done
}

_dam() {
	local _dam_tool=$1 _dam_command='' cur=$2 previous=$3 program words
	COMPREPLY=()
	# Its commands have options of their own.
	if [ "${_dam_tool##*/}" = dam-replay ] && [ "$COMP_CWORD" -gt 1 ]; then
		_dam_command=${COMP_WORDS[1]}
	fi
	if [ "${_dam_tool##*/}" = dam-run ]; then
		program=$(_dam_program)
		if [ -n "$program" ] && [ "$COMP_CWORD" -gt "$program" ]; then
			if declare -F _command_offset >/dev/null; then
				_command_offset "$program"
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$cur")
				compopt -o filenames 2>/dev/null
			fi
			return
		fi
	fi
	if [ -z "$program" ] && _dam_value "$previous" "$cur"; then
		return
	fi
	if [ -z "$program" ] && [ "${cur:0:1}" = - ]; then
		words=$(_dam_help Options | tr -d =)
	elif [ "${_dam_tool##*/}" = dam-run ]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
	elif [ -n "$_dam_command" ] || [ "${_dam_tool##*/}" = dam-sim ]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
		return
	else
		words=$(_dam_help Commands)
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _dam dam-run dam-ctl dam-coord dam-replay dam-sim
