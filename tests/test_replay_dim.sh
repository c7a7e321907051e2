#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# dam-replay dim from outside: the recorded vectors, the ways to name an input, and what is wrong with one.
# shellcheck disable=SC2016,SC2059,SC2086 # the inner shell expands; texts are formats; $run is a list of words
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
tests=$top/tests
in=$tests/dim/in00.txt expected=$tests/dim/out00.rx-eqe.txt

# Nothing on stderr, but one line where it failed.
also() { [ "$(wc -l <"$tmp/err")" -eq $((want != 0)) ] || fail "$why: stderr has $(cat "$tmp/err")"; }

# same WHY COMMAND...: prints what rx-eqe makes of in00
same() {
	wants 0 "$@"
	cmp -s "$tmp/out" "$expected" || fail "$1: another output"
}

# bad WHY TEXT LINE: printf's TEXT is refused, and the message names the line
bad() {
	printf "$2" >"$tmp/bad"
	wants 1 "$1" ./dam-replay dim --profile rx-eqe "$tmp/bad"
	grep -q ": line $3: " "$tmp/err" || fail "$1: the line is not told: $(cat "$tmp/err")"
}

"$tests/test_dim_vectors.sh" "$tests/dim" || fail "the vectors"
# That script must notice: another number, a line too few, a line too many, no output.
for edit in '100s/ 64 / 65 /' '240d' '240p' '1,$d'; do
	rm -rf "$tmp/dim"
	mkdir "$tmp/dim"
	cp "$in" "$tmp/dim"
	sed "$edit" "$expected" >"$tmp/dim/out00.rx-eqe.txt"
	"$tests/test_dim_vectors.sh" "$tmp/dim" >/dev/null && fail "test_dim_vectors.sh does not notice $edit"
done

run='./dam-replay dim --profile rx-eqe'
gzip -c "$in" >"$tmp/in.gz"
same "a file" $run "$in"
same "a compressed file" $run "$tmp/in.gz"
same "an option after the file" ./dam-replay dim "$in" --profile rx-eqe
same "standard input" sh -c "$run <\"\$1\"" sh "$in"
same "standard input by its name, compressed" sh -c "$run - <\"\$1\"" sh "$tmp/in.gz"
same "a pipe" sh -c "cat \"\$1\" | $run" sh "$in"
{ echo '# comment'; echo; sed 's/ /	/g; s/$/\r/' "$in"; } >"$tmp/other"
same "comments, tabs, ends of line from elsewhere" $run "$tmp/other"
head -c -1 "$in" >"$tmp/other"
same "no newline at the end" $run "$tmp/other"
same "a profile that is not new" $run --start-ix 0 --apply-delay 0 "$in"
wants 0 "nothing" $run /dev/null
[ ! -s "$tmp/out" ] || fail "nothing in, something out"
awk '{ $2 = 7; $3 = 40; $4 = 60000; print }' "$tests/dim/rdma_in00.txt" | ./dam-replay dim --profile rdma |
	cmp -s - "$tests/dim/rdma_out00.txt" || fail "rdma: a line is one event and its completions, whatever else it says"

bad "a field too few" '1 2 3 4 5\n1 2 3 4\n' 2
bad "a field too many" '1 2 3 4 5 6\n' 1
bad "not a number" '1 2 3 4 5\n# more\n1 2 x 4 5\n' 3
bad "negative" '1 2 -3 4 5\n' 1
bad "a sign" '1 2 +3 4 5\n' 1
bad "a fraction" '1 2 3.5 4 5\n' 1
bad "hexadecimal" '1 2 0x3 4 5\n' 1
bad "2^64" '1 2 18446744073709551616 4 5\n' 1
bad "a NUL" '1 2 3 4 5\n1 2 3 4 5\0\n' 2
bad "a line without end" "1 2 3 4 5\n$(head -c 100000 /dev/zero | tr '\0' 1)" 2
bad "a comment without end" "#$(head -c 5000 /dev/zero | tr '\0' x)\n" 1
printf '0 64 1 1 1\n1 64 18446744073709551615 18446744073709551615 1\n1 64 1 1 1\n1 64 1 1 1\n' >"$tmp/big"
wants 0 "the greatest numbers" $run "$tmp/big"
[ "$(wc -l <"$tmp/out")" -eq 4 ] || fail "the greatest numbers: not four lines"
head -c 900 "$tmp/in.gz" >"$tmp/cut.gz"
wants 1 "a compressed file cut short" $run "$tmp/cut.gz"
head -c 100 "$tmp/in.gz" | cat - /dev/null >"$tmp/mad.gz"
head -c 2000 /dev/zero | tr '\0' '\377' >>"$tmp/mad.gz"
wants 1 "a damaged compressed file" $run "$tmp/mad.gz"
wants 1 "no such file" $run "$tmp/nowhere"
wants 1 "a directory" $run "$tmp"
wants 1 "standard input is closed" sh -c "$run <&-"
wants 1 "a full disk" sh -c "$run \"\$1\" >/dev/full" sh "$in"

wants 2 "no command" ./dam-replay
wants 2 "unknown command" ./dam-replay frobnicate
wants 2 "unknown option" ./dam-replay dim --frobnicate
wants 2 "no profile" ./dam-replay dim "$in"
wants 2 "unknown profile" ./dam-replay dim --profile rx "$in"
wants 2 "two files" $run "$in" "$in"
wants 2 "a profile that is not there" $run --start-ix 5 "$in"
wants 2 "a negative delay" $run --apply-delay -1 "$in"
wants 0 "the last profile of rdma" ./dam-replay dim --profile rdma --start-ix 8 /dev/null
for arg in --help --version; do
	wants 0 "$arg" ./dam-replay $arg
	wants 0 "dim $arg" ./dam-replay dim $arg
	[ -s "$tmp/out" ] || fail "dim $arg says nothing"
done

[ "$fails" -eq 0 ]
