#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Under systemd, in the virtual machine: linewatch's units come up at boot, are killed, restarted,
# misled and stopped, while one call goes on. "vm: pass WHAT" or "vm: FAIL WHAT" for each, "vm: end"
# at last. Waits for what it expects; the limits only end what will never come.
set -u
cd /linewatch || exit
out=/tmp/services.out
conf=/etc/linewatch/linewatch.yaml
export TERM=dumb

verdict()
{
	if [ "$1" -eq 0 ]; then
		echo "vm: pass $2"
	else
		echo "vm: FAIL $2"
		sed 's/^/    /' $out
		journalctl --no-pager -n 30 -o short-monotonic | sed 's/^/    /'
	fi
}

# check WHAT COMMAND...: it succeeds.
check()
{
	what=$1
	shift
	"$@" >$out 2>&1
	verdict $? "$what"
}

# wait_for WHAT COMMAND...: it succeeds within two minutes.
wait_for()
{
	what=$1
	shift
	for _ in $(seq 480); do
		"$@" >$out 2>&1 && break
		sleep 0.25
	done
	"$@" >$out 2>&1
	verdict $? "$what"
}

# show UNIT PROPERTY
show()
{
	systemctl show -P "$2" "$1"
}

# is UNIT PROPERTY VALUE
is()
{
	found=$(show "$1" "$2")
	echo "$1 $2: $found, expected $3"
	[ "$found" = "$3" ]
}

# before UNIT PROPERTY UNIT PROPERTY: the first time is not after the second.
before()
{
	first=$(show "$1" "$2")
	second=$(show "$3" "$4")
	echo "$1 $2: $first, $3 $4: $second"
	[ "$first" -gt 0 ] && [ "$first" -le "$second" ]
}

# The node is in step with Redis and the data plane.
in_step()
{
	linewatchctl status --json >/tmp/status &&
		grep -q '"accepts_new": *true' /tmp/status && grep -q '"up": *true' /tmp/status &&
		! grep -q '"up": *false' /tmp/status
}

has_address()
{
	ip -o addr show dev lw0 | grep -q 192.0.2.10/24
}

# status PID FIELD VALUE: a line of /proc/PID/status.
status()
{
	grep "^$2:" "/proc/$1/status"
	[ "$(awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status")" = "$3" ]
}

rights()
{
	dp=$(show linewatch-dp MainPID)
	cp=$(show linewatch-cp MainPID)
	for pid in "$dp" "$cp"; do
		status "$pid" Uid 101 && status "$pid" Gid 101 && status "$pid" NoNewPrivs 1 || return
	done
	# CAP_NET_ADMIN and CAP_NET_RAW, and none.
	status "$dp" CapEff 0000000000003000 && status "$dp" CapBnd 0000000000003000 &&
		status "$cp" CapEff 0000000000000000 && status "$cp" CapBnd 0000000000000000
}

# mode PATH OWNER:GROUP:MODE
mode()
{
	echo "$1: $(stat -c %U:%G:%a "$1"), expected $2"
	[ "$(stat -c %U:%G:%a "$1")" = "$2" ]
}

files()
{
	mode /run/linewatch linewatch:linewatch:755 &&
		mode /run/linewatch/dp.sock linewatch:linewatch:660 &&
		mode /run/linewatch/cp.sock linewatch:linewatch:660 &&
		mode /var/log/linewatch linewatch:linewatch:750 &&
		ls /run/linewatch/dpdk/linewatch-*/dpdk_telemetry.v2
}

# phone ADDRESS SCENARIO OPTION...: SIPp with its words filled in, in the background.
phone()
{
	address=$1
	scenario=$2
	shift 2
	# shellcheck disable=SC2016 # SIPp's own variables
	sed -e 's/@HEADERS@/Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\nSupported: timer/' \
		-e 's/@TIMER@/Require: timer\nSession-Expires: [$se];refresher=uac/' \
		-e 's/@DOMAIN@/sip.example.net/g' -e 's/@LOOPS@/1000/' \
		"sipp/$scenario.xml" >"/tmp/$scenario.xml"
	cd /tmp || exit
	ip netns exec phones sipp 192.0.2.10:5060 -sf "/tmp/$scenario.xml" -i "$address" -p 5060 \
		-mi "$address" -mp 6000 -m 1 -nostdin "$@" >"/tmp/$scenario.out" 2>&1 </dev/null &
	cd /linewatch || exit
}

call_id()
{
	linewatchctl calls --json | grep -o 'p[0-9a-f]*-n01-[0-9a-f-]*' | head -n 1
}

is_active()
{
	call=$(call_id)
	[ -n "$call" ] && [ "$(redis-cli HGET "{${call%%-*}}:call:$call" st)" = active ]
}

# Sum of both legs' packets since the data plane or the control plane began to count.
packets()
{
	linewatchctl call "$call" --json | grep -o '"packets": *[0-9]*' |
		awk -F: '{ n += $2 } END { print n + 0 }'
}

