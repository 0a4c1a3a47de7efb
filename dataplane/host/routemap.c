/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/host/routemap.h"

#include <stdlib.h>

struct routemap_family {
	struct routemap_answer *range; /* [ROUTEMAP_MAX], ascending once it is ready */
	uint32_t count;
	bool useless; /* too many, or varied */
};

struct routemap {
	struct routemap_family family[2];
	bool ready;
};

static struct routemap_family *routemap_of(struct routemap *map, const struct addr *addr)
{
	return &map->family[addr->family == ADDR_IPV6];
}

struct routemap *routemap_open(void)
{
	struct routemap *map = calloc(1, sizeof(*map));

	for (int i = 0; map && i < 2; i++) {
		map->family[i].range = calloc(ROUTEMAP_MAX, sizeof(*map->family[i].range));
		if (!map->family[i].range) {
			routemap_close(map);
			return NULL;
		}
	}
	if (map)
		routemap_clear(map);
	return map;
}

void routemap_close(struct routemap *map)
{
	for (int i = 0; map && i < 2; i++)
		free(map->family[i].range);
	free(map);
}

static void routemap_cut(struct routemap_family *f, const uint8_t first[16])
{
	struct routemap_answer *range = &f->range[f->count];

	if (f->count == ROUTEMAP_MAX) {
		f->useless = true;
		return;
	}
	*range = (struct routemap_answer){.port = -1};
	memcpy(range->first, first, sizeof(range->first));
	f->count++;
}

void routemap_clear(struct routemap *map)
{
	static const uint8_t zero[16];

	map->ready = false;
	for (int i = 0; i < 2; i++) {
		map->family[i].count = 0;
		map->family[i].useless = false;
		routemap_cut(&map->family[i], zero);
	}
}

/* The address behind the last of a prefix. False: there is none. */
static bool routemap_behind(uint8_t ip[16], uint8_t len)
{
	for (int bit = len - 1; bit >= 0; bit--) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		ip[bit / 8] ^= mask;
		if (ip[bit / 8] & mask)
			return true;
	}
	return false;
}

void routemap_add(struct routemap *map, const struct addr *prefix, uint8_t len, bool varied)
{
	struct routemap_family *f = routemap_of(map, prefix);
	uint8_t ip[16];

	memcpy(ip, prefix->ip, sizeof(ip));
	f->useless |= varied || len > (prefix->family == ADDR_IPV6 ? 128 : 32);
	if (f->useless || len == 0)
		return;
	routemap_cut(f, ip);
	if (routemap_behind(ip, len))
		routemap_cut(f, ip);
}

static int routemap_order(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

void routemap_ready(struct routemap *map)
{
	for (int i = 0; i < 2; i++) {
		struct routemap_family *f = &map->family[i];
		uint32_t kept = 1;

		qsort(f->range, f->count, sizeof(*f->range), routemap_order);
		for (uint32_t k = 1; k < f->count; k++)
			if (routemap_order(&f->range[k], &f->range[kept - 1]) != 0)
				f->range[kept++] = f->range[k];
		f->count = kept;
	}
	map->ready = true;
}

bool routemap_is_ready(const struct routemap *map)
{
	return map->ready;
}

struct routemap_answer *routemap_find(struct routemap *map, const struct addr *dst)
{
	struct routemap_family *f = routemap_of(map, dst);
	uint32_t low = 0, high = f->count;

	if (!map->ready || f->useless)
		return NULL;
	/* The last range that begins no later; the first begins at zero. */
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (memcmp(f->range[middle].first, dst->ip, 16) <= 0)
			low = middle;
		else
			high = middle;
	}
	return &f->range[low];
}
