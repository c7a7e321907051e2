#!/bin/sh
# SPDX-License-Identifier: MIT
# dam-run with a stand-in for dam-coord: exit status, signals, what it says, what it leaves behind.
# shellcheck disable=SC2016 # what stands in single quotes is expanded by the program under test
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
golden=$top/tests/golden
# dam-run looks beside itself. Any library will do in place of the interposer.
mkdir "$tmp/bin" "$tmp/tmp"
cp "$bin/dam-run" "$tmp/bin/"
cp "$bin/tests/test_tools_fakecoord" "$tmp/bin/dam-coord"
cp "$(ldd "$bin/dam-run" | awk '$1 ~ /^libjansson/ { print $3 }')" "$tmp/bin/libdam_preload.so"
export FAKE_ANSWERS="$golden" TMPDIR="$tmp/tmp"
unset DAM_RUNTIME_DIR XDG_RUNTIME_DIR FAKE_MODE LD_PRELOAD
run="$tmp/bin/dam-run"

# No directory may be left behind.
also() {
	rmdir "$tmp/tmp" 2>/dev/null || fail "$why: left behind: $(ls "$tmp/tmp")"
	mkdir -p "$tmp/tmp"
}

says() { grep -q -- "$1" "$tmp/err" || fail "$why: does not say '$1': $(cat "$tmp/err")"; }
holds() { grep -q -- "$2" "$1" || fail "$why: no '$2' in $(cat "$1")"; }

wants 0 "a program that ends well" "$run" -q true
wants 7 "its exit status" "$run" -q sh -c 'exit 7'
wants 125 "125 is not only ours" "$run" -q -- sh -c 'exit 125'
wants 126 "not executable" "$run" -- /etc/passwd
one_line
wants 127 "not found" "$run" -- "$tmp/no/such/program"
one_line
wants 125 "no program" "$run"
one_line
wants 125 "unknown option" "$run" --frobnicate true
one_line
wants 0 "the program's own options" "$run" -q sh -c '[ "$1" = --json ]' sh --json
wants 0 "help" "$run" --help
wants 0 "version" "$run" --version

# Signals: the program's own death, and what is handed through.
wants 143 "died of SIGTERM" "$run" -q -- sh -c 'kill -TERM $$'
wants 139 "died of SIGSEGV" "$run" -q -- sh -c 'ulimit -c 0; kill -SEGV $$'
for signal in TERM HUP USR1 USR2; do
	wants 9 "SIG$signal reaches the program" "$run" -q -- sh -c '
		trap "exit 9" $1; kill -$1 $PPID; i=0
		while [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done' sh $signal
done
wants 3 "^C is the program's business" "$run" -q -- sh -c 'kill -INT $PPID; kill -QUIT $PPID; exit 3'
# Whoever starts this script in the background has SIGINT ignored in it.
wants 130 "and ends it, if it wants" env --default-signal=INT "$run" -q -- sh -c 'kill -INT $$'
wants 0 "an ignored signal stays ignored" sh -c 'trap "" HUP; "$1" -q -- sh -c "kill -HUP \$\$"' sh "$run"

# The environment.
wants 0 "the library comes first" env ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$tmp/bin/libdam_preload.so" "$run" -q -- sh -c 'echo $LD_PRELOAD'
holds "$tmp/out" "^$tmp/bin/libdam_preload.so\$"
wants 0 "run id and directory" "$run" -q -- sh -c 'echo "$DAM_RUN_ID $DAM_RUNTIME_DIR"'
holds "$tmp/out" "^[1-9][0-9]* $tmp/tmp/dam-run-"
printf 'in\n' | "$run" -q cat >"$tmp/out" 2>/dev/null
holds "$tmp/out" '^in$'

# What it tells.
wants 5 "the summary" "$run" sh -c 'exit 5'
says 'sh -c exit 5: .* s, exit status 5'
says '101 .*reader [?]\[31m .*block:nvme0c0n1 *8.0 MiB'
says 'block:nvme0c1n1 .*unknown'
says '102 .*block:nvme0c0n1 .*block:nvme0c1n1 .*overload'
[ -s "$tmp/out" ] && fail "the summary is not on stdout"
# Mean rate by capacity, whatever the time that the run took; both threads' bytes are the engine's.
awk '$1 == "block:nvme0c0n1" && $10 == "%" { rate = $7 * ($8 ~ /^G/ ? 1024 : $8 ~ /^K/ ? 1 / 1024 : 1)
	off = rate / $4 * 100 / $9 - 1; seen = 1 }
	END { exit !(seen && off > -0.05 && off < 0.05) }' "$tmp/err" || fail "$why: the engine's mean: $(cat "$tmp/err")"
