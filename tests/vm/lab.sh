#!/bin/bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# A throw-away machine with several NUMA nodes and one NVMe controller on each, under QEMU's software emulation.
#
#   lab.sh [options] SCRIPT       runs SCRIPT by the guest's /bin/sh; exits with its status
#     -n NODES -c CPUS            NUMA nodes (2), CPUs of each (2)
#     -m MB                       memory of each node (512)
#     -t BYTES                    limit of each controller, in bytes per second (8388608)
#     -f FILE[:PATH]              put FILE, with the libraries it needs, into the guest (at the same path); repeatable
#     -o FILE                     what the guest writes to /dev/ttyS1
#     -T SECONDS                  the guest is ended after this long (300)
#     -w                          a wider machine, see below
#
# All controllers lead to the one namespace /dev/damshared: native NVMe multipath, where the node of the CPU that
# submits picks the controller (iopolicy numa). So two threads on one node share one controller's limit, and a
# thread that is moved to another node gets that node's controller.
#
# The wider machine's nodes are pairs of neighbours. It also has
#  * on each node, a controller that stands alone: /dev/damalone0, /dev/damalone1, …
#  * the first two controllers of /dev/damshared on one root port, behind a switch, next to nodes 0 and 1
#  * QEMU's own monitor at the guest's /dev/ttyS2, which changes the limits of "drive0", "drive1", …
#  * an interface with several transmit queues
#
# Exits 77 where QEMU or the kernel cannot be had, 125 when the guest did not end by itself.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dam-lab
here=$(cd "$(dirname "$0")" && pwd)
nodes=2 cpus=2 node_mb=512 limit=8388608 results=/dev/null seconds=300 wide='' files=()
while getopts n:c:m:t:f:o:T:w o; do
	case $o in
	n) nodes=$OPTARG ;; c) cpus=$OPTARG ;; m) node_mb=$OPTARG ;; t) limit=$OPTARG ;;
	f) files+=("$OPTARG") ;; o) results=$OPTARG ;; T) seconds=$OPTARG ;; w) wide=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] || { echo "usage: lab.sh [options] SCRIPT" >&2; exit 2; }
script=$1

absent() {
	echo "lab: $*" >&2
	exit 77
}

PATH=$PATH:/usr/sbin:/sbin
for tool in qemu-system-x86_64 busybox cpio depmod modprobe xz dpkg ldd; do
	command -v $tool >/dev/null || absent "no $tool here (see scripts/packages)"
done
[ -e /usr/share/seabios/bios-256k.bin ] || absent "no SeaBIOS here (see scripts/packages)"

# Debian's kernel package, unpacked in the cache and not installed.
get_kernel() {
	local package
	[ -d "$cache/k/boot" ] && return
	mkdir -p "$cache/debs"
	package=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends:/ {print $2; exit}')
	[ -n "$package" ] || absent "apt knows no linux-image-amd64"
	echo "lab: fetching $package" >&2
	(cd "$cache/debs" && apt-get -q download "$package" >/dev/null 2>&1) || absent "cannot download $package"
	rm -rf "$cache/k.new"
	dpkg -x "$cache/debs/$package"_*.deb "$cache/k.new"
	mv "$cache/k.new" "$cache/k"
}

# The bare ELF image inside the package's vmlinuz: QEMU starts it directly, seconds faster than unpacking in the guest.
get_image() {
	local packed=$cache/k/boot/vmlinuz-$version offset
	image=$cache/vmlinux-$version
	[ -s "$image" ] && return
	offset=$(LC_ALL=C grep -obUaP '\xfd7zXZ\x00' "$packed" | head -1 | cut -d: -f1)
	tail -c +$((offset + 1)) "$packed" | xz -dc --single-stream >"$image.new" 2>/dev/null || true
	if [ "$(head -c 4 "$image.new" | tail -c 3)" = ELF ]; then
		mv "$image.new" "$image"
	else
		rm -f "$image.new"
		image=$packed
	fi
}

# put FILE PATH: copy a file into the guest's root, with the libraries that ldd names
put() {
	local library
	mkdir -p "$root$(dirname "$2")"
	cp -L "$1" "$root$2"
	{ ldd "$1" 2>/dev/null || true; } | { grep -oE '/[^ ]+' || true; } | while read -r library; do
		[ -e "$root$library" ] && continue
		mkdir -p "$root$(dirname "$library")"
		cp -L "$library" "$root$library"
	done
}

make_initrd() {
	local modules=lib/modules/$version file
	root=$tmp/root
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,root,"$modules"}
	put "$(command -v busybox)" /bin/busybox
	cp "$here/guest-init" "$root/init"
	cp "$script" "$root/script"
	modprobe -d "$cache/k" -S "$version" --show-depends -a nvme e1000e vmxnet3 cuse scsi_debug sd_mod sg vivid | awk '/^insmod/ {print $2}' | while read -r file; do
		cp "$file" "$root/$modules/"
	done
	[ -s "$root/$modules/nvme.ko" ] || { echo "lab: no module nvme in the kernel package" >&2; exit 1; }
	cp "$cache/k/$modules"/modules.{builtin,builtin.modinfo,order} "$root/$modules/"
	depmod -b "$root" "$version"
	for file in "${files[@]}"; do
		put "${file%%:*}" "${file#*:}"
	done
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$tmp/initrd"
}

