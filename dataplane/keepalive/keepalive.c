/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/keepalive/keepalive.h"

#include "dataplane/core/due.h"
#include "dataplane/core/ring.h"
#include "dataplane/keepalive/context.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* product.md section 2, until the control plane says otherwise. */
#define KEEPALIVE_PERIOD_MS    30000
#define KEEPALIVE_INTERVAL_MS  500
#define KEEPALIVE_SHORT_MS     60000 /* between two lines that the period cannot be kept */
#define KEEPALIVE_CHANGE_MAILS 2     /* most mails of one change */
#define KEEPALIVE_CAP_BITS     10
#define KEEPALIVE_MANY         8 /* one in so many bindings */

static uint32_t keepalive_share(const struct keepalive_conf *conf)
{
	return (conf->bindings + conf->worker_count - 1) / conf->worker_count;
}

/* What the worker will find in each mbuf: as rte_pktmbuf_alloc leaves it. */
static uint64_t keepalive_rearm(void)
{
	struct rte_mbuf mbuf = {.data_off = RTE_PKTMBUF_HEADROOM, .nb_segs = 1};
	uint64_t rearm;

	rte_mbuf_refcnt_set(&mbuf, 1);
	memcpy(&rearm, &mbuf.rearm_data, sizeof(rearm));
	return rearm;
}

/* Places of a worker's cap: far more than addresses that it sends to in one second. */
static uint32_t keepalive_cap_bits(const struct keepalive *ka)
{
	uint32_t bits = KEEPALIVE_CAP_BITS;

	while (bits < 31 && 1u << bits < keepalive_share(&ka->conf) / 4)
		bits++;
	return bits;
}

static size_t keepalive_cap_size(const struct keepalive *ka)
{
	return ka->conf.worker_count * (sizeof(struct cap_place) << keepalive_cap_bits(ka));
}

static int keepalive_open_sweep(struct keepalive *ka, unsigned int index)
{
	struct sweep *s = &ka->sweep[index];
	uint32_t share = keepalive_share(&ka->conf);

	ka->schedule[index] = schedule_conf_make(KEEPALIVE_PERIOD_MS, KEEPALIVE_INTERVAL_MS,
		PROTO_BATCH_AUTO, false, ka->conf.tsc_hz, ka->conf.worker_count, index);
	s->templates = &ka->templates;
	s->small = ka->conf.small;
	s->large = ka->conf.large;
	s->rearm = keepalive_rearm();
	s->defer.tick_tsc = ka->conf.tsc_hz * CLOCK_TICK_MS / 1000;
	s->defer.us_tsc = ka->conf.tsc_hz / CAP_SECOND + 1;
	s->memory = mem_get(ka->conf.mem, schedule_memory(share), "the keep-alive slots");
	ka->notes[index] = ring_open("notes", sizeof(struct pulse_note), PULSE_NOTES);
	if (!s->memory || !ka->notes[index])
		return -ENOMEM;
	schedule_open(&s->schedule, s->memory, share, ka->where, &ka->schedule[index], rte_rdtsc());
	ka->conf.workers[index].keepalive = ka;
	return 0;
}

static int keepalive_open_tables(struct keepalive *ka)
{
	const struct keepalive_conf *conf = &ka->conf;
	size_t sweeps = conf->worker_count * sizeof(*ka->sweep);

	ka->binding = mem_get(conf->mem, conf->bindings * sizeof(*ka->binding), "the bindings");
	ka->expires = mem_get(conf->mem, due_size(conf->bindings), "their expiry");
	ka->where = mem_get(conf->mem, conf->bindings * sizeof(*ka->where), "their places");
	ka->pulse = mem_get(conf->mem, conf->bindings * sizeof(*ka->pulse), "their pulses");
	ka->sweep = aligned_alloc(_Alignof(struct sweep), sweeps);
	ka->schedule = calloc(conf->worker_count, sizeof(*ka->schedule));
	ka->used = calloc(conf->worker_count, sizeof(*ka->used));
	ka->notes = calloc(conf->worker_count, sizeof(*ka->notes));
	if (!ka->pulse || !ka->notes || !ka->binding || !ka->expires || !ka->where || !ka->sweep ||
		!ka->schedule || !ka->used)
		return -ENOMEM;
	memset(ka->sweep, 0, sweeps);
	ka->source = addrmap_open("keepalive_source", conf->bindings, conf->qsbr);
	if (ka->source)
		return 0;
	log_error("no memory for the table of %u SIP sources: %s (dataplane.memory)",
		conf->bindings, rte_strerror(rte_errno));
	return -ENOMEM;
}

