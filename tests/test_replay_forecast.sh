#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# dam-replay forecast from outside: what it prints is checked against the recording by other means.
# shellcheck disable=SC2059 # texts are formats
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
tests=$top/tests

# wants STATUS WHY ARGUMENT...: and exactly one line on stderr when STATUS is not 0
wants() {
	status=$1 why=$2
	shift 2
	./dam-replay forecast "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	[ "$got" -eq "$status" ] || fail "$why: exit status $got instead of $status"
	[ "$(wc -l <"$tmp/err")" -eq $((status != 0)) ] || fail "$why: stderr has $(cat "$tmp/err")"
}

# Intervals begin at their multiples exactly, in any order of lines: 0.03 s is the fourth of 10 ms.
printf '0.03 a 8 R\n0.000 a 1 R\n0.019999999 a 2 W\n2e-2 a 4 R\n0.04 a 16 W\n0.01 b 1 R\n' >"$tmp/small"
wants 0 "a small one" --interval 10 --horizon 20 --member last --json "$tmp/small"
sed -n 's/.*"index":\([0-9]*\).*"engine":"a","actual":\([0-9.]*\),"forecast":\([0-9.]*\),.*/\1 \2 \3/p' "$tmp/out" >"$tmp/a"
printf '0 3.000 1.000\n1 6.000 2.000\n2 12.000 4.000\n' | cmp -s - "$tmp/a" || fail "intervals: $(cat "$tmp/a")"
grep -q '"summary":{"engine":"b","intervals":5,"scored":3,' "$tmp/out" || fail "the other engine has as many intervals"

# Times of an epoch begin with the first line.
sed 's/^0/17000000000/; s/^2e-2/17000000000.02/' "$tmp/small" | sort >"$tmp/epoch"
wants 0 "an epoch" --interval 10 --horizon 20 --json "$tmp/epoch"
grep -q '^{"index":1700000000000,' "$tmp/out" || fail "the index counts from the epoch"

# The summary tells what the lines tell.
trace=$tests/traces/build-b.txt.gz
wants 0 "a recording" --interval 100 --horizon 1000 --json "$trace"
cp "$tmp/out" "$tmp/auto"
wants 0 "last value" --interval 100 --horizon 1000 --json --member last "$trace"
cat "$tmp/out" "$tmp/auto" | awk -F '[:,]' '
	/"summary"/ { if (NR == FNR + 0) told = $0; next }
	{
		n[$6]++
		i = $2 + 0
		if (!(i in last)) { last[i] = $10 - $8; next }
		e = $10 - $8
		square += e * e; absolute += e < 0 ? -e : e
		lastsquare += last[i] * last[i]; lastabsolute += last[i] < 0 ? -last[i] : last[i]
		covered += $8 <= $12 * 1.000001; nr++
	}
	END { printf "\"scored\":%d,\"mae\":%.4f,\"rmse\":%.4f,\"coverage\":%.4f,", nr, absolute / lastabsolute,
		sqrt(square / lastsquare), covered / nr }' >"$tmp/sums"
grep -qF -e "$(cat "$tmp/sums")" "$tmp/auto" || fail "the summary is not $(cat "$tmp/sums"): $(tail -1 "$tmp/auto")"

# Whatever the member, no number is odd; and on a long recording the ensemble is no worse than last value: by 2 %, and
# by 10 % on build-b, whose error is that of one burst.
for trace in "$tests"/traces/*.gz; do
	for member in auto $(./dam-replay forecast --help | sed -n '/^Forecasters/,/^$/s/^  \([a-z0-9]*\) .*/\1/p'); do
		wants 0 "$member" --interval 10 --horizon 100 --member "$member" --json "$trace"
		grep -q -e 'nan' -e 'inf' -e ':-' "$tmp/out" && fail "$member, $trace: $(grep -m1 -e nan -e inf -e ':-' "$tmp/out")"
		sed -n "s/.*\"scored\":[0-9]\{4,\},\"mae\":\([0-9.]*\),\"rmse\":\([0-9.]*\),.*/$member \1 \2/p" "$tmp/out" >>"$tmp/scores"
		[ "$member" != auto ] || grep '"scored":[0-9]\{3\}' "$tmp/out" |
			grep -v -e '"rmse":\(null\|0\.\|1\.0[01]\)' -e '"engine":"vda","intervals":5975.*"rmse":1\.0' >"$tmp/worse"
	done
	[ ! -s "$tmp/worse" ] || fail "$trace: worse than last value: $(cat "$tmp/worse")"
