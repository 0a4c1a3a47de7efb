/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/facts.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define FACTS_ALIGN 4096 /* of each part, so that none shares a line or a page with another */

static size_t facts_reserve(size_t *end, size_t size)
{
	size_t off = (*end + FACTS_ALIGN - 1) & ~(size_t)(FACTS_ALIGN - 1);

	*end = off + size;
	return off;
}

/* Fills the offsets of a head and returns the size of the whole. */
static size_t facts_layout(struct facts_head *head)
{
	size_t end = sizeof(*head);

	/* Two cache lines, since processors fetch lines in pairs. */
	head->worker_stride = (sizeof(struct facts_worker) + 127) & ~127u;
	head->worker_off = facts_reserve(&end, (size_t)head->workers * head->worker_stride);
	head->binding_heard_off = facts_reserve(&end, (size_t)head->bindings * sizeof(uint32_t));
	head->flow_rtcp_off = facts_reserve(&end, (size_t)head->flows * sizeof(uint32_t));
	/* The counters are a field of the relay's hot records, so that a packet touches one line.
	 */
	head->flow_count_stride = sizeof(struct flow_record);
	head->flow_count_off = facts_reserve(
				       &end, (size_t)head->flows * sizeof(struct flow_record)) +
		RECORD_COUNT_OFFSET;
	head->flow_quality_stride = sizeof(struct facts_quality);
	head->flow_quality_off = facts_reserve(
		&end, (size_t)head->flows * sizeof(struct facts_quality));
	return end;
}

static void *facts_at(const struct facts *facts, uint64_t off)
{
	return (char *)facts->base + off;
}

int facts_open(struct facts *facts, const struct mem *mem, uint32_t workers, uint32_t bindings,
	uint32_t flows)
{
	struct facts_head head = {
		.magic = FACTS_MAGIC,
		.version = FACTS_VERSION,
		.workers = workers,
		.bindings = bindings,
		.flows = flows,
	};

	*facts = (struct facts){.mem = mem, .fd = -1};
	if (getrandom(&head.boot_id, sizeof(head.boot_id), 0) != sizeof(head.boot_id))
		return -EIO;
	facts->size = facts_layout(&head);
	facts->base = mem_get_shared(mem, facts->size, "the facts memory", &facts->fd);
	if (!facts->base)
		return -ENOMEM;
	facts->head = facts->base;
	*facts->head = head;
	facts->binding_heard = facts_at(facts, head.binding_heard_off);
	facts->flow_rtcp = facts_at(facts, head.flow_rtcp_off);
	facts->flow = facts_at(facts, head.flow_count_off - RECORD_COUNT_OFFSET);
	facts->flow_quality = facts_at(facts, head.flow_quality_off);
	return 0;
}

void facts_close(struct facts *facts)
{
	if (facts->base)
		mem_put_shared(facts->mem, facts->base, facts->size);
	if (facts->fd >= 0)
		close(facts->fd);
	*facts = (struct facts){.fd = -1};
}

struct facts_worker *facts_worker(const struct facts *facts, unsigned int index)
{
	return facts_at(
		facts, facts->head->worker_off + (uint64_t)index * facts->head->worker_stride);
}
