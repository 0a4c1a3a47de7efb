#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds the fuzz targets with clang, ASan and UBSan, and runs each for a while, one after the other.
# Ends with 1 if any found something; the input that did is kept.
#
#   fuzz.sh [SECONDS] [TARGET...]     default: 60 seconds each, all of tests/fuzz/fuzz_*.c
#
# LW_FUZZ_BUILD is the build folder (default build-fuzz). What a run learnt stays in its corpus/ and
# serves the next run; what failed is in its crashes/.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

seconds=60
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
	seconds=$1
	shift
fi
build=${LW_FUZZ_BUILD:-build-fuzz}

targets()
{
	local file

	for file in tests/fuzz/fuzz_*.c; do
		file=${file##*/fuzz_}
		echo "${file%.c}"
	done
}

# run TARGET: one line with what it came to; the whole log is beside.
run()
{
	local target=$1 log=$build/logs/$1.log
	mkdir -p "$build/corpus/$target" "$build/crashes" "$build/logs"
	if "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -timeout=20 \
		-print_final_stats=1 -artifact_prefix="$build/crashes/$target-" \
		"$build/corpus/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
		awk -v target="$target" '
			/^#[0-9]+/ && /cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
			/number_of_executed_units/ { runs = $2 }
			/average_exec_per_sec/ { rate = $2 }
			END { printf "pass  %-10s %10d runs, %6d a second, %5d edges\n", target, runs, rate, cov }
		' "$log"
		return 0
	fi
	echo "FAIL  $target"
	grep -vE '^(#[0-9]|INFO:|NEW_FUNC)' "$log" | head -n 40 | sed 's/^/      /'
	echo "      log: $log"
	return 1
}

[ $# -gt 0 ] || mapfile -t all < <(targets)
[ $# -gt 0 ] && all=("$@")
for target in "${all[@]}"; do
	if [ ! -f "tests/fuzz/fuzz_$target.c" ]; then
		echo "fuzz.sh: there is no target $target: $(targets | tr '\n' ' ')" >&2
		exit 2
	fi
done
if [ ! -f "$build/build.ninja" ]; then
	rm -rf "$build"
	CC=${CC:-clang-14} meson setup "$build" -Dfuzz=true -Dwerror=false \
		-Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false ||
		exit 1
fi
ninja -C "$build" fuzz || exit 1
# An assertion of a test rig ends the program where it fails.
export CMOCKA_TEST_ABORT=1
# libosip2 compares text that it has checked before; frames of the EAL's threads are of no interest.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
failed=0
for target in "${all[@]}"; do
	run "$target" || failed=1
done
exit $failed
