/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/context.h"

void keepalive_heard(struct worker *w, const struct addr *const source[], uint32_t n)
{
	struct keepalive *ka = w->keepalive;
	uint32_t id[ADDRMAP_BULK];
	uint64_t hits;

	static_assert(ADDRMAP_BULK == KEEPALIVE_HEARD_MAX, "one lookup");
	hits = addrmap_find(ka->source, source, n, id);
	for (uint32_t i = 0; i < n; i++) {
		if (!(hits >> i & 1))
			continue;
		w->count->sip_heard++;
		pulse_heard(w, id[i]);
	}
}
