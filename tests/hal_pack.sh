#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# hal_pack.sh DIR PATH...: the files and links below these paths of a /sys tree, as hal_unpack takes them.
# To record a machine: hal_pack.sh / /sys/class/net /sys/devices/pci0000:00 …; look through what it prints.
set -eu
root=${1%/}
shift
section=
for top; do
	find "$root$top" \( -type f -o -type l \) -size -8k | LC_ALL=C sort | while IFS= read -r file; do
		dir=${file%/*} name=${file##*/}
		dir=${dir#"$root"}
		if [ -L "$file" ]; then
			entry="$name -> $(readlink "$file")"
		else
			entry="$name = $(head -c 4096 "$file" 2>/dev/null | tr -d '\000\r' | sed ':a;N;$!ba;s/\n/\\n/g')" || continue
		fi
		[ "$dir" = "$section" ] || printf '\n[%s]\n' "$dir"
		section=$dir
		printf '%s\n' "$entry"
	done
done
