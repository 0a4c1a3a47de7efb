#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# Each checker accepts a clean tree and finds its fault. LW_SOURCE is the root of the project.

setup()
{
	lint=$LW_SOURCE/scripts/lint
	cd "$BATS_TEST_TMPDIR" || return 1
	git init -q .
	mkdir -p shared dataplane/core controlplane scripts/lint
	touch LICENSE
	cp "$LW_SOURCE/.clang-format" .
	cp "$lint/cppcheck.txt" "$lint/spelling.txt" scripts/lint/
	for folder in shared dataplane dataplane/core controlplane scripts scripts/lint; do
		echo "# $folder" >$folder/README.md
	done
	source_file shared/a.h
	source_file shared/a.c 'int a_sum(int x);' 'int a_sum(int x)' '{' $'\treturn x + 1;' '}'
	source_file dataplane/core/b.c '#include "shared/a.h"'
}

# source_file PATH LINE...: with the licence line in front.
source_file()
{
	local path=$1
	shift
	printf '%s\n' '/* SPDX-License-Identifier: BSD-3-Clause */' "$@" >"$path"
}

# clean CHECKER, finds CHECKER PATTERN
clean()
{
	run "$lint/$1.sh"
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

finds()
{
	run "$lint/$1.sh"
	echo "$output"
	[ "$status" -eq 1 ] && [[ $output == *"$2"* ]]
}

@test "layout" {
	clean layout
	mkdir docs
	touch docs/x
	finds layout "docs: does not belong at the top level"
}

@test "layout sees stray files as well" {
	touch notes.txt
	finds layout "notes.txt"
}

@test "ignored files are nobody's business" {
	echo notes.txt >.gitignore
	touch notes.txt
	clean layout
}

@test "readme" {
	clean readme
	mkdir -p controlplane/sip
	source_file controlplane/sip/x.c
	finds readme "controlplane/sip/: README.md is missing"
	echo x >controlplane/sip/README.md
	clean readme
	: >shared/README.md
	finds readme "shared/: README.md is missing"
}

@test "spdx" {
	clean spdx
	printf '#!/bin/bash\n# SPDX-License-Identifier: BSD-3-Clause\n' >scripts/x.sh
	clean spdx
	echo 'int x;' >shared/x.c
	finds spdx "shared/x.c: SPDX-License-Identifier"
	rm shared/x.c
	printf '#!/bin/bash\necho\n# SPDX-License-Identifier: BSD-3-Clause\n' >scripts/x.sh
	finds spdx "scripts/x.sh"
}

@test "words" {
	clean words
	source_file shared/x.c "/* TO""DO: later */"
	finds words "shared/x.c:2"
	source_file shared/x.c "static const char path[] = \"/wo""rk/main\";"
	finds words "a machine path"
}

@test "length" {
	clean length
	{ echo; yes 'int x;' | head -n 401; } >shared/x.c
	finds length "shared/x.c: 402 lines, over 400"
	echo 'shared/x.c one table' >scripts/lint/long-files.txt
	clean length
	echo 'shared/x.c' >scripts/lint/long-files.txt
	finds length "without a reason"
	echo 'shared/gone.c one table' >>scripts/lint/long-files.txt
	finds length "shared/gone.c: listed in"
	printf 'shared/x.c one table\nshared/a.c one table\n' >scripts/lint/long-files.txt
	finds length "shared/a.c: 6 lines need not be listed"
}

@test "includes" {
	clean includes
	source_file dataplane/core/x.c '#include "controlplane/loop.h"'
	finds includes "dataplane/ must not include controlplane/"
	rm dataplane/core/x.c
	source_file controlplane/x.c '#  include "dataplane/core/worker.h"'
	finds includes "controlplane/ must not include dataplane/"
	rm controlplane/x.c
	source_file shared/x.h '#include <controlplane/loop.h>'
	finds includes "shared/ must not include controlplane/"
	rm shared/x.h
	source_file shared/x.c '#include "a.h"'
	finds includes "write it from the root"
	source_file shared/x.c '#include "../dataplane/core/worker.h"'
	finds includes "shared/ must not include dataplane/"
}

@test "format" {
	clean format
	source_file shared/x.c 'int  x;'
	finds format "shared/x.c:2"
}

@test "format fails without its tool" {
	local tool
	mkdir bin
	for tool in bash dirname git xargs; do
		ln -s "$(command -v $tool)" bin/
	done
	PATH=$PWD/bin run "$lint/format.sh"
	echo "$output"
	[ "$status" -eq 1 ]
}

@test "spelling" {
	clean spelling
	source_file shared/x.c '/* It is neces''ary. */'
	finds spelling "shared/x.c:2"
}

@test "shell" {
	clean shell
	# shellcheck disable=SC2016 # for the script
	printf '%s\n' '#!/bin/bash' 'cd $1' >scripts/x.sh
	finds shell "SC2086"
}

@test "cppcheck" {
	clean cppcheck
	source_file shared/x.c '#include <stdlib.h>' 'void x_leak(void);' 'void x_leak(void)' '{' \
		$'\tchar *p = malloc(1);' $'\tp[1] = 0;' '}'
	finds cppcheck "shared/x.c"
}

# hot BODY...: a hot function with this body, called x_turn(int n, int *v).
hot()
{
	cat >scripts/lint/hot-path.txt <<-'END'
		dataplane/core/hot.c x_open
		call memcpy of a size that is bounded
	END
	source_file dataplane/core/hot.c '#include <stdlib.h>' '#include <string.h>' \
		'#include <time.h>' '#include <pthread.h>' 'void other(void);' \
		'int x_next(int n);' 'int x_turn(int n, int *v);' 'void *x_open(int n);' \
		'int x_next(int n) { return n + 1; }' \
		'void *x_open(int n) { return malloc((size_t)(1000 / n)); }' \
		"int x_turn(int n, int *v) { $* }"
}

@test "hot path: what is allowed" {
	hot 'memcpy(v, v + n, (size_t)n); return x_next(n) / 10 + *v % 64;'
	clean hot-path
}

@test "hot path: allocation" {
	hot 'return malloc((size_t)n) != v;'
	finds hot-path "x_turn calls malloc"
}

@test "hot path: a call in an inlined function" {
	hot 'struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return n + (int)t.tv_sec;'
	finds hot-path "x_turn calls clock_gettime"
}

@test "hot path: a function of the main thread" {
	hot 'return x_open(n) != v;'
	finds hot-path "x_turn calls"
}

@test "hot path: a tail call" {
	hot 'other(); return 0;'
	finds hot-path "x_turn calls other"
	hot 'if (n) return rand(); return 0;'
	finds hot-path "x_turn calls rand"
}

@test "hot path: division" {
	hot 'return n / *v;'
	finds hot-path "x_turn divides"
	echo 'div x_turn once a day' >>scripts/lint/hot-path.txt
	clean hot-path
	hot 'return (int)((unsigned __int128)v[0] * v[1] % (unsigned __int128)(v[2] * (__int128)n));'
	finds hot-path "x_turn divides (__umodti3)"
}

@test "hot path: lock and endless loop" {
	hot 'pthread_mutex_lock((pthread_mutex_t *)v); return n;'
	finds hot-path "a lock, or a loop without end"
	hot 'for (;;) if (*(volatile int *)v == n) return n;'
	finds hot-path "a lock, or a loop without end"
}

@test "hot path: the list itself" {
	hot 'return n;'
	echo 'dataplane/core/gone.c' >>scripts/lint/hot-path.txt
	finds hot-path "dataplane/core/gone.c: listed in"
	hot 'return n;'
	sed -i 's/x_open/x_gone/' scripts/lint/hot-path.txt
	finds hot-path "x_gone is listed as cold and does not exist"
	hot 'return n;'
	echo 'call rand' >>scripts/lint/hot-path.txt
	finds hot-path "rand: listed without a reason"
	hot 'return none;'
	finds hot-path "does not compile"
}

@test "lint.sh counts what failed" {
	run "$LW_SOURCE/scripts/lint.sh" nothing
	[ "$status" -eq 2 ]
	cp -r "$LW_SOURCE/scripts/lint.sh" scripts/
	cp "$lint"/layout.sh "$lint"/readme.sh "$lint"/common.sh scripts/lint/
	run scripts/lint.sh layout readme
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = $'ok    layout\nok    readme' ]
	touch notes.txt
	run scripts/lint.sh layout readme
	[ "$status" -eq 1 ]
	[[ $output == *"FAIL  layout"*"notes.txt"*"ok    readme"*"1 of 2 checkers"* ]]
}
