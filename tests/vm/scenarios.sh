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

# check WHAT COMMAND...: a claim for the judge, which holds if the command succeeds
check() {
	what=$1 holds=true
	shift
	"$@" || holds=false
	echo "{\"what\":\"$what\",\"holds\":$holds}" >>checks
}

# prints TEXT COMMAND...: does it print just that?
prints() {
	text=$1
	shift
	[ "$("$@")" = "$text" ]
}
differs() {
	! prints "$@"
}

# within_10s COMMAND...
within_10s() {
	tries=0
	until "$@"; do
		[ $((tries += 1)) -lt 100 ] || return 1
		usleep 100000
	done
}

# moderation ENGINE [KEY]: what dam-ctl says of its interrupt moderation; null where it is not moderated
moderation() {
	dam-ctl engines --json | awk -v engine="\"$1\"," -v key="\"${2:-}\":" '
		$1 == "\"name\":" { here = ($2 == engine); inside = 0 }
		here && $1 == "\"moderation\":" { if ($2 ~ /null/) { print "null"; exit } inside = 1 }
		inside && $1 == key { sub(/^[^:]*: /, ""); sub(/,$/, ""); gsub(/"/, ""); print; exit }'
}

# told DEVICE ENGINE: has the device what dam-ctl says?
told() {
	[ "$(coalesce "$1")" = "$(moderation "$2" usecs) $(moderation "$2" packets)" ]
}

# running PATTERN: how many processes have such a name?
running() {
	cat /proc/[0-9]*/comm 2>/dev/null | grep -c "$1"
}

no_coordinator() {
	prints 0 running "^dam-coord$"
}

# end_coordinator SIGNAL
end_coordinator() {
	killall "-$1" dam-coord
	within_10s no_coordinator
}

# moderated DEVICE ENGINE ORIGINAL TRAFFIC...: three lives of a coordinator, each of which ends in another way
moderated() {
	kept=$1 engine=$2 original=$3
	shift 3
	for end in terminated killed replaced; do
		DAM_MODERATE=$engine dam-coord
		check "$end: nothing is set before there is traffic" prints "$original" coalesce "$kept"
		"$@" >traffic.log 2>&1 &
		traffic=$!
		check "$end: a profile is set within 10 s" within_10s prints active moderation "$engine" state
		sleep 2
		kill $traffic
		wait $traffic
		sleep 1
		echo "lab:   $kept: $(coalesce "$kept") instead of $original"
		check "$end: the device has what dam-ctl tells" told "$kept" "$engine"
		check "$end: and that is not what it had" differs "$original" coalesce "$kept"
		case $end in
		terminated)
			end_coordinator TERM
			;;
		killed)
			end_coordinator KILL
			check "$end: the setting stays" differs "$original" coalesce "$kept"
			check "$end: dam-ctl restore gives it back" sh -c \
				'dam-ctl restore --json | grep -q "devices_restored.: 1"'
			;;
		replaced)
			end_coordinator KILL
			check "$end: the setting stays" differs "$original" coalesce "$kept"
			dam-coord
			check "$end: without DAM_MODERATE nothing is moderated" prints null moderation "$engine"
			;;
		esac
		check "$end: the original setting is back" prints "$original" coalesce "$kept"
		check "$end: no record is left" [ ! -e /run/dam/moderation ]
	done
	end_coordinator TERM
}

send() {
	exec fio --name=net --ioengine=net --protocol=udp --hostname=10.9.0.2 --port=9 --rw=write --bs=1400 --size=1g \
		--time_based --runtime=60
}

# A driver that keeps its moderation, and whose smallest values are names of adaptive modes.
moderate_net() {
	modprobe e1000e
	ip link set eth0 up
	ip addr add 10.9.0.1/24 dev eth0
	arp -s 10.9.0.2 02:00:00:00:00:01
	check "eth0 begins in an adaptive mode" prints "3 0" coalesce eth0
	DAM_MODERATE=1 dam-coord
	check "a device that adapts by itself is found" prints adaptive moderation net:eth0 state
	send >traffic.log 2>&1 &
	sleep 3
	kill $!
	check "and left alone under load" prints "3 0" coalesce eth0
	end_coordinator TERM
	coalesce eth0 50 0
	moderated eth0 net:eth0 "50 0" send
	rmmod e1000e
}

# read_on CONTROLLER SECONDS: from the CPUs of its node
read_on() {
	node=$(cat "/sys/class/nvme/$1/device/numa_node")
	exec dam_load -t "$2" -n 1 -b 4096 -p -s $((node * 2))-$((node * 2 + 1)) $device
}

