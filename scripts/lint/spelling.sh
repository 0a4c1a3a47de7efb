#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Common misspellings; spelling.txt lists words of ours that look like some.
. "$(dirname "$0")/common.sh"

mapfile -t sources < <(files . | grep -vE '\.(pcap|bin|png)$|^tests/fuzz/corpus/')
[ ${#sources[@]} -eq 0 ] && exit 0
words=$(dirname "$0")/spelling.txt
verdict "$(codespell --ignore-words "$words" "${sources[@]}" 2>&1)"
