/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/guard.h"

#include <string.h>

int guard_init(struct guard *g)
{
	memset(g, 0, sizeof(*g));
	return siphash_key_random(&g->key);
}

/* Port-less: a guesser may use any. */
static uint64_t guard_hash_source(const struct guard *g, const struct addr *source)
{
	struct addr ip = *source;

	ip.port = 0;
	return siphash(&g->key, &ip, sizeof(ip));
}

static uint64_t guard_hash_user(const struct guard *g, const char *user)
{
	return siphash(&g->key, user, strlen(user));
}

static uint64_t guard_hash_pair(const struct guard *g, const struct addr *source, const char *user)
{
	uint64_t both[2] = {guard_hash_source(g, source), guard_hash_user(g, user)};

	return siphash(&g->key, both, sizeof(both));
}

static uint32_t guard_tag(uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	return tag ? tag : 1;
}

static bool guard_cell_holds(const struct guard_cell *cells, uint64_t hash, uint64_t now_ms)
{
	const struct guard_cell *cell = &cells[hash % GUARD_CELLS];

	return cell->tag == guard_tag(hash) && now_ms < cell->next_ms;
}

bool guard_pass(const struct guard *g, const struct addr *source, const char *user, uint64_t now_ms)
{
	uint64_t pair = guard_hash_pair(g, source, user);

	if (g->pairs[pair % GUARD_PAIRS] == guard_tag(pair))
		return true;
	return !guard_cell_holds(g->sources, guard_hash_source(g, source), now_ms) &&
		!guard_cell_holds(g->users, guard_hash_user(g, user), now_ms);
}

static void guard_cell_wrong(
	struct guard_cell *cells, uint64_t hash, uint32_t free_fails, uint64_t now_ms)
{
	struct guard_cell *cell = &cells[hash % GUARD_CELLS];
	uint64_t delay = GUARD_DELAY_MIN_MS;

	if (cell->tag != guard_tag(hash)) {
		/* Somebody else's cell: taken over only when he is not held up. */
		if (cell->tag && now_ms < cell->next_ms)
			return;
		*cell = (struct guard_cell){.tag = guard_tag(hash)};
	} else if (now_ms - cell->last_ms > GUARD_FORGET_MS) {
		cell->fails = 0;
	}
	cell->last_ms = now_ms;
	cell->fails++;
	if (cell->fails <= free_fails)
		return;
	for (uint32_t i = free_fails + 1; i < cell->fails && delay < GUARD_DELAY_MAX_MS; i++)
		delay *= 2;
	cell->next_ms = now_ms + delay;
}

void guard_wrong(struct guard *g, const struct addr *source, const char *user, uint64_t now_ms)
{
	guard_cell_wrong(g->sources, guard_hash_source(g, source), GUARD_SOURCE_FREE, now_ms);
	guard_cell_wrong(g->users, guard_hash_user(g, user), GUARD_USER_FREE, now_ms);
}

static void guard_cell_right(struct guard_cell *cells, uint64_t hash)
{
	struct guard_cell *cell = &cells[hash % GUARD_CELLS];

	if (cell->tag == guard_tag(hash))
		*cell = (struct guard_cell){0};
}

void guard_right(struct guard *g, const struct addr *source, const char *user)
{
	uint64_t pair = guard_hash_pair(g, source, user);

	g->pairs[pair % GUARD_PAIRS] = guard_tag(pair);
	guard_cell_right(g->sources, guard_hash_source(g, source));
	guard_cell_right(g->users, guard_hash_user(g, user));
}
