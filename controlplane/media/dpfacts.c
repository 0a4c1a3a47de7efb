/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/dpclient_impl.h"
#include "shared/clock.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define DPFACTS_CLOCK 8000 /* Hz of RTP timestamps where nothing else was said */

/* An array of the facts memory: aligned and wholly inside. */
static bool dpfacts_fits(
	size_t size, uint64_t off, uint64_t count, uint64_t stride, uint64_t item, uint64_t align)
{
	if (stride < item || off % align != 0 || stride % align != 0)
		return false;
	/* Items may lie inside larger records, so only the last item has to fit, not its stride. */
	return count == 0 ||
		(off <= size && item <= size - off && count - 1 <= (size - off - item) / stride);
}

static bool dpfacts_sound(const struct facts_head *h, size_t size, const struct proto_welcome *w)
{
	return h->magic == FACTS_MAGIC && h->version == FACTS_VERSION && h->boot_id == w->boot_id &&
		h->workers == w->workers && h->flows >= w->flow_count &&
		h->bindings >= w->binding_count &&
		w->binding_first <= h->bindings - w->binding_count &&
		(w->monitor_count == 0 || w->monitor_first + w->monitor_count <= h->flows) &&
		dpfacts_fits(size, h->worker_off, h->workers, h->worker_stride,
			sizeof(struct facts_worker), 8) &&
		dpfacts_fits(size, h->binding_heard_off, h->bindings, 4, 4, 4) &&
		dpfacts_fits(size, h->flow_rtcp_off, h->flows, 4, 4, 4) &&
		dpfacts_fits(size, h->flow_count_off, h->flows, h->flow_count_stride,
			sizeof(struct facts_flow), 8) &&
		dpfacts_fits(size, h->flow_quality_off, h->flows, h->flow_quality_stride,
			sizeof(struct facts_quality), 4);
}

int dpfacts_map(struct dpclient *c, int fd)
{
	struct stat st;
	size_t size = c->welcome.facts_size;
	void *map;

	if (fstat(fd, &st) < 0)
		return -errno;
	/* A shorter file would kill us with SIGBUS at the first read beyond its end. */
	if (size < sizeof(struct facts_head) || st.st_size < 0 || (uint64_t)st.st_size < size)
		return -EINVAL;
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	if (!dpfacts_sound(map, size, &c->welcome)) {
		munmap(map, size);
		return -EINVAL;
	}
	dpfacts_unmap(c);
	c->facts = map;
	c->facts_size = size;
	return 0;
}

void dpfacts_unmap(struct dpclient *c)
{
	if (c->facts)
		munmap((void *)c->facts, c->facts_size);
	c->facts = NULL;
	c->facts_size = 0;
}

static const struct facts_head *dpfacts_head(const struct dpclient *c)
{
	return (const struct facts_head *)c->facts;
}

static uint32_t dpfacts_tick(const struct dpclient *c, uint64_t off, uint32_t id)
{
	return __atomic_load_n((const uint32_t *)(c->facts + off) + id, __ATOMIC_RELAXED);
}

