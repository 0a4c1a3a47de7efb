/* SPDX-License-Identifier: BSD-3-Clause */
/* A host for the operator's socket without a node around it, for ctlserver.py.
 * Usage: ctl_host SOCKET. It says "ready" and ends at SIGTERM. */
#include "controlplane/ops/ctlserver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOW_MS 200

struct host {
	uv_loop_t loop;
	uv_signal_t term;
	uv_timer_t timer;
	struct ctlserver *server;
	struct ctlserver_request *slow; /* answered by the timer */
	unsigned slow_answers;
	struct ctlserver_request *stream; /* that only its client ends */
	unsigned gone;
	unsigned lists_ended;
};

static void on_status(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct host *host = arg;

	ctlserver_reply(request,
		json_pack("{s:{s:s,s:i},s:{s:i,s:i}}", "node", "name", "n01", "uptime_s", 75,
			"calls", "slow", host->slow_answers, "lists", host->lists_ended));
}

static void on_echo(void *arg, struct ctlserver_request *request, const json_t *args)
{
	ctlserver_reply(request, json_incref((json_t *)args));
}

/* {"longer_s":N}: N rows in parts of 100, every second part empty. */
struct rows {
	struct host *host;
	json_int_t count, at;
	bool empty;
};

static json_t *rows_next(void *arg)
{
	struct rows *rows = arg;
	json_t *list;

	if (rows->at == rows->count)
		return NULL;
	list = json_array();
	rows->empty = !rows->empty;
	for (int n = 0; n < 100 && !rows->empty && rows->at < rows->count; n++, rows->at++) {
		char id[32];

		snprintf(id, sizeof(id), "p000-n01-1-%07x", (unsigned)rows->at);
		json_array_append_new(list,
			json_pack("{s:s,s:s,s:i,s:{s:i,s:s}}", "id", id, "from", "a\x1b[2Jb",
				"age_s", 3600, "a", "rtp_s", 2, "peer", "192.0.2.1:4000"));
	}
	return json_pack("{s:o}", "calls", list);
}

static void rows_end(void *arg)
{
	struct rows *rows = arg;

	rows->host->lists_ended++;
	free(rows);
}

static void on_calls(void *arg, struct ctlserver_request *request, const json_t *args)
{
	struct rows *rows = calloc(1, sizeof(*rows));

	rows->host = arg;
	rows->count = json_integer_value(json_object_get(args, "longer_s"));
	ctlserver_pages(request, &(struct ctlserver_pages){rows_next, rows_end, rows});
}

static void on_call(void *arg, struct ctlserver_request *request, const json_t *args)
{
	ctlserver_fail(request, "no live call has the id %s",
		json_string_value(json_object_get(args, "id")));
}

static void on_timer(uv_timer_t *timer)
{
	struct host *host = timer->data;
	struct ctlserver_request *request = host->slow;

	host->slow = NULL;
	host->slow_answers++;
	ctlserver_reply(request, json_pack("{s:b}", "slow", 1));
}

/* {"last":MS}: after so long. */
static void on_slow(void *arg, struct ctlserver_request *request, const json_t *args)
{
	json_int_t ms = json_integer_value(json_object_get(args, "last"));
	struct host *host = arg;

	if (host->slow) {
		ctlserver_fail(request, "one at a time");
		return;
	}
	host->slow = request;
	uv_timer_start(&host->timer, on_timer, ms ? (uint64_t)ms : SLOW_MS, 0);
}

static void on_gone(void *arg)
{
	struct host *host = arg;

	host->gone++;
	ctlserver_reply(host->stream, NULL);
	host->stream = NULL;
}

/* {"packets":N,"seconds":S}: N parts at once, large ones if S is over 1, and the answer, unless S
 * is none: then nothing but the client's leaving ends it. */
static void on_capture(void *arg, struct ctlserver_request *request, const json_t *args)
{
	json_int_t count = json_integer_value(json_object_get(args, "packets"));
	json_int_t size = json_integer_value(json_object_get(args, "seconds"));
	char pad[1000];
	struct host *host = arg;
	json_int_t lost = 0;

	memset(pad, 'x', sizeof(pad));
	ctlserver_stream(request, on_gone, host);
	host->stream = request;
	for (json_int_t i = 0; i < count; i++)
		lost += !ctlserver_part(request,
			json_pack("{s:I,s:s%}", "n", i, "pad", pad,
				size > 1 ? sizeof(pad) : (size_t)0));
	if (size == 0)
		return;
	host->stream = NULL;
	ctlserver_reply(request,
		json_pack("{s:s,s:I,s:I,s:i}", "why", "over", "frames", count - lost, "lost", lost,
			"gone", host->gone));
}

static void on_end(void *arg, struct ctlserver_request *request, const json_t *args)
{
	ctlserver_reply(request, NULL);
}

/* Also while a client waits: its answer comes after the close and must find no one, safely. */
static void on_term(uv_signal_t *term, int signal)
{
	struct host *host = term->data;

	ctlserver_close(host->server);
	uv_close((uv_handle_t *)term, NULL);
	if (!host->slow)
		uv_close((uv_handle_t *)&host->timer, NULL);
	else
		uv_unref((uv_handle_t *)&host->timer);
}

int main(int argc, char **argv)
{
	struct host host = {0};
	const struct ctlserver_command commands[] = {
		{"status", on_status, &host},
		{"echo", on_echo, &host},
		{"calls", on_calls, &host},
		{"call", on_call, &host},
		{"cdr", on_slow, &host},
		{"end", on_end, &host},
		{"capture", on_capture, &host},
	};
	const size_t count = sizeof(commands) / sizeof(commands[0]);
	int rc;

	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&host.loop);
	rc = ctlserver_open(&host.server, &host.loop, argc > 1 ? argv[1] : "");
	if (rc) {
		fprintf(stderr, "ctl_host: %s\n", strerror(-rc));
		uv_loop_close(&host.loop);
		return 1;
	}
	if (ctlserver_add(host.server, commands, count) ||
		ctlserver_add(host.server, commands, 1) == 0)
		return 1;
	host.timer.data = host.term.data = &host;
	uv_timer_init(&host.loop, &host.timer);
	uv_signal_init(&host.loop, &host.term);
	uv_signal_start(&host.term, on_term, SIGTERM);
	printf("ready\n");
	fflush(stdout);
	uv_run(&host.loop, UV_RUN_DEFAULT);
	if (host.slow) {
		on_timer(&host.timer);
		uv_close((uv_handle_t *)&host.timer, NULL);
		uv_run(&host.loop, UV_RUN_DEFAULT);
	}
	return uv_loop_close(&host.loop) != 0;
}
