#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Scenarios on the wider machine: four nodes of one CPU each, so that a CPU's number is its node's.
# Stands before scenarios.sh in the guest's script, and uses its functions.
# shellcheck disable=SC2317,SC2154 # the functions are called by name

# controller_of DISK: also of a path
controller_of() {
	echo "$1" | sed 's/n1$//; s/^nvme[0-9]*c/nvme/'
}

# the_nodes: what sysfs tells, {"block:nvme0c1n1":2, …}: the node of the controller of each disk and path
the_nodes() {
	for disk in /sys/class/block/nvme*n1; do
		controller=$(controller_of "${disk##*/}")
		[ ! -e "/sys/class/nvme/$controller" ] || [ -e "$disk/multipath" ] || printf '"block:%s":%s\n' "${disk##*/}" \
			"$(cat "/sys/class/nvme/$controller/device/numa_node")"
	done | grep -v "\"block:$(basename "$(readlink "$device")")\"" | tr '\n' , | sed 's/^/{/; s/,$/}/'
}

# snapshot NAME COMMAND...: JSON for the judge
snapshot() {
	file=snapshot.$1
	shift
	"$@" | tr -d '\n' >"$file"
}

# disk_of SERIAL
disk_of() {
	basename "$(readlink "/dev/$1")"
}

now_ms() {
	awk '{ printf "%d", $1 * 1000 }' /proc/uptime
}

# took WHAT COMMAND...: within a second; tried again and again, up to ten
took() {
	what=$1 began=$(now_ms)
	shift
	within_10s "$@"
	took_ms=$(($(now_ms) - began))
	echo "lab:   $what: $took_ms ms"
	check "$what within 1 s" [ $took_ms -le 1000 ]
}

# last_is ENGINE GONE: what dam-ctl says of the engine that came last by that name
last_is() {
	dam-ctl engines --json | tr -d ' \n' | grep -o "\"name\":\"$1\",\"kind\"[^}]*\"gone\":[a-z]*" | tail -1 |
		grep -q "\"gone\":$2\$"
}

# started: a coordinator of the scenario's own
started() {
	dam-coord --foreground 2>log &
	within_10s dam-ctl status >status.log 2>&1
}

# ended: its last words are shown
ended() {
	end_coordinator TERM
	sed 's/^/lab:   log: /' log | tail -12
}

# the_masks PROGRAM: {"TID":"CPUs"} of its threads
the_masks() {
	for task in /proc/"$(pidof "$1")"/task/*; do
		printf '"%s":"%s"\n' "${task##*/}" "$(sed -n 's/^Cpus_allowed_list:\t//p' "$task/status")"
	done | tr '\n' , | sed 's/^/{/; s/,$/}/'
}

# One controller on each node, which nothing stands in for: a thread begins farthest from its own.
alone4() {
	snapshot nodes the_nodes
	snapshot engines dam-coord --list-engines --json
	echo "\"block:$(disk_of damalone0)\"" >snapshot.read
	started
	dam dam_load -t "$seconds" -n 1 -s 3 /dev/damalone0 >load.json &
	load=$!
	sleep 6
	snapshot explain dam-ctl explain --json
	wait $load
	status=$?
	ended
	return $status
}

# Four paths to one namespace; eight threads begin on one node.
paths4() {
	snapshot nodes the_nodes
	snapshot engines dam-coord --list-engines --json
	dam dam_load -t 12 -n 8 -s 0 "$device" >load.json
}

# path_of NODE: the path of the shared namespace there
path_of() {
	for path in /sys/class/nvme-subsystem/*/nvme*/nvme*c*n1; do
		[ "$(cat "$path/../device/numa_node" 2>/dev/null)" != "$1" ] || basename "$path"
	done | head -1
}

# unplug DISK: its controller goes, as by hot unplug; plug: whatever is there comes
unplug() {
	echo 1 >"$(readlink -f "/sys/class/nvme/$(controller_of "$1")/device")/remove"
}
plug() {
	echo 1 >/sys/bus/pci/rescan
}

has_path() {
	[ -n "$(path_of "$1")" ]
}

alone_is_there() {
	grep -q damalone3 /sys/block/nvme*n1/device/serial
}

