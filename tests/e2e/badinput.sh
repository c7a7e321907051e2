#!/bin/bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Bad input: one clear line, the right exit status, nothing lost.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

# expect REASON STATUS LINES PATTERN COMMAND…: exit status, number of lines on stderr, what one of them has to say
expect() {
	local reason=$1 status=$2 lines=$3 pattern=$4 got n
	shift 4
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	n=$(wc -l <"$tmp/err")
	if [ $got -ne "$status" ]; then
		fail "$reason: exit status $got, wanted $status; stderr: $(head -3 "$tmp/err")"
	elif [ "$n" -ne "$lines" ]; then
		fail "$reason: $n lines on stderr, wanted $lines: $(head -3 "$tmp/err")"
	elif [ -n "$pattern" ] && ! grep -q -- "$pattern" "$tmp/err"; then
		fail "$reason: stderr does not say '$pattern': $(head -3 "$tmp/err")"
	else
		pass "$reason"
	fi
}

mkdir -p "$DAM_RUNTIME_DIR"

# Every number of the knob table, as --help prints it, below and above its range, and no number at all.
knobs=$(dam-coord --help | awk '
	/^  [A-Z][A-Z_]+ / { name = $1 }
	/^ +\(-?[0-9].* to .*default/ { gsub(/[(),]/, ""); print name, $1, $3 }')
[ "$(echo "$knobs" | wc -l)" -ge 7 ] || fail "only these knobs were found in dam-coord --help: $knobs"
# all_knobs REASON VALUE: sets every knob; VALUE is an awk expression of its range
all_knobs() {
	local name low high value settings=()
	while read -r name low high; do
		value=$(awk -v low="$low" -v high="$high" "BEGIN { print $2 }")
		settings+=("$name=$value")
		echo "$name=$value is not .* from $low to $high"
	done <<<"$knobs" >"$tmp/wanted"
	expect "every knob $1: one warning each" 0 "${#settings[@]}" . env "${settings[@]}" dam-coord --once
	while read -r line; do
		grep -q "$line" "$tmp/err" || fail "every knob $1: no '$line'"
	done <"$tmp/wanted"
}
all_knobs "below its range" "low - 1"
all_knobs "above its range" "high + 1"
all_knobs "no number" '"many"'

expect "DAM_SIM: no such kind of line" 1 1 DAM_SIM env DAM_SIM='motor e0 capacity=1G' dam-coord --once
expect "DAM_SIM: a number that is none" 1 1 DAM_SIM env DAM_SIM='engine e0 capacity=fast' dam-coord --once
expect "DAM_SIM: a file that is not there" 1 1 /nonexistent/sim env DAM_SIM=/nonexistent/sim dam-coord --once
printf 'engine e0 capacity=1G\nengine e0 capacity=2G\n' >"$tmp/sim"
expect "DAM_SIM: the same name twice in a file" 1 1 "$tmp/sim, line 2" env DAM_SIM="$tmp/sim" dam-coord --once
head -c 4096 /dev/urandom >"$tmp/sim"
expect "DAM_SIM: a file of noise" 1 1 "$tmp/sim" env DAM_SIM="$tmp/sim" dam-coord --once
expect "DAM_CAPACITY: no number" 1 1 DAM_CAPACITY env DAM_CAPACITY=block:vda=much dam-coord --once
# two lines: the coordinator says why, dam-run that it has none
expect "dam-run hands a bad DAM_SIM on" 125 2 DAM_SIM env DAM_SIM='motor e0' dam-run -- touch "$tmp/ran"
[ ! -e "$tmp/ran" ] || fail "the program ran although its coordinator could not start"

# The socket's path: taken by a live coordinator, left by a dead one.
start_coordinator
expect "a second coordinator beside a live one" 1 1 . dam-coord --foreground
expect "the first one answers still" 0 0 '' dam-ctl status
stop_coordinator -KILL
expect "dam-ctl without a coordinator" 1 1 . dam-ctl status
start_coordinator
expect "a coordinator after one that was killed" 0 0 '' dam-ctl status
stop_coordinator
[ ! -e "$DAM_RUNTIME_DIR/coord.sock" ] || fail "a socket was left behind"

# dam-run: its own trouble and the program's are told apart.
expect "no such program" 127 1 nosuchprogram dam-run nosuchprogram
: >"$tmp/plain"
expect "a file that is no program" 126 1 plain dam-run "$tmp/plain"
expect "no program at all" 125 1 . dam-run
expect "an unknown option" 125 1 frobnicate dam-run --frobnicate -- true
expect "JSON that cannot be written" 125 1 /nonexistent/x dam-run --json /nonexistent/x -- touch "$tmp/ran"
[ ! -e "$tmp/ran" ] || fail "the program ran although its result could not be written"
expect "the program's exit status" 7 0 '' dam-run -q -- sh -c 'exit 7'
expect "the program's deadly signal" 143 0 '' bash -c '{ dam-run -q -- sh -c "kill -TERM \$\$"; } 2>/dev/null'
expect "dam-ctl: no command" 2 1 . dam-ctl
expect "dam-ctl: an unknown command" 2 1 . dam-ctl frobnicate
expect "dam-coord: an unknown option" 2 1 frobnicate dam-coord --frobnicate

exit $((failed > 0))
