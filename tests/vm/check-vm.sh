#!/bin/bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# Does DAM decide rightly on real NVMe multipath? Boots the lab, runs the scenarios, judges the results.
# Environment, set by make check-vm: BUILDDIR, BINDIR, MAKE; SCENARIOS chooses some. Exits 77 where QEMU is absent.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
all='none2 none4 numad4 irqbalance4 dam2 dam4 spread pinned fio_none fio_dam moderate_net moderate_nvme nvme_commands scsi_commands video stand_ins groups throttled yama yama_strict'
wide='alone4 paths4 port4 port4_full queues4 replug'
scenarios=${SCENARIOS:-$all $wide}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
${MAKE:-make} -s -C "$BUILDDIR" install-exec DESTDIR="$tmp/stage" >"$tmp/install.log" 2>&1 || {
	cat "$tmp/install.log"
	exit 1
}

files=()
for program in vm/dam_load vm/coalesce vm/keep_feature vm/passthrough raw_uring; do
	files+=(-f "$BUILDDIR/tests/$program:/usr/bin/${program##*/}")
done
while IFS= read -r f; do
	files+=(-f "$f:${f#"$tmp/stage"}")
done < <(find "$tmp/stage" \( -type f -o -type l \) ! -name '*.la')
for tool in fio numad irqbalance setpriv; do
	f=$(PATH=$PATH:/usr/sbin command -v $tool) || {
		echo "no $tool here (see scripts/packages)" >&2
		exit 77
	}
	files+=(-f "$f:/usr/bin/$tool")
done
# What the library loads by itself, where it is there.
for library in libunwind.so.8 libpfm.so.4; do
	f=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p | awk -v l=$library '$1 == l {print $NF; exit}')
	[ -z "$f" ] || files+=(-f "$f")
done

# boot SCENARIOS [OPTIONS OF lab.sh]: runs them in a guest, adds what it measured to the results
boot() {
	local ended=0
	{
		echo "PATH=$BINDIR:\$PATH"
		echo "SCENARIOS='$1'"
		cat "$here/wide.sh" "$here/scenarios.sh"
	} >"$tmp/script"
	shift
	"$here/lab.sh" "${files[@]}" "$@" -o "$tmp/measured" "$tmp/script" || ended=$?
	[ $ended -ne 77 ] || exit 77
	[ $ended -eq 0 ] || status=$ended
	cat "$tmp/measured" >>"$tmp/results"
}

# run SCENARIOS: each on the machine that it is for
run() {
	local name two_nodes='' four_nodes=''
	status=0
	for name in $1; do
		case " $wide " in
		*" $name "*) four_nodes="$four_nodes $name" ;;
		*) two_nodes="$two_nodes $name" ;;
		esac
	done
	[ -z "$two_nodes" ] || boot "$two_nodes"
	[ -z "$four_nodes" ] || boot "$four_nodes" -w -n 4 -c 1 -m 320
}

run "$scenarios"
# The guest's four processors are emulated by the host's: while that is busy with something else, seconds are lost.
# So what fails is run once more.
# shellcheck disable=SC2086 # a list of words
failed=$(python3 "$here/judge.py" --failed "$tmp/results" $scenarios)
if [ -n "$failed" ]; then
	echo "vm: once more, for what did not hold: $failed"
	run "$failed"
fi
[ -z "${KEEP_RESULTS:-}" ] || cp "$tmp/results" "$KEEP_RESULTS"
# shellcheck disable=SC2086
python3 "$here/judge.py" "$tmp/results" $scenarios || status=1
exit $status
