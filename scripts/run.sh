#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# One watched call, end to end: installs what is missing, builds, and shows in about two minutes
# how linewatch keeps a call alive, refreshes it, finds it dead and ends it.
#
#   run.sh [--stay]     --stay: leaves the node running afterwards, until Ctrl-C
set -euo pipefail
cd "$(dirname "$0")/.."

case "$#,${1:-}" in
0, | 1,--stay) ;;
*)
	echo "usage: run.sh [--stay]     --stay: leaves the node running afterwards, until Ctrl-C" >&2
	[ "${1:-}" = --help ] && exit 0
	exit 2
	;;
esac
if [ "$(id -u)" -ne 0 ]; then
	echo "run.sh: run as root: it makes network namespaces and installs packages" >&2
	exit 1
fi

scripts/deps.sh build run
echo "Building."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! scripts/build.sh programs >"$log" 2>&1 </dev/null; then
	tail -n 40 "$log" >&2
	echo "run.sh: the build failed, see above" >&2
	exit 1
fi
rm -f "$log"
exec /usr/bin/python3 tests/scenario/show.py "$@"