# nvme1 by QEMU's controller, which refuses to change the feature; nvme0 by a stand-in, which keeps it.
moderate_nvme() {
	path0=block:$(basename /sys/class/nvme/nvme0/nvme*c*n1)
	path1=block:$(basename /sys/class/nvme/nvme1/nvme*c*n1)
	check "QEMU's controller has the feature" prints "0 1" coalesce nvme1
	DAM_MODERATE=$path1 dam-coord --foreground 2>log &
	within_10s dam-ctl status >/dev/null 2>&1
	check "an engine that is not named is not moderated" prints null moderation "$path0"
	check "before there is traffic nothing is tried" prints measuring moderation "$path1" state
	(read_on nvme1 6 >load.json)
	check "QEMU's controller refuses a change" prints refused moderation "$path1" state
	check "which is told" prints "its moderation cannot be set: Operation not supported" moderation "$path1" why
	end_coordinator TERM
	check "in one line of the log" prints 1 grep -c nvme1 log
	check "nothing is recorded" [ ! -e /run/dam/moderation ]

	modprobe cuse
	keep_feature nvme0-kept &
	keeper=$!
	within_10s [ -c /dev/nvme0-kept ]
	mv /dev/nvme0 /dev/nvme0-of-qemu
	ln -s nvme0-kept /dev/nvme0
	coalesce nvme0 300 3
	moderated nvme0 "$path0" "300 3" read_on nvme0 60
	mv /dev/nvme0-of-qemu /dev/nvme0
	kill $keeper
}

# passthrough KIND DEVICE...: under DAM
commands() {
	dam passthrough "$@" >load.json
}

nvme_commands() {
	disk=$(readlink -f $device)
	commands nvme "$disk" "/dev/ng${disk#/dev/nvme}" /dev/nvme1
}

# only PATTERN: the name of the one file that it stands for
only() {
	basename "$1"
}

scsi_commands() {
	modprobe sg
	modprobe scsi_debug dev_size_mb=8
	modprobe sd_mod
	# shellcheck disable=SC2125 # expanded when it is used
	here=/sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*
	# shellcheck disable=SC2086 # patterns
	within_10s sh -c "ls -d $here/block/sd*" >disks
	# shellcheck disable=SC2086
	commands scsi "/dev/$(only $here/scsi_generic/sg*)" "/dev/$(only $here/block/sd*)" "/dev/bsg/$(only $here/bsg/*)"
}

video() {
	modprobe vivid n_devs=1 node_types=0x101
	within_10s [ -c /dev/video1 ]
	capture=$(grep -l vid-cap /sys/class/video4linux/video*/name | sed 's,/name$,,; s,.*/,,')
	output=$(grep -l vid-out /sys/class/video4linux/video*/name | sed 's,/name$,,; s,.*/,,')
	commands video "/dev/$capture" "/dev/$output"
}

# Devices by CUSE, which sysfs is made to call what this machine lacks: only there the library looks.
# stand_in NAME SUBSYSTEM DRIVER KIND
stand_in() {
	keep_feature "$1" any &
	within_10s [ -c "/dev/$1" ]
	# shellcheck disable=SC2046,SC2183 # two words
	number=$(printf '%d:%d' $(stat -c '0x%t 0x%T' "/dev/$1"))
	mkdir -p "sysfs/$1/device"
	ln -s "/bus/$2" "sysfs/$1/subsystem"
	ln -s "/drivers/$3" "sysfs/$1/device/driver"
	ln -s "$1" "sysfs/$number"
	devices="$devices $4:/dev/$1"
}

stand_ins() {
	modprobe cuse
	devices=
	for name in spidev i2c-dev xdma dma_heap kfd; do
		stand_in "a-$name" $name none $name
	done
	for name in vfio udmabuf; do
		stand_in $name misc none $name
	done
	for name in amdgpu i915 xe; do
		stand_in "a-$name" drm $name $name
	done
	mount --bind sysfs /sys/dev/char
	# shellcheck disable=SC2086 # a list of words
	commands $devices
	ran=$?
	umount /sys/dev/char
	killall keep_feature
	return $ran
}

