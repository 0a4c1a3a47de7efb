/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control/telemetry.h"

#include "dataplane/dataplane.h"

#include <errno.h>
#include <pthread.h>
#include <rte_telemetry.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define TELEMETRY_PLACES 32 /* of a histogram, at most */

/* The callbacks of DPDK 22.11 get no context of ours. */
static struct {
	pthread_mutex_t lock;
	const struct dataplane *dp;
} telemetry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t telemetry_load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void telemetry_ports(const struct facts_head *head, struct rte_tel_data *d)
{
	uint64_t resets = 0, removals = 0, out = 0;

	for (int i = 0; i < FACTS_PORTS; i++) {
		const struct facts_port *port = &head->port[i];

		resets += telemetry_load(&port->resets);
		removals += telemetry_load(&port->removals);
		out += __atomic_load_n(&port->state, __ATOMIC_RELAXED) > FACTS_PORT_IN;
	}
	rte_tel_data_add_dict_u64(d, "ports_out", out);
	rte_tel_data_add_dict_u64(d, "port_resets", resets);
	rte_tel_data_add_dict_u64(d, "port_removals", removals);
}

static int telemetry_status(const struct dataplane *dp, const char *params, struct rte_tel_data *d)
{
	const struct facts_head *head = dp->facts.head;
	const struct exception_count *host = &dp->exception.count;

	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "version", LW_VERSION);
	rte_tel_data_add_dict_u64(d, "workers", dp->workers.count);
	rte_tel_data_add_dict_u64(d, "clients", server_clients(dp->server));
	rte_tel_data_add_dict_u64(d, "bindings", head->bindings_used);
	rte_tel_data_add_dict_u64(d, "flows", head->flows_used);
	rte_tel_data_add_dict_u64(d, "keepalive_short", telemetry_load(&head->keepalive_short));
	rte_tel_data_add_dict_u64(d, "keepalive_needed", head->keepalive_needed);
	rte_tel_data_add_dict_u64(d, "events_lost", telemetry_load(&head->events_lost));
	rte_tel_data_add_dict_u64(d, "to_host", telemetry_load(&host->to_host));
	rte_tel_data_add_dict_u64(d, "from_host", telemetry_load(&host->from_host));
	rte_tel_data_add_dict_u64(d, "captures", server_captures(dp->server));
	telemetry_ports(head, d);
	return 0;
}

static int telemetry_drops(const struct dataplane *dp, const char *params, struct rte_tel_data *d)
{
	static const char *const names[] = {
#define X(name, text) #name,
		FACTS_DROPS(X) FACTS_LOSSES(X)
#undef X
	};

	rte_tel_data_start_dict(d);
	for (int i = 0; i < FACTS_LOSS_MAX; i++)
		rte_tel_data_add_dict_u64(
			d, names[FACTS_DROP_MAX + i], telemetry_load(&dp->facts.head->loss[i]));
	for (int why = 0; why < FACTS_DROP_MAX; why++) {
		uint64_t sum = 0;

		for (unsigned int i = 0; i < dp->workers.count; i++)
			sum += telemetry_load(&facts_worker(&dp->facts, i)->drop[why]);
		rte_tel_data_add_dict_u64(d, names[why], sum);
	}
	return 0;
}

static int telemetry_worker(const struct dataplane *dp, unsigned int index, struct rte_tel_data *d)
{
	const struct facts_worker *count = facts_worker(&dp->facts, index);
	const struct {
		const char *name;
		const uint64_t *value;
	} rows[] = {
		{"rx", &count->rx},
		{"tx", &count->tx},
		{"relayed_rtp", &count->relayed_rtp},
		{"relayed_rtcp", &count->relayed_rtcp},
		{"watched_rtp", &count->watched_rtp},
		{"watched_rtcp", &count->watched_rtcp},
		{"punted", &count->punted},
		{"sip_heard", &count->sip_heard},
		{"keepalives", &count->keepalives},
		{"rtp_keepalives", &count->rtp_keepalives},
		{"keepalive_skipped", &count->keepalive_skipped},
		{"keepalive_capped", &count->keepalive_capped},
		{"keepalive_late_max_us", &count->keepalive_late_max_us},
		{"loop_gap_max_us", &count->loop_gap_max_us},
		{"irq_sleeps", &count->irq_sleeps},
		{"irq_woken", &count->irq_woken},
		{"irq_missed", &count->irq_missed},
		{"busy_cycles", &count->busy_cycles},
		{"total_cycles", &count->total_cycles},
	};

	rte_tel_data_start_dict(d);
	for (size_t i = 0; i < RTE_DIM(rows); i++)
		rte_tel_data_add_dict_u64(d, rows[i].name, telemetry_load(rows[i].value));
	return 0;
}