done

# All together they err less than each by itself, in geometric mean over engines with thousand forecasts; 3 % is what
# chance may take.
awk '{ n[$1]++; mae[$1] += log($2 + 1e-6); rmse[$1] += log($3 + 1e-6) }
	END {
		for (m in n)
			if (mae["auto"] / n["auto"] > mae[m] / n[m] + 0.03 || rmse["auto"] / n["auto"] > rmse[m] / n[m] + 0.03)
				print m, exp(mae[m] / n[m]), exp(rmse[m] / n[m]), "auto", exp(mae["auto"] / n["auto"]), exp(rmse["auto"] / n["auto"])
		if (length(n) < 10 || n["auto"] < 5)
			print "too few scores"
	}' "$tmp/scores" >"$tmp/better"
[ ! -s "$tmp/better" ] || fail "MAE and RMSE of a member by itself: $(cat "$tmp/better")"

# The lines, to the letter.
number='[0-9][0-9]*\(\.[0-9]*\)\{0,1\}'
wants 0 "JSON" --json "$trace"
grep -v -e "^{\"index\":[0-9]*,\"time\":$number,\"engine\":\"[^\"]*\",\"actual\":$number,\"forecast\":$number,\"p90\":$number,\"member\":\"[a-z0-9]*\"}$" \
	-e '^{"summary":{"engine":"[^"]*","intervals":[0-9]*,"scored":[0-9]*,"mae":[0-9.nul]*,"rmse":[0-9.nul]*,"coverage":[0-9.]*,"ns_per_update":[0-9]*}}$' \
	"$tmp/out" >"$tmp/odd" && fail "JSON: $(head -1 "$tmp/odd")"

zcat "$trace" >"$tmp/plain"
./dam-replay forecast <"$tmp/plain" 2>&1 | sed 's/[0-9]* ns/ns/' >"$tmp/a"
wants 0 "defaults and a compressed file" "$trace"
sed 's/[0-9]* ns/ns/' "$tmp/out" | cmp -s - "$tmp/a" || fail "standard input is not the file"
./dam-replay forecast - <"$trace" 2>&1 | sed 's/[0-9]* ns/ns/' | cmp -s - "$tmp/a" || fail "- is not standard input"

for bad in '1 a 5\n' '1 a 5 X\n' 'x a 5 R\n' '-1 a 5 R\n' '1 a -5 R\n' '1 a nan R\n' '1 a 5 R 7\n' '1e30 a 5 R\n' \
	'1e300 a 1 R\n' '0 a 1 R\n9000000 b 1 R\n' '1700000000 a 1 R\n1600000000 a 1 R\n'; do
	printf -- "$bad" >"$tmp/bad"
	wants 1 "$bad" --interval 1 "$tmp/bad"
	grep -q ': line [12]: ' "$tmp/err" || fail "$bad: no line is told: $(cat "$tmp/err")"
done
wants 0 "nothing" /dev/null
wants 1 "no file" "$tmp/none"
wants 2 "two files" /dev/null /dev/null
wants 2 "no such member" --member nobody /dev/null
for ms in 0 x -1 '' 1e99; do
	wants 2 "interval $ms" --interval="$ms" /dev/null
	wants 2 "horizon $ms" --horizon="$ms" /dev/null
done
wants 2 "a horizon between intervals" --interval 10 --horizon 15 /dev/null
wants 2 "too long a horizon" --interval 1 --horizon 1025 /dev/null
wants 0 "the longest horizon" --interval 1 --horizon 1024 /dev/null
wants 0 "a fraction" --interval 0.5 --horizon 2.5 /dev/null

[ "$fails" -eq 0 ]
