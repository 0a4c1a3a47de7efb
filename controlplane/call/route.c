/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/route.h"

#include "controlplane/registrar/registrar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct conf_trunk *route_trunk_of(const struct conf *conf, const struct addr *source)
{
	const struct conf_trunk *found = NULL;

	for (size_t i = 0; i < conf->trunk_count; i++) {
		const struct conf_trunk *trunk = &conf->trunks[i];

		if (addr_equal(&trunk->address, source))
			return trunk;
		if (!found && addr_same_ip(&trunk->address, source))
			found = trunk;
	}
	return found;
}

static void refuse(struct route *route, int status, const char *reason)
{
	route->status = status;
	route->reason = reason;
}

/* Longest prefix wins; the first of equals. */
static const struct conf_trunk *trunk_for(
	const struct conf *conf, const char *user, const struct conf_trunk *from)
{
	const struct conf_trunk *found = NULL;
	size_t best = 0;

	for (size_t i = 0; i < conf->trunk_count; i++) {
		const struct conf_trunk *trunk = &conf->trunks[i];

		for (size_t k = 0; k < trunk->prefixes.count && trunk != from; k++) {
			size_t len = strlen(trunk->prefixes.item[k]);

			if (strncmp(user, trunk->prefixes.item[k], len) != 0)
				continue;
			if (!found || len > best) {
				found = trunk;
				best = len;
			}
		}
	}
	return found;
}

static void to_trunk(struct route *route, const struct conf_trunk *trunk, const char *user)
{
	route->trunk = trunk;
	route->flow = sip_flow_to(&trunk->address);
	if (sip_uri_make(route->uri, sizeof(route->uri), user, &trunk->address) < 0)
		refuse(route, 414, "Request-URI Too Long");
	else
		strcpy(route->to, route->uri);
}

/* Phones are reached over the flow of their REGISTER, whatever their Contact says (KA-01). */
static struct sip_flow flow_of(const struct binding *binding)
{
	return (struct sip_flow){
		.proto = SIP_UDP, .local = binding->local, .remote = binding->source};
}

static void to_bindings(
	struct route *route, const struct binding *const *binding, int count, const char *to)
{
	route->flow = flow_of(binding[0]);
	route->q = binding[0]->q;
	snprintf(route->uri, sizeof(route->uri), "%s", binding[0]->contact);
	snprintf(route->to, sizeof(route->to), "%s", to);
	for (int i = 1; i < count; i++) {
		struct route_contact *other = &route->other[route->other_count++];

		other->flow = flow_of(binding[i]);
		other->q = binding[i]->q;
		snprintf(other->uri, sizeof(other->uri), "%s", binding[i]->contact);
	}
}

void route_find(const struct conf *conf, struct registrar *registrar, const osip_uri_t *uri,
	const struct conf_trunk *from, uint64_t now_ms, struct route *route)
{
	const struct binding *binding[ROUTE_CONTACTS_MAX];
	const struct conf_trunk *trunk;
	char text[SIP_URI_MAX], user[256];
	char *printed = NULL;
	int n;

	memset(route, 0, sizeof(*route));
	if (!uri || !uri->scheme || strcasecmp(uri->scheme, "sip") != 0) {
		refuse(route, 416, "Unsupported URI Scheme");
		return;
	}
	if (osip_uri_to_str(uri, &printed) != 0) {
		refuse(route, 400, "Bad Request-URI");
		return;
	}
	n = snprintf(text, sizeof(text), "%s", printed);
	osip_free(printed);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		refuse(route, 414, "Request-URI Too Long");
		return;
	}
	/* A stranger's domain is never called, whoever asks (SE-03). */
	if (!registrar_serves(registrar, uri)) {
		refuse(route, 404, "Not Our Domain");
		return;
	}
	if (sip_uri_parts(text, user, sizeof(user), NULL, 0, NULL) < 0 || user[0] == '\0') {
		refuse(route, 404, "No User In Request-URI");
		return;
	}
	n = registrar_lookup(registrar, uri, now_ms, binding, ROUTE_CONTACTS_MAX);
	if (n > 0) {
		to_bindings(route, binding, n, text);
		return;
	}
	trunk = trunk_for(conf, user, from);
	if (trunk) {
		to_trunk(route, trunk, user);
		return;
	}
	for (size_t i = 0; i < conf->user_count; i++) {
		if (strcmp(conf->users[i].name, user) == 0) {
			refuse(route, 480, "Not Registered");
			return;
		}
	}
	refuse(route, 404, "Not Found");
}
