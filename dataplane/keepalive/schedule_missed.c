/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots that come again, since what they sent could not leave: the one that began `lag` slots
 * before joins the one that begins now. Its own next turn is never sooner. */
#include "dataplane/keepalive/schedule_impl.h"

void schedule_missed(struct schedule *s, uint64_t since)
{
	uint64_t next = schedule_slot_due(s, s->current) + s->open * s->step;
	uint64_t lag = 1;

	/* All that began since then, and the one that was open at that moment. */
	if (next > since)
		lag += (unsigned __int128)(next - since) * s->per_step >> 64;
	/* What was to come again since then did not leave either. */
	if (s->repeat || s->repeated + s->step > since)
		lag += s->lag;
	s->lag = s->repeat = lag < s->slots.count ? (uint32_t)lag : 0;
}

void schedule_repeat(struct schedule *s)
{
	if (s->repeat == 0)
		return;
	slots_merge(&s->slots, schedule_repeated(s, 0), s->current);
	s->repeat--;
	s->repeated = schedule_slot_due(s, s->current);
	s->owed = s->astray = s->slots.count + 1;
}