wants 0 "call sites" "$run" --call-sites -- true
says 'CALLED BY'
says '75 % .* 48.0 MiB .*libengine.so .*0x1234 '
wants 0 "the JSON" "$run" -q --json "$tmp/o.json" -- echo one two
for key in '"exit_status": 0' '"signal": null' '"elapsed_s"' '"two"' '"tid": 102' '"moves": \[' \
	'"pools": \[' '"result": "moved"'; do
	holds "$tmp/o.json" "$key"
done
wants 143 "JSON of a death" "$run" -q --json "$tmp/o.json" -- sh -c 'kill -TERM $$'
holds "$tmp/o.json" '"signal": 15'
holds "$tmp/o.json" '"exit_status": null'
wants 0 "JSON on stdout" "$run" -q --json - -- true
holds "$tmp/out" '"elapsed_s"'
ln -s o.json "$tmp/link.json"
wants 0 "JSON through a symbolic link" "$run" -q --json "$tmp/link.json" -- true
[ -L "$tmp/link.json" ] || fail "$why: the link was replaced"
holds "$tmp/o.json" '"exit_status": 0'
wants 0 "JSON into a device" "$run" -q --json /dev/null -- true
[ -c /dev/null ] || fail "$why: it was replaced"
wants 125 "JSON that cannot be written: told before" "$run" --json "$tmp/no/o.json" -- touch "$tmp/ran"
one_line
[ -e "$tmp/ran" ] && fail "$why: the program was run"
wants 127 "no JSON without a program" "$run" --json "$tmp/none.json" -- "$tmp/no/such/program"
for f in "$tmp"/none.json* "$tmp"/o.json.*; do
	[ -e "$f" ] && fail "left behind: $f"
done

# No DMA, and why.
mkdir "$tmp/nothing"
echo '{"threads": [], "processes": []}' >"$tmp/nothing/report.json"
FAKE_ANSWERS="$tmp/nothing"
wants 0 "no DMA" "$run" true
says 'no DMA was seen'
static=/sbin/ldconfig.real # where /sbin/ldconfig is a script in front of it
[ -x $static ] || static=/sbin/ldconfig
if [ -x $static ]; then
	wants 0 "a static program" "$run" $static --version
	says 'statically linked'
fi

# A coordinator that is no good.
export FAKE_MODE=exit
wants 125 "a coordinator that does not start" "$run" -- touch "$tmp/ran"
says 'cannot be started: it ended at once'
[ -e "$tmp/ran" ] && fail "$why: the program was run"
FAKE_MODE=die
wants 4 "a coordinator that dies" "$run" --json "$tmp/o.json" -- sh -c 'exit 4'
says 'no report'
holds "$tmp/o.json" '"exit_status": 4'
FAKE_MODE=pin
export FAKE_PINNED="$tmp/pinned"
wants 6 "a coordinator that dies leaves no pin behind" "$run" -q -- sh -c '
	cpus=$(sed -n s/^Cpus_allowed_list://p "/proc/$PPID/status") # as dam-run has them
	i=0
	while [ $i -lt 400 ]; do
		sleep 0.05; i=$((i + 1))
		[ -e "$FAKE_PINNED" ] && [ "$(sed -n s/^Cpus_allowed_list://p /proc/$$/status)" = "$cpus" ] && exit 6
	done'
says 'has died'
unset FAKE_MODE
rm "$tmp/bin/dam-coord"
wants 125 "no dam-coord" "$run" true
one_line

[ "$fails" -eq 0 ]