/* All workers' counts of a histogram: `at` is its offset in struct facts_worker. A count is named
 * by the lower end of its place, in microseconds. */
static int telemetry_histogram(
	const struct dataplane *dp, size_t at, unsigned int places, struct rte_tel_data *d)
{
	uint64_t sum[TELEMETRY_PLACES] = {0};
	char name[24];

	for (unsigned int i = 0; i < dp->workers.count; i++) {
		const char *count = (const char *)facts_worker(&dp->facts, i) + at;

		for (unsigned int n = 0; n < places; n++)
			sum[n] += telemetry_load((const uint64_t *)(const void *)count + n);
	}
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_u64(d, "p50_us", facts_quantile(sum, places, 500));
	rte_tel_data_add_dict_u64(d, "p99_us", facts_quantile(sum, places, 990));
	rte_tel_data_add_dict_u64(d, "max_us", facts_quantile(sum, places, 1000));
	for (unsigned int n = 0; n < places; n++) {
		snprintf(name, sizeof(name), "from_%llu_us", n ? 1ull << n : 0);
		rte_tel_data_add_dict_u64(d, name, sum[n]);
	}
	return 0;
}

static int telemetry_round_trip(
	const struct dataplane *dp, const char *params, struct rte_tel_data *d)
{
	static_assert(FACTS_ROUND_TRIPS <= TELEMETRY_PLACES, "fits");
	return telemetry_histogram(
		dp, offsetof(struct facts_worker, round_trip), FACTS_ROUND_TRIPS, d);
}

static int telemetry_send_error(
	const struct dataplane *dp, const char *params, struct rte_tel_data *d)
{
	static_assert(FACTS_LATE <= TELEMETRY_PLACES, "fits");
	return telemetry_histogram(
		dp, offsetof(struct facts_worker, keepalive_late), FACTS_LATE, d);
}

/* "/linewatch/workers" lists them, "/linewatch/workers,1" shows one. */
static int telemetry_workers(const struct dataplane *dp, const char *params, struct rte_tel_data *d)
{
	unsigned long index;
	char *end;

	if (params && *params) {
		index = strtoul(params, &end, 10);
		if (*end || index >= dp->workers.count)
			return -EINVAL;
		return telemetry_worker(dp, (unsigned int)index, d);
	}
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (unsigned int i = 0; i < dp->workers.count; i++)
		rte_tel_data_add_array_int(d, (int)i);
	return 0;
}

static const struct {
	const char *command;
	int (*show)(const struct dataplane *dp, const char *params, struct rte_tel_data *d);
	const char *help;
} telemetry_commands[] = {
	{"/linewatch/status", telemetry_status, "Gauges of the data plane. No parameters."},
	{"/linewatch/drops", telemetry_drops, "Dropped packets by reason. No parameters."},
	{"/linewatch/roundtrip", telemetry_round_trip,
		"Round trips of answered keep-alives. No parameters."},
	{"/linewatch/senderror", telemetry_send_error,
		"Keep-alives by lateness against their schedule. No parameters."},
	{"/linewatch/workers", telemetry_workers, "Workers, or the counters of one: its number."},
};

static int telemetry_call(const char *command, const char *params, struct rte_tel_data *d)
{
	int ret = -EINVAL;

	pthread_mutex_lock(&telemetry.lock);
	for (size_t i = 0; i < RTE_DIM(telemetry_commands); i++) {
		if (telemetry.dp && strcmp(command, telemetry_commands[i].command) == 0)
			ret = telemetry_commands[i].show(telemetry.dp, params, d);
	}
	pthread_mutex_unlock(&telemetry.lock);
	return ret;
}

int telemetry_open(const struct dataplane *dp)
{
	int err = 0;

	pthread_mutex_lock(&telemetry.lock);
	telemetry.dp = dp;
	pthread_mutex_unlock(&telemetry.lock);
	for (size_t i = 0; i < RTE_DIM(telemetry_commands) && !err; i++)
		err = rte_telemetry_register_cmd(
			telemetry_commands[i].command, telemetry_call, telemetry_commands[i].help);
	return err;
}

void telemetry_close(void)
{
	pthread_mutex_lock(&telemetry.lock);
	telemetry.dp = NULL;
	pthread_mutex_unlock(&telemetry.lock);
}
