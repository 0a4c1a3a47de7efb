/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dpcapture.h"

#include "controlplane/media/dpclient_impl.h"

#include <errno.h>
#include <string.h>

static struct dpcapture *dpcapture_find(struct dpclient *c, uint32_t name)
{
	for (uint32_t i = 0; i < PROTO_CAPTURES; i++)
		if (c->captures[i].state && c->captures[i].set.capture == name)
			return &c->captures[i];
	return NULL;
}

static struct dpcapture *dpcapture_place(struct dpclient *c)
{
	for (uint32_t i = 0; i < PROTO_CAPTURES; i++)
		if (c->captures[i].state == DPCAPTURE_NONE)
			return &c->captures[i];
	return NULL;
}

/* What is captured, in the data plane's ids. False: it is not set, or not there. */
static bool dpcapture_target(
	const struct dpclient *c, const struct dpcapture_conf *conf, struct proto_capture *set)
{
	const struct dptable *t = &c->flows;
	int64_t index = dpflow_index(c, conf->at);
	struct proto_handle handle;

	if (conf->kind == PROTO_CAPTURE_BINDING) {
		t = &c->bindings;
		index = conf->index;
	} else if (conf->monitor) {
		t = &c->monitors;
		index = conf->monitor - 1;
	}
	if (index < 0 || !dptable_handle(t, (uint32_t)index, &handle))
		return false;
	set->id = handle.id;
	set->gen = handle.gen;
	return true;
}

uint32_t dpcapture_start(struct dpclient *c, const struct dpcapture_conf *conf, const char **why)
{
	struct dpcapture *it = dpcapture_place(c);
	struct proto_capture set = {
		.packets_max = conf->packets_max,
		.until_ms = conf->until_ms,
		.kind = conf->kind,
	};

	*why = "the data plane is not there";
	if (!dpclient_is_up(c))
		return 0;
	*why = "the data plane has no such flow or binding";
	if (!dpcapture_target(c, conf, &set))
		return 0;
	*why = "too many captures at a time";
	if (!it)
		return 0;
	set.capture = ++c->capture_name ? c->capture_name : ++c->capture_name;
	*it = (struct dpcapture){.conf = *conf, .set = set, .state = DPCAPTURE_WANTED};
	return set.capture;
}

void dpcapture_stop(struct dpclient *c, uint32_t capture)
{
	struct dpcapture *it = dpcapture_find(c, capture);

	if (it)
		it->state = it->state == DPCAPTURE_WANTED ? DPCAPTURE_NONE : DPCAPTURE_GONE;
}

static void dpcapture_ended(struct dpcapture *it, uint32_t why, const char *words, uint64_t lost)
{
	struct dpcapture old = *it;

	it->state = DPCAPTURE_NONE;
	if (old.state != DPCAPTURE_GONE)
		old.conf.end(old.conf.arg, why, words, lost);
}

void dpcapture_frame(struct dpclient *c, const struct proto_frame *frame)
{
	struct dpcapture *it = dpcapture_find(c, frame->capture);

	if (it && it->state == DPCAPTURE_SENT)
		it->conf.frame(it->conf.arg, frame);
}

void dpcapture_end(struct dpclient *c, const struct proto_capture_end *end)
{
	static const char *const words[] = {
		[PROTO_CAPTURE_FULL] = "that many packets are captured",
		[PROTO_CAPTURE_TIME] = "the time is over",
		[PROTO_CAPTURE_GONE] = "it has gone",
	};
	struct dpcapture *it = dpcapture_find(c, end->capture);

	if (it)
		dpcapture_ended(it, end->why, words[end->why], end->lost);
}

bool dpcapture_ack(struct dpclient *c, const struct proto_ack *ack)
{
	for (uint32_t i = 0; i < PROTO_CAPTURES; i++) {
		struct dpcapture *it = &c->captures[i];

		if (it->state < DPCAPTURE_SENT || it->seq != ack->seq)
			continue;
		/* It went, or became another, while the order was on its way. */
		if (ack->status == -ENOENT)
			dpcapture_ended(it, PROTO_CAPTURE_GONE, "it is not in the data plane", 0);
		else if (ack->status < 0)
			dpcapture_ended(it, 0,
				ack->status == -ENOSPC ? "the data plane has too many captures"
						       : strerror(-ack->status),
				0);
		return true;
	}
	return false;
}

void dpcapture_away(struct dpclient *c)
{
	for (uint32_t i = 0; i < PROTO_CAPTURES; i++)
		if (c->captures[i].state)
			dpcapture_ended(&c->captures[i], 0, "the data plane went away", 0);
}

bool dpcapture_next(struct dpclient *c, struct dpcapture **next)
{
	for (uint32_t i = 0; i < PROTO_CAPTURES; i++) {
		*next = &c->captures[i];
		if ((*next)->state == DPCAPTURE_WANTED || (*next)->state == DPCAPTURE_GONE)
			return true;
	}
	return false;
}
