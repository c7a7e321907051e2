#!/bin/sh
# SPDX-License-Identifier: MIT
# What dam-ctl prints, against golden files. Regenerate: DAM_GOLDEN=update tests/test_tools_ctl.sh, from the build directory.
# shellcheck disable=SC2016 # what stands in single quotes is expanded by the inner shell
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
golden=$top/tests/golden
export FAKE_ANSWERS="$golden"
unset DAM_RUNTIME_DIR XDG_RUNTIME_DIR FAKE_MODE

mkfifo "$tmp/ready"
"$bin/tests/test_tools_fakecoord" --runtime-dir "$tmp" --ready-fd 3 3>"$tmp/ready" &
pids=$!
head -c 1 "$tmp/ready" >"$tmp/byte"

ctl() { "$bin/dam-ctl" --runtime-dir "$tmp" "$@"; }

# compare NAME: $tmp/out with the golden file
compare() {
	[ "${DAM_GOLDEN:-}" = update ] && cp "$tmp/out" "$golden/$1"
	diff -u "$golden/$1" "$tmp/out" || fail "$1"
}

also() { [ "$want" -eq 0 ] || one_line; }

for command in status engines threads moves call-sites explain history; do
	wants 0 "$command" ctl "$command"
	compare "dam-ctl-$command.txt"
	wants 0 "$command --json" ctl "$command" --json
	compare "dam-ctl-$command.json"
done

wants 0 "why a move was made" ctl explain 1
compare dam-ctl-explain.txt
wants 0 "pause" ctl pause
wants 0 "undo" ctl undo 1
wants 0 "exclude" ctl exclude 4711
[ -s "$tmp/out" ] && fail "who obeys says nothing"
wants 2 "undo nothing" ctl undo 0
wants 2 "undo less than nothing, which wraps to the first move" ctl undo -- -18446744073709551615
wants 2 "undo beyond all numbers" ctl undo 18446744073709551617
wants 2 "pause takes no number" ctl pause 1

# names WORD WHY COMMAND...: it is this word that is said to be wrong
names() {
	word=$1 why=$2
	shift 2
	wants 2 "$why" "$@"
	grep -q " $word;" "$tmp/err" || fail "$why: $(cat "$tmp/err")"
}
names -1 "a number that looks like an option" ctl undo -1
names --nope "an unknown option behind a command" ctl status --nope
names --file "an option without its value behind a command" ctl history --file
names frobnicate "an unknown command" ctl frobnicate
names undo "undo what?" ctl undo
names fio "undo a name" ctl undo fio
names moves "two commands" ctl status moves
names -z "one letter of several" ctl -z status
wants 2 "a file of moves" ctl moves --file x
wants 1 "a history that is none" ctl history --file "$tmp/nowhere/x"

wants 2 "no command" ctl
wants 2 "unknown option" ctl status --frobnicate
wants 1 "no coordinator" "$bin/dam-ctl" --runtime-dir "$tmp/nowhere" status
grep -q "$tmp/nowhere/coord.sock" "$tmp/err" || fail "no coordinator: the path is not told"
wants 1 "full disk" sh -c '"$1" --runtime-dir "$2" status >/dev/full' sh "$bin/dam-ctl" "$tmp"
wants 0 "nothing to restore" ctl restore
wants 0 "nothing to restore, as JSON" ctl restore --json
grep -q '"restored": 0' "$tmp/out" || fail "restore --json"
head -c 4096 /dev/urandom >"$tmp/masks"
chmod 600 "$tmp/masks"
wants 1 "a damaged record" ctl restore
chmod 666 "$tmp/masks"
wants 1 "a record that others can write" ctl restore
wants 0 "help" ctl --help
wants 0 "version" ctl --version
for tool in coord ctl replay run sim; do
	"$bin/dam-$tool" --help >/dev/full 2>/dev/null && fail "dam-$tool --help: a full disk is not told"
done

[ "$fails" -eq 0 ]
