/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/log.h"
#include "shared/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Binds a manager's socket; name[0] '@' is one without a file. */
static int manager_open(const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(sun.sun_path, name, len);
	if (name[0] == '@')
		sun.sun_path[0] = 0;
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void manager_heard(int fd)
{
	char text[32];
	ssize_t len = recv(fd, text, sizeof(text), 0);

	assert_int_equal(len, strlen("READY=1"));
	assert_memory_equal(text, "READY=1", strlen("READY=1"));
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

static void test_file(void **state)
{
	char folder[] = "/tmp/lw-notify-XXXXXX", path[64];
	int fd;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	fd = manager_open(path);
	assert_int_equal(notify_ready(), 0);
	manager_heard(fd);
	unlink(path);
	rmdir(folder);
}

static void test_abstract(void **state)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@lw-notify-%d", (int)getpid());
	fd = manager_open(name);
	assert_int_equal(notify_ready(), 0);
	manager_heard(fd);
}

static void test_nobody(void **state)
{
	char name[200];

	assert_int_equal(notify_ready(), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(notify_ready(), 0);
	setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	assert_int_equal(notify_ready(), -ENOENT);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_ready(), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_abstract),
	};

	log_open("test_notify", LOG_ERROR);
	unsetenv("NOTIFY_SOCKET");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
