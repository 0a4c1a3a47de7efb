#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Each folder says in a README.md what lives there.
. "$(dirname "$0")/common.sh"

verdict "$(files '*/*' | grep -v '^\.' | awk -F/ '{
	folder[$1] = 1
	if (NF > 2)
		folder[$1 "/" $2] = 1
}
END {
	for (f in folder)
		print f
}' | sort | while IFS= read -r folder; do
	[ -s "$folder/README.md" ] || echo "$folder/: README.md is missing"
done)"
