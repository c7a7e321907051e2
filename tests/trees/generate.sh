#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# generate.sh NAME: describe a machine of the project's own, as hal_unpack takes it; generate.sh --list: the names.
# Attributes and their form are those of the kernel's Documentation/ABI.
set -eu

names="bond drm fabric idxd ioat multipath numbers ptdma rdma soc stacks switch unknown virtual xps"

section() { printf '\n[%s]\n' "$1"; }

# machine NODES CPUS: NUMA nodes, one package each, with CPUS processors each
machine() {
	n=0
	section /sys/devices/system/node
	echo "online = 0-$(($1 - 1))"
	while [ $n -lt "$1" ]; do
		section "/sys/devices/system/node/node$n"
		echo "cpulist = $((n * $2))-$((n * $2 + $2 - 1))"
		line='' to=0
		while [ $to -lt "$1" ]; do
			line="$line $([ $to -eq $n ] && echo 10 || echo 21)"
			to=$((to + 1))
		done
		echo "distance =$line"
		cpu=$((n * $2))
		while [ $cpu -lt $((n * $2 + $2)) ]; do
			section "/sys/devices/system/cpu/cpu$cpu/topology"
			echo "physical_package_id = $n"
			cpu=$((cpu + 1))
		done
		n=$((n + 1))
	done
}