# As an ordinary user, whose coordinator yama keeps from other processes: a static program, and one whose children are
# forked and enter their rings by themselves.
as_user() {
	chmod 666 "$(readlink -f $device)"
	chmod 777 .
	echo "$1" >/proc/sys/kernel/yama/ptrace_scope
	shift
	/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

yama() {
	chmod 777 .
	as_user 1 dam-run --json forks.json -q -- fio --name=job --filename=$device --ioengine=io_uring --direct=1 --numjobs=2 \
		--rw=randread --bs=64k --iodepth=4 --time_based --runtime=3 --output=fio.out
	check "fio ended well" [ $? = 0 ]
	check "of forked children nothing is hidden" [ "$(grep -c '"unobservable": "' forks.json)" = 0 ]
	check "and their rings are counted" [ "$(awk '/observed_ops/ { sub(/,/, ""); n += $2 } END { print (n > 100) }' forks.json)" = 1 ]
	as_user 1 dam-run --json run.json -q -- raw_uring read $device 4096 6000 >raw.json
	sed 's/^/{"intervals":[],"threads":[/; s/$/]}/' raw.json >load.json
}

# Nobody but root: it has to say so.
yama_strict() {
	chmod 777 .
	as_user 2 dam-run --json run.json -q -- raw_uring read $device 4096 2000 >raw.json
	check "the program ended well" [ $? = 0 ]
	check "what cannot be seen is told" grep -q '"unobservable": "not permitted' run.json
	check "and nothing is invented" sh -c '! grep -q "\"observed_ops\": [1-9]" run.json'
	echo 0 >/proc/sys/kernel/yama/ptrace_scope 2>/dev/null
}

# Control groups of the unified hierarchy: what they do to masks is nobody's pin.
group=/sys/fs/cgroup/dam

# grouped GROUP ARGUMENTS: the load, in that group
grouped() {
	# shellcheck disable=SC2016 # the inner shell expands it
	sh -c 'echo $$ >"$0/cgroup.procs"; exec dam_load "$@"' "$@"
}

# all_have CPUS: every thread of the load may run there, and nowhere else
all_have() {
	! grep Cpus_allowed_list "/proc/$(pidof dam_load)"/task/*/status | grep -vq "[^0-9,-]$1\$"
}

is_moved() {
	grep -q "Cpus_allowed_list:[^0-9]*2-3$" "/proc/$(pidof dam_load)"/task/*/status
}

# Has the coordinator noticed that all are on node 0 now?
all_at_home() {
	! dam-ctl threads --json | grep -q '"domain": 1,'
}

groups() {
	echo "+cpuset" >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p $group/leaf
	dam-coord
	LD_PRELOAD=$(dirname "$(which dam-run)")/../lib/libdam_preload.so grouped $group/leaf -t 25 -n 4 -s 0-1 $device >load.json &
	loaded=$!
	check "threads are moved" within_10s is_moved
	echo 0-1 >$group/cpuset.cpus
	check "the group's processors are all that they have" within_10s all_have 0-1
	check "the coordinator sees where they are" within_10s all_at_home
	check "and takes it for nobody's pin" sh -c '! dam-ctl threads | grep -q pinned'
	echo 0-3 >$group/cpuset.cpus
	check "they are moved again when they can be" within_10s is_moved
	dam-ctl pause
	check "they have back what the group allows" within_10s all_have 0-3
	end_coordinator TERM
	wait $loaded
}

# Rationed processors: much time lies between what a hook counts and what the kernel takes, or the coordinator hears.
# shellcheck disable=SC2016 # the inner shell expands it
rationed='echo $$ >"$0/cgroup.procs"; for i in 1 2 3; do dam_load -t 4 -n 2 -b 4096 "$1" >load.$i & done; wait'
throttled() {
	echo "+cpu" >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p /sys/fs/cgroup/rationed
	echo "10000 100000" >/sys/fs/cgroup/rationed/cpu.max
	dam sh -c "$rationed" /sys/fs/cgroup/rationed $device
	ran=$?
	sed 's/.*"threads":\[\(.*\)\]}$/\1/' load.? | tr '\n' , | sed 's/^/{"intervals":[],"threads":[/; s/,$/]}/' >load.json
	return $ran
}

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
	left=$(running "^dam-")
	touch checks
	for file in snapshot.*; do
		[ ! -s "$file" ] || printf '"%s":%s,' "${file#snapshot.}" "$(cat "$file")"
	done | sed 's/,$//' >snapshots
	printf '{"scenario":"%s","status":%d,"left":%d,"load":%s,"run":%s,"checks":[%s],"snapshots":{%s}}\n' \
		"$scenario" $status "$left" "$(cat load.json)" "$(tr -d '\n' <run.json)" \
		"$(tr '\n' , <checks | sed 's/,$//')" "$(cat snapshots)" >/dev/ttyS1
done
