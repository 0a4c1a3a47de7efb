#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Boots a virtual machine for each NAME, without KVM, and shows what passed in it.
#
#   run.sh [NAME...]     e1000 vmxnet3 virtio noiommu, default: all
#
# The programs are those of build/ (or $LINEWATCH_BUILD). Consoles are kept in $LINEWATCH_LOGS, if
# set, and shown when something fails.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
exec </dev/null

limit=600 # seconds; a machine that has two CPUs takes 40
build=${LINEWATCH_BUILD:-build}
passed=0
failed=0
qemu=

# Both NICs of a machine are of one model, on one cable.
# shellcheck disable=SC2054 # commas of QEMU
declare -A models=(
	[e1000]=e1000
	[vmxnet3]=vmxnet3
	[virtio]=virtio-net-pci,disable-legacy=on,iommu_platform=on
	[noiommu]=e1000
)

cleanup()
{
	[ -z "$qemu" ] || kill "$qemu" 2>/dev/null
	rm -rf "$dir"
}

verdict()
{
	echo "$1  $name: $2"
	[ "$1" = pass ] && passed=$((passed + 1)) || failed=$((failed + 1))
}

# boot NAME: starts QEMU; its console is $dir/console, its monitor $dir/monitor.in.
boot()
{
	local nic=${models[$1]} arguments

	# shellcheck disable=SC2054 # commas of QEMU
	case $1 in
	noiommu) arguments=(-append "$append lw=noiommu") ;;
	*)
		# Without intremap vfio refuses; 48 bits, so that DPDK may use virtual addresses.
		arguments=(-append "$append lw=nic intel_iommu=on iommu=pt"
			-device intel-iommu,intremap=on,caching-mode=on,aw-bits=48
			# Two cards behind one old bridge share an IOMMU group.
			-device pcie-pci-bridge,id=shared,addr=6
			-device e1000,bus=shared,addr=1 -device e1000,bus=shared,addr=2)
		;;
	esac
	qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 1280 \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$dir/vmlinuz" -initrd "$dir/initramfs" "${arguments[@]}" \
		-netdev hubport,hubid=0,id=near -device "$nic,id=lw,netdev=near,addr=4" \
		-netdev hubport,hubid=0,id=far -device "$nic,netdev=far,addr=5" \
		-serial "pipe:$dir/console" -monitor "pipe:$dir/monitor" \
		>"$dir/qemu" 2>&1 &
	qemu=$!
}

# watch: reads the console to its end and does what the machine asks for.
watch()
{
	local line start=$SECONDS ended=no end=$((SECONDS + limit))

	while IFS= read -r -t $((end > SECONDS ? end - SECONDS : 1)) line <&"$console"; do
		line=${line%$'\r'}
		echo "$((SECONDS - start)) s  $line" >>"$dir/log"
		case $line in
		"vm: set_link "*) echo "set_link lw ${line##* }" >"$dir/monitor.in" ;;
		"vm: pass "*) verdict pass "${line#vm: pass }" ;;
		"vm: FAIL "*) verdict FAIL "${line#vm: FAIL }" ;;
		"ok "*" - test_"*) verdict pass "${line#* - test_}" ;;
		"not ok "*" - "*) verdict FAIL "${line#* - }" ;;
		"vm: end") ended=yes && break ;;
		esac
	done
	[ $ended = yes ] || verdict FAIL "the machine did not come to its end in $limit s"
}

run()
{
	local before=$failed

	name=$1
	rm -f "$dir"/{console,monitor}.{in,out} "$dir/log"
	mkfifo "$dir"/{console,monitor}.{in,out}
	# Held open for both, so that neither side waits for the other.
	exec {console}<>"$dir/console.out" {monitor}<>"$dir/monitor.in"
	boot "$name"
	watch
	kill "$qemu" 2>/dev/null
	wait "$qemu"
	qemu=
	exec {console}>&- {monitor}>&-
	if [ "$failed" -gt "$before" ]; then
		tail -n 80 "$dir/log" "$dir/qemu" | sed 's/^/      /'
	fi
	[ -z "${LINEWATCH_LOGS:-}" ] || cp "$dir/log" "$LINEWATCH_LOGS/vm-$name.log"
}

[ $# -gt 0 ] || set -- e1000 vmxnet3 virtio noiommu
for name in "$@"; do
	[ -n "${models[$name]:-}" ] || {
		echo "run.sh: $name is none of: ${!models[*]}" >&2
		exit 2
	}
done
append="console=ttyS0 quiet loglevel=4 panic=-1"
dir=$(mktemp -d)
trap cleanup EXIT
trap 'exit 143' TERM INT
tests/vm/image.sh "$build" "$dir" || exit 1
for name in "$@"; do
	run "$name"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