# A path goes under load, and comes back; then a controller that nothing stands in for.
replug() {
	started
	worker=$(pidof dam-coord)
	dam dam_load -t 24 -n 4 -s 0/1/2/3 "$device" >load.json &
	load=$!
	sleep 5
	gone=$(path_of 2)
	unplug "$gone"
	took "$gone, under load, is gone" last_is "block:$gone" true
	snapshot gone dam-ctl engines --json
	sleep 4
	plug
	within_10s has_path 2
	back=$(path_of 2)
	took "$back has come" last_is "block:$back" false
	snapshot back dam-ctl engines --json
	snapshot nodes the_nodes
	sleep 6
	snapshot masks the_masks dam_load
	wait $load
	status=$?

	alone=$(disk_of damalone3)
	dam_load -t 20 -n 1 -s 3 /dev/damalone3 >/dev/null 2>broken.log &
	broken=$!
	sleep 2
	unplug "$alone"
	took "$alone, being read, is gone" last_is "block:$alone" true
	wait $broken
	check "its reader is told" [ $? != 0 ]
	plug
	within_10s alone_is_there
	ln -sf "$(basename "$(dirname "$(dirname "$(grep -l damalone3 /sys/block/nvme*n1/device/serial)")")")" /dev/damalone3
	took "it has come" last_is "block:$(disk_of damalone3)" false
	snapshot again dam-ctl engines --json
	check "the coordinator is the same" prints "$worker" pidof dam-coord
	check "it tells of no crash" sh -c '! grep -qi "died\|restart\|signal" log'
	ended
	return $status
}

# tell_qemu COMMAND...: its monitor is at the third serial port
tell_qemu() {
	stty -F /dev/ttyS2 raw -echo
	for command; do
		echo "$command" >/dev/ttyS2
		usleep 300000
	done
}

# limit_of DRIVE GROUP: the limit of each path, alone or together with the others of its group
limit_of() {
	echo "{\"execute\":\"block_set_io_throttle\",\"arguments\":{\"device\":\"$1\",\"group\":\"$2\",\"bps\":8388608,\
\"bps_rd\":0,\"bps_wr\":0,\"iops\":0,\"iops_rd\":0,\"iops_wr\":0}}"
}

# behind_port ARGUMENTS OF dam_load: two controllers behind one port, which is as fast as one of them; DAM is told so
behind_port() {
	port=$(readlink -f "/sys/class/nvme/$(controller_of "$(path_of 0)")/device" | cut -d/ -f5)
	echo "\"$port\"" >snapshot.port
	tell_qemu '{"execute":"qmp_capabilities"}' "$(limit_of drive0 port)" "$(limit_of drive1 port)"
	DAM_CAPACITY="$port=8M"
	for node in 0 1 2 3; do
		DAM_CAPACITY="$DAM_CAPACITY,block:$(path_of $node)=8M"
	done
	export DAM_CAPACITY
	started
	dam dam_load "$@" "$device" >load.json &
	load=$!
	sleep 1
	snapshot engines dam-ctl engines --json
	wait $load
	status=$?
	ended
	unset DAM_CAPACITY
	tell_qemu "$(limit_of drive0 drive0)" "$(limit_of drive1 drive1)"
	return $status
}

# Two threads that leave each path half idle, and fill the port. Nothing else may be a reason: no difference in load.
port4() {
	export MIGRATION_THRESHOLD=100
	behind_port -t 8 -n 2 -r 4194304 -s 0/1
	status=$?
	unset MIGRATION_THRESHOLD
	return $status
}

# Four that take what they get: as much as three limits of the four.
port4_full() { behind_port -t 10 -n 4 -s 0/1; }

# Transmit queues that follow the CPU, the last two swapped.
queues4() {
	modprobe vmxnet3
	interface=$(basename /sys/bus/pci/drivers/vmxnet3/*/net/*)
	ip link set "$interface" up
	queue=0
	for mask in 1 2 8 4; do
		echo $mask >"/sys/class/net/$interface/queues/tx-$queue/xps_cpus"
		queue=$((queue + 1))
	done
	echo "\"net:$interface\"" >snapshot.interface
	snapshot engines dam-coord --list-engines --json
	rmmod vmxnet3
}
