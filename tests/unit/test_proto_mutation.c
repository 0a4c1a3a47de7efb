/* SPDX-License-Identifier: BSD-3-Clause */
/* Random changes to packets of the control protocol, from a fixed seed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/facts.h"
#include "tests/unit/proto_samples.h"

/* What the fields of an accepted record must satisfy, said once more and differently. */
static bool plausible_addr(const struct addr *a, bool may_be_none, bool may_lack_port)
{
	static const struct addr none;
	char text[ADDR_STRLEN];
	struct addr back;

	if (memcmp(a, &none, sizeof(none)) == 0)
		return may_be_none;
	if (a->family != ADDR_IPV4 && a->family != ADDR_IPV6)
		return false;
	/* The text holds only what an address has; unused bytes do not come back. */
	return addr_parse(&back, addr_format(a, text), 0) == 0 && addr_equal(a, &back) &&
		(a->port || may_lack_port) && strcmp(addr_format_ip(a, text), "0.0.0.0") != 0 &&
		strcmp(text, "::") != 0;
}

static bool plausible_flow(const struct proto_flow *f)
{
	bool latched = f->flags & PROTO_FLOW_LATCHED;

	return f->flags < 128 && !(latched && (f->flags & PROTO_FLOW_RELEARN)) &&
		f->dscp <= PROTO_DSCP_KEEP && f->expires_ms &&
		(f->keepalive_s == 0 || f->keepalive_s >= 15) && f->peer_id != f->id &&
		f->id != PROTO_NO_PEER && (f->start_ms == 0 || f->start_ms - 1000 <= 86399000) &&
		(f->silence_ms == 0 || f->silence_ms - 1000 <= 86399000) &&
		(f->clock_ms || !(f->flags & PROTO_FLOW_CLOCK)) &&
		plausible_addr(&f->remote, true, false) &&
		plausible_addr(&f->remote_rtcp, true, false) &&
		plausible_addr(&f->signal, !(f->flags & PROTO_FLOW_SIGNAL), true) &&
		plausible_addr(&f->latched, !latched, false) && latched == !!f->latched.family &&
		plausible_addr(&f->latched_rtcp, true, false) &&
		(latched || !f->latched_rtcp.family);
}

static bool plausible_conf(const struct proto_conf *c)
{
	size_t used = PROTO_PAYLOAD_MAX;

	while (used && c->payload[used - 1] == 0)
		used--;
	return c->class_id < 8 && c->payload_kind < 5 && used <= c->payload_len &&
		c->payload_len <= 1200 && (c->payload_kind == 1 || !c->payload_len) &&
		c->period_ms - 10000 <= 86390000 && c->send_interval_ms - 10 <= 9990 &&
		c->send_interval_ms <= c->period_ms && c->send_one_time <= 1000000 &&
		c->send_least <= 1000000 && (c->send_one_time || c->send_least) && c->smooth < 2 &&
		c->dscp < 64 &&
		(c->escalate ? c->escalate_class < 8 && c->escalate_class != c->class_id
			     : !c->escalate_class) &&
		c->skip_heard < 2 && c->zero + c->zero2[0] + c->zero2[1] == 0;
}

static bool plausible_ports(const struct addr *local, uint16_t min, uint16_t max)
{
	return plausible_addr(local, false, true) && local->port == 0 && min && (min & 1) == 0 &&
		(max & 1) && max > min;
}

static bool plausible_binding(const struct proto_binding *b)
{
	static const uint8_t zero[7];

	return plausible_addr(&b->dst, false, false) && plausible_addr(&b->local, false, false) &&
		b->dst.family == b->local.family && b->class_id < 8 &&
		memcmp(b->zero, zero, 7) == 0 && b->expires_ms;
}

