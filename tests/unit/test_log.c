/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the program "test" writes as a warning, with JOURNAL_STREAM naming stderr (off = 0) or
 * another stream. */
static void line_of(char *line, size_t size, ino_t off)
{
	char stream[64];
	struct stat st;
	int fds[2], own = dup(STDERR_FILENO);
	ssize_t len;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fstat(fds[1], &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)(st.st_ino + off));
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(fds[1], STDERR_FILENO);
	log_open("test", LOG_WARNING);
	log_notice("not worth it");
	log_warning("number %d", 7);
	dup2(own, STDERR_FILENO);
	len = read(fds[0], line, size - 1);
	line[len > 0 ? len : 0] = 0;
	close(fds[0]);
	close(fds[1]);
	close(own);
	unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_WARNING);
}

static void test_journal(void **state)
{
	char line[128];

	line_of(line, sizeof(line), 0);
	assert_string_equal(line, "<4>warning: number 7\n");
}

static void test_another_stream(void **state)
{
	char line[128];

	line_of(line, sizeof(line), 1);
	assert_string_equal(line, "test: warning: number 7\n");
}

static void test_escape(void **state)
{
	char text[16];

	assert_string_equal(log_escape(text, sizeof(text), "a\n\\b\xff", 5), "a\\x0a\\x5cb\\xff");
	assert_string_equal(log_escape(text, sizeof(text), "a\x1b[1m", 5), "a\\x1b[1m");
	/* Never a piece of an escape. */
	assert_string_equal(log_escape(text, 8, "abcd\n", 5), "abcd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_another_stream),
		cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
