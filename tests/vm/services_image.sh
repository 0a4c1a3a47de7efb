#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What the machine "services" has beyond the others: systemd with udev and networkd, Redis with
# Debian's unit, SIPp, and linewatch as `meson install` lays it down. image.sh reads it; $root is the
# folder to fill.
set -euo pipefail

# Everything of these packages but what people read, and units that want a console or D-Bus.
tree()
{
	local left

	dpkg -L systemd udev redis-server redis-tools |
		grep -vE '^/\.$|^/usr/share/(man|doc|locale|bash-completion|zsh|bug|lintian)|/hwdb|init\.d' |
		while IFS= read -r left; do
			[ ! -r "$left" ] || echo "${left#/}"
		done |
		tar -C / --no-recursion --files-from - -cf - |
		tar -C "${root:?}" --keep-directory-symlink -xf -
	rm -rf "$root"/lib/systemd/system-generators
	rm "$root"/lib/systemd/system/multi-user.target.wants/{getty.target,systemd-logind.service}
}

libraries_of_tree()
{
	local file

	# What is no program has none.
	{ find "$root" -type f -perm /111 -print0 | xargs -0 ldd 2>/dev/null || true; } |
		grep -o '/[^ ]* (' | cut -d' ' -f1 | sort -u |
		while IFS= read -r file; do
			[ ! -e "$file" ] || place "$file"
		done
}

# With what shared/redis.md says under Settings for one Redis.
redis_conf()
{
	echo "bind 127.0.0.1"
	echo "dir /var/lib/redis"
	awk '/^## Settings/ { found = 1 } found && /^```/ { fences++; next } fences == 1' \
		"${source:?}/shared/redis.md"
}

services()
{
	mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/var/{lib/redis,log/redis}
	ln -s usr/{bin,sbin,lib,lib64} "$root"
	tree
	DESTDIR=$root meson install -C "${build:?}" --no-rebuild --quiet
	place_program "$(command -v sipp)"
	for program in nft ethtool sysctl; do
		place_program "$(command -v $program)"
	done
	place /usr/share/sip-tester/g711a.pcap /lib/terminfo/d/dumb
	libraries_of_tree
	mkdir -p "$root/etc/redis" "$root/linewatch/sipp"
	redis_conf >"$root/etc/redis/redis.conf"
	install -t "$root/linewatch/sipp" "$source"/tests/scenario/sipp/call{er,ee}.xml
	install -t "$root/linewatch/tests/vm" -D "$source"/tests/vm/services{,_boot}.sh
	(cd "$root" && find . | cpio --quiet -o -H newc -R +0:+0)
}
