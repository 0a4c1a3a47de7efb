#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Takes a network device from the kernel and gives it to vfio-pci, so that linewatch-dp can drive it
# (dataplane.ports: ["0000:03:00.0"]). The old driver is remembered for nic-release.sh.
#
#   nic-bind.sh PCI [USER]
#
# USER may use the device then, without being root.
#
# Nothing is changed when the device is in use by the kernel (addresses, routes, part of a bond,
# bridge or VLAN) or when the IOMMU cannot keep it apart from other devices. Needs root.
set -eu
me=nic-bind
# shellcheck source-path=SCRIPTDIR source=nic-common.sh
. "$(dirname "$0")/nic-common.sh"

# check_interface IFACE: fails when the kernel uses it.
check_interface()
{
	addresses=$(ip -o addr show dev "$1" scope global | awk '{ printf " %s", $4 }')
	[ -z "$addresses" ] ||
		fail "$pci is in use: its interface $1 has$addresses: move that to the host interface" \
			"(lw0) first"
	# Those by which each interface reaches its own link do not count.
	routes=$({
		ip -o -4 route show dev "$1"
		ip -o -6 route show dev "$1"
	} | awk '$1 !~ /^(fe80:|ff00:|multicast)/ { printf " %s", $1 }')
	[ -z "$routes" ] || fail "$pci is in use: routes lead by its interface $1:$routes"
	for upper in /sys/class/net/"$1"/upper_*; do
		[ ! -e "$upper" ] || fail "$pci is in use: its interface $1 is part of" \
			"${upper##*/upper_} (a bond, a bridge or a VLAN)"
	done
}

check_unused()
{
	found=no
	# virtio has a bus of its own between the PCI device and the interface.
	for net in "$device"/net/* "$device"/virtio*/net/*; do
		[ -e "$net" ] || continue
		found=yes
		check_interface "${net##*/}"
	done
	[ $found = yes ] || [ "$old" = none ] ||
		fail "$pci is in use: its driver $old shows no interface here, so it is in another" \
			"network namespace"
}

# All devices of an IOMMU group can reach each other's memory: vfio takes it as a whole.
check_group()
{
	[ -e "$device/iommu_group" ] ||
		fail "there is no IOMMU for $pci: switch on VT-d or AMD-Vi in the firmware, and on Intel" \
			"boot with intel_iommu=on iommu=pt"
	group=$(basename "$(readlink -f "$device/iommu_group")")
	for other in "$device"/iommu_group/devices/*; do
		[ "${other##*/}" != "$pci" ] || continue
		driver=$(nic_driver "$other")
		case $driver in
		none | vfio-pci | pcieport | shpchp) ;;
		*)
			fail "$pci shares IOMMU group $group with ${other##*/} (driver $driver): bind that" \
				"to vfio-pci as well, or put the card into another slot"
			;;
		esac
	done
}

# entrust: the group becomes the user's.
entrust()
{
	[ -z "$user" ] || chown "$user" "/dev/vfio/$(basename "$(readlink -f "$device/iommu_group")")"
}

[ $# -eq 1 ] || [ $# -eq 2 ] || {
	echo "usage: nic-bind.sh PCI [USER]" >&2
	exit 2
}
nic_open "$1"
user=${2:-}
[ -z "$user" ] || id "$user" >/dev/null 2>&1 || fail "there is no user $user"
case $(cat "$device/class") in
0x02*) ;;
*) fail "$pci is not a network device (class $(cat "$device/class"))" ;;
esac
old=$(nic_driver "$device")
if [ "$old" = vfio-pci ]; then
	entrust
	echo "$pci is bound to vfio-pci already"
	exit 0
fi
check_unused
check_group
for module in vfio-pci vfio_iommu_type1; do
	modprobe $module || fail "the kernel has no module $module"
done

mkdir -p /run/linewatch-host
echo "$old" >"$state"
nic_give vfio-pci
if [ "$(nic_driver "$device")" != vfio-pci ]; then
	nic_give ""
	rm -f "$state"
	fail "vfio-pci does not take $pci (dmesg says why); it is back at $(nic_driver "$device")"
fi
entrust
echo "$pci is bound to vfio-pci (before: $old), IOMMU group $group: /dev/vfio/$group"