# node_args NODE: memory, CPUs, and a controller with a limit of its own on a root port next to them
node_args() {
	local n=$1 other distance port=port$1
	qemu+=(-object "memory-backend-ram,id=m$n,size=${node_mb}M"
		-numa "node,nodeid=$n,cpus=$((n * cpus))-$(((n + 1) * cpus - 1)),memdev=m$n")
	for ((other = n + 1; other < nodes; other++)); do
		[ -n "$wide" ] && [ $((n / 2)) = $((other / 2)) ] && distance=12 || distance=20
		distances+=(-numa "dist,src=$n,dst=$other,val=$distance")
	done
	# One NVMe subsystem per controller, all of the same name: Linux makes one multipath subsystem of them, and
	# each controller keeps a drive of its own. Linux wants their ids to differ, but QEMU counts from 0 in each
	# subsystem; so stand-ins, which the guest never probes, take the first n ids of subsystem n.
	qemu+=(-device "pxb-pcie,id=bridge$n,bus=pcie.0,bus_nr=$((32 + n * 32)),numa_node=$n"
		-device "nvme-subsys,id=subsystem$n,nqn=damshared")
	for ((other = 0; other < n; other++)); do
		slot=$((slot + 1))
		skip+=,0000:00:$(printf %x $slot).0
		qemu+=(-device "nvme,serial=damshared,subsys=subsystem$n,bus=pcie.0,addr=0x$(printf %x $slot),max_ioqpairs=1")
	done
	qemu+=(-drive "if=none,id=drive$n,file.filename=$tmp/disk,file.driver=file,file.locking=off,format=raw,throttling.bps-total=$limit"
		-device "pcie-root-port,id=port$n,bus=bridge$n,chassis=$((n + 1)),slot=$((n + 1))")
	[ -z "$wide" ] || widen "$n"
	qemu+=(-device "nvme,id=nvme$n,serial=damshared,subsys=subsystem$n,bus=$port,max_ioqpairs=$((nodes * cpus))"
		-device "nvme-ns,drive=drive$n,bus=nvme$n,nsid=1,shared=on")
}

# widen NODE: what the wider machine has there; changes the port that the shared namespace's controller hangs on
widen() {
	local n=$1 k=$((100 + $1))
	truncate -s 64M "$tmp/alone$n"
	qemu+=(-drive "if=none,id=alone$n,file=$tmp/alone$n,format=raw,throttling.bps-total=$limit"
		-device "pcie-root-port,id=lane$n,bus=bridge$n,chassis=$k,slot=$k"
		-device "nvme,serial=damalone$n,drive=alone$n,bus=lane$n,max_ioqpairs=$((nodes * cpus))")
	[ "$n" -lt 2 ] || return 0
	[ "$n" -gt 0 ] || qemu+=(-device "x3130-upstream,id=switch,bus=port0")
	qemu+=(-device "xio3130-downstream,id=below$n,bus=switch,chassis=$((k + 100)),slot=$((k + 100))")
	port=below$n
}

boot() {
	local n slot=15 skip='' distances=() qemu
	qemu=(qemu-system-x86_64 -machine q35 -accel "tcg,thread=multi" -cpu max
		-smp "$((nodes * cpus)),sockets=$nodes,cores=$cpus,threads=1" -m "$((nodes * node_mb))M"
		-nodefaults -no-user-config -display none -no-reboot -serial stdio -serial "file:$results")
	# an interface with a driver that keeps its moderation, and a cable that leads nowhere
	qemu+=(-netdev "hubport,id=cable,hubid=0" -device "e1000e,netdev=cable,bus=pcie.0,addr=0xe,romfile=")
	# The guest's third serial port is the one client of QEMU's own monitor.
	[ -z "$wide" ] || qemu+=(-qmp "unix:$tmp/monitor,server=on,wait=off" -serial "unix:$tmp/monitor"
		-netdev "hubport,id=cables,hubid=1" -device "vmxnet3,netdev=cables,bus=pcie.0,addr=0xd,romfile=")
	truncate -s 256M "$tmp/disk"
	for ((n = 0; n < nodes; n++)); do
		node_args $n
	done
	qemu+=("${distances[@]}" -kernel "$image" -initrd "$tmp/initrd" -append
		"console=ttyS0,115200 quiet panic=-1 nokaslr tsc=reliable lab.paths=$nodes lab.alone=$((${wide:-0} * nodes)) lab.skip=${skip#,}")
	timeout -k 5 "$seconds" "${qemu[@]}" </dev/null 2>&1 | tr -d '\r' | tee "$tmp/console" | grep --line-buffered '^lab: ' || true
}

mkdir -p "$cache"
get_kernel
version=$(basename "$cache"/k/lib/modules/*)
# Installing the package would do this.
[ -s "$cache/k/lib/modules/$version/modules.dep" ] || depmod -b "$cache/k" "$version"
get_image
tmp=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
make_initrd
boot
status=$(sed -n 's/^lab: the script ended with status \([0-9]*\)$/\1/p' "$tmp/console")
if [ -z "$status" ]; then
	echo "lab: the guest did not end by itself; its last words:" >&2
	tail -20 "$tmp/console" >&2
	exit 125
fi
exit "$status"