int keepalive_open(struct keepalive **keepalive, const struct keepalive_conf *conf)
{
	struct keepalive *ka = calloc(1, sizeof(*ka));
	int err;

	*keepalive = ka;
	if (!ka)
		return -ENOMEM;
	ka->conf = *conf;
	ka->templates.qsbr = conf->qsbr;
	err = getrandom(&ka->tag, sizeof(ka->tag), 0) == sizeof(ka->tag) ? 0 : -EIO;
	if (!err)
		err = keepalive_open_tables(ka);
	for (unsigned int i = 0; i < conf->worker_count && !err; i++)
		err = keepalive_open_sweep(ka, i);
	if (err) {
		keepalive_close(ka);
		*keepalive = NULL;
	}
	return err;
}

void keepalive_close(struct keepalive *ka)
{
	const struct mem *mem;
	uint32_t n;

	if (!ka)
		return;
	mem = ka->conf.mem;
	n = ka->conf.bindings;
	for (unsigned int i = 0; ka->sweep && i < ka->conf.worker_count; i++)
		mem_put(mem, ka->sweep[i].memory, schedule_memory(keepalive_share(&ka->conf)));
	for (unsigned int i = 0; ka->notes && i < ka->conf.worker_count; i++)
		ring_close(ka->notes[i]);
	templates_close(&ka->templates);
	addrmap_close(ka->source);
	if (ka->cap)
		mem_put(mem, ka->cap, keepalive_cap_size(ka));
	mem_put(mem, ka->ip6, n * sizeof(*ka->ip6));
	mem_put(mem, ka->pulse, n * sizeof(*ka->pulse));
	mem_put(mem, ka->where, n * sizeof(*ka->where));
	mem_put(mem, ka->expires, due_size(n));
	mem_put(mem, ka->binding, n * sizeof(*ka->binding));
	free(ka->notes);
	free(ka->used);
	free(ka->schedule);
	free(ka->sweep);
	free(ka);
}

unsigned int keepalive_room(const struct keepalive *ka)
{
	unsigned int room = UINT32_MAX;

	for (unsigned int i = 0; i < ka->conf.worker_count; i++) {
		unsigned int free_places = mailbox_room(&ka->conf.workers[i].mailbox);

		if (free_places < room)
			room = free_places;
	}
	/* One place is kept for the mail that announces the IPv6 table. */
	return room ? (room - 1) / KEEPALIVE_CHANGE_MAILS : 0;
}

static void keepalive_pace(struct keepalive *ka, const struct proto_conf *conf)
{
	for (unsigned int i = 0; i < ka->conf.worker_count; i++) {
		struct mail mail;

		ka->schedule[i] = schedule_conf_make(conf->period_ms, conf->send_interval_ms,
			conf->send_one_time, conf->smooth, ka->conf.tsc_hz, ka->conf.worker_count,
			i);
		mail = sweep_mail_conf(&ka->schedule[i]);
		mailbox_send(&ka->conf.workers[i].mailbox, &mail);
	}
}

/* The table is made with the first cap. */
static int keepalive_cap_open(struct keepalive *ka, const struct proto_conf *conf)
{
	if (ka->cap || conf->per_address_cap == 0)
		return 0;
	ka->cap = mem_get(ka->conf.mem, keepalive_cap_size(ka), "the cap of each address");
	return ka->cap ? 0 : -ENOMEM;
}

static void keepalive_defer(struct keepalive *ka, const struct proto_conf *conf)
{
	uint32_t bits = keepalive_cap_bits(ka), workers = ka->conf.worker_count;
	uint32_t most = conf->per_address_cap;
	uint64_t far = (uint64_t)conf->period_ms * 1000;

	for (uint32_t i = 0; i < workers; i++) {
		uint32_t share = most / workers + (i < most % workers);
		struct cap cap = {.shift = 32 - bits};
		struct mail mail;

		if (most) {
			cap_set(&cap, share ? share : 1,
				far < INT32_MAX ? (uint32_t)far : INT32_MAX);
			cap.place = ka->cap + ((size_t)i << bits);
		}
		mail = sweep_mail_defer(&cap, conf->skip_heard);
		mailbox_send(&ka->conf.workers[i].mailbox, &mail);
	}
}

