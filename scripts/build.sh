#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Compiles into build/, with sanitizers into build-asan/, for this very processor into build-bench/.
#
#   build.sh [programs|plain|asan|bench]     programs: without the tests
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:-plain}
options=()
targets=()
case $kind in
plain) dir=build ;;
programs)
	dir=build
	targets=(dataplane/linewatch-dp controlplane/linewatch-cp controlplane/linewatchctl)
	;;
asan)
	dir=build-asan
	options=(-Dbuildtype=debugoptimized "-Db_sanitize=address,undefined")
	;;
bench)
	dir=build-bench
	options=(-Dcpu=native)
	targets=(bench)
	;;
*)
	echo "build.sh: $kind is no kind of build: programs, plain, asan, bench" >&2
	exit 2
	;;
esac

if [ ! -f "$dir/build.ninja" ]; then
	rm -rf "$dir"
	meson setup "$dir" "${options[@]}"
fi
exec ninja -C "$dir" "${targets[@]}"
