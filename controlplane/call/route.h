/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is calling, and where a call goes. Reads the configuration and the registrar; changes
 * nothing. */
#ifndef CONTROLPLANE_CALL_ROUTE_H
#define CONTROLPLANE_CALL_ROUTE_H

#include "controlplane/sip/msg.h"
#include "controlplane/sip/transport.h"
#include "shared/conf.h"

struct registrar;

/* The trunk a packet comes from: the one whose address has this IP; one whose port is the same too
 * is preferred. NULL: none. */
const struct conf_trunk *route_trunk_of(const struct conf *conf, const struct addr *source);

/* A registered contact of the callee. */
struct route_contact {
	struct sip_flow flow;
	uint16_t q;
	char uri[SIP_URI_MAX];
};

#define ROUTE_CONTACTS_MAX 10 /* of one call; the rest, of the lowest q, is left out */

struct route {
	int status; /* 0, or the answer to give: 404, 416, 480 */
	const char *reason;
	const struct conf_trunk *trunk; /* NULL: a registered device */
	struct sip_flow flow;
	char uri[SIP_URI_MAX]; /* Request-URI */
	char to[SIP_URI_MAX];  /* To of the new leg */
	uint16_t q;            /* of that contact */
	unsigned int other_count;
	struct route_contact other[ROUTE_CONTACTS_MAX - 1]; /* likewise, best q first */
};

/* Finds the way for a Request-URI: registered contacts of ours, else the trunk with the longest
 * prefix of the user part. `from` is the trunk the call comes from (calls are not sent back into
 * it), or NULL. */
void route_find(const struct conf *conf, struct registrar *registrar, const osip_uri_t *uri,
	const struct conf_trunk *from, uint64_t now_ms, struct route *route);

#endif