# The same call as before, and packets of it are relayed.
goes_on()
{
	in_step && [ "$(call_id)" = "$call" ] || return
	had=$(packets)
	sleep 1
	now=$(packets)
	echo "$call: $had packets, then $now"
	[ "$now" -gt "$had" ]
}

# crash UNIT: killed, it is started again.
crash()
{
	kill -9 "$(show "$1" MainPID)"
	wait_for "$1 after kill -9: is back" is "$1" NRestarts 1
	wait_for "$1 after kill -9: is ready" is "$1" ActiveState active
	wait_for "$1 after kill -9: the call goes on" goes_on
}

# Loses no address and no route while nobody serves the interface.
keeps_address()
{
	has_address && ip route show default | grep -q "via 192.0.2.1 dev lw0"
}

# refused UNIT: a wrong value ends the start, once, and the journal says which.
refused()
{
	cp $conf /tmp/good.yaml
	sed "s/$2/$3/" /tmp/good.yaml >$conf
	! systemctl restart "$1" && is "$1" SubState failed && is "$1" ExecMainStatus 78 &&
		journalctl --no-pager -o cat -p err -u "$1" | grep "$4"
	refused=$?
	cat /tmp/good.yaml >$conf
	return $refused
}

one_line_each()
{
	journalctl --no-pager -o cat -u linewatch-dp -u linewatch-cp >/tmp/journal
	# What a program tells twice in one moment comes by two ways.
	journalctl --no-pager -o short-monotonic -t linewatch-dp -t linewatch-cp |
		sed 's/\[[0-9]*\]:/:/' | cut -d']' -f2 | sort | uniq -c | sort -n | tail -n 5
	grep -q '^notice: ready' /tmp/journal && ! grep '^<' /tmp/journal
}

priorities()
{
	journalctl --no-pager -o cat -u linewatch-dp -p notice..notice | grep -q '^notice: ready' &&
		journalctl --no-pager -o cat -u linewatch-cp -p notice..notice | grep -q '^notice: ready' &&
		! journalctl --no-pager -o cat -u linewatch-dp -u linewatch-cp -p notice | grep '^info: '
}

recorded()
{
	grep "$call" /var/log/linewatch/cdr.jsonl
}

gone()
{
	! grep -l '^Uid:.101' /proc/[0-9]*/status && ! ls /run/linewatch/*.sock &&
		! ls -d /run/linewatch/dpdk/linewatch-*
}

prepared()
{
	nft list table netdev linewatch_eth1
}

wait_for "boot: control plane is up" is linewatch-cp ActiveState active
check "boot: data plane is up" is linewatch-dp ActiveState active
check "boot: port is prepared" prepared
check "boot: port before data plane" before linewatch-port@eth1 ActiveEnterTimestampMonotonic \
	linewatch-dp ExecMainStartTimestampMonotonic
check "boot: data plane before control plane" before linewatch-dp ActiveEnterTimestampMonotonic \
	linewatch-cp ExecMainStartTimestampMonotonic
check "boot: Redis before control plane" before redis-server ActiveEnterTimestampMonotonic \
	linewatch-cp ExecMainStartTimestampMonotonic
wait_for "boot: networkd gave lw0 its address" keeps_address
wait_for "boot: the node is in step" in_step
check "boot: nothing had to be tried twice" is linewatch-dp NRestarts 0
check "users and capabilities" rights
check "sockets and folders" files
check "functions are in Redis" sh -c 'redis-cli FUNCTION LIST | grep -q linewatch'

phone 192.0.2.6 callee
callee=$!
phone 192.0.2.5 caller -s +4930
caller=$!
wait_for "a call" is_active
wait_for "its media is relayed" goes_on
crash linewatch-dp
check "address and route stay" keeps_address
crash linewatch-cp
check "restart of the control plane" systemctl restart linewatch-cp
wait_for "restart of the control plane keeps the call" goes_on
check "restart of the data plane" systemctl restart linewatch-dp
wait_for "restart of the data plane keeps the call" goes_on
check "hang up" linewatchctl end "$call"
check "caller is content" wait $caller
check "callee is content" wait $callee
wait_for "record of the call" recorded
check "journal: lines are plain" one_line_each
check "journal: priorities" priorities

check "wrong value for the control plane" refused linewatch-cp "SESSION_TTL: 600" "SESSION_TTL: 6" \
	"session.SS_SIP_SESSION_TTL.*90 to"
check "wrong value for the data plane" refused linewatch-dp "workers: 1" "workers: none" \
	"dataplane.workers"
check "mended" systemctl restart linewatch-dp linewatch-cp
wait_for "in step again" in_step
check "stop" systemctl stop linewatch-dp linewatch-cp
check "stop: control plane before data plane" before linewatch-cp InactiveEnterTimestampMonotonic \
	linewatch-dp InactiveEnterTimestampMonotonic
check "stop: no process, no socket is left" gone
check "stop: address and route stay" keeps_address
check "port: given back" systemctl stop linewatch-port@eth1
check "port: no table is left" sh -c '! nft list table netdev linewatch_eth1'
echo "vm: end"
systemctl poweroff --force --force
