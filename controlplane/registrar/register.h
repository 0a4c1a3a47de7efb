/* SPDX-License-Identifier: BSD-3-Clause */
/* The work on one REGISTER, in three steps: registrar_register (register.c) decides who may do it,
 * register_plan (plan.c) reads every contact and checks all that can fail, register_commit makes
 * the changes, which cannot fail any more. */
#ifndef CONTROLPLANE_REGISTRAR_REGISTER_H
#define CONTROLPLANE_REGISTRAR_REGISTER_H

#include "controlplane/registrar/registrar_impl.h"

#define REGISTER_CONTACTS_MAX 128

/* What is to be done about one Contact. */
struct register_item {
	char *uri; /* text of the Contact URI, of libosip2 */
	const osip_uri_t *url;
	char *instance;   /* +sip.instance, or NULL; the message's */
	uint32_t expires; /* s; 0: removal */
	uint16_t q;
	bool has_q;
	struct binding *old;   /* of the same URI */
	struct binding *other; /* of the same instance, another URI */
	struct binding *fresh; /* takes their place */
	bool skip;             /* a later Contact names the same URI */
};

struct register_work {
	struct registrar *r;
	const struct registrar_request *request;
	struct registrar_reply *reply;
	struct aor *aor; /* NULL: has no binding yet */
	char aor_name[REGISTRAR_AOR_STRLEN];
	char call_id[BINDING_CALL_ID_STRLEN];
	uint32_t cseq;
	bool star;
	uint32_t count;
	struct register_item items[REGISTER_CONTACTS_MAX];
};

/* Fills items and prepares their new bindings. Returns true, or false with the refusal in reply. */
bool register_plan(struct register_work *w);

/* Frees what register_plan left behind: texts, bindings that were not used, an AOR and a source
 * that stayed empty. */
void register_free(struct register_work *w);

/* The refusal as an answer; false, for the caller's return. */
bool register_refuse(struct register_work *w, int status, const char *reason);

#endif
