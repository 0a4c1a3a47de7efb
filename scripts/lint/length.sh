#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A file is one noun and rarely over 400 lines; those that must be are listed with the reason.
. "$(dirname "$0")/common.sh"

list=scripts/lint/long-files.txt
[ -e $list ] || list=/dev/null
mapfile -t sources < <(files '*.c' '*.h' '*.lua' '*.sh' '*.bats' '*.py')
[ ${#sources[@]} -eq 0 ] && exit 0
verdict "$(wc -l "${sources[@]}" | awk -v limit=400 -v list=$list '
BEGIN {
	while ((getline line < list) > 0) {
		split(line, word, " ")
		if (line ~ /^#/ || line ~ /^$/)
			continue
		listed[word[1]] = 1
		if (word[2] == "")
			print word[1] ": listed in " list " without a reason"
	}
}
$2 == "total" && NF == 2 { next }
$1 > limit && !($2 in listed) {
	print $2 ": " $1 " lines, over " limit ": split it, or list it in " list " with the reason"
}
$1 <= limit && ($2 in listed) { print $2 ": " $1 " lines need not be listed in " list }
{ delete listed[$2] }
END {
	for (file in listed)
		print file ": listed in " list " and does not exist"
}')"
