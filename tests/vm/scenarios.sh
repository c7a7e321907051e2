#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Runs in the guest: each scenario is a function, each result a line of JSON to /dev/ttyS1 for judge.py.
# CPUs 0-1 are node 0, CPUs 2-3 node 1. Environment: SCENARIOS, a list of names.
# shellcheck disable=SC2317 # the functions are called by name
device=/dev/damshared
seconds=8

# load ARGUMENTS: the program that knows nothing of DAM
load() {
	dam_load -t $seconds "$@" $device >load.json
}

# dam COMMAND: the same, under DAM
dam() {
	dam-run --json run.json -- "$@"
}

dam_load_under_dam() {
	dam dam_load -t $seconds "$@" $device >load.json
}

none2() { load -n 2 -s 0-1; }
none4() { load -n 4 -s 0-1; }

numad4() {
	numad -l 3
	sleep 1
	load -n 4 -s 0-1
	numad -i 0
}

irqbalance4() {
	irqbalance --foreground >irqbalance.log 2>&1 &
	sleep 1
	load -n 4 -s 0-1
	kill $!
}

dam2() { dam_load_under_dam -n 2 -s 0-1; }
dam4() { dam_load_under_dam -n 4 -s 0-1; }
spread() { dam_load_under_dam -n 2 -s 0-1/2-3; }
pinned() { dam_load_under_dam -n 2 -s 0-1 -p; }

# fio, where nothing but the kernel chooses: something that does no DMA keeps node 1's CPUs busy, so the scheduler, which
# balances CPU time, has both of fio's threads on node 0. Its bandwidth log becomes intervals of 500 ms.
with_fio() {
	taskset c sh -c 'yes & exec yes' >/dev/null &
	"$@" fio --name=job --filename=$device --ioengine=libaio --direct=1 --thread --numjobs=2 --rw=randread \
		--bs=64k --iodepth=8 --time_based --runtime=$seconds --output-format=json --output=fio.json \
		--write_bw_log=fio --log_avg_msec=500
	fio_status=$?
	killall yes
	cat fio_bw.*.log | awk -F, '
		{ at = int($1 / 500 + 0.5); sum[at] += $2 * 512; if (at > last) last = at }
		END {
			printf "{\"intervals\":["
			for (i = 1; i <= last; i++) printf "%s[500,%d,[]]", (i > 1 ? "," : ""), sum[i]
			printf "],\"threads\":[]}\n"
		}' >load.json
	return $fio_status
}

fio_none() { with_fio env; }
fio_dam() { with_fio dam; }

mkdir -p /tmp/vm /var/run /var/log
for scenario in $SCENARIOS; do
	rm -rf /tmp/vm/*
	cd /tmp/vm || exit 1
	echo "lab: $scenario"
	$scenario 2>errors
	status=$?
	sed 's/^/lab:   /' errors | head -5
	[ -s load.json ] || echo '{"intervals":[],"threads":[]}' >load.json
	[ -s run.json ] || echo null >run.json
	left=$(pgrep dam- | wc -l)
	printf '{"scenario":"%s","status":%d,"left":%d,"load":%s,"run":%s}\n' \
		"$scenario" $status "$left" "$(cat load.json)" "$(tr -d '\n' <run.json)" >/dev/ttyS1
done
