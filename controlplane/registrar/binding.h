/* SPDX-License-Identifier: BSD-3-Clause */
/* One binding: a contact of an AOR and the flow (address pair) on which it is reached. */
#ifndef CONTROLPLANE_REGISTRAR_BINDING_H
#define CONTROLPLANE_REGISTRAR_BINDING_H

#include "controlplane/wheel.h"
#include "shared/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define BINDING_BID_STRLEN     40
#define BINDING_CONTACT_STRLEN 512
#define BINDING_CALL_ID_STRLEN 256
#define BINDING_Q_MAX          1000 /* q=1.0 */

struct aor;
struct registrar;

/* Read-only outside the registrar. The texts lie behind the struct, so a REGISTER that changes them
 * makes a new binding in the place (index, bid) of the old one. */
struct binding {
	struct aor *aor;              /* NULL: static, never registers */
	struct binding *next;         /* of the same AOR */
	char bid[BINDING_BID_STRLEN]; /* name in the store, n01-5-00a41f */
	char *contact;  /* Contact URI as the phone gave it, without <> : Request-URI */
	char *instance; /* +sip.instance with its quotes, or NULL */
	char *call_id;
	uint32_t cseq;
	uint16_t q;             /* thousandths; BINDING_Q_MAX when it gave none */
	bool has_q;             /* it gave one */
	bool unreachable;       /* too many keep-alives unanswered */
	struct addr source;     /* requests go here, not to the contact (KA-01) */
	struct addr local;      /* and leave from here */
	uint64_t registered_ms; /* last REGISTER */
	uint64_t expires_ms;    /* CLOCK_BOOTTIME; not reachable from then on */
	uint32_t index;         /* in dpclient.h */
	uint32_t gen;
	uint8_t class_id; /* of its keep-alives */

	/* The registrar's own. */
	struct registrar *registrar;
	struct wheel_timer timer; /* expiry; of a static binding: prolongation */
	uint64_t stored_ms;       /* last proof of life that the store was told */
	char text[];
};

/* Texts of a new binding; instance may be NULL. Returns NULL without memory. */
struct binding *binding_new(const char *contact, const char *instance, const char *call_id);
void binding_free(struct binding *b);

/* Name of the binding's AOR ("sip:bob@example.com"), "" for a static one. */
const char *binding_aor(const struct binding *b);

#endif
