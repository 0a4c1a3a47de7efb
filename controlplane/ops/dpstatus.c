/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ops/dpstatus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DPSTATUS_MS      1000
#define DPSTATUS_WORKERS 64

/* Cycles of a worker so far, and how many of 1000 of the last second's were busy. */
struct usage {
	uint64_t busy, total;
	uint32_t of_1000;
};

struct dpstatus {
	const struct dpclient *dp;
	uv_timer_t timer;
	struct usage usage[DPSTATUS_WORKERS];
};

static uint32_t share(uint64_t busy, uint64_t total)
{
	return total ? (uint32_t)((double)busy / (double)total * 1000 + 0.5) : 0;
}

static void on_second(uv_timer_t *timer)
{
	struct dpstatus *s = timer->data;
	struct facts_worker w;

	for (uint32_t i = 0; i < DPSTATUS_WORKERS && s->dp && dpclient_worker(s->dp, i, &w) == 0;
		i++) {
		struct usage *u = &s->usage[i];

		/* Another process of the data plane began anew. */
		if (w.total_cycles < u->total)
			*u = (struct usage){0};
		u->of_1000 = share(w.busy_cycles - u->busy, w.total_cycles - u->total);
		u->busy = w.busy_cycles;
		u->total = w.total_cycles;
	}
}

int dpstatus_open(struct dpstatus **out, uv_loop_t *loop, const struct dpclient *dp)
{
	struct dpstatus *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->dp = dp;
	s->timer.data = s;
	uv_timer_init(loop, &s->timer);
	uv_timer_start(&s->timer, on_second, 0, DPSTATUS_MS);
	*out = s;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void dpstatus_close(struct dpstatus *s)
{
	if (s)
		uv_close((uv_handle_t *)&s->timer, on_closed);
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *histogram(const uint64_t *count, unsigned int places, bool full)
{
	uint64_t sum = 0;
	json_t *out, *list;

	for (unsigned int i = 0; i < places; i++)
		sum += count[i];
	out = json_pack("{so, so, so, so}", "count", number(sum), "p50_us",
		number(facts_quantile(count, places, 500)), "p99_us",
		number(facts_quantile(count, places, 990)), "max_us",
		number(facts_quantile(count, places, 1000)));
	if (!full)
		return out;
	list = json_array();
	for (unsigned int i = 0; i < places; i++)
		json_array_append_new(list,
			json_pack("{so, so}", "from_us", number(i ? 1ull << i : 0), "count",
				number(count[i])));
	json_object_set_new(out, "places", list);
	return out;
}

static json_t *workers(const struct dpstatus *s)
{
	json_t *list = json_array();
	struct facts_worker w;

	for (uint32_t i = 0; i < DPSTATUS_WORKERS && dpclient_worker(s->dp, i, &w) == 0; i++)
		json_array_append_new(list,
			json_pack("{so, sf, sf, so, so, so, so}", "worker", number(i),
				"busy_percent", s->usage[i].of_1000 / 10.0, "busy_percent_ever",
				share(w.busy_cycles, w.total_cycles) / 10.0, "rx", number(w.rx),
				"tx", number(w.tx), "busy_cycles", number(w.busy_cycles),
				"total_cycles", number(w.total_cycles)));
	return list;
}

static json_t *ports(const struct facts_head *head)
{
	static const char *const states[] = {
		[FACTS_PORT_IN] = "in service",
		[FACTS_PORT_RESET] = "being reset",
		[FACTS_PORT_GONE] = "gone",
	};
	json_t *list = json_array();

	for (unsigned int i = 0; i < FACTS_PORTS; i++) {
		const struct facts_port *port = &head->port[i];

		if (port->state == FACTS_PORT_NONE || port->state > FACTS_PORT_GONE)
			continue;
		json_array_append_new(list,
			json_pack("{ss#, ss, ss, so, so, so}", "port", port->name,
				strnlen(port->name, FACTS_PORT_NAME), "state", states[port->state],
				"link", port->link_up ? "up" : "down", "members_out",
				number(port->members_out), "resets", number(port->resets),
				"removals", number(port->removals)));
	}
	return list;
}

static void totals(json_t *out, const struct facts_worker *sum, const struct facts_head *head)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"rx", sum->rx},
		{"tx", sum->tx},
		{"relayed_rtp", sum->relayed_rtp},
		{"relayed_rtcp", sum->relayed_rtcp},
		{"keepalives", sum->keepalives},
		{"watched_rtp", sum->watched_rtp},
		{"watched_rtcp", sum->watched_rtcp},
		{"keepalive_needed", head->keepalive_needed},
		{"keepalive_short", head->keepalive_short},
		{"keepalive_skipped", sum->keepalive_skipped},
		{"keepalive_capped", sum->keepalive_capped},
		{"keepalive_late_max_us", sum->keepalive_late_max_us},
		{"loop_gap_max_us", sum->loop_gap_max_us},
		{"irq_sleeps", sum->irq_sleeps},
		{"irq_woken", sum->irq_woken},
		{"irq_missed", sum->irq_missed},
		{"answers", sum->answers},
		{"answers_refused", sum->answers_refused},
		{"rtp_keepalives", sum->rtp_keepalives},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(out, rows[i].name, number(rows[i].value));
}

json_t *dpstatus_json(const struct dpstatus *s, bool full)
{
	struct dpclient_status status;
	struct facts_worker sum = {0};
	struct facts_head head = {0};
	json_t *out;

	if (!s->dp)
		return json_pack("{ss}", "mode", "none");
	dpclient_status(s->dp, &status);
	dpclient_totals(s->dp, &sum, &head);
	out = json_pack("{sb, so, so, so, so}", "up", status.up, "workers", number(status.workers),
		"flows", number(status.flows), "bindings", number(status.bindings), "monitors",
		number(status.monitors));
	totals(out, &sum, &head);
	json_object_set_new(out, "round_trip", histogram(sum.round_trip, FACTS_ROUND_TRIPS, full));
	json_object_set_new(out, "send_error", histogram(sum.keepalive_late, FACTS_LATE, full));
	json_object_set_new(out, "worker", workers(s));
	json_object_set_new(out, "port", ports(&head));
	return out;
}

json_t *dpstatus_drops(const struct dpstatus *s)
{
	static const char *const names[] = {
#define X(name, text) text,
		FACTS_DROPS(X) FACTS_LOSSES(X)
#undef X
	};
	struct facts_worker sum = {0};
	struct facts_head head = {0};
	json_t *out = json_object();

	if (s->dp)
		dpclient_totals(s->dp, &sum, &head);
	for (unsigned int i = 0; i < FACTS_DROP_MAX; i++)
		json_object_set_new(out, names[i], number(sum.drop[i]));
	for (unsigned int i = 0; i < FACTS_LOSS_MAX; i++)
		json_object_set_new(out, names[FACTS_DROP_MAX + i], number(head.loss[i]));
	return out;
}
