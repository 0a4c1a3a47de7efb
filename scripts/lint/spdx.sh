#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The licence stands in the first line, or behind "#!".
. "$(dirname "$0")/common.sh"

mapfile -t sources < <(files '*.c' '*.h' '*.sh' '*.bats' '*.py' '*.lua' '*.awk' '*meson.build' \
	meson_options.txt .ci/run)
[ ${#sources[@]} -eq 0 ] && exit 0
verdict "$(awk 'FNR == 1 && /^#!/ { interpreter = FILENAME; next }
FNR == 1 || (FNR == 2 && interpreter == FILENAME) {
	if (!/SPDX-License-Identifier: BSD-3-Clause/)
		print FILENAME ": SPDX-License-Identifier: BSD-3-Clause is missing in the first line"
}' "${sources[@]}")"
