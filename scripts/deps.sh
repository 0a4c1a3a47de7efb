#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is missing of linewatch's Debian 12 packages.
#
#   deps.sh [build] [run] [test] [bench]     default: build run
set -euo pipefail

declare -A lists=(
	# What compiles the programs and their tests.
	[build]="gcc libc6-dev meson ninja-build pkg-config
		libdpdk-dev libuv1-dev libosip2-dev libhiredis-dev libyaml-dev libmnl-dev
		libjansson-dev libssl-dev uthash-dev libcmocka-dev bats python3"
	# What the programs and the scene of run.sh need.
	[run]="redis-server redis-tools iproute2 nftables procps ethtool conntrack tcpdump python3
		sip-tester"
	# What the tests, the lint and the benchmarks need beyond that.
	[test]="tshark dpdk iputils-ping baresip-core linphone-cli
		clang-format-14 clang-tidy cppcheck shellcheck codespell git
		clang-14 libclang-rt-14-dev llvm-14 qemu-system-x86 busybox-static cpio systemd udev"
	# The peers of the benchmarks.
	[bench]="rtpengine-daemon kamailio"
)

missing()
{
	local package

	for package in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			echo "$package"
	done
}

wanted=""
[ $# -gt 0 ] || set -- build run
for name in "$@"; do
	if [ -z "${lists[$name]:-}" ]; then
		echo "deps.sh: $name is no list of packages: ${!lists[*]}" >&2
		exit 2
	fi
	wanted="$wanted ${lists[$name]}"
done

# shellcheck disable=SC2086 # a list of words
mapfile -t lack < <(missing $wanted)
[ ${#lack[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "deps.sh: this is no Debian system; missing: ${lack[*]}" >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "deps.sh: run as root, or install these first: ${lack[*]}" >&2
	exit 1
fi

echo "Installing ${#lack[@]} Debian packages: ${lack[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && apt-get install -y --no-install-recommends "${lack[@]}"; } \
	>"$log" 2>&1 </dev/null; then
	tail -n 30 "$log" >&2
	echo "deps.sh: apt-get failed, see above" >&2
	exit 1
fi
