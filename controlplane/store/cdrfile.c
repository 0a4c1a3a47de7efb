/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/cdrfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TAIL_STEP 4096

int cdrfile_init(struct cdrfile *file, const char *path, uint64_t limit)
{
	file->fd = -1;
	file->limit = limit;
	file->path = strdup(path);
	return file->path ? 0 : -ENOMEM;
}

static void descriptor_close(struct cdrfile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

void cdrfile_close(struct cdrfile *file)
{
	descriptor_close(file);
	free(file->path);
	file->path = NULL;
}

/* Length up to and with the last newline. */
static off_t whole_lines(int fd, off_t size)
{
	char buf[TAIL_STEP];

	while (size > 0) {
		size_t step = size < TAIL_STEP ? (size_t)size : TAIL_STEP;
		ssize_t n = pread(fd, buf, step, size - (off_t)step);
		const char *end;

		if (n != (ssize_t)step)
			return n < 0 ? -errno : -EIO;
		end = memrchr(buf, '\n', step);
		if (end)
			return size - (off_t)step + (end - buf) + 1;
		size -= (off_t)step;
	}
	return 0;
}

static int open_it(struct cdrfile *file)
{
	struct stat st;
	off_t whole;
	int err;

	file->fd = open(file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (file->fd < 0)
		return -errno;
	if (fstat(file->fd, &st) < 0) {
		err = -errno;
		goto out;
	}
	/* A pipe or a terminal is as good, but has no past. */
	if (!S_ISREG(st.st_mode))
		return 0;
	whole = whole_lines(file->fd, st.st_size);
	if (whole < 0) {
		err = (int)whole;
		goto out;
	}
	if (whole < st.st_size && ftruncate(file->fd, whole) < 0) {
		err = -errno;
		goto out;
	}
	return 0;
out:
	descriptor_close(file);
	return err;
}

/* Somebody may have moved the file away. */
static bool is_current(const struct cdrfile *file)
{
	struct stat there, ours;

	return file->fd >= 0 && stat(file->path, &there) == 0 && fstat(file->fd, &ours) == 0 &&
		there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
}

static int rotate(struct cdrfile *file)
{
	char to[PATH_MAX], stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (unsigned i = 0; i < 1000; i++) {
		char number[12] = "";

		if (i)
			snprintf(number, sizeof(number), "-%u", i);
		if (snprintf(to, sizeof(to), "%s.%s%s", file->path, stamp, number) >=
			(int)sizeof(to))
			return -ENAMETOOLONG;
		/* link refuses to replace an older file, rename would not. */
		if (link(file->path, to) == 0)
			return unlink(file->path) < 0 ? -errno : 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int make_ready(struct cdrfile *file, size_t more, off_t *size)
{
	struct stat st;
	int err;

	if (!is_current(file)) {
		descriptor_close(file);
		err = open_it(file);
		if (err)
			return err;
	}
	if (fstat(file->fd, &st) < 0)
		return -errno;
	*size = S_ISREG(st.st_mode) ? st.st_size : 0;
	if (*size == 0 || (uint64_t)*size + more <= file->limit)
		return 0;
	err = rotate(file);
	if (err)
		return err;
	descriptor_close(file);
	*size = 0;
	return open_it(file);
}

int cdrfile_append(struct cdrfile *file, const char *lines, size_t len)
{
	size_t done = 0;
	off_t size;
	int err = make_ready(file, len, &size);

	if (err)
		return err;
	while (done < len) {
		ssize_t n = write(file->fd, lines + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n < 0 ? -errno : -EIO;
			goto undo;
		}
		done += (size_t)n;
	}
	if (fdatasync(file->fd) < 0 && errno != EINVAL && errno != EROFS) {
		err = -errno;
		goto undo;
	}
	return 0;
undo:
	/* If this fails as well, opening the file again removes the cut line. */
	if (ftruncate(file->fd, size) < 0)
		descriptor_close(file);
	return err;
}
