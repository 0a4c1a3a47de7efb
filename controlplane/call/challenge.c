/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/challenge.h"

#include "controlplane/call/calls.h"
#include "controlplane/registrar/digest.h"
#include "controlplane/sip/msg.h"
#include "shared/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define CHALLENGE_TRIES 2 /* the second only if the nonce was stale */

static bool is_stale(const osip_message_t *resp)
{
	const osip_list_t *list = resp->status_code == 401 ? &resp->www_authenticates
							   : &resp->proxy_authenticates;
	osip_list_iterator_t it;

	for (const osip_www_authenticate_t *w = osip_list_get_first(list, &it); w;
		w = osip_list_get_next(&it)) {
		if (w->stale && strcasestr(w->stale, "true"))
			return true;
	}
	return false;
}

/* Adds what answers the challenge. Returns 0 or -errno. */
static int prove(const struct conf_trunk *trunk, osip_message_t *req, const osip_message_t *resp)
{
	const struct digest_credentials credentials = {trunk->realm, trunk->user, trunk->password};
	char value[DIGEST_HEADER_STRLEN], cnonce[2 * sizeof(uint64_t) + 1];
	uint64_t random;
	char *uri = NULL;
	int err;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EAGAIN;
	snprintf(cnonce, sizeof(cnonce), "%016llx", (unsigned long long)random);
	if (osip_uri_to_str(req->req_uri, &uri))
		return -ENOMEM;
	err = digest_answer(resp, &credentials, req->sip_method, uri, cnonce, 1, value);
	osip_free(uri);
	if (err < 0)
		return err;
	return sip_msg_add(
		req, resp->status_code == 401 ? "Authorization" : "Proxy-Authorization", value);
}

/* Repeats the request with credentials. Returns 0 or -errno: then the refusal stands. */
static int answer(struct leg_ask_slot *slot, sip_client_fn *fn, const osip_message_t *resp)
{
	struct leg *leg = slot->leg;
	struct calls *calls = leg->call->calls;
	osip_message_t *req;
	int err;

	if (!slot->copy || (slot->tries && !is_stale(resp)) || slot->tries == CHALLENGE_TRIES)
		return -EACCES;
	/* The caller has given up meanwhile. */
	if (leg->call->state == CALL_ENDING && slot != &leg->ask[ASK_BYE])
		return -ECANCELED;
	req = leg_request_again(leg, slot->copy);
	if (!req)
		return -ENOMEM;
	err = prove(leg->trunk, req, resp);
	if (err) {
		osip_message_free(req);
		return err;
	}
	slot->client = sip_client_start(calls->sip, req, &leg->dialog.flow, fn, slot);
	if (!slot->client)
		return -ENOBUFS;
	slot->tries++;
	return 0;
}

static void on_event(
	void *arg, struct sip_client *client, enum sip_event event, const osip_message_t *resp)
{
	struct leg_ask_slot *slot = arg;
	bool last = event != SIP_RESPONSE || resp->status_code >= 200;

	if (last && event == SIP_RESPONSE &&
		(resp->status_code == 401 || resp->status_code == 407)) {
		int err = answer(slot, on_event, resp);

		if (err == 0)
			return;
		if (slot->copy)
			log_warning("call %s: trunk %s refuses our credentials with %d: %s",
				slot->leg->call->store.id, slot->leg->trunk->name,
				resp->status_code,
				err == -ENOENT ? "it asks for another realm than trunks.realm"
					: err == -EACCES
					? "trunks.user or trunks.password is not what it expects"
					: strerror(-err));
	}
	if (last)
		challenge_clear(slot);
	slot->fn(slot, client, event, resp);
}

int challenge_start(struct leg_ask_slot *slot, osip_message_t *req)
{
	struct leg *leg = slot->leg;
	const struct conf_trunk *trunk = leg->trunk;

	challenge_clear(slot);
	if (trunk && *trunk->user && addr_equal(&trunk->address, &leg->dialog.flow.remote) &&
		osip_message_clone(req, &slot->copy)) {
		osip_message_free(req);
		return -ENOMEM;
	}
	slot->client = sip_client_start(
		leg->call->calls->sip, req, &leg->dialog.flow, on_event, slot);
	return slot->client ? 0 : -ENOBUFS;
}

void challenge_clear(struct leg_ask_slot *slot)
{
	if (slot->copy)
		osip_message_free(slot->copy);
	slot->copy = NULL;
	slot->tries = 0;
}
