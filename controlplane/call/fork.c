/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/fork.h"

#include "controlplane/call/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

int fork_add(struct leg *leg, const struct route *route)
{
	leg->fork_q = route->q;
	for (unsigned int i = 0; i < route->other_count; i++) {
		const struct route_contact *contact = &route->other[i];
		size_t len = strlen(contact->uri) + 1;
		struct fork *fork = calloc(1, sizeof(*fork) + len);

		if (!fork)
			return -ENOMEM;
		fork->leg = leg;
		fork->q = contact->q;
		fork->flow = contact->flow;
		memcpy(fork->uri, contact->uri, len);
		DL_APPEND(leg->forks, fork);
	}
	return 0;
}

int fork_ask(struct fork *fork, osip_message_t *req, sip_client_fn *fn)
{
	osip_uri_t *uri = NULL;

	if (!req)
		return -ENOMEM;
	if (osip_uri_init(&uri) || osip_uri_parse(uri, fork->uri)) {
		osip_uri_free(uri);
		osip_message_free(req);
		return -EINVAL;
	}
	osip_uri_free(req->req_uri);
	req->req_uri = uri;
	fork->client = sip_client_start(fork->leg->call->calls->sip, req, &fork->flow, fn, fork);
	return fork->client ? 0 : -ENOBUFS;
}

void fork_start(
	struct leg *leg, osip_message_t *req, const struct leg_invite *invited, sip_client_fn *fn)
{
	struct fork *fork;

	DL_FOREACH(leg->forks, fork)
	{
		osip_message_t *copy = NULL;

		if (fork->q != leg->fork_q)
			continue;
		fork->invited = *invited;
		if (req)
			osip_message_clone(req, &copy);
		fork_ask(fork, copy, fn);
	}
	osip_message_free(req);
}

bool fork_next(struct leg *leg)
{
	const struct fork *fork, *best = NULL;

	DL_FOREACH(leg->forks, fork)
	{
		if (!fork->invited.tries && (!best || fork->q > best->q))
			best = fork;
	}
	if (best)
		leg->fork_q = best->q;
	return best != NULL;
}

bool fork_is_open(const struct leg *leg)
{
	const struct fork *fork;

	DL_FOREACH(leg->forks, fork)
	{
		if (fork->client)
			return true;
	}
	return false;
}

void fork_cancel(struct leg *leg, const char *reason)
{
	struct fork *fork;

	DL_FOREACH(leg->forks, fork)
	{
		if (fork->client)
			sip_client_cancel(fork->client, reason);
	}
}

void fork_drop(struct leg *leg, const char *reason)
{
	struct fork *fork, *next;

	DL_FOREACH_SAFE(leg->forks, fork, next)
	{
		if (fork->client) {
			sip_client_cancel(fork->client, reason);
			sip_client_detach(fork->client);
		}
		free(fork);
	}
	leg->forks = NULL;
}

/* A refusal by the user himself counts for all his phones; of what single phones say, the one that
 * a person would want to hear comes first. */
static int rank(int code)
{
	if (code >= 600)
		return 7;
	switch (code) {
	case 0:
		return 0;
	case 408:
		return 2;
	case 480:
		return 4;
	case 486:
		return 6;
	default:
		return code < 400 ? 3 : code < 500 ? 5 : 1;
	}
}

int fork_better(int a, int b)
{
	return rank(b) > rank(a) ? b : a;
}
