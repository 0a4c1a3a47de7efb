#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Static analysis. What it must not report stands with the reason in cppcheck.txt.
. "$(dirname "$0")/common.sh"

mapfile -t sources < <(files 'shared/*.c' 'dataplane/*.c' 'controlplane/*.c')
[ ${#sources[@]} -eq 0 ] && exit 0
list=$(dirname "$0")/cppcheck.txt
verdict "$(cppcheck -j 2 --quiet --std=c11 --language=c -I . -D_GNU_SOURCE -DLW_VERSION='""' \
	--enable=warning,performance,portability --inline-suppr --suppressions-list="$list" \
	--template='{file}:{line}: {severity}: {message} [{id}]' "${sources[@]}" 2>&1)"
