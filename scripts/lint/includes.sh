#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# shared/ knows nobody, dataplane/ and controlplane/ know shared/ only, programs know no tests.
# Includes of our own are written from the root.
. "$(dirname "$0")/common.sh"

# against FOLDER OTHER: files of FOLDER that include OTHER.
against()
{
	local sources
	mapfile -t sources < <(files "$1/*.c" "$1/*.h")
	[ ${#sources[@]} -eq 0 ] && return
	grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[\"<](\.\./)*$2/" "${sources[@]}" /dev/null |
		sed "s,\$,   <- $1/ must not include $2/,"
}

# relative FOLDER: quoted includes that do not begin with one of our folders.
relative()
{
	local sources
	mapfile -t sources < <(files "$1/*.c" "$1/*.h")
	[ ${#sources[@]} -eq 0 ] && return
	grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "${sources[@]}" /dev/null |
		grep -vE '"(shared|dataplane|controlplane|tests)/' | sed 's/$/   <- write it from the root/'
}

verdict "$(
	for other in dataplane controlplane tests; do
		against shared $other
	done
	against dataplane controlplane
	against dataplane tests
	against controlplane dataplane
	against controlplane tests
	for folder in shared dataplane controlplane tests; do
		relative $folder
	done
)"