static bool plausible(uint16_t type, const union record *r)
{
	uint16_t sizes[PROTO_SIZES];

	switch (type) {
	case PROTO_HELLO:
		proto_sizes(sizes);
		return r->hello.magic == 0x4c574450 && r->hello.version == PROTO_VERSION &&
			r->hello.slot < 16 && memcmp(sizes, r->hello.sizes, sizeof(sizes)) == 0;
	case PROTO_SYNC_BEGIN:
	case PROTO_SYNC_END:
		return r->sync.generation;
	case PROTO_CONF:
		return plausible_conf(&r->conf);
	case PROTO_MEDIA_ADDR:
		return plausible_ports(&r->media.local, r->media.port_min, r->media.port_max);
	case PROTO_BINDING_SET:
		return plausible_binding(&r->binding);
	case PROTO_FLOW_SET:
		return plausible_flow(&r->flow);
	case PROTO_WELCOME:
		return (uint64_t)r->welcome.binding_first + r->welcome.binding_count <=
			UINT32_MAX &&
			r->welcome.workers - 1 < 64 && r->welcome.facts_size;
	case PROTO_ACK:
		return r->ack.status > -4096 && r->ack.status <= 0 && r->ack.refused <= 128 &&
			(r->ack.status || (!r->ack.refused && !r->ack.first_id));
	case PROTO_MEDIA_READY:
		return plausible_ports(&r->ready.local, r->ready.port_min, r->ready.port_max) &&
			r->ready.slots * 2 == r->ready.port_max + 1u - r->ready.port_min &&
			(uint64_t)r->ready.base + r->ready.slots <= UINT32_MAX;
	case PROTO_FLOW_EVENT:
		return r->flow_event.kind - 1 < 5 && !r->flow_event.zero && r->flow_event.at_ms &&
			plausible_addr(&r->flow_event.addr, r->flow_event.kind > 2, false);
	case PROTO_BINDING_EVENT:
		return r->binding_event.kind - 1 < 3 && !r->binding_event.zero &&
			r->binding_event.at_ms;
	case PROTO_LOST:
		return r->lost.events;
	case PROTO_CAPTURE_SET:
		return r->capture.kind - 1 < 2 && r->capture.packets_max - 1 < 1000000 &&
			r->capture.until_ms;
	case PROTO_CAPTURE_DEL:
		return !r->capture_del.zero;
	case PROTO_FRAME:
		return r->frame.fate - 1 < 8 && r->frame.out < 2 && r->frame.at_us &&
			r->frame.kept <= r->frame.len && r->frame.kept <= 1520 &&
			r->frame.reason < FACTS_DROP_MAX;
	case PROTO_CAPTURE_END:
		return r->capture_end.why - 1 < 3;
	case PROTO_PORT_RESET:
		return r->port_reset.name[0] && !r->port_reset.name[63];
	case PROTO_PORT_EVENT:
		return r->port_event.kind - 1 < 3 && r->port_event.port < 8 && r->port_event.at_ms;
	default:
		return true;
	}
}

static uint64_t rng_state;

static uint32_t rng(void)
{
	rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rng_state >> 33);
}

/* Small changes and extreme values find more edges than noise does. */
static void mutate(uint8_t *data, size_t len)
{
	static const uint8_t extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};

	for (uint32_t n = 1 + rng() % 3; n; n--) {
		size_t at = rng() % len;

		switch (rng() % 3) {
		case 0:
			data[at] ^= (uint8_t)(1u << rng() % 8);
			break;
		case 1:
			data[at] = extremes[rng() % sizeof(extremes)];
			break;
		default:
			memset(data + at, extremes[rng() % sizeof(extremes)],
				rng() % (len - at < 20 ? len - at + 1 : 20));
		}
	}
}

/* Wherever random changes are accepted, every field must still be one that is allowed. */
static void mutations_are_refused_or_harmless(void **state)
{
	unsigned accepted = 0, refused = 0;

	rng_state = 20260101;
	for (int round = 0; round < 200000; round++) {
		uint16_t type = types[rng() % TYPES];
		const char *why;
		size_t len;
		struct proto_head *head = packet_new(type, 1, &len);
		/* Mostly the record; the head gets its share. */
		size_t from = rng() % 8 ? sizeof(*head) : 0;
		union record record;

		mutate((uint8_t *)head + from, len - from);
		if (rng() % 16 == 0) {
			len = rng() % (len + 1);
			head = realloc(head, len ? len : 1);
		}
		if (proto_check(head, len, is_client(type), &why) == 0) {
			accepted++;
			assert_null(why);
			assert_int_equal(len, sizeof(*head) + head->size);
			memset(&record, 0, sizeof(record));
			memcpy(&record, head + 1, head->size);
			if (!plausible(head->type, &record))
				fail_msg("round %d, type %u: a bad record was accepted", round,
					head->type);
		} else {
			refused++;
			assert_non_null(why);
		}
		free(head);
	}
	/* Both must have happened often, else the test shows nothing. */
	assert_true(accepted > 10000);
	assert_true(refused > 10000);
}

/* Pure noise of every length up to a little more than the largest record. */
static void noise_is_refused(void **state)
{
	const char *why;

	rng_state = 7;
	for (size_t len = 0; len < sizeof(union record) + 64; len++) {
		uint8_t *data = malloc(len ? len : 1);

		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)rng();
		assert_int_equal(proto_check(data, len, len % 2, &why), -EPROTO);
		assert_non_null(why);
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutations_are_refused_or_harmless),
		cmocka_unit_test(noise_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