static uint32_t dpfacts_get(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void dpfacts_quality(const struct facts_flow *count, const struct facts_quality *quality,
	struct dpclient_flow_facts *out)
{
	uint32_t rate = dpfacts_get(&quality->clock);
	uint32_t seq = dpfacts_get(&count->seq);
	int32_t lost = (int32_t)(dpfacts_get(&quality->lost_base) + seq - out->packets);

	out->lost = seq == 0 || lost < 0 ? 0 : (uint32_t)lost;
	out->jitter_ms = (uint32_t)((uint64_t)dpfacts_get(&count->jitter) * 1000 / 16 /
		(rate ? rate : DPFACTS_CLOCK));
	out->ssrc_changes = dpfacts_get(&quality->ssrc_changes);
	out->rtcp = dpfacts_get(&quality->rtcp);
	out->off_source = dpfacts_get(&quality->off_source);
	out->malformed = dpfacts_get(&quality->malformed);
	out->payload_type = dpfacts_get(&quality->payload_type);
}

static void dpfacts_flow(
	const struct dpclient *c, uint32_t id, uint64_t now_ms, struct dpclient_flow_facts *out)
{
	const struct facts_head *h = dpfacts_head(c);
	const struct facts_flow *count;

	count = (const struct facts_flow *)(c->facts + h->flow_count_off +
		(uint64_t)id * h->flow_count_stride);
	out->boot_id = h->boot_id;
	out->rtp_ms = clock_tick_ms(dpfacts_get(&count->heard), now_ms);
	out->rtcp_ms = clock_tick_ms(dpfacts_tick(c, h->flow_rtcp_off, id), now_ms);
	out->bytes = __atomic_load_n(&count->bytes, __ATOMIC_RELAXED);
	out->packets = __atomic_load_n(&count->packets, __ATOMIC_RELAXED);
	dpfacts_quality(count,
		(const struct facts_quality *)(c->facts + h->flow_quality_off +
			(uint64_t)id * h->flow_quality_stride),
		out);
}

int dpclient_flow_facts(const struct dpclient *c, struct dpclient_port at, uint64_t now_ms,
	struct dpclient_flow_facts *out)
{
	int64_t index = dpflow_index(c, at);

	if (!c->facts || index < 0 || !c->media[at.media].placed ||
		!dptable_at(&c->flows, (uint32_t)index)->counted)
		return -ENOENT;
	dpfacts_flow(c, (uint32_t)dpflow_id(c, (uint32_t)index), now_ms, out);
	return 0;
}

int dpclient_monitor_facts(
	const struct dpclient *c, uint32_t number, uint64_t now_ms, struct dpclient_flow_facts *out)
{
	if (!c->facts || number >= c->monitors.size || number >= c->welcome.monitor_count ||
		!dptable_at(&c->monitors, number)->counted ||
		c->welcome.monitor_first + number >= dpfacts_head(c)->flows)
		return -ENOENT;
	dpfacts_flow(c, c->welcome.monitor_first + number, now_ms, out);
	return 0;
}

uint64_t dpclient_binding_heard(const struct dpclient *c, uint32_t index, uint64_t now_ms)
{
	const struct facts_head *h = dpfacts_head(c);

	if (!h || index >= c->bindings.size || index >= c->welcome.binding_count)
		return 0;
	return clock_tick_ms(
		dpfacts_tick(c, h->binding_heard_off, c->welcome.binding_first + index), now_ms);
}

static void dpfacts_add(struct facts_worker *sum, const struct facts_worker *w)
{
	const uint64_t *from = (const uint64_t *)w;
	uint64_t *to = (uint64_t *)sum;
	uint64_t late = sum->keepalive_late_max_us, gap = sum->loop_gap_max_us;

	for (size_t i = 0; i < sizeof(*w) / sizeof(uint64_t); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	sum->keepalive_late_max_us -= late;
	sum->loop_gap_max_us -= gap;
	if (late > sum->keepalive_late_max_us)
		sum->keepalive_late_max_us = late;
	if (gap > sum->loop_gap_max_us)
		sum->loop_gap_max_us = gap;
}
static_assert(sizeof(struct facts_worker) % sizeof(uint64_t) == 0, "counters only");

static const struct facts_worker *dpfacts_worker(const struct dpclient *c, uint32_t worker)
{
	const struct facts_head *h = dpfacts_head(c);

	return (const struct facts_worker *)(c->facts + h->worker_off +
		(uint64_t)worker * h->worker_stride);
}

int dpclient_totals(const struct dpclient *c, struct facts_worker *sum, struct facts_head *head)
{
	const struct facts_head *h = dpfacts_head(c);

	if (!h)
		return -ENOENT;
	if (head)
		*head = *h;
	if (!sum)
		return 0;
	*sum = (struct facts_worker){0};
	for (uint32_t i = 0; i < h->workers; i++)
		dpfacts_add(sum, dpfacts_worker(c, i));
	return 0;
}

int dpclient_worker(const struct dpclient *c, uint32_t worker, struct facts_worker *out)
{
	const struct facts_head *h = dpfacts_head(c);

	if (!h || worker >= h->workers)
		return -ENOENT;
	*out = (struct facts_worker){0};
	dpfacts_add(out, dpfacts_worker(c, worker));
	return 0;
}
