# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# For the checkers, which run in the root of the tree, print what is wrong and end with 1 then.
set -uo pipefail

# files PATTERN...: tracked and new files that match, those ignored left out.
files()
{
	local name

	git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r name; do
		# A file that was removed is still in the index until the commit.
		[ -e "$name" ] && printf '%s\n' "$name"
	done
	return 0
}

# verdict TEXT: prints what was found, if anything, and ends the checker.
verdict()
{
	[ -z "$1" ] && exit 0
	printf '%s\n' "$1"
	exit 1
}
