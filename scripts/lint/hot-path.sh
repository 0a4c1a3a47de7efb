#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The hot path makes no system call, allocates nothing, takes no lock, logs nothing, divides
# nothing, and has no loop without end. Judged by the machine code, so that macros and inline
# functions of headers count; hot-path.txt says what belongs to it and what it may call.
. "$(dirname "$0")/common.sh"

list=scripts/lint/hot-path.txt
[ -n "$(files 'dataplane/*.c')" ] || exit 0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# "FILE FUNCTION..." of each source.
hot_files()
{
	awk '!/^#/ && NF && $1 != "call" && $1 != "div"' "$list"
}

object_of()
{
	echo "$tmp/${1//\//_}.o"
}

# Compiles FILE, each function in a section of its own, optimised as the program is.
compile()
{
	local flags
	flags=$(pkg-config --cflags libdpdk 2>/dev/null)
	# shellcheck disable=SC2086 # several flags
	"${CC:-cc}" $flags -I. -D_GNU_SOURCE -DLW_VERSION='""' -std=gnu17 -O2 -march=x86-64-v3 \
		-fno-strict-aliasing -ffunction-sections -c "$1" -o "$(object_of "$1")" 2>&1
}

# "FUNCTION call NAME" and "FUNCTION div INSTRUCTION" of an object. What the compiler split off a
# function (.part, .isra, .constprop, .cold) counts under the function's name.
machine_facts()
{
	objdump -dr --no-show-raw-insn "$1" | awk '
	/^[0-9a-f]+ <.*>:$/ {
		name = $2
		gsub(/[<>:]/, "", name)
		sub(/\.(part|isra|constprop|cold)[.0-9]*$/, "", name)
	}
	/R_X86_64_(PLT32|PC32|GOTPCREL|GOTPCRELX|REX_GOTPCRELX)/ && jump {
		callee = $3
		sub(/[-+]0x[0-9a-f]+$/, "", callee)
		sub(/\.(part|isra|constprop|cold)[.0-9]*$/, "", callee)
		if (callee ~ /^__u?(div|mod|divmod)[sdt]i[34]$/)
			print name, "div", callee
		else if (callee !~ /^\.(text|rodata|data|bss)/)
			print name, "call", callee
	}
	{ jump = ($2 ~ /^(bnd|call|j[a-z]+)/) }
	$2 ~ /^i?div[bwlq]?$/ { print name, "div", $2 }' | sort -u
}

# may KIND NAME: whether the list has a line for it.
may()
{
	awk -v kind="$1" -v name="$2" '$1 == kind && $2 == name { found = 1 } END { exit !found }' "$list"
}

# judge FILE "COLD FUNCTIONS"
judge()
{
	local file=$1 cold=" $2 " object name kind what
	object=$(object_of "$file")
	machine_facts "$object" | while read -r name kind what; do
		[[ $cold == *" $name "* ]] && continue
		if [ "$kind" = div ]; then
			may div "$name" || echo "$file: $name divides ($what)"
		elif ! may call "$what" && ! grep -qxF "$what" "$tmp/hot"; then
			echo "$file: $name calls $what, which is neither hot nor listed in $list"
		fi
	done
	grep -nE '\<(rte_(spin|rw|seq)lock_|rte_mcs|pthread_|sem_)|\<for \(;;\)|\<while \((1|true)\)' \
		"$file" | sed "s,^,$file:,; s/\$/   <- a lock, or a loop without end/"
	for name in $2; do
		nm --defined-only "$object" | grep -q " $name\$" ||
			echo "$file: $name is listed as cold and does not exist"
	done
}

# Two at a time; what a compiler said is beside its object.
compile_all()
{
	local running=0 file cold

	while read -r file cold; do
		[ -e "$file" ] || continue
		compile "$file" >"$(object_of "$file").log" &
		running=$(((running + 1) % 2))
		[ $running -eq 0 ] && wait
	done < <(hot_files)
	wait
}

hot_names()
{
	local file cold

	while read -r file cold; do
		[ -e "$(object_of "$file")" ] || continue
		nm --defined-only --extern-only "$(object_of "$file")" | awk '$2 == "T" { print $3 }' |
			grep -vxF "$(tr ' ' '\n' <<<"${cold:-/}")"
	done < <(hot_files)
}

compile_all
hot_names >"$tmp/hot"
verdict "$(
	awk '($1 == "call" || $1 == "div") && NF < 3 { print $2 ": listed without a reason" }' "$list"
	while read -r file cold; do
		if [ ! -e "$file" ]; then
			echo "$file: listed in $list and does not exist"
		elif [ ! -e "$(object_of "$file")" ]; then
			echo "$file: does not compile"
			head -n 5 "$(object_of "$file").log"
		else
			judge "$file" "$cold"
		fi
	done < <(hot_files)
)"
