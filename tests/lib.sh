# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# For the test scripts, sourced first, in the build directory: a scratch folder that is gone when the script is,
# however it ends; the count of what failed; a command whose output is looked at.
# shellcheck disable=SC2034 # used by those who source this
set -u
bin=$PWD
top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
# SCRATCH: where it must be on a device
tmp=$(mktemp -d "${SCRATCH:-/tmp}/dam-test-XXXXXX") || exit 99
pids= # of what is to end with the script
fails=0

cleanup() {
	# shellcheck disable=SC2086 # a list
	[ -z "$pids" ] || kill $pids 2>/dev/null
	wait
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 99' HUP INT TERM

fail() {
	echo "FAIL: $*"
	fails=$((fails + 1))
}

# wants STATUS WHY COMMAND...: what it says stands in $tmp/out and $tmp/err; and also, what the script says so of
also() { :; }
wants() {
	want=$1 why=$2
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	[ "$got" -eq "$want" ] || fail "$why: exit status $got instead of $want: $(cat "$tmp/err")"
	also
}
one_line() { [ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "$why: not one line: $(cat "$tmp/err")"; }
