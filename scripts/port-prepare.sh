#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Makes a kernel interface ready to be a port of linewatch-dp (dataplane.ports: ["af_packet:IFACE"]
# or "af_xdp:IFACE").
#
# An af_packet port reads copies: the kernel receives each frame as well, and would answer it a
# second time by the addresses of the host interface (lw0). So everything that comes in by IFACE is
# dropped behind the packet sockets, by the nft table linewatch_IFACE. Addresses and routes belong
# on lw0, not on IFACE. Undo with port-release.sh; running it again changes nothing.
#
# Frames must carry complete checksums. On a veth pair that is the sender's affair: run
# `ethtool -K PEER tx off` on the other end too.
set -eu

if [ $# -ne 1 ]; then
	echo "usage: port-prepare.sh IFACE" >&2
	exit 2
fi
iface=$1
if ! ip link show dev "$iface" >/dev/null 2>&1; then
	echo "port-prepare: there is no interface $iface here (ip link shows those there are)" >&2
	exit 1
fi
if [ -n "$(ip -o addr show dev "$iface" scope global)" ]; then
	echo "port-prepare: $iface has addresses: move them to the host interface (lw0)," >&2
	echo "port-prepare: on $iface the kernel will not be reached any more" >&2
fi
# nft takes letters, digits and underscores only.
table=linewatch_$(printf %s "$iface" | tr -c 'A-Za-z0-9' _)

# The frames of lw0 leave by IFACE with the same MAC: the kernel's own words on it would confuse.
if [ -d "/proc/sys/net/ipv6/conf/$iface" ]; then
	sysctl -qw "net/ipv6/conf/$iface/disable_ipv6=1"
fi
# Neighbour discovery for the addresses of lw0 is multicast that IFACE has not joined.
ip link set dev "$iface" allmulticast on up
# GRO would glue datagrams together; a veth hands frames over without checksums unless it is told.
# Frames that a packet socket sends are in two pieces for a driver that gathers (sg), which takes the
# kernel a page each where the frame goes on inside the machine: one piece is cheaper for short ones.
for feature in gro lro gso tso tx rx sg; do
	ethtool -K "$iface" "$feature" off >/dev/null 2>&1 || true
done

nft -f - <<EOT
table netdev $table
delete table netdev $table
table netdev $table {
	chain ingress {
		type filter hook ingress device "$iface" priority 0; policy drop;
	}
}
EOT
