#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Boots a virtual machine for each NAME, without KVM, and shows what passed in it. As many run at once
# as there are CPUs.
#
#   run.sh [NAME...]     services e1000 vmxnet3 virtio noiommu, default: all
#
# The programs are those of build/ (or $LINEWATCH_BUILD). Consoles are kept in $LINEWATCH_LOGS, if
# set, and shown when something fails.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
exec </dev/null

limit=600 # seconds without a word of it; a machine that has a CPU to itself takes 45 in all
build=${LINEWATCH_BUILD:-build}
# On a busy host the emulated timer is too late for the kernel's test of it.
append="console=ttyS0 quiet loglevel=4 panic=-1 no_timer_check"

# Both NICs of a machine are of one model, on one cable.
# shellcheck disable=SC2054 # commas of QEMU
declare -A models=(
	[e1000]=e1000
	[vmxnet3]=vmxnet3
	[virtio]=virtio-net-pci,disable-legacy=on,iommu_platform=on
	[noiommu]=e1000
	[services]=virtio-net-pci
)

# boot: starts QEMU; its console is console.out, its monitor monitor.in.
boot()
{
	local nic=${models[$name]} arguments image=initramfs

	# shellcheck disable=SC2054 # commas of QEMU
	case $name in
	noiommu) arguments=(-append "$append lw=noiommu") ;;
	services)
		image=initramfs-services
		arguments=(-append "$append lw=services net.ifnames=0 systemd.show_status=0")
		;;
	*)
		# Without intremap vfio refuses; 48 bits, so that DPDK may use virtual addresses.
		arguments=(-append "$append lw=nic intel_iommu=on iommu=pt"
			-device intel-iommu,intremap=on,caching-mode=on,aw-bits=48
			# Two cards behind one old bridge share an IOMMU group.
			-device pcie-pci-bridge,id=shared,addr=6
			-device e1000,bus=shared,addr=1 -device e1000,bus=shared,addr=2)
		;;
	esac
	qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 1024 \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel ../vmlinuz -initrd ../$image "${arguments[@]}" \
		-device pcie-root-port,id=hot,chassis=1,addr=4 \
		-netdev hubport,hubid=0,id=near -device "$nic,id=lw,netdev=near,bus=hot" \
		-netdev hubport,hubid=0,id=far -device "$nic,netdev=far,addr=5" \
		-serial pipe:console -monitor pipe:monitor >qemu 2>&1 &
	qemu=$!
}

# watch: reads the console to its end, prints verdicts, and does what the machine asks for.
watch()
{
	local line part='' start=$SECONDS said=$SECONDS ended=no

	while [ $((SECONDS - said)) -lt $limit ]; do
		# What came of a line until the time was over is kept.
		if ! IFS= read -r -t 5 line <&"$console"; then
			part+=$line
			[ -n "$(jobs -pr)" ] && continue
			break
		fi
		line=$part${line%$'\r'}
		part=
		said=$SECONDS
		echo "$((SECONDS - start)) s  $line" >>log
		case $line in
		"vm: set_link "*) echo "set_link lw ${line##* }" >&"$monitor" ;;
		"vm: unplug") echo "device_del lw" >&"$monitor" ;;
		"vm: plug") echo "device_add ${models[$name]},id=lw,netdev=near,bus=hot" >&"$monitor" ;;
		"vm: pass "*) echo "pass  $name: ${line#vm: pass }" ;;
		"vm: FAIL "*) echo "FAIL  $name: ${line#vm: FAIL }" ;;
		"ok "*" - test_"*) echo "pass  $name: ${line#* - test_}" ;;
		"not ok "*" - "*) echo "FAIL  $name: ${line#* - }" ;;
		"vm: end") ended=yes && break ;;
		esac
	done
	[ $ended = yes ] || echo "FAIL  $name: the machine stopped, or said nothing for $limit s"
}

# run NAME: one machine in a folder of its own, as a process of its own.
run()
{
	name=$1
	qemu=
	mkdir "$dir/$name" && cd "$dir/$name" || exit
	trap '[ -z "$qemu" ] || { kill "$qemu" 2>/dev/null; wait "$qemu"; }' EXIT
	trap 'exit 143' TERM
	mkfifo console.{in,out} monitor.{in,out}
	# Held open for both, so that neither side waits for the other.
	exec {console}<>console.out {monitor}<>monitor.in
	: >log
	boot
	watch >verdicts
	cat verdicts
	! grep -q ^FAIL verdicts || tail -n 80 log qemu | sed 's/^/      /'
	[ -z "$logs" ] || cp log "$logs/vm-$name.log"
}

cleanup()
{
	# shellcheck disable=SC2046 # a list of processes
	kill $(jobs -p) 2>/dev/null
	wait
	rm -rf "$dir"
}

[ $# -gt 0 ] || set -- services e1000 vmxnet3 virtio noiommu
for name in "$@"; do
	[ -n "${models[$name]:-}" ] || {
		echo "run.sh: $name is none of: ${!models[*]}" >&2
		exit 2
	}
done
logs=${LINEWATCH_LOGS:+$(realpath "$LINEWATCH_LOGS")}
dir=$(mktemp -d)
trap cleanup EXIT
trap 'exit 143' TERM INT
tests/vm/image.sh "$build" "$dir" || exit 1
for name in "$@"; do
	[ "$(jobs -pr | wc -l)" -lt "$(nproc)" ] || wait -n
	run "$name" &
done
wait
passed=$(cat "$dir"/*/verdicts | grep -c ^pass)
failed=$(cat "$dir"/*/verdicts | grep -c ^FAIL)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
