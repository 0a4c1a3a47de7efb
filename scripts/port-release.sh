#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Gives an interface back to the kernel after port-prepare.sh. With a second argument the host
# interface (lw0) is removed too, with its addresses and routes; linewatch-dp leaves it in place when
# it stops, so that a restart loses nothing.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	echo "usage: port-release.sh IFACE [HOSTIF]" >&2
	exit 2
fi
iface=$1
table=linewatch_$(printf %s "$iface" | tr -c 'A-Za-z0-9' _)

nft delete table netdev "$table" 2>/dev/null || true
if ip link show dev "$iface" >/dev/null 2>&1; then
	ip link set dev "$iface" allmulticast off
	for feature in rx tx sg gso tso gro; do
		ethtool -K "$iface" "$feature" on >/dev/null 2>&1 || true
	done
	if [ -d "/proc/sys/net/ipv6/conf/$iface" ]; then
		sysctl -qw "net/ipv6/conf/$iface/disable_ipv6=0"
	fi
fi
if [ $# -eq 2 ] && ip link show dev "$2" >/dev/null 2>&1; then
	ip link del dev "$2"
fi
