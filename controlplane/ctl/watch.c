/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ctl/watch.h"

#include "controlplane/ctl/ctlask.h"
#include "controlplane/ctl/frame.h"
#include "controlplane/ctl/pcap.h"
#include "shared/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX  65535
#define TEXT_MAX   8192 /* of a payload, escaped */
#define TEXT_SHORT 120  /* without --wide */

struct watch {
	FILE *out;
	const struct watch_order *order;
	bool broken; /* out could not be written */
	json_int_t lost;
};

static int watch_open(struct watch *w)
{
	struct pcap_head head = pcap_head(FRAME_MAX);
	int fd, err;

	w->out = stdout;
	if (!w->order->file)
		return 0;
	/* Other people's calls may be in it. */
	fd = open(w->order->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	w->out = fdopen(fd, "w");
	if (!w->out) {
		err = errno;
		close(fd);
		return -err;
	}
	w->broken = fwrite(&head, sizeof(head), 1, w->out) != 1 || fflush(w->out);
	return 0;
}

static uint64_t number(const json_t *frame, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(frame, name));

	return value > 0 ? (uint64_t)value : 0;
}

static const char *text(const json_t *frame, const char *name)
{
	const char *value = json_string_value(json_object_get(frame, name));

	return value ? value : "";
}

/* Local time of day. */
static void write_time(char *buf, size_t size, uint64_t at_us)
{
	time_t seconds = (time_t)(at_us / 1000000);
	struct tm tm;
	size_t n;

	localtime_r(&seconds, &tm);
	n = strftime(buf, size, "%H:%M:%S", &tm);
	snprintf(buf + n, size - n, ".%06" PRIu64, at_us % 1000000);
}

/* "answer after 21.5 ms", or the fate alone. */
static void write_fate(char *buf, size_t size, const json_t *frame)
{
	bool dropped = json_is_true(json_object_get(frame, "dropped"));
	char raw[64], word[4 * sizeof(raw)];

	snprintf(raw, sizeof(raw), "%s", text(frame, "fate"));
	log_escape(word, sizeof(word), raw, strlen(raw));
	if (json_object_get(frame, "round_us"))
		snprintf(buf, size, "%s after %.1f ms", word,
			(double)number(frame, "round_us") / 1000);
	else
		snprintf(buf, size, "%s%s", dropped ? "dropped: " : "", word);
}

char *watch_line(char *buf, size_t size, const json_t *frame, bool wide)
{
	static uint8_t data[FRAME_MAX];
	int len = frame_unhex(data, sizeof(data), text(frame, "data"));
	char when[32], src[ADDR_STRLEN], dst[ADDR_STRLEN], fate[320], payload[TEXT_MAX];
	struct frame_view view;

	write_time(when, sizeof(when), number(frame, "at_us"));
	write_fate(fate, sizeof(fate), frame);
	if (len < 0 || frame_look(&view, data, (size_t)len) < 0) {
		snprintf(buf, size, "%s  %-3s  not UDP  %s", when,
			json_is_true(json_object_get(frame, "out")) ? "out" : "in", fate);
		return buf;
	}
	log_escape(
		payload, wide ? sizeof(payload) : TEXT_SHORT, (const char *)view.payload, view.len);
	snprintf(buf, size, "%s  %-3s  %s > %s  %s  %zu bytes  \"%s\"", when,
		json_is_true(json_object_get(frame, "out")) ? "out" : "in",
		addr_format(&view.src, src), addr_format(&view.dst, dst), fate, view.len, payload);
	return buf;
}

static void watch_pcap(struct watch *w, const json_t *frame)
{
	static uint8_t data[FRAME_MAX];
	int kept = frame_unhex(data, sizeof(data), text(frame, "data"));
	struct pcap_frame head;

	if (kept < 0) {
		w->broken = true;
		return;
	}
	head = pcap_frame(number(frame, "at_us"), (uint32_t)kept, (uint32_t)number(frame, "len"));
	if (fwrite(&head, sizeof(head), 1, w->out) != 1 ||
		fwrite(data, 1, (size_t)kept, w->out) != (size_t)kept)
		w->broken = true;
}

static void watch_note(struct watch *w, const json_t *part)
{
	json_int_t lost = json_integer_value(json_object_get(part, "lost"));

	if (json_object_get(part, "note"))
		fprintf(stderr, "(%s)\n", text(part, "note"));
	if (lost > w->lost && !w->order->file)
		fprintf(stderr, "(%" JSON_INTEGER_FORMAT " frames found no room here)\n",
			lost - w->lost);
	w->lost = lost > w->lost ? lost : w->lost;
}

static void watch_part(void *arg, const json_t *part)
{
	char line[TEXT_MAX + 1024];
	struct watch *w = arg;

	if (json_object_size(part) == 0)
		return;
	if (w->order->file || !w->order->json)
		watch_note(w, part);
	if (w->order->file) {
		if (json_object_get(part, "data"))
			watch_pcap(w, part);
	} else if (w->order->json) {
		json_dumpf(part, w->out, JSON_COMPACT);
		fputc('\n', w->out);
	} else if (json_object_get(part, "data")) {
		fprintf(w->out, "%s\n", watch_line(line, sizeof(line), part, w->order->wide));
	}
	if (fflush(w->out))
		w->broken = true;
}

static void watch_told(const json_t *result)
{
	fprintf(stderr, "%s: %" JSON_INTEGER_FORMAT " frames, %" JSON_INTEGER_FORMAT " lost\n",
		text(result, "why"), json_integer_value(json_object_get(result, "frames")),
		json_integer_value(json_object_get(result, "lost")));
}

int watch_run(const char *path, const struct watch_order *order, char *err, size_t errlen)
{
	struct watch w = {.order = order};
	const struct ctlask_parts parts = {watch_part, &w};
	json_t *result = NULL;
	int rc = watch_open(&w);

	if (rc) {
		snprintf(err, errlen, "%s: %s", order->file, strerror(-rc));
		return -EPROTO;
	}
	rc = ctlask(path, "capture", order->args, &parts, &result, err, errlen);
	if (order->file && fclose(w.out))
		w.broken = true;
	if (rc == 0 && w.broken) {
		snprintf(err, errlen, "the frames cannot be written");
		rc = -EPROTO;
	} else if (rc == 0) {
		watch_told(result);
	}
	json_decref(result);
	return rc;
}
