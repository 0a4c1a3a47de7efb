#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Speed of the data plane against a peer in the same run; a line for each comparison,
# "NAME ours=... theirs=... ratio=...", above 1 meaning that we are better.
#
#   bench.sh [ENTRY ...] [--counts N,...] [--rounds N] [--json FILE]     tests/bench/README.md
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" -ne 0 ]; then
	echo "bench.sh: run as root: it reserves huge pages and installs packages" >&2
	exit 1
fi
scripts/deps.sh build run test bench
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! scripts/build.sh bench >"$log" 2>&1 </dev/null; then
	tail -n 40 "$log" >&2
	echo "bench.sh: the build failed, see above" >&2
	exit 1
fi
/usr/bin/python3 tests/bench/bench.py --build build-bench --huge "$@"
