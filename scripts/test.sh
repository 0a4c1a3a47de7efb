#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs, builds, and runs every test; the last line is "N passed, M failed".
#
#   test.sh [unit|component|scenario|vm|lint] [NAME...]
#
# unit and component run twice: in the plain build and under ASan and UBSan. NAMEs pick tests of
# that kind. A part that fails hides no other. Logs are in build-logs/.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
exec </dev/null

kind=${1:-all}
[ $# -gt 0 ] && shift
case $kind in
all | unit | component | scenario | vm | lint) ;;
*)
	echo "usage: test.sh [unit|component|scenario|vm|lint] [NAME...]" >&2
	[ "$kind" = --help ] && exit 0
	exit 2
	;;
esac

passed=0
failed=0
logs=$PWD/build-logs

wants()
{
	[ "$kind" = all ] || [ "$kind" = "$1" ]
}

count()
{
	passed=$((passed + $1))
	failed=$((failed + $2))
}

# step WHAT COMMAND...: one thing that passes or fails as a whole.
step()
{
	local what=$1 log
	log=$logs/${1// /-}.log
	shift
	if "$@" >"$log" 2>&1; then
		echo "pass  $what"
		count 1 0
	else
		echo "FAIL  $what"
		tail -n 30 "$log" | sed 's/^/      /'
		echo "      log: $log"
		count 0 1
		return 1
	fi
}

# meson_tests DIR SUITE NAME...: runs a suite and counts test by test.
meson_tests()
{
	local dir=$1 suite=$2 results
	shift 2
	rm -f "$dir"/meson-logs/testlog*.json
	meson test -C "$dir" --no-rebuild --suite "$suite" "$@" >"$logs/$dir-$suite.log" 2>&1
	results=$(/usr/bin/python3 scripts/meson_results.py "$dir" "$suite")
	echo "${results%$'\n'*}"
	# shellcheck disable=SC2046 # two numbers
	count $(tail -n 1 <<<"$results")
}

# runner_tests COMMAND...: a runner of its own, whose last line is "N passed, M failed".
runner_tests()
{
	local line ended=no

	while IFS= read -r line; do
		if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
			count "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
			ended=yes
		else
			echo "$line"
		fi
	done < <("$@" 2>&1)
	[ $ended = yes ] || count 0 1
}

finish()
{
	[ "$failed" -eq 0 ] || echo "Logs are in $logs"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}

rm -rf "$logs"
mkdir -p "$logs"
trap 'kill "$!" 2>/dev/null; exit 143' TERM
step "install" scripts/deps.sh build run test || finish
if wants lint; then
	step "lint" scripts/lint.sh
fi
if [ "$kind" = lint ]; then
	finish
fi

if step "build plain" scripts/build.sh plain; then
	for suite in unit component; do
		wants $suite && meson_tests build $suite "$@"
	done
	if wants scenario; then
		mkdir -p "$logs/scenario"
		runner_tests /usr/bin/python3 tests/scenario/run.py --logs "$logs/scenario" "$@"
	fi
	if wants vm; then
		mkdir -p "$logs/vm"
		LINEWATCH_LOGS=$logs/vm runner_tests tests/vm/run.sh "$@"
	fi
fi
if wants unit || wants component; then
	if step "build asan" scripts/build.sh asan; then
		export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
		export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
		for suite in unit component; do
			wants $suite && meson_tests build-asan $suite "$@"
		done
	fi
fi
finish
