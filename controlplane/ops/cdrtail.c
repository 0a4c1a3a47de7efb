/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/cdrtail.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_MAX 4194304 /* bytes of the file's end that are looked at */
#define PAGE     50      /* records told at once */

struct cdrtail {
	uv_work_t work;
	struct ctlserver_request *request;
	const char *path;
	uint64_t last;
	uint64_t unproven_s;
	json_t *list; /* newest first */
	size_t left;  /* of it, to be told */
	int error;
};

/* Reads the end of the file; the first line may be cut and is left out then. Returns the length or
 * -errno. */
static long tail_read(const char *path, char **text)
{
	FILE *file = fopen(path, "re");
	long size, from, len;

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	*text = malloc(TAIL_MAX + 1);
	if (!*text || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0) {
		fclose(file);
		return *text ? -EIO : -ENOMEM;
	}
	from = size > TAIL_MAX ? size - TAIL_MAX : 0;
	fseek(file, from, SEEK_SET);
	len = (long)fread(*text, 1, TAIL_MAX, file);
	fclose(file);
	(*text)[len] = '\0';
	if (from > 0) {
		char *line = memchr(*text, '\n', (size_t)len);
		long cut = line ? line + 1 - *text : len;

		memmove(*text, *text + cut, (size_t)(len - cut) + 1);
		len -= cut;
	}
	return len;
}

static bool wanted(const json_t *cdr, uint64_t unproven_s)
{
	double connected = json_number_value(json_object_get(cdr, "connected"));
	double proven = json_number_value(json_object_get(cdr, "proven"));

	return json_is_object(cdr) && (unproven_s == 0 || connected - proven >= (double)unproven_s);
}

/* From the newest line backwards, until there are enough. */
static void tail_parse(struct cdrtail *tail, char *text, long len)
{
	while (len > 0 && json_array_size(tail->list) < tail->last) {
		json_t *cdr;

		if (text[len - 1] == '\n')
			len--;
		text[len] = '\0';
		while (len > 0 && text[len - 1] != '\n')
			len--;
		cdr = json_loads(text + len, 0, NULL);
		if (wanted(cdr, tail->unproven_s))
			json_array_append(tail->list, cdr);
		json_decref(cdr);
	}
}

static void tail_work(uv_work_t *work)
{
	struct cdrtail *tail = work->data;
	char *text = NULL;
	long len = tail_read(tail->path, &text);

	if (len < 0)
		tail->error = (int)len;
	else
		tail_parse(tail, text, len);
	free(text);
}

static json_t *tail_page(void *arg)
{
	struct cdrtail *tail = arg;
	json_t *rows;

	if (tail->left == 0)
		return NULL;
	rows = json_array();
	for (int i = 0; i < PAGE && tail->left; i++)
		json_array_append(rows, json_array_get(tail->list, --tail->left));
	return json_pack("{so}", "cdrs", rows);
}

static void tail_end(void *arg)
{
	struct cdrtail *tail = arg;

	json_decref(tail->list);
	free(tail);
}

static void tail_done(uv_work_t *work, int status)
{
	struct cdrtail *tail = work->data;

	if (tail->error) {
		ctlserver_fail(
			tail->request, "cannot read %s: %s", tail->path, strerror(-tail->error));
		tail_end(tail);
		return;
	}
	tail->left = json_array_size(tail->list);
	ctlserver_pages(tail->request, &(struct ctlserver_pages){tail_page, tail_end, tail});
}

void cdrtail_answer(struct ctlserver_request *request, uv_loop_t *loop, const char *path,
	uint64_t last, uint64_t unproven_s)
{
	struct cdrtail *tail = calloc(1, sizeof(*tail));

	if (!tail) {
		ctlserver_fail(request, "no memory");
		return;
	}
	tail->work.data = tail;
	tail->request = request;
	tail->path = path;
	tail->last = last;
	tail->unproven_s = unproven_s;
	tail->list = json_array();
	uv_queue_work(loop, &tail->work, tail_work, tail_done);
}
