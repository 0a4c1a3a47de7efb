#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Makes the machine "services" what an operator's is before the reboot: users, the configuration,
# enabled units, and an interface eth1 at whose far end are two trunks. init.sh runs it and starts
# systemd behind it.
set -eu

users()
{
	cat >/etc/passwd <<-EOT
		root:x:0:0::/root:/bin/sh
		redis:x:100:100::/var/lib/redis:/usr/sbin/nologin
		linewatch:x:101:101::/nonexistent:/usr/sbin/nologin
		systemd-network:x:102:102::/run/systemd:/usr/sbin/nologin
	EOT
	printf '%s\n' root:x:0: redis:x:100: linewatch:x:101: systemd-network:x:102: \
		systemd-journal:x:103: kvm:x:104:linewatch tty:x:5: disk:x:6: kmem:x:15: dialout:x:20: \
		cdrom:x:24: audio:x:29: video:x:44: input:x:105: sgx:x:106: render:x:107: tape:x:26: \
		lp:x:7: adm:x:4: utmp:x:43: shadow:x:42: >/etc/group
	echo 0123456789abcdef0123456789abcdef >/etc/machine-id
	chown -R redis:redis /etc/redis /var/lib/redis /var/log/redis
}

# As the README says: the example with trunks of our own, and long sleeps for an emulated processor.
configure()
{
	doc=/usr/local/share/doc/linewatch/scripts
	mkdir -p /etc/linewatch /etc/systemd/network
	sed -e '/^trunks:/,/^bindings:/d' -e 's/^  workers: 1/&\n  idle_sleep: 10000/' \
		$doc/linewatch.yaml.example >/etc/linewatch/linewatch.yaml
	cat >>/etc/linewatch/linewatch.yaml <<-EOT
		trunks:
		  - {name: a, address: "192.0.2.5:5060", prefixes: ["00"]}
		  - {name: b, address: "192.0.2.6:5060", prefixes: ["+"]}
	EOT
	chgrp -R linewatch /etc/linewatch
	chmod 640 /etc/linewatch/linewatch.yaml
	cp $doc/lw0.network /etc/systemd/network/
}

# The network: eth1 is the node's, the rest of the world is in the namespace "phones".
cable()
{
	near=$(ls /sys/bus/pci/devices/"$LW_PCI"/virtio*/net)
	far=$(ls /sys/bus/pci/devices/"$LW_PEER_PCI"/virtio*/net)
	ip netns add phones
	ip link set "$far" netns phones name far
	[ "$near" = eth1 ] || ip link set "$near" name eth1
	for address in 1 5 6; do
		ip -n phones addr add 192.0.2.$address/24 dev far
	done
	ip -n phones link set far up
	ip -n phones link set lo up
}

enable_units()
{
	cat >/etc/systemd/system/test.service <<-EOT
		[Service]
		ExecStart=/linewatch/tests/vm/services.sh
		StandardOutput=file:/dev/console
		StandardError=inherit
		[Install]
		WantedBy=multi-user.target
	EOT
	# The host may be busy.
	printf '%s\n' '[Manager]' DefaultTimeoutStartSec=600 DefaultTimeoutStopSec=600 \
		>/etc/systemd/system.conf
	systemctl --quiet enable redis-server systemd-networkd linewatch-port@eth1 linewatch-dp \
		linewatch-cp test
	systemctl --quiet disable systemd-networkd-wait-online
}

users
configure
cable
enable_units
