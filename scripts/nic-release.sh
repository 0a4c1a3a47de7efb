#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Gives a device back to the driver from which nic-bind.sh took it; where nothing is remembered (a
# reboot), to the one that the kernel chooses.
#
#   nic-release.sh PCI
#
# Needs root, and that no program has the device open.
set -eu
me=nic-release
# shellcheck source-path=SCRIPTDIR source=nic-common.sh
. "$(dirname "$0")/nic-common.sh"

# The kernel would wait for the program, and this script with it.
check_closed()
{
	node=/dev/vfio/$(basename "$(readlink -f "$device/iommu_group")")
	for process in /proc/[0-9]*; do
		# shellcheck disable=SC2010 # links with one known target
		if ls -l "$process/fd" 2>/dev/null | grep -q -- "-> $node\$"; then
			fail "$(cat "$process/comm") (process ${process#/proc/}) has $node open: stop it first"
		fi
	done
}

[ $# -eq 1 ] || {
	echo "usage: nic-release.sh PCI" >&2
	exit 2
}
nic_open "$1"
driver=$(nic_driver "$device")
if [ "$driver" != vfio-pci ]; then
	echo "$pci is not bound to vfio-pci (driver: $driver): nothing to give back"
	exit 0
fi
check_closed
old=
[ ! -e "$state" ] || old=$(cat "$state")
case $old in
none)
	echo "$pci" >"$device/driver/unbind"
	echo "" >"$device/driver_override"
	;;
*)
	[ -z "$old" ] || modprobe "$old" 2>/dev/null || true
	nic_give ""
	;;
esac
driver=$(nic_driver "$device")
if [ -n "$old" ] && [ "$driver" != "$old" ]; then
	fail "$pci was taken from $old, but now its driver is $driver (dmesg says why)"
fi
rm -f "$state"
echo "$pci is given back (driver: $driver)"
