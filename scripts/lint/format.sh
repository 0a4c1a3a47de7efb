#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Layout of C by the .clang-format of the root; version 14 alone, since others lay out otherwise.
. "$(dirname "$0")/common.sh"

mapfile -t sources < <(files '*.c' '*.h')
[ ${#sources[@]} -eq 0 ] && exit 0
found=$(printf '%s\0' "${sources[@]}" |
	xargs -0 -n 40 -P 2 clang-format-14 --dry-run -Werror --ferror-limit=1 2>&1) && exit 0
verdict "${found:-clang-format-14 failed}
clang-format-14 -i mends it"
