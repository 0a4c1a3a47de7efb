/* SPDX-License-Identifier: BSD-3-Clause */
/* The map of hashed keys against a plain list, full to the brim, with several numbers a key, and
 * beside a reader that must never lose sight of an entry that stays. */
#include "dataplane/core/tagmap.h"
#include "dataplane/media/media.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ENTRIES 7000
#define STEPS   200000
#define STAYS   500
#define SEEDS   300

static const struct mem mem;

static struct tagmap_at place(const struct tagmap *map, uint32_t key)
{
	return tagmap_at(map, tagmap_mix(map, key, 0));
}

static uint32_t found(const struct tagmap *map, uint32_t key, uint32_t number)
{
	uint32_t all[TAGMAP_WAYS * TAGMAP_REACH], times = 0;
	uint32_t count = tagmap_all(map, place(map, key), all, TAGMAP_WAYS * TAGMAP_REACH);

	for (uint32_t i = 0; i < count; i++)
		times += all[i] == number;
	return times;
}

/* What a look at one bucket tells, where it tells enough. */
static void expect_plain(const struct tagmap *map, uint32_t key, bool there)
{
	const struct tagmap_bucket *bucket = &map->bucket[place(map, key).index];
	uint32_t places = tagmap_match(bucket, place(map, key).tag);

	if (!tagmap_is_plain(bucket, places))
		return;
	assert_int_equal(places != 0, there);
	if (there)
		assert_int_equal(bucket->number[__builtin_ctz(places)], key);
}

static void one_bucket_tells(void **state)
{
	struct tagmap map;

	assert_int_equal(tagmap_open(&map, &mem, ENTRIES, "a test"), 0);
	for (uint32_t i = 0; i < ENTRIES; i++)
		assert_int_equal(tagmap_add(&map, place(&map, i), i), 0);
	for (uint32_t i = 0; i < 2 * ENTRIES; i++)
		expect_plain(&map, i, i < ENTRIES);
	for (uint32_t i = 0; i < ENTRIES; i += 2)
		tagmap_del(&map, place(&map, i), i);
	for (uint32_t i = 0; i < ENTRIES; i++)
		expect_plain(&map, i, i % 2);
	tagmap_close(&map);
}

/* Keys in a row fill the map evenly under any seed: 1.1 % do not fit into their bucket. */
static void any_seed(void **state)
{
	for (int seed = 0; seed < SEEDS; seed++) {
		struct tagmap map;
		uint32_t spilled = 0;

		assert_int_equal(tagmap_open(&map, &mem, ENTRIES, "a test"), 0);
		for (uint32_t i = 0; i < ENTRIES; i++)
			assert_int_equal(tagmap_add(&map, place(&map, i), i), 0);
		for (uint64_t i = 0; i <= map.mask; i++)
			spilled += map.bucket[i].spilled;
		assert_in_range(spilled, 0, ENTRIES / 30);
		tagmap_close(&map);
	}
}

/* Numbers come and go by chance, up to all that the map is made for; each is there once, or not. */
static void like_a_list(void **state)
{
	static bool present[ENTRIES];
	struct tagmap map;
	uint32_t count = 0;

	assert_int_equal(tagmap_open(&map, &mem, ENTRIES, "a test"), 0);
	for (int step = 0; step < STEPS; step++) {
		/* Three numbers a key. */
		uint32_t number = (uint32_t)rand() % ENTRIES, key = number / 3;

		if (step > STEPS / 2 && !present[number])
			continue;
		if (present[number])
			tagmap_del(&map, place(&map, key), number);
		else
			assert_int_equal(tagmap_add(&map, place(&map, key), number), 0);
		count += present[number] ? -1u : 1;
		present[number] = !present[number];
		assert_int_equal(found(&map, key, number), present[number]);
		number = (uint32_t)rand() % ENTRIES;
		assert_int_equal(found(&map, number / 3, number), present[number]);
	}
	for (uint32_t i = 0; i < ENTRIES; i++) {
		assert_int_equal(found(&map, i / 3, i), present[i]);
		/* What is not there is not missed. */
		tagmap_del(&map, place(&map, i / 3), ENTRIES + i);
		tagmap_del(&map, place(&map, i / 3), i);
	}
	assert_true(count < ENTRIES);
	for (uint64_t i = 0; i <= map.mask; i++) {
		assert_int_equal(map.bucket[i].spilled, 0);
		for (int k = 0; k <= TAGMAP_WAYS; k++)
			assert_int_equal(map.bucket[i].tag[k], 0);
	}
	tagmap_close(&map);
}

