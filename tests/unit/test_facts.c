/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/facts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS  3
#define BINDINGS 1001
#define FLOWS    77

static const struct mem mem;
static struct facts facts;

static int setup(void **state)
{
	return facts_open(&facts, &mem, WORKERS, BINDINGS, FLOWS);
}

static int teardown(void **state)
{
	facts_close(&facts);
	return 0;
}

/* What a reader finds by the head alone is what the data plane writes. */
static void test_reader_sees_what_is_written(void **state)
{
	const struct facts_head *head;
	const char *base;

	for (unsigned int i = 0; i < WORKERS; i++)
		facts_worker(&facts, i)->rx = 100 + i;
	facts.binding_heard[BINDINGS - 1] = 11;
	facts.flow[FLOWS - 1].count.heard = 22;
	facts.flow_rtcp[FLOWS - 1] = 33;
	facts.flow[FLOWS - 1].count.packets = 44;
	facts.flow_quality[FLOWS - 1].rtcp = 55;

	base = mmap(NULL, facts.size, PROT_READ, MAP_SHARED, facts.fd, 0);
	assert_ptr_not_equal(base, MAP_FAILED);
	head = (const struct facts_head *)base;
	assert_int_equal(head->magic, FACTS_MAGIC);
	assert_int_equal(head->version, FACTS_VERSION);
	assert_int_equal(head->workers, WORKERS);
	assert_int_equal(head->bindings, BINDINGS);
	assert_int_equal(head->flows, FLOWS);
	for (unsigned int i = 0; i < WORKERS; i++) {
		const struct facts_worker *worker = (const void *)(base + head->worker_off +
			i * head->worker_stride);

		assert_int_equal(worker->rx, 100 + i);
	}
	assert_int_equal(((const uint32_t *)(base + head->binding_heard_off))[BINDINGS - 1], 11);
	assert_int_equal(((const struct facts_flow *)(base + head->flow_count_off +
				  (FLOWS - 1) * head->flow_count_stride))
				 ->heard,
		22);
	assert_int_equal(((const uint32_t *)(base + head->flow_rtcp_off))[FLOWS - 1], 33);
	assert_int_equal(((const struct facts_flow *)(base + head->flow_count_off +
				  (FLOWS - 1) * head->flow_count_stride))
				 ->packets,
		44);
	assert_int_equal(((const struct facts_quality *)(base + head->flow_quality_off +
				  (FLOWS - 1) * head->flow_quality_stride))
				 ->rtcp,
		55);
	munmap((void *)base, facts.size);
}

/* Parts do not overlap, the last ends inside, and each worker has cache lines of its own. */
static void test_layout(void **state)
{
	const struct facts_head *head = facts.head;
	struct stat st;

	assert_true(head->worker_off >= sizeof(*head));
	assert_int_equal(head->worker_off % 128, 0);
	assert_int_equal(head->worker_stride % 128, 0);
	assert_true(head->worker_stride >= sizeof(struct facts_worker));
	assert_true(head->binding_heard_off >= head->worker_off + WORKERS * head->worker_stride);
	assert_true(head->flow_rtcp_off >= head->binding_heard_off + BINDINGS * 4);
	assert_true(head->flow_count_off >= head->flow_rtcp_off + FLOWS * 4);
	assert_true((char *)(facts.flow + FLOWS) <= (char *)facts.flow_quality);
	assert_true((char *)(facts.flow_quality + FLOWS) <= (char *)facts.base + facts.size);
	assert_int_equal((uintptr_t)facts.flow % 64, 0);
	assert_int_equal(fstat(facts.fd, &st), 0);
	assert_true((size_t)st.st_size >= facts.size);
}

/* Who gets the descriptor can neither write nor resize. */
static void test_descriptor_is_for_reading(void **state)
{
	void *ptr = mmap(NULL, facts.size, PROT_READ | PROT_WRITE, MAP_SHARED, facts.fd, 0);

	assert_ptr_equal(ptr, MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(facts.fd, 0), -1);
	assert_int_equal(write(facts.fd, "x", 1), -1);
}

static void test_each_start_has_its_boot_id(void **state)
{
	struct facts other;

	assert_int_equal(facts_open(&other, &mem, 1, 1, 2), 0);
	assert_int_not_equal(other.head->boot_id, facts.head->boot_id);
	facts_close(&other);
}

/* The upper end of the place in which that share ends. */
static void test_quantiles(void **state)
{
	uint64_t count[FACTS_LATE] = {0};

	assert_int_equal(facts_quantile(count, FACTS_LATE, 500), 0);
	for (uint64_t us = 0; us < 1000; us++)
		count[facts_place(us, FACTS_LATE)]++;
	assert_int_equal(facts_quantile(count, FACTS_LATE, 1), 1);
	assert_int_equal(facts_quantile(count, FACTS_LATE, 500), 511);
	assert_int_equal(facts_quantile(count, FACTS_LATE, 512), 511);
	assert_int_equal(facts_quantile(count, FACTS_LATE, 513), 1023);
	assert_int_equal(facts_quantile(count, FACTS_LATE, 1000), 1023);
	count[facts_place(UINT64_MAX, FACTS_LATE)]++;
	assert_int_equal(facts_quantile(count, FACTS_LATE, 1000), (1u << FACTS_LATE) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reader_sees_what_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptor_is_for_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_start_has_its_boot_id, setup, teardown),
		cmocka_unit_test(test_quantiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
