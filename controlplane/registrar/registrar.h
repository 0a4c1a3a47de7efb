/* SPDX-License-Identifier: BSD-3-Clause */
/* Registrar: REGISTER in, answer out, and the table of who can be reached where.
 *
 * It sends nothing itself. It keeps its bindings in the data plane (keep-alives, dpclient.h) and in
 * the store (callbacks), and takes expired ones out by the timer wheel. All names of sip.domains
 * are one name space, since accounts have no domain: an AOR is sip:user@FIRST-DOMAIN. */
#ifndef CONTROLPLANE_REGISTRAR_REGISTRAR_H
#define CONTROLPLANE_REGISTRAR_REGISTRAR_H

#include "controlplane/registrar/binding.h"
#include "shared/addr.h"
#include "shared/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <osipparser2/osip_parser.h>

struct dpclient;
struct record;
struct wheel;

#define REGISTRAR_HEADERS_MAX 128
#define REGISTRAR_TEXT_MAX    32768

/* Each may be NULL. Nothing is waited for. rec is the whole record of a binding and may be kept
 * only until the callback returns; times are CLOCK_BOOTTIME ms (store/record.h). */
struct registrar_store {
	void (*set)(void *arg, const char *aor, const char *bid, const struct record *rec,
		uint64_t expires_ms);
	void (*del)(void *arg, const char *aor, const char *bid);
	void *arg;
};

/* Devices with keep-alives of their own: those whose User-Agent begins like one of these. */
struct registrar_class {
	const char *name;
	const char *const *user_agents;
	size_t user_agent_count;
};

struct registrar_conf {
	const char *const *domains; /* host names and IPs that are ours; copied; at least one */
	size_t domain_count;
	const char *node;          /* edge node named in the store; copied */
	uint32_t incarnation;      /* rises with each start of the process */
	bool open;                 /* accept REGISTER of anybody, without a password */
	uint32_t expires_min;      /* s; 0 = 60; at most 3600 */
	uint32_t expires_max;      /* s; 0 = 3600 */
	uint32_t expires_default;  /* s; 0 = 3600 */
	uint32_t bindings_per_aor; /* 0 = 10; at most 100 */
	uint32_t bindings_per_ip;  /* source IP; 0 = 1000 */
	uint32_t bindings_max;     /* in all; 0 = 65536; as dpclient_conf.bindings_max */
	uint32_t register_rate;    /* REGISTERs a second, beyond it 503; 0 = no limit */
	uint32_t retry_after;      /* s in a 503; 0 = 60 */
	/* Keep-alive classes 1, 2, ...; others are of class 0. Must outlive the registrar. */
	const struct registrar_class *classes;
	size_t class_count;
	uint64_t now_ms;     /* CLOCK_BOOTTIME */
	struct wheel *wheel; /* must outlive the registrar */
	struct dpclient *dp; /* NULL: no data plane, no keep-alives */
	struct registrar_store store;
};

struct registrar;

/* Returns 0, -EINVAL (limits, names) or -ENOMEM. */
int registrar_open(struct registrar **r, const struct registrar_conf *conf);

/* Forgets everything in memory; the store and the data plane keep theirs (they expire). */
void registrar_close(struct registrar *r);

struct registrar_request {
	const osip_message_t *message;
	struct addr source; /* where it came from */
	struct addr local;  /* the socket it arrived on */
	const char *user;   /* account proven by digest_check, NULL = none */
	uint64_t now_ms;
	uint64_t wall_ms; /* since 1970, for Date */
};

struct registrar_header {
	const char *name;
	const char *value;
};

/* Caller's memory (a member of a long-lived context: it is large). The texts are inside. On 401 the
 * caller adds the challenges (digest_challenge). */
struct registrar_reply {
	int status;
	const char *reason;
	unsigned header_count;
	struct registrar_header headers[REGISTRAR_HEADERS_MAX];
	size_t used;
	char text[REGISTRAR_TEXT_MAX];
};

/* Works one REGISTER through RFC 3261 section 10.3 in its order; retransmissions must have been
 * absorbed before. Changes are all made, in memory, data plane and store, or none. */
void registrar_register(struct registrar *r, const struct registrar_request *request,
	struct registrar_reply *reply);

/* Bindings under which the user of a URI can be reached at now_ms, best q first, then the most
 * recent; expired and unreachable ones are left out. Returns their number, at most max; the
 * pointers are valid until the loop is entered again. -ENOENT: the URI is not of our domains. */
int registrar_lookup(struct registrar *r, const osip_uri_t *uri, uint64_t now_ms,
	const struct binding **out, unsigned max);

/* True if the user of a URI has a live binding at this very source address: a request that comes
 * from there is known to be his. */
bool registrar_is_from(
	struct registrar *r, const osip_uri_t *uri, const struct addr *source, uint64_t now_ms);

/* True if the host of a URI is one of our domains. */
bool registrar_serves(const struct registrar *r, const osip_uri_t *uri);

/* Takes in a binding as the store has it (store_events.binding). Returns 0, -ESTALE (expired:
 * nothing is done), -EINVAL (a field is missing or wrong; the AOR is not ours any more), -EEXIST or
 * -ENOSPC. */
int registrar_restore(struct registrar *r, const char *aor, const char *bid,
	const struct record *rec, uint64_t expires_ms, uint64_t now_ms);

/* Hands every live binding to the store again (store_events.bindings). */
void registrar_store_all(struct registrar *r, uint64_t now_ms);

/* Keep-alives to a device that never registers, from the local address given. Returns 0, -EEXIST or
 * -ENOSPC. */
int registrar_static_add(
	struct registrar *r, const struct addr *dst, const struct addr *local, uint64_t now_ms);

/* To be called from dpclient_events.binding. */
void registrar_binding_event(
	struct registrar *r, uint32_t index, const struct proto_binding_event *ev);

/* To be called from dpclient_events.resync: which bindings are lost will be told again. */
void registrar_resync(struct registrar *r);

/* Walks all bindings: start with *cursor = 0, NULL ends. Bindings may come and go between calls. */
const struct binding *registrar_next(const struct registrar *r, uint32_t *cursor);

/* The bindings of an AOR by its canonical name, expired and unreachable ones too: the first, the
 * others by its next; NULL if there are none. */
const struct binding *registrar_of_aor(const struct registrar *r, const char *name);

/* When a binding was last heard: by its REGISTER or by the data plane, whichever is later. */
uint64_t registrar_heard(const struct registrar *r, const struct binding *b, uint64_t now_ms);

/* The AOR of a binding, "(static)" for a device that never registers. */
const char *registrar_aor_of(const struct binding *b);

struct registrar_status {
	uint32_t aors;
	uint32_t bindings; /* registered */
	uint32_t statics;
	uint64_t accepted; /* 200 */
	uint64_t refused;  /* any other answer but 401 */
	uint64_t expired;
};
void registrar_status(const struct registrar *r, struct registrar_status *out);

#endif
