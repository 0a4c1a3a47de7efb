/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/cdrfile.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[32], path[64];
static struct cdrfile file;

static int setup(void **state)
{
	strcpy(dir, "/tmp/lw-cdrfile-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/cdr", dir);
	return cdrfile_init(&file, path, 100);
}

static int teardown(void **state)
{
	char line[64];

	cdrfile_close(&file);
	snprintf(line, sizeof(line), "rm -rf %s", dir);
	return system(line);
}

static void put(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void assert_content(const char *want)
{
	char text[20000] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	assert_string_equal(text, want);
}

static int append(const char *text)
{
	return cdrfile_append(&file, text, strlen(text));
}

/* A line that a crash cut short. */
static void test_cut_line(void **state)
{
	put("one\ntwo\nthr");
	assert_int_equal(append("three\n"), 0);
	assert_content("one\ntwo\nthree\n");
}

static void test_only_a_cut_line(void **state)
{
	static char big[9000];

	memset(big, 'x', sizeof(big) - 1);
	put(big);
	assert_int_equal(append("one\n"), 0);
	assert_content("one\n");
}

static void test_rotate(void **state)
{
	char line[60], name[80];
	FILE *list;
	int files = 0;

	memset(line, 'x', 58);
	strcpy(line + 58, "\n");
	for (int i = 0; i < 4; i++)
		assert_int_equal(append(line), 0);
	assert_content(line);
	/* Three older ones in the same second do not replace each other. */
	snprintf(name, sizeof(name), "ls %s", dir);
	list = popen(name, "r");
	while (fgets(name, sizeof(name), list))
		files++;
	pclose(list);
	assert_int_equal(files, 4);
}

static void test_larger_than_limit(void **state)
{
	char line[160];

	memset(line, 'x', 158);
	strcpy(line + 158, "\n");
	assert_int_equal(append(line), 0);
	assert_content(line);
}

/* The disk is full in the middle of a line: what was written of it goes again. */
static void test_no_room(void **state)
{
	struct rlimit limit, old;

	assert_int_equal(append("first\n"), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 10;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(append("second line\n"), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_content("first\n");
	assert_int_equal(append("second line\n"), 0);
	assert_content("first\nsecond line\n");
}

static void test_moved_and_forbidden(void **state)
{
	char old[80];

	assert_int_equal(append("one\n"), 0);
	snprintf(old, sizeof(old), "%s.old", path);
	assert_int_equal(rename(path, old), 0);
	assert_int_equal(append("two\n"), 0);
	assert_content("two\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(append("three\n"), -EISDIR);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(append("three\n"), 0);
	assert_content("three\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_cut_line), T(test_only_a_cut_line),
		T(test_rotate), T(test_larger_than_limit), T(test_no_room),
		T(test_moved_and_forbidden)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
