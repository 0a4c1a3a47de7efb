#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Huge pages of 2 MB for linewatch-dp (dataplane.hugepages: true).
#
#   host-hugepages.sh                 shows what is reserved, free and remembered
#   host-hugepages.sh reserve MB      MB more than the host had; again: another amount instead
#   host-hugepages.sh release         gives back what reserve took
#
# Memory fragments with uptime: reserve soon after boot, or for good with hugepages=N on the kernel's
# command line. Needs root.
set -eu

pages=/sys/kernel/mm/hugepages/hugepages-2048kB
state=/run/linewatch-host/hugepages-before

fail()
{
	echo "host-hugepages: $*" >&2
	exit 1
}

show()
{
	total=$(cat $pages/nr_hugepages)
	free=$(cat $pages/free_hugepages)
	echo "$total huge pages of 2 MB: $((total * 2)) MB, $((free * 2)) MB of them free"
	if [ -e $state ]; then
		before=$(cat $state)
		echo "$(((total - before) * 2)) MB were reserved by this script"
	fi
}

# After a failure: what was never reserved need not be remembered.
forget_nothing()
{
	[ "$now" -ne "$before" ] || rm -f $state
}

reserve()
{
	case $1 in
	*[!0-9]* | '') fail "$1 is no number of MB" ;;
	esac
	[ "$1" -gt 0 ] || fail "0 MB is nothing to reserve: release gives pages back"
	mkdir -p /run/linewatch-host
	[ -e $state ] || cat $pages/nr_hugepages >$state
	before=$(cat $state)
	now=$(cat $pages/nr_hugepages)
	wanted=$((before + ($1 + 1) / 2))
	# The kernel would push everything else out of memory in the attempt.
	available=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
	if [ $(((wanted - now) * 2)) -ge "$available" ]; then
		forget_nothing
		fail "$1 MB cannot be reserved: $available MB of memory are available"
	fi
	# What memory is free in small pieces joins into more huge pages.
	echo 1 >/proc/sys/vm/compact_memory 2>/dev/null || true
	echo $wanted >$pages/nr_hugepages
	got=$(cat $pages/nr_hugepages)
	if [ "$got" -lt $wanted ]; then
		echo "$now" >$pages/nr_hugepages
		forget_nothing
		fail "only $(((got - before) * 2)) of $1 MB could be had, so nothing was changed: too" \
			"little memory is free in pieces of 2 MB. Ask for less, or boot with" \
			"hugepages=$wanted"
	fi
	show
}

release()
{
	[ -e $state ] || fail "nothing is remembered: this script reserved nothing since boot"
	before=$(cat $state)
	echo "$before" >$pages/nr_hugepages
	rm -f $state
	now=$(cat $pages/nr_hugepages)
	[ "$now" -le "$before" ] ||
		echo "$(((now - before) * 2)) MB are still in use and will be given back by their users"
	show
}

[ -d $pages ] || fail "this kernel has no huge pages of 2 MB ($pages is missing)"
if [ $# -gt 0 ] && [ "$1" != show ] && [ "$(id -u)" -ne 0 ]; then
	fail "run as root: only root may change $pages/nr_hugepages"
fi
case ${1:-show}/$# in
show/[01]) show ;;
reserve/2) reserve "$2" ;;
release/1) release ;;
*)
	echo "usage: host-hugepages.sh [show | reserve MB | release]" >&2
	exit 2
	;;
esac