# pci PATH NODE CPUS [SPEED WIDTH]: a function or bridge below /sys/devices
pci() {
	section "/sys/devices/$1"
	printf 'numa_node = %s\nlocal_cpulist = %s\n' "$2" "$3"
	[ $# -lt 5 ] || printf 'current_link_speed = %s GT/s PCIe\ncurrent_link_width = %s\n' "$4" "$5"
}

# driver PATH NAME
driver() {
	section "/sys/devices/$1"
	echo "driver -> ../../../bus/pci/drivers/$2"
}

# class CLASS PATH: the entry of a class that leads to /sys/devices/PATH
class() {
	section "/sys/class/$1"
	echo "${2##*/} -> ../../devices/$2"
}

# disk PATH DEV QUEUES CPUS: a block device; each queue serves every QUEUES-th of that many processors
disk() {
	section "/sys/devices/$1"
	printf 'dev = %s\nsize = 2097152\nro = 0\nstat = 10 0 80 5 20 0 320 7 0 11 12 1 0 8 0 2 1\n' "$2"
	section "/sys/devices/$1/queue"
	printf 'logical_block_size = 512\nrotational = 0\nnr_requests = 256\nmax_sectors_kb = 512\n'
	q=0
	while [ $q -lt "${3:-0}" ]; do
		section "/sys/devices/$1/mq/$q"
		list='' cpu=$q
		while [ $cpu -lt "$4" ]; do
			list="$list${list:+, }$cpu"
			cpu=$((cpu + $3))
		done
		printf 'cpu_list = %s\nnr_tags = 256\n' "$list"
		q=$((q + 1))
	done
	class block "$1"
}

# slave STACK PATH: /sys/block/STACK stands on the device at PATH
slave() {
	section "/sys/devices/virtual/block/$1/slaves"
	echo "${2##*/} -> ../../../../$2"
}

# interface PATH SPEED QUEUES CPUS: a port with transmit queues; each takes the frames of CPUS / QUEUES processors
interface() {
	section "/sys/devices/$1"
	printf 'speed = %s\ntype = 1\n' "$2"
	case $1 in virtual/*) ;; *) echo 'device -> ../..' ;; esac
	section "/sys/devices/$1/statistics"
	printf 'rx_bytes = 1000\nrx_packets = 7\ntx_bytes = 2000\ntx_packets = 20\n'
	q=0
	while [ $q -lt "${3:-0}" ]; do
		section "/sys/devices/$1/queues/tx-$q"
		printf 'xps_cpus = %x\n' $((((1 << ($4 / $3)) - 1) << (q * $4 / $3)))
		section "/sys/devices/$1/queues/tx-$q/byte_queue_limits"
		echo "inflight = $((q * 1500))"
		q=$((q + 1))
	done
	class net "$1"
}

# nvme PATH NODE: a controller
nvme() {
	section "/sys/devices/$1"
	printf 'numa_node = %s\nstate = live\ndev = 241:%s\n' "$2" "${1##*nvme}"
	class nvme "$1"
}

# subsystem NUMBER IOPOLICY
subsystem() {
	section "/sys/devices/virtual/nvme-subsystem/nvme-subsys$1"
	echo "iopolicy = $2"
	class nvme-subsystem "virtual/nvme-subsystem/nvme-subsys$1"
}

tree_multipath() {
	machine 2 4
	for n in 0 1; do
		root=pci0000:${n}0/0000:${n}0:01.0/0000:${n}1:00.0
		pci "pci0000:${n}0/0000:${n}0:01.0" $n $((n * 4))-$((n * 4 + 3)) 16.0 4
		pci "$root" $n $((n * 4))-$((n * 4 + 3)) 16.0 4
		nvme "$root/nvme/nvme$n" $n
		disk "$root/nvme/nvme$n/nvme0c${n}n1" 0:0 2 8
		disk "$root/nvme/nvme$n/nvme2c${n}n1" 0:0 1 8
		disk "$root/nvme/nvme$n/nvme3c${n}n1" 0:0 1 8
	done
	disk virtual/nvme-subsystem/nvme-subsys0/nvme0n1 259:0
	disk virtual/nvme-subsystem/nvme-subsys2/nvme2n1 259:1
	disk virtual/nvme-subsystem/nvme-subsys3/nvme3n1 259:2
	subsystem 0 numa
	subsystem 2 round-robin
	subsystem 3 queue-depth
}

tree_stacks() {
	machine 2 2
	pci pci0000:00/0000:00:02.0 1 2-3
	pci pci0000:00/0000:00:03.0 -1 0-3
	disk pci0000:00/0000:00:02.0/virtio1/block/vda 254:0 1 4
	disk pci0000:00/0000:00:03.0/virtio2/block/vdb 254:16 4 4
	disk virtual/block/dm-0 252:0 # LVM on one volume
	slave dm-0 pci0000:00/0000:00:02.0/virtio1/block/vda
	disk virtual/block/dm-1 252:1 # encrypted, on the former
	slave dm-1 virtual/block/dm-0
	disk virtual/block/md0 9:0 # a mirror: leads nowhere
	slave md0 pci0000:00/0000:00:02.0/virtio1/block/vda
	slave md0 pci0000:00/0000:00:03.0/virtio2/block/vdb
	disk virtual/block/dm-2 252:2 # itself: a loop
	slave dm-2 virtual/block/dm-2
}

tree_switch() { # three drives behind one port of four lanes, and a port of unknown place
	machine 2 4
	root=pci0000:20/0000:20:01.0
	pci pci0000:20 0 0-3
	pci $root 0 0-3 16.0 4
	pci $root/0000:21:00.0 0 0-3 16.0 4
	for n in 0 1 2; do
		pci $root/0000:21:00.0/0000:22:0$n.0 0 0-3 16.0 4
		pci $root/0000:21:00.0/0000:22:0$n.0/0000:2$((n + 3)):00.0 0 0-3 16.0 4
		nvme $root/0000:21:00.0/0000:22:0$n.0/0000:2$((n + 3)):00.0/nvme/nvme$n 0
		disk $root/0000:21:00.0/0000:22:0$n.0/0000:2$((n + 3)):00.0/nvme/nvme$n/nvme${n}n1 259:$n
	done
	pci pci0000:c8/0000:c8:01.0/0000:ca:00.0 1 4-7 8.0 8
	interface pci0000:c8/0000:c8:01.0/0000:ca:00.0/net/eth0 10000
	interface pci0000:c8/0000:c8:01.0/0000:ca:00.0/net/eth1 25000
	section /sys/bus/event_source/devices/uncore_iio_2
	printf 'die0 = 0000:20\ndie1 = 0000:c8\n'
	pmu=/sys/bus/event_source/devices/uncore_iio_free_running_2
	section $pmu
	printf 'type = 38\ncpumask = 0,4\n'
	section $pmu/format
	printf 'event = config:0-7\numask = config:8-15\n'
	section $pmu/events
	printf 'bw_in_port0 = event=0xff,umask=0x20\nbw_in_port0.scale = 3.814697266e-6\nbw_in_port0.unit = MiB\n'
}

tree_fabric() {
	machine 2 2
	for n in 0 1; do
		pci pci0000:${n}0/0000:${n}0:03.1/0000:${n}1:00.0 $n $((n * 2))-$((n * 2 + 1)) 32.0 4
		disk pci0000:${n}0/0000:${n}0:03.1/0000:${n}1:00.0/nvme/nvme$n/nvme${n}n1 259:$n
	done
	section /sys/bus/event_source/devices/amd_df
	printf 'type = 13\ncpumask = 0,2\n'
	section /sys/bus/event_source/devices/amd_df/format
	printf 'event = config:0-7,32-37\numask = config:8-15,24-27\n'
}

tree_xps() {
	machine 2 8
	pci pci0000:40/0000:40:01.0/0000:41:00.0 1 8-15 16.0 8
	interface pci0000:40/0000:40:01.0/0000:41:00.0/net/eth0 100000 4 16
	pci pci0000:40/0000:40:01.0/0000:41:00.1 1 8-15 16.0 8
	interface pci0000:40/0000:40:01.0/0000:41:00.1/net/eth1 -1 # no link
}

tree_bond() {
	machine 1 4
	for n in 0 1 2; do
		pci pci0000:00/0000:00:0$((n + 3)).0 0 0-3
		interface pci0000:00/0000:00:0$((n + 3)).0/net/eth$n 25000
	done
	for name in lo bond0 bond0.7 eth2.9 br0; do
		interface virtual/net/$name -1
	done
	section /sys/devices/virtual/net/bond0/bonding
	echo 'mode = 802.3ad 4'
	for pair in bond0:eth0 bond0:eth1 bond0.7:bond0 eth2.9:eth2 br0:eth2 br0:bond0; do
		section "/sys/devices/virtual/net/${pair%:*}"
		echo "lower_${pair#*:} -> ../../../../class/net/${pair#*:}"
	done
}

tree_rdma() {
	machine 2 4
	for n in 0 1; do
		path=pci0000:8$n/0000:8$n:00.0/0000:a$n:00.0
		pci "$path" $n $((n * 4))-$((n * 4 + 3)) 16.0 16
		class infiniband "$path/infiniband/mlx5_$n"
		section "/sys/devices/$path/infiniband/mlx5_$n/ports/1"
		[ $n -eq 0 ] && echo 'rate = 200 Gb/sec (4X HDR)' || echo 'rate = 25 Gb/sec (1X EDR)'
		section "/sys/devices/$path/infiniband/mlx5_$n/ports/1/counters"
		printf 'port_rcv_data = 4000\nport_rcv_packets = 40\nport_xmit_data = 5000\nport_xmit_packets = 50\n'
	done
	class infiniband virtual/infiniband/rxe0 # software: no counters
	section /sys/devices/virtual/infiniband/rxe0/ports/1
	echo 'rate = 2.5 Gb/sec (1X SDR)'
}

# queue PATH NUMBER TYPE MODE SIZE THRESHOLD STATE OCCUPANCY
queue() {
	section "/sys/devices/$1/wq$2"
	printf 'type = %s\nmode = %s\nsize = %s\nthreshold = %s\nstate = %s\noccupancy = %s\n' "$3" "$4" "$5" "$6" "$7" "$8"
	printf 'max_transfer_size = 2147483648\ncdev_minor = %s\ngroup_id = 0\n' "${2%.*}"
	section /sys/bus/dsa/devices
	echo "wq$2 -> ../../../devices/$1/wq$2"
}

tree_idxd() {
	machine 2 4
	for n in 0 1 2 3; do
		node=$((n / 2)) kind=$([ $((n % 2)) -eq 0 ] && echo dsa || echo iax)
		path=pci0000:${node}6/0000:${node}6:0$((n % 2 + 1)).0
		pci "$path" $node $((node * 4))-$((node * 4 + 3))
		section "/sys/devices/$path/$kind$n"
		printf 'numa_node = %s\nstate = enabled\ncdev_major = 23%s\n' $node $((n % 2))
		case $kind in
		dsa) echo 'op_cap = 00000000,00000000,00000000,00000000,00000000,00000000,00000001,003f03ff' ;;
		iax) echo 'op_cap = 0x0 0x1c 0x0 0x0' ;;
		esac
		section /sys/bus/dsa/devices
		echo "$kind$n -> ../../../devices/$path/$kind$n"
		queue "$path/$kind$n" $n.0 user shared 64 48 enabled 12
		queue "$path/$kind$n" $n.1 kernel dedicated 32 0 enabled 32
		queue "$path/$kind$n" $n.2 user shared 32 0 disabled 0
		section "/sys/bus/event_source/devices/$kind$n"
		printf 'type = 2%s\ncpumask = 0\n' $n
		section "/sys/bus/event_source/devices/$kind$n/format"
		printf 'event_category = config:0-3\nevent = config:4-31\n'
	done
}

# channel PATH NAME DRIVER
channel() {
	section "/sys/devices/$1/dma/$2"
	printf 'in_use = 1\nbytes_transferred = 0\nmemcpy_count = 0\ndevice -> ../..\n'
	class dma "$1/dma/$2"
}

tree_ioat() {
	machine 2 2
	for n in 0 1 2 3; do
		path=pci0000:$((n / 2))0/0000:$((n / 2))0:04.$((n % 2))
		pci "$path" $((n / 2)) $((n / 2 * 2))-$((n / 2 * 2 + 1))
		driver "$path" ioatdma
		channel "$path" dma${n}chan0
		section "/sys/devices/$path/dma/dma${n}chan0/quickdata"
		printf 'ring_size = 1024\nring_active = %s\ncap = copy xor pq\nversion = 3.2\n' $((n * 256))
	done
}

tree_ptdma() {
	machine 1 4
	for n in 0 1; do
		path=pci0000:00/0000:00:08.1/0000:0$((n + 4)):00.5
		pci "$path" 0 0-3
		driver "$path" "$([ $n -eq 0 ] && echo ptdma || echo ae4dma)"
		channel "$path" dma${n}chan0
		section "/sys/kernel/debug/dmaengine/0000:0$((n + 4)):00.5/q$([ $n -eq 0 ] || echo 0)"
		printf 'stats =                Pass-Thru: %s\\n      Enabled Interrupts: COMPLETION\n' $((n * 100 + 7))
	done
}

tree_soc() { # channels of peripherals: of no node, in no pool
	section /sys/devices/system/cpu
	echo 'online = 0-3'
	for n in 0 1 2; do
		section /sys/devices/platform/soc/7e007000.dma-controller
		echo 'driver -> ../../../../bus/platform/drivers/bcm2835-dma'
		channel platform/soc/7e007000.dma-controller dma0chan$n
	done
}

# gpu PATH CARD DRIVER
gpu() {
	driver "$1" "$3"
	section "/sys/devices/$1/drm/$2"
	echo 'device -> ../..'
	class drm "$1/drm/$2"
}

tree_drm() {
	machine 1 4
	pci pci0000:00/0000:00:02.0 -1 0-3
	gpu pci0000:00/0000:00:02.0 card0 i915
	pci pci0000:00/0000:00:01.0/0000:03:00.0 0 0-3 16.0 16
	gpu pci0000:00/0000:00:01.0/0000:03:00.0 card1 amdgpu
	pci pci0000:00/0000:00:06.0/0000:04:00.0 0 0-3 32.0 8
	gpu pci0000:00/0000:00:06.0/0000:04:00.0 card2 xe
	class drm pci0000:00/0000:00:02.0/drm/card0-DP-1
	for pid in 100 101; do
		section /proc/$pid/fdinfo
		printf '0 = pos:\t0\\nflags:\t0100002\\nmnt_id:\t25\n'
		printf '5 = pos:\t0\\ndrm-driver:\ti915\\ndrm-pdev:\t0000:00:02.0\\ndrm-client-id:\t%s\\ndrm-engine-render:\t9000000 ns\\ndrm-engine-copy:\t2000000 ns\\ndrm-engine-capacity-copy:\t1\n' $pid
		printf '6 = drm-driver:\tamdgpu\\ndrm-pdev:\t0000:03:00.0\\ndrm-client-id:\t%s\\ndrm-engine-gfx:\t1000000 ns\\ndrm-engine-dma:\t500000 ns\n' $pid
		printf '7 = drm-driver:\txe\\ndrm-pdev:\t0000:04:00.0\\ndrm-client-id:\t%s\\ndrm-cycles-bcs:\t1000\\ndrm-total-cycles-bcs:\t8000\n' $pid
	done
}

tree_unknown() { # a guest whose firmware tells no place: next to all nodes, never to node 0
	machine 2 2
	pci pci0000:00/0000:00:02.0 -1 0-3
	pci pci0000:00/0000:00:03.0 -1 0-3
	disk pci0000:00/0000:00:02.0/virtio0/block/vda 254:0 4 4
	interface pci0000:00/0000:00:03.0/virtio1/net/eth0 -1
}

tree_virtual() { # functions of a port, their representors, and a drive behind a controller that makes a domain of its own
	machine 2 4
	port=pci0000:40/0000:40:01.0
	pci $port 1 4-7 16.0 8
	for fn in 0 1 2; do
		pci "$port/0000:41:00.$fn" 1 4-7
		[ $fn -ne 0 ] || interface $port/0000:41:00.0/net/eth0 100000 2 8
		[ $fn -eq 0 ] || printf 'physfn -> ../0000:41:00.0\ncurrent_link_speed = Unknown\ncurrent_link_width = 0\n'
	done
	interface $port/0000:41:00.1/net/eth1 100000 2 8
	for name in uplink:p0 vf0:pf0vf0 vf1:c1pf0vf1 sf3:pf0sf3; do
		interface "$port/0000:41:00.0/net/${name%:*}" -1
		section "/sys/devices/$port/0000:41:00.0/net/${name%:*}"
		echo "phys_port_name = ${name#*:}"
	done
	volume=pci0000:d7/0000:d7:05.5
	pci $volume 1 4-7
	pci $volume/pci10000:00/10000:00:02.0 1 4-7 16.0 4
	pci $volume/pci10000:00/10000:00:02.0/10000:01:00.0 1 4-7 16.0 4
	nvme $volume/pci10000:00/10000:00:02.0/10000:01:00.0/nvme/nvme0 1
	disk $volume/pci10000:00/10000:00:02.0/10000:01:00.0/nvme/nvme0/nvme0c0n1 0:0 2 8
	disk virtual/nvme-subsystem/nvme-subsys0/nvme0n1 259:0
	subsystem 0 numa
}

tree_numbers() { # nodes 0 and 8, processors with gaps; memory alone in node 2, a node that is offline
	section /sys/devices/system/node
	echo 'online = 0,2,8'
	section /sys/devices/system/cpu
	echo 'online = 0-3,1040-1043'
	section /sys/devices/system/node/node0
	printf 'cpulist = 0-3\ndistance = 10 12 40\n'
	section /sys/devices/system/node/node2
	printf 'cpulist = \ndistance = 12 10 40\n'
	section /sys/devices/system/node/node8
	printf 'cpulist = 1040-1043\ndistance = 40 40 10\n'
	n=0
	for where in '0 0-3' '8 1040-1043' '2 0-3' '3 '; do
		pci "pci003$n:01/003$n:01:00.0" "${where%% *}" "${where#* }"
		nvme "pci003$n:01/003$n:01:00.0/nvme/nvme$n" "${where%% *}"
		disk "pci003$n:01/003$n:01:00.0/nvme/nvme$n/nvme${n}n1" 259:$n
		n=$((n + 1))
	done
}

case ${1:-} in
--list) echo "$names" ;;
*)
	case " $names " in *" ${1:-} "*) ;; *) echo "usage: generate.sh --list | NAME" >&2; exit 2 ;; esac
	"tree_$1"
	;;
esac
