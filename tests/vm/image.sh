#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What the virtual machine boots: Debian's kernel, unpacked but not installed, and an initramfs of
# busybox, linewatch-dp, the test program, the operator's scripts and the libraries of all these.
#
#   image.sh BUILD OUT     BUILD: folder of the build, also keeps the unpacked kernel; writes
#                          OUT/vmlinuz, OUT/initramfs and OUT/initramfs-services, that and more
set -euo pipefail
build=$(realpath "$1")
out=$(realpath "$2")
source=$(realpath "$(dirname "$0")/../..")
root=$out/root

modules='virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover
	virtio_net e1000 vmxnet3 tun tap vhost_iotlb vhost vhost_net irqbypass vfio vfio_virqfd
	vfio_iommu_type1 vfio-pci-core vfio-pci llc stp garp mrp 8021q
	veth crc32c_generic libcrc32c nfnetlink nf_tables autofs4'

# Prints the folder of the kernel package's content. The package is not installed: that would touch
# how this machine boots.
kernel()
{
	local dir=$build/vm-kernel package partial

	if [ ! -d "$dir" ]; then
		package=$(apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" { print $2; exit }')
		partial=$(mktemp -d "$build/vm-kernel-XXXXXX")
		if ! (cd "$partial" && apt-get -qq -o APT::Sandbox::User=root download "$package") >&2; then
			rm -rf "$partial"
			echo "image.sh: no kernel: Debian's mirror must be reached once, with lists of" \
				"today (apt-get update)" >&2
			return 1
		fi
		dpkg-deb --extract "$partial"/*.deb "$partial"
		rm "$partial"/*.deb
		mv -T "$partial" "$dir"
	fi
	echo "$dir"
}

# place FILE...: copies files to the same path, and the links that lead to them as links: DPDK must
# not see a driver that is linked in and one that it loads as two files.
place()
{
	local file real

	for file in "$@"; do
		real=$(realpath "$file")
		[ -e "$root$real" ] || install -D "$real" "$root$real"
		file=$(realpath --no-symlinks "$file")
		[ -e "$root$file" ] || { mkdir -p "$root${file%/*}" && ln -s "$real" "$root$file"; }
	done
}

# place_program FILE [AS]: a program or a driver with the libraries that it is linked with.
place_program()
{
	local libraries

	mapfile -t libraries < <(ldd "$1" | grep -o '/[^ ]*')
	place "${libraries[@]}"
	if [ $# -eq 2 ]; then
		install -D "$1" "$root$2"
	else
		place "$1"
	fi
}

mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root/linewatch/tests/vm"
ln -s usr/{bin,sbin,lib,lib64} "$root"
kernel=$(kernel)
cp "$kernel"/boot/vmlinuz-* "$out/vmlinuz"
for module in $modules; do
	find "$kernel/lib/modules" -name "$module.ko" -printf '%P\n' |
		(cd "$kernel/lib/modules" && xargs -I{} install -D {} "$root/lib/modules/{}")
done
version=$(ls "$root/lib/modules")
busybox depmod -b "$root" "$version"

install "$(command -v busybox)" "$root/bin/busybox"
# Debian's own where busybox differs; its shell would also run its own words before these.
for program in sh ip nsenter unshare setpriv prlimit; do
	place_program "$(command -v $program)"
done
place_program "$build/dataplane/linewatch-dp" /linewatch/linewatch-dp
place_program "$build/tests/vm/test_nic" /linewatch/test_nic
place_program "$build/tests/component/test_nexthop_vlan" /linewatch/test_nexthop_vlan
# EAL loads what it finds in its folder of drivers under the full version of the ABI alone.
for driver in bus_pci bus_vdev mempool_ring net_e1000 net_vmxnet3 net_virtio net_tap net_af_packet; do
	for file in /usr/lib/*/dpdk/pmds-*/librte_"$driver".so.*.*; do
		place_program "$file"
	done
done
install -D -t "$root/linewatch/scripts" "$source"/scripts/{host,nic}-*.sh
install "$source/tests/vm/operator.sh" "$root/linewatch/tests/vm/"
install "$source/tests/vm/init.sh" "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc) >"$out/initramfs"

# The kernel unpacks one archive over the other.
root=$out/services.root
# shellcheck source-path=SCRIPTDIR source=services_image.sh
. "$source/tests/vm/services_image.sh"
{
	cat "$out/initramfs"
	services
} >"$out/initramfs-services"
