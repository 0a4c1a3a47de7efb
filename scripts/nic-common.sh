# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh disable=SC2034,SC2154
# For nic-bind.sh, nic-release.sh and host-check.sh: a PCI device in sysfs. $me is the script's name.

fail()
{
	echo "$me: $*" >&2
	exit 1
}

# nic_open PCI: sets $pci (with its domain), $device (its folder in sysfs), and $state (where its old
# driver is remembered).
nic_open()
{
	case $1 in
	????:??:??.?) pci=$1 ;;
	??:??.?) pci=0000:$1 ;;
	*) fail "$1 is no PCI address, such as 0000:03:00.0 (host-check.sh lists them)" ;;
	esac
	device=/sys/bus/pci/devices/$pci
	# Root's own folder: /run/linewatch is the service user's.
	state=/run/linewatch-host/driver-$pci
	[ -d "$device" ] || fail "there is no PCI device $pci (host-check.sh lists network devices)"
	[ "$(id -u)" -eq 0 ] || fail "run as root: only root may change a device's driver"
}

# nic_driver DEVICE: name of its driver, or "none".
nic_driver()
{
	if [ -e "$1/driver" ]; then
		basename "$(readlink -f "$1/driver")"
	else
		echo none
	fi
}

# nic_give DRIVER: takes the device from its driver and gives it to that one ("" = the kernel's own
# choice).
nic_give()
{
	[ ! -e "$device/driver" ] || echo "$pci" >"$device/driver/unbind"
	# An empty line takes the override away.
	echo "$1" >"$device/driver_override"
	echo "$pci" >/sys/bus/pci/drivers_probe
}
