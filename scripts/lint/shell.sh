#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every shell script through shellcheck.
. "$(dirname "$0")/common.sh"

mapfile -t sources < <(files '*.sh' '*.bats' .ci/run)
[ ${#sources[@]} -eq 0 ] && exit 0
verdict "$(shellcheck --external-sources --source-path=SCRIPTDIR "${sources[@]}" 2>&1)"
