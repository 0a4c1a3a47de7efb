/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether an INVITE may become a call: its form, its sender, our means. Nothing is changed before
 * all checks have passed (checklist UA-01). */
#ifndef CONTROLPLANE_CALL_ADMIT_H
#define CONTROLPLANE_CALL_ADMIT_H

#include "controlplane/call/calls.h"
#include "controlplane/call/route.h"

struct admission {
	const struct conf_trunk *trunk; /* of the caller; NULL: a device */
	struct route route;
	char from[SIP_URI_MAX];
	char to[SIP_URI_MAX];
	const char *sdp; /* NULL: the INVITE has no offer */
	size_t sdp_len;
};

/* Returns true, or false after having answered. */
bool admit_invite(struct calls *calls, struct sip_server *server, const struct sip_rx *rx,
	struct admission *out);

/* Answers a request outside any dialog. extra is NULL or a header. */
void admit_refuse(struct sip_server *server, int code, const char *reason, const char *name,
	const char *value);

/* Answers 401 with our challenges. */
void admit_challenge(
	struct calls *calls, struct sip_server *server, const struct sip_rx *rx, bool stale);

/* Option tags that we understand (UA-03); ends with NULL. */
extern const char *const admit_options[];

#endif
