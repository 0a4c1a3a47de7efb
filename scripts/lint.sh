#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the checkers of scripts/lint/ over the tracked and the new files of the tree.
#
#   lint.sh [CHECKER...]     without names: all of them
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# In this order: what is quick and most often wrong comes first.
checkers=(layout readme spdx words length includes format spelling shell hot-path cppcheck)
[ $# -gt 0 ] && checkers=("$@")
failed=0
for checker in "${checkers[@]}"; do
	if [ ! -x "scripts/lint/$checker.sh" ]; then
		echo "lint.sh: there is no checker $checker in scripts/lint/" >&2
		exit 2
	fi
	if found=$("scripts/lint/$checker.sh" 2>&1); then
		echo "ok    $checker"
	else
		failed=$((failed + 1))
		echo "FAIL  $checker"
		# shellcheck disable=SC2001 # many lines
		sed 's/^/      /' <<<"$found"
	fi
done
[ "$failed" -eq 0 ] || echo "$failed of ${#checkers[@]} checkers found something"
[ "$failed" -eq 0 ]
