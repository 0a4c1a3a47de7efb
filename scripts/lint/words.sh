#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Words of unfinished work, and paths of somebody's machine. The brackets keep this file clean.
. "$(dirname "$0")/common.sh"

mapfile -t sources < <(files '*.c' '*.h' '*.lua' '*.sh' '*.bats' '*.py' '*.md' '*meson.build' .ci/run)
[ ${#sources[@]} -eq 0 ] && exit 0
unfinished='\b([T]ODO|[F]IXME|[X]XX|[H]ACK|[s]tub(bed)?|not[ ]implemented|[p]laceholder|for[ ]now|[d]ummy)\b'
verdict "$(
	grep -nIiE "$unfinished" "${sources[@]}" | sed 's/$/   <- unfinished?/'
	grep -nIE '(^|[^a-z])/([w]ork|[h]ome|[f]arm)/' "${sources[@]}" | sed 's/$/   <- a machine path/'
)"