/* All of one key: so many as a search reaches, then no more, and nothing is lost by the refusal. */
static void one_key(void **state)
{
	const uint32_t room = TAGMAP_WAYS * TAGMAP_REACH;
	uint32_t number[4] = {0, 0, 0, UINT32_MAX};
	struct tagmap map;

	assert_int_equal(tagmap_open(&map, &mem, ENTRIES, "a test"), 0);
	for (uint32_t i = 0; i < room; i++)
		assert_int_equal(tagmap_add(&map, place(&map, 1), i), 0);
	assert_int_equal(tagmap_add(&map, place(&map, 1), room), -ENOSPC);
	for (uint32_t i = 0; i < room; i++)
		assert_int_equal(found(&map, 1, i), 1);
	/* No more than are wanted. */
	assert_int_equal(tagmap_all(&map, place(&map, 1), number, 3), 3);
	assert_int_equal(number[3], UINT32_MAX);
	tagmap_del(&map, place(&map, 1), 3);
	assert_int_equal(tagmap_add(&map, place(&map, 1), room), 0);
	assert_int_equal(found(&map, 1, room - 1), 1);
	assert_int_equal(found(&map, 1, room), 1);
	tagmap_close(&map);
}

struct reader {
	const struct tagmap *map;
	bool stop;
	uint32_t missed;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE))
		for (uint32_t i = 0; i < STAYS; i++)
			r->missed += found(r->map, i, i) != 1;
	return NULL;
}

static void beside_a_reader(void **state)
{
	struct reader reader = {0};
	struct tagmap map;
	pthread_t thread;

	assert_int_equal(tagmap_open(&map, &mem, ENTRIES, "a test"), 0);
	/* Crowded, so that those that stay have spilled too. */
	for (uint32_t i = STAYS; i < ENTRIES; i++)
		assert_int_equal(tagmap_add(&map, place(&map, i), i), 0);
	for (uint32_t i = 0; i < STAYS; i++)
		assert_int_equal(tagmap_add(&map, place(&map, i), i), 0);
	reader.map = &map;
	assert_int_equal(pthread_create(&thread, NULL, read_all, &reader), 0);
	for (int round = 0; round < 40; round++) {
		for (uint32_t i = STAYS; i < ENTRIES; i++)
			tagmap_del(&map, place(&map, i), i);
		for (uint32_t i = STAYS; i < ENTRIES; i++)
			assert_int_equal(tagmap_add(&map, place(&map, i), i), 0);
	}
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_int_equal(reader.missed, 0);
	tagmap_close(&map);
}

/* The data plane's map of monitored flows, when all receivers are behind NATs: four keys each. The
 * sizes are those that leave the least room. */
static void behind_nats(void **state)
{
	for (uint32_t buckets = 64; buckets <= 16384; buckets *= 4) {
		for (int seed = 0; seed < 20; seed++) {
			uint32_t flows = (uint32_t)((uint64_t)(buckets - TAGMAP_REACH) *
				TAGMAP_WAYS / 2 / media_monitor_keys(1));
			struct tagmap map;

			assert_int_equal(
				tagmap_open(&map, &mem, media_monitor_keys(flows), "a test"), 0);
			for (uint32_t i = 0; i < 4 * flows; i++)
				assert_int_equal(tagmap_add(&map, place(&map, i), i), 0);
			tagmap_close(&map);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(like_a_list),
		cmocka_unit_test(one_bucket_tells),
		cmocka_unit_test(any_seed),
		cmocka_unit_test(one_key),
		cmocka_unit_test(behind_nats),
		cmocka_unit_test(beside_a_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