int keepalive_conf_set(struct keepalive *ka, const struct proto_conf *conf)
{
	int err;

	if (keepalive_room(ka) == 0)
		return -EAGAIN;
	err = conf->class_id == 0 ? keepalive_cap_open(ka, conf) : 0;
	if (!err)
		err = templates_set(&ka->templates, conf);
	/* Never taken back: late answers of a class that changed are still nobody else's. */
	if (!err && conf->payload_kind >= PROTO_PAYLOAD_STUN)
		__atomic_store_n(&ka->probing, true, __ATOMIC_RELAXED);
	if (!err && conf->class_id == 0) {
		keepalive_pace(ka, conf);
		keepalive_defer(ka, conf);
	}
	return err;
}

/* Loud about a period that a fixed batch size cannot keep. */
static void keepalive_gauge(struct keepalive *ka, uint64_t now_ms)
{
	struct facts_head *head = ka->conf.facts->head;
	uint32_t needed = 0;
	uint64_t cut = 0, dropped;

	for (unsigned int i = 0; i < ka->conf.worker_count; i++) {
		uint32_t mine = schedule_needed(&ka->schedule[i], ka->used[i]);

		if (mine > needed)
			needed = mine;
		cut += __atomic_load_n(&ka->sweep[i].cut, __ATOMIC_RELAXED);
	}
	needed *= ka->conf.worker_count;
	__atomic_store_n(&head->keepalive_short, cut, __ATOMIC_RELAXED);
	__atomic_store_n(&head->keepalive_needed, needed, __ATOMIC_RELAXED);
	if (needed && log_rate_pass(&ka->short_rate, now_ms, KEEPALIVE_SHORT_MS, &dropped))
		log_warning("SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME is too small: %u bindings do not "
			    "fit into the period; %u would do, or auto",
			head->bindings_used, needed);
}

/* Tells the workers, all of them or none. */
static void keepalive_make_up(struct keepalive *ka)
{
	struct mail mail;

	if (ka->missed_ms == 0 || keepalive_room(ka) == 0)
		return;
	mail = sweep_mail_missed(clock_tick(ka->missed_ms));
	for (unsigned int i = 0; i < ka->conf.worker_count; i++)
		mailbox_send(&ka->conf.workers[i].mailbox, &mail);
	ka->missed_ms = 0;
}

/* Many bindings had no route for a time. */
static void keepalive_watch_routes(struct keepalive *ka, uint64_t now_ms)
{
	bool lost = ka->routeless > ka->conf.facts->head->bindings_used / KEEPALIVE_MANY;

	if (!lost && ka->routeless_ms)
		keepalive_missed(ka, UINT32_MAX, ka->routeless_ms);
	if (!lost || !ka->routeless_ms)
		ka->routeless_ms = lost ? now_ms - BINDING_WALK_MS : 0;
}

void keepalive_tick(struct keepalive *ka, uint64_t now_ms)
{
	keepalive_watch_routes(ka, now_ms);
	keepalive_make_up(ka);
	lost_tick(ka, now_ms);
	binding_walk(ka, now_ms);
	templates_tick(&ka->templates);
	keepalive_gauge(ka, now_ms);
}

bool keepalive_is_busy(const struct keepalive *ka)
{
	return ka->missed_ms || binding_is_busy(ka) || lost_is_busy(ka);
}

void keepalive_missed(struct keepalive *ka, uint32_t bindings, uint64_t since_ms)
{
	if (bindings < ka->conf.facts->head->bindings_used / KEEPALIVE_MANY)
		return;
	if (ka->missed_ms == 0 || since_ms < ka->missed_ms)
		ka->missed_ms = since_ms;
}

void keepalive_reroute(struct keepalive *ka)
{
	ka->reroute_left = ka->conf.bindings;
}
