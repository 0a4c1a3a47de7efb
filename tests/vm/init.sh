#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The only process that the virtual machine's kernel starts: /init of the initramfs. The kernel's
# command line says lw=nic, lw=noiommu or lw=services. On the console "vm: pass WHAT", "vm: FAIL
# WHAT" and, at last, "vm: end"; run.sh reads them.
export PATH=/usr/bin:/usr/sbin:/bin:/sbin
busybox mkdir -p /proc /sys /dev /run /tmp /root
busybox mount -t proc proc /proc
busybox --install -s /bin 2>/dev/null
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /var /etc && ln -s /run /var/run
printf '%s\n' root:x:0:0::/root:/bin/sh operator:x:1000:1000::/root:/bin/sh >/etc/passwd
exec </dev/console >/dev/console 2>&1

read -r commandline </proc/cmdline
kind=nic
case " $commandline " in
*" lw=noiommu "*) kind=noiommu ;;
*" lw=services "*) kind=services ;;
esac
for driver in e1000 vmxnet3 virtio_pci virtio_net tun vhost_net 8021q veth crc32c_generic nf_tables \
	autofs4; do
	modprobe "$driver" || echo "vm: FAIL modprobe $driver"
done
ip link set lo up
export LW_PCI=0000:01:00.0 LW_PEER_PCI=0000:00:05.0

cd /linewatch || exit
if [ $kind = services ]; then
	tests/vm/services_boot.sh || echo "vm: FAIL services_boot.sh ended with $?"
	exec /lib/systemd/systemd
fi
tests/vm/operator.sh $kind
if [ $kind = nic ]; then
	# The peer's interface is in net/, with virtio one folder further down.
	LW_PEER=$(ls -d /sys/bus/pci/devices/$LW_PEER_PCI/net/* \
		/sys/bus/pci/devices/$LW_PEER_PCI/virtio*/net/* 2>/dev/null)
	export LW_PEER="${LW_PEER##*/}" LW_DP=/linewatch/linewatch-dp CMOCKA_MESSAGE_OUTPUT=TAP
	/linewatch/test_nic || echo "vm: FAIL test_nic ended with $?"
	tests/vm/operator.sh giveback
else
	# Needs no device, but a kernel with VLANs.
	export CMOCKA_MESSAGE_OUTPUT=TAP
	/linewatch/test_nexthop_vlan || echo "vm: FAIL test_nexthop_vlan ended with $?"
fi
echo "vm: end"
poweroff -f
