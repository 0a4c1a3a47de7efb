#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The top level is fixed: code, tests and scripts have their folders, documents stand beside the code.
. "$(dirname "$0")/common.sh"

allowed='dataplane|controlplane|shared|scripts|tests|meson\.build|meson_options\.txt'
allowed+='|README\.md|CHANGELOG\.md|LICENSE|\..*'
verdict "$(files . | cut -d/ -f1 | sort -u | grep -vxE "$allowed" |
	sed 's/$/: does not belong at the top level/')"
