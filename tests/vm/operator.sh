#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What an operator does with scripts/host-*.sh and nic-*.sh, in the virtual machine. $LW_PCI is the
# device for linewatch-dp, bound to vfio-pci when this ends; $LW_PEER_PCI stays with the kernel.
#
#   operator.sh nic|noiommu|giveback
set -u
scripts=$(dirname "$0")/../../scripts
out=/tmp/operator.out

# verdict STATUS WHAT
verdict()
{
	if [ "$1" -eq 0 ]; then
		echo "vm: pass $2"
	else
		sed 's/^/    /' $out
		echo "vm: FAIL $2"
	fi
}

# does WHAT TEXT SCRIPT ARGUMENT...: the script succeeds and says TEXT.
does()
{
	what=$1
	text=$2
	script=$3
	shift 3
	"$scripts/$script" "$@" >$out 2>&1 && grep -q -- "$text" $out
	verdict $? "$what"
}

# refuses WHAT TEXT SCRIPT ARGUMENT...: the script fails, says TEXT, and leaves the driver alone.
refuses()
{
	what=$1
	text=$2
	script=$3
	shift 3
	before=$(driver_of "$LW_PCI")
	! "$scripts/$script" "$@" >$out 2>&1 && grep -q -- "$text" $out &&
		[ "$(driver_of "$LW_PCI")" = "$before" ]
	verdict $? "$what"
}

driver_of()
{
	[ ! -e "/sys/bus/pci/devices/$1/driver" ] ||
		basename "$(readlink -f "/sys/bus/pci/devices/$1/driver")"
}

# interface_of PCI: name of its interface; virtio has a bus of its own in between.
interface_of()
{
	for net in "/sys/bus/pci/devices/$1"/net/* "/sys/bus/pci/devices/$1"/virtio*/net/*; do
		[ ! -e "$net" ] || echo "${net##*/}"
	done
}

hugepages()
{
	refuses "hugepages-too-many" "cannot be reserved" host-hugepages.sh reserve 100000
	does "hugepages-nothing-kept" "^0 huge pages" host-hugepages.sh show
	refuses "hugepages-nothing-to-give-back" "nothing is remembered" host-hugepages.sh release
	refuses "hugepages-no-number" "no number" host-hugepages.sh reserve many
	does "hugepages-reserve" "^200 MB were reserved" host-hugepages.sh reserve 200
	does "hugepages-other-amount" "^256 huge pages" host-hugepages.sh reserve 512
}

# Each kind of use is refused; undone, the device can be taken.
refuse_what_is_used()
{
	iface=$(interface_of "$LW_PCI")
	ip addr add 198.51.100.7/24 dev "$iface"
	refuses "bind-address-in-use" "has 198.51.100.7/24" nic-bind.sh "$LW_PCI"
	ip addr del 198.51.100.7/24 dev "$iface"
	ip link set "$iface" up
	ip route add 198.51.100.0/24 dev "$iface"
	refuses "bind-route-in-use" "routes lead by its interface $iface: 198.51.100.0/24" \
		nic-bind.sh "$LW_PCI"
	ip route del 198.51.100.0/24 dev "$iface"
	unshare -n sleep 600 &
	sleep 1
	ip link set "$iface" netns $!
	refuses "bind-in-another-namespace" "another network namespace" nic-bind.sh "$LW_PCI"
	nsenter --net="/proc/$!/ns/net" ip link set "$iface" netns 1
	kill $!
}

refuse_what_is_no_nic()
{
	refuses "bind-no-address" "no PCI address" nic-bind.sh eth0
	refuses "bind-no-device" "no PCI device" nic-bind.sh 0000:1f:00.0
	refuses "bind-no-network-device" "not a network device" nic-bind.sh 0000:00:00.0
}

case $1 in
nic)
	refuses "check-says-what-is-missing" "MISSING  no huge pages" host-check.sh
	hugepages
	refuse_what_is_no_nic
	refuse_what_is_used
	# Two cards behind one bridge.
	refuses "bind-shared-group" "shares IOMMU group" nic-bind.sh 0000:02:01.0
	driver_of "$LW_PCI" >/tmp/driver
	does "bind" "bound to vfio-pci (before: $(cat /tmp/driver))" nic-bind.sh "${LW_PCI#0000:}"
	does "bind-again" "already" nic-bind.sh "$LW_PCI"
	refuses "bind-for-nobody" "there is no user nobody-here" nic-bind.sh "$LW_PCI" nobody-here
	does "bind-for-user" "already" nic-bind.sh "$LW_PCI" operator
	[ "$(stat -c %U /dev/vfio/[0-9]*)" = operator ]
	verdict $? "bind-gives-the-group-to-the-user"
	does "check-finds-all" "device   $LW_PCI .* driver vfio-pci" host-check.sh
	;;
noiommu)
	refuses "check-no-iommu" "MISSING  no IOMMU" host-check.sh
	refuses "bind-no-iommu" "there is no IOMMU" nic-bind.sh "$LW_PCI"
	does "release-not-bound" "nothing to give back" nic-release.sh "$LW_PCI"
	;;
giveback)
	group=$(basename "$(readlink -f "/sys/bus/pci/devices/$LW_PCI/iommu_group")")
	tail -f "/dev/vfio/$group" >/dev/null 2>&1 &
	sleep 1
	refuses "release-device-open" "tail (process $!) has /dev/vfio/$group open" \
		nic-release.sh "$LW_PCI"
	kill $!
	wait $!
	does "release" "given back (driver: $(cat /tmp/driver))" nic-release.sh "$LW_PCI"
	[ -n "$(interface_of "$LW_PCI")" ]
	verdict $? "release-interface-is-back"
	does "hugepages-release" "^0 huge pages" host-hugepages.sh release
	;;
esac
