#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What this host lacks to run linewatch-dp on DPDK network devices; changes nothing. Ends with 1 when
# something is missing; "note" lines are advice.
set -eu
# shellcheck source-path=SCRIPTDIR source=nic-common.sh
. "$(dirname "$0")/nic-common.sh"

missing=0

ok()
{
	echo "ok       $*"
}

note()
{
	echo "note     $*"
}

lacks()
{
	echo "MISSING  $*"
	missing=$((missing + 1))
}

check_cpu()
{
	count=$(grep -c '^processor' /proc/cpuinfo)
	flags=" $(awk -F: '/^flags/ { print $2; exit }' /proc/cpuinfo) "
	lack=
	for flag in avx2 bmi1 bmi2 f16c fma abm movbe; do
		case $flags in
		*" $flag "*) ;;
		*) lack="$lack $flag" ;;
		esac
	done
	if [ -n "$lack" ]; then
		lacks "the processor has no$lack: compile with meson setup -Dcpu=native"
	else
		ok "processor: x86-64-v3"
	fi
	if [ "$count" -ge 3 ]; then
		ok "$count CPUs: up to $((count - 2)) workers get one of their own"
	else
		note "$count CPUs: with fewer than workers + 2, threads share CPUs and packets wait"
	fi
}

check_hugepages()
{
	pages=/sys/kernel/mm/hugepages/hugepages-2048kB
	if [ ! -d $pages ] || [ "$(cat $pages/nr_hugepages)" -eq 0 ]; then
		lacks "no huge pages are reserved: host-hugepages.sh reserve MB"
	elif [ "$(cat $pages/free_hugepages)" -eq 0 ]; then
		note "all $(cat $pages/nr_hugepages) huge pages are in use: host-hugepages.sh reserve MB"
	else
		ok "huge pages: $(($(cat $pages/free_hugepages) * 2)) MB free"
	fi
}

check_iommu()
{
	if [ -n "$(ls /sys/kernel/iommu_groups 2>/dev/null)" ]; then
		ok "IOMMU: on"
	else
		lacks "no IOMMU: switch on VT-d or AMD-Vi in the firmware, on Intel boot with" \
			"intel_iommu=on iommu=pt"
	fi
	if [ -d /sys/bus/pci/drivers/vfio-pci ]; then
		ok "vfio-pci is loaded"
	elif modprobe -n vfio-pci 2>/dev/null; then
		ok "vfio-pci can be loaded"
	else
		lacks "the kernel has no module vfio-pci"
	fi
}

check_nodes()
{
	if [ -c /dev/net/tun ] || modprobe -n tun 2>/dev/null; then
		ok "host interface: tun"
	else
		lacks "no /dev/net/tun: the host interface (lw0) needs the module tun"
	fi
	[ -c /dev/vhost-net ] ||
		note "no /dev/vhost-net: the host interface will be a TAP device, slower (modprobe vhost_net)"
	limit=$(awk '/^Max locked memory/ { print $4 }' /proc/self/limits)
	if [ "$(id -u)" -ne 0 ] && [ "$limit" != unlimited ]; then
		note "this user may lock $limit bytes only: LimitMEMLOCK=infinity in linewatch-dp's unit"
	fi
}

# DPDK's start looks for drivers whose names end in the whole ABI version.
check_drivers()
{
	for bus in /usr/lib/*/dpdk/pmds-*/librte_bus_pci.so.*.*; do
		[ -e "$bus" ] || continue
		folder=${bus%/*}
		set -- "$folder"/librte_net_*.so.*.*
		ok "DPDK's drivers: $# in $folder"
		return
	done
	note "DPDK's drivers are not in /usr/lib/*/dpdk/pmds-*: install librte-net-* for your device" \
		"(needless when DPDK is linked statically)"
}

show_devices()
{
	for device in /sys/bus/pci/devices/*; do
		case $(cat "$device/class") in
		0x0200*) ;;
		*) continue ;;
		esac
		interfaces=
		for net in "$device"/net/* "$device"/virtio*/net/*; do
			[ ! -e "$net" ] || interfaces="$interfaces ${net##*/}"
		done
		echo "device   ${device##*/} $(cut -c3- "$device/vendor"):$(cut -c3- "$device/device")" \
			"driver $(nic_driver "$device")${interfaces:+, interface$interfaces}"
	done
}

check_cpu
check_hugepages
check_iommu
check_nodes
check_drivers
show_devices
[ $missing -eq 0 ] || echo "$missing things are missing"
[ $missing -eq 0 ]
