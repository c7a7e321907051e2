#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Makes the inputs beside it (by the minimal standard generator, since awk's own differs from awk to awk), and the
# outputs: what dam-replay prints. Run it only when that agrees with independent recordings, see test_dim_vectors.sh.
# usage: tests/dim/generate.sh, from the build directory
set -eu
dir=$(dirname "$0")

# samples SEED LINES KIND: usec_delta events packets bytes comps; kinds: net, nobytes, rdma
samples() {
	awk -v seed="$1" -v lines="$2" -v kind="$3" '
	function rnd(n) { seed = (seed * 16807) % 2147483647; return seed % n }
	BEGIN {
		for (i = 0; i < lines; i++) {
			if (i % 40 == 0) { rate = rnd(8) ? 10 + rnd(2000) : 0; size = 64 + rnd(1437); pace = 1 + rnd(8) }
			usec = rnd(25) ? pace * (200 + rnd(300)) : 0
			if (kind == "rdma") { print int(usec / 20), 1, 0, 0, int(rate * pace / 400) + rnd(3); continue }
			packets = int(rate * usec * (80 + rnd(40)) / 100000)
			print usec, rnd(8) ? 10 + rnd(60) : 0, packets, kind == "nobytes" ? 0 : packets * size, packets + rnd(50)
		}
	}'
}

samples 11 240 net >"$dir/in00.txt"
samples 12 160 net >"$dir/in01.txt"
samples 13 60 nobytes >"$dir/in02.txt"
samples 14 1000 rdma >"$dir/rdma_in00.txt"
for mode in rx-eqe rx-cqe tx-eqe tx-cqe; do
	./dam-replay dim --profile $mode "$dir/in00.txt" >"$dir/out00.$mode.txt"
done
./dam-replay dim --profile rx-cqe --start-ix 4 --apply-delay 1 "$dir/in01.txt" >"$dir/out01.rx-cqe.ix4.delay1.txt"
./dam-replay dim --profile tx-eqe --start-ix 2 --apply-delay 3 "$dir/in01.txt" >"$dir/out01.tx-eqe.ix2.delay3.txt"
./dam-replay dim --profile rx-eqe --start-ix 3 "$dir/in02.txt" >"$dir/out02.rx-eqe.ix3.txt"
./dam-replay dim --profile rdma "$dir/rdma_in00.txt" >"$dir/rdma_out00.txt"
./dam-replay dim --profile rdma --start-ix 5 --apply-delay 2 "$dir/rdma_in00.txt" >"$dir/rdma_out00.ix5.delay2.txt"
