# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The DAM authors
# What quickstart and check share: what they say, the packages, the build. Sourced from the top of the tree, with
# $logs set to an existing folder.

# In colour for people, plain for files.
if [ -t 1 ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
	bold='' plain=''
fi

say() {
	printf '%s==> %s%s\n' "$bold" "$*" "$plain"
}

fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# packages SECTION…: the names in these sections of scripts/packages
packages() {
	for section; do
		sed -n "/^\[$section\]/,/^\[/{s/[[:space:]].*//;/^[a-z0-9]/p;}" scripts/packages
	done
}

# missing_packages SECTION…: those that are not there, nor another that provides them (Debian 13 has libX as libXt64)
missing_packages() {
	there=$(dpkg-query -W -f '${db:Status-Status} ${Package}, ${Provides}\n' | sed -n 's/^installed //p' |
		tr ',' '\n' | awk '{ print $1 }')
	for package in $(packages "$@"); do
		printf '%s\n' "$there" | grep -qxF "$package" || printf ' %s' "$package"
	done
}

# need_packages SECTION…: installs what is missing, or says how and exits 1
need_packages() {
	command -v dpkg-query >/dev/null || fail "this needs Debian 12 or a relative of it: no dpkg-query here"
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		printf '%s\n' "These packages are missing. As root, run:" "" \
			"apt-get update && apt-get install --no-install-recommends -y$missing" "" >&2
		exit 1
	fi
	say "installing:$missing"
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive quietly packages sh -c '
		apt-get -q update && apt-get -q install --no-install-recommends -y "$@"' sh $missing
}

# quietly NAME COMMAND…: runs it with its output in $logs/NAME.log, which is shown at the end if it fails
quietly() {
	log=${logs:?}/$1.log
	shift
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 40 "$log" >&2
		fail "failed: $* (all of its output: $log)"
	fi
}

jobs() {
	nproc 2>/dev/null || echo 1
}

# in_build NAME OPTIONS…: configures and builds in build/check/NAME
in_build() {
	folder=build/check/$1
	shift
	mkdir -p "$folder"
	(cd "$folder" && ../../../configure --quiet "$@")
	make -C "$folder" -j"$(jobs)"
}
