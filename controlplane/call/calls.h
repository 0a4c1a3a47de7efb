/* SPDX-License-Identifier: BSD-3-Clause */
/* The B2BUA of one loop: all its calls and the modules they use. */
#ifndef CONTROLPLANE_CALL_CALLS_H
#define CONTROLPLANE_CALL_CALLS_H

#include "controlplane/call/call.h"
#include "controlplane/media/ports.h"
#include "controlplane/media/sdp.h"
#include "controlplane/media/slots.h"
#include "controlplane/registrar/digest.h"
#include "controlplane/registrar/registrar.h"
#include "shared/log.h"

struct calls_counters {
	uint64_t started;
	uint64_t answered;
	uint64_t ended;
	uint64_t restored;
	uint64_t refused;   /* INVITEs that made no call */
	uint64_t refreshes; /* sent */
	uint64_t confirmed; /* answered 2xx */
	uint64_t probes;
	uint64_t silent; /* media silence events */
	uint64_t alarms; /* refresh unanswered while media is alive */
};

struct calls {
	const struct conf *conf;
	struct wheel *wheel;
	struct sip_stack *sip;
	struct store *store;
	struct registrar *registrar;
	struct digest *digest;
	struct dpclient *dp; /* NULL: media none everywhere */
	struct ports *ports[DPCLIENT_MEDIA_MAX];
	struct leg **port_leg[DPCLIENT_MEDIA_MAX]; /* slot -> leg */
	struct slots *monitors;   /* numbers of monitored flows; NULL: this node monitors none */
	struct leg **monitor_leg; /* number -> leg */
	struct call *table;
	struct walk *walks; /* under way (walk.h) */
	uint32_t count;
	bool closing; /* no new calls: the node stops */
	struct calls_counters counters;
	struct log_rate refused_log;
	struct registrar_reply registrar_reply;
	char sdp[SDP_TEXT_MAX * 2]; /* a description while it is written */
};

/* The modules in conf .. dp are set by the caller; the rest is made here. gen_first as in ports.h.
 * Returns 0 or -errno. */
int calls_open(struct calls *calls, uint32_t gen_first);

/* Frees all calls without a word to anybody: they stay in Redis. */
void calls_close(struct calls *calls);

/* Handlers for the SIP stack. */
void calls_sip_handlers(struct calls *calls, struct sip_handlers *handlers);

/* Handlers for the data-plane client. */
void calls_dp_events(struct calls *calls, struct dpclient_events *events);

struct call *calls_by_id(struct calls *calls, const char *id);

/* The leg whose tag this is, however little of the rest fits; NULL if there is none. */
struct leg *calls_by_tag(struct calls *calls, const char *tag);

static inline uint64_t calls_now(const struct calls *calls)
{
	return sip_stack_now(calls->sip);
}

#endif
