/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/conf_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest call without timers that `wholesale` allows where media is not watched. */
#define WHOLESALE_BLIND_LIMIT_S 3600

/* How the word of a bond begins that lives on what is sent to it. */
#define LACP_WORD "bond:802.3ad:"

#define DOMAIN_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]"

/* The session and media values of the node or of one trunk. */
struct view {
	const char *name; /* in messages: "" or "trunks." */
	struct conf_session *session;
	struct conf_media *media;
	struct conf_origin *own;
	struct conf_origin *parent; /* where a trunk inherits from */
	uint32_t line;              /* of the trunk */
};

static uint32_t view_line(const struct view *view, enum param_section section, const char *name)
{
	const struct param *param = param_find(section, name);
	const struct conf_origin *own = conf_origin_of(view->own, param);

	if (own->from == CONF_FROM_FILE)
		return own->line;
	if (own->from == CONF_FROM_NOWHERE && view->parent &&
		conf_origin_of(view->parent, param)->from == CONF_FROM_FILE)
		return conf_origin_of(view->parent, param)->line;
	return view->line;
}

/* `wholesale` has no limit for calls without timers because media silence ends them; where media is
 * not watched it has one. */
static void limit_blind_wholesale(const struct view *view)
{
	const struct param *param = param_find(PARAM_SESSION, "SS_SIP_NO_TIMER_REINVITE_INTERVAL");
	struct conf_origin *own = conf_origin_of(view->own, param);
	const struct conf_origin *origin = own->from == CONF_FROM_NOWHERE
		? conf_origin_of(view->parent, param)
		: own;

	if (origin->from != CONF_FROM_PRESET || origin->preset != CONF_PRESET_WHOLESALE)
		return;
	if (view->media->mode != CONF_MEDIA_NONE && view->media->timeout_s != 0)
		return;
	view->session->no_timer_limit_s = WHOLESALE_BLIND_LIMIT_S;
	*own = *origin;
}

static int check_view(struct conf_loader *loader, const struct view *view)
{
	const struct conf_session *session = view->session;
	const struct conf_media *media = view->media;

	if (session->min_se_s > session->ttl_s) {
		uint32_t line = view_line(view, PARAM_SESSION, "min_se");

		if (!line)
			line = view_line(view, PARAM_SESSION, "SS_SIP_SESSION_TTL");
		return conf_fail(loader, line,
			"%ssession.min_se: %u is above SS_SIP_SESSION_TTL: at most %u s",
			view->name, session->min_se_s, session->ttl_s);
	}
	if (media->hard_timeout_s < media->timeout_s) {
		uint32_t line = view_line(view, PARAM_MEDIA, "media_hard_timeout");

		return conf_fail(loader, line,
			"%smedia_hard_timeout: %u is below media_timeout: at least %u s",
			*view->name ? "trunks.media_clocks." : "media.", media->hard_timeout_s,
			media->timeout_s);
	}
	limit_blind_wholesale(view);
	return 0;
}

static uint32_t line_in(const struct conf *conf, enum param_section section, const char *name)
{
	return conf_origin_of(conf->origin, param_find(section, name))->line;
}

static bool is_unspecified(const struct addr *addr)
{
	static const uint8_t zero[sizeof(addr->ip)];

	return memcmp(addr->ip, zero, sizeof(zero)) == 0;
}

/* Values that follow from others. */
static int derive(struct conf_loader *loader)
{
	struct conf *conf = loader->conf;
	struct conf_node *node = &conf->node;

	node->service.port = (uint16_t)node->sip_port;
	if (node->address.family == ADDR_NONE)
		node->address = node->service;
	if (node->address.port == 0)
		node->address.port = (uint16_t)node->sip_port;
	if (node->media.count == 0) {
		node->media.item = malloc(sizeof(*node->media.item));
		if (!node->media.item) {
			conf_fail(loader, 0, "out of memory");
			return -ENOMEM;
		}
		node->media.item[0] = node->service;
		node->media.item[0].port = 0;
		node->media.count = 1;
	}
	if (!conf->sip.realm[0] && conf->sip.domains.count)
		snprintf(conf->sip.realm, sizeof(conf->sip.realm), "%s", conf->sip.domains.item[0]);
	if (!conf->sip.realm[0])
		addr_format_ip(&node->service, conf->sip.realm);
	return 0;
}

static int check_node(struct conf_loader *loader)
{
	struct conf *conf = loader->conf;
	struct conf_node *node = &conf->node;
	size_t slots = (size_t)(node->media_port_max - node->media_port_min + 1) / 2;

	if (ids_node_check(node->name))
		return conf_fail(loader, line_in(conf, PARAM_NODE, "name"),
			"node.name: %s is not a node name: 1 to %d letters and digits", node->name,
			IDS_NODE_MAX - 1);
	if (node->service.family == ADDR_NONE)
		return conf_fail(loader, 0, "node.service_address: missing: a numeric IP address");
	if (is_unspecified(&node->service))
		return conf_fail(loader, line_in(conf, PARAM_NODE, "service_address"),
			"node.service_address: stands in Contact and Via: a numeric IP address "
			"that others can reach");
	if (derive(loader))
		return -ENOMEM;
	for (size_t i = 0; i < node->media.count; i++) {
		if (is_unspecified(&node->media.item[i]))
			return conf_fail(loader, line_in(conf, PARAM_NODE, "media_addresses"),
				"node.media_addresses: stand in SDP: numeric IP addresses that "
				"others can reach");
	}
	slots *= node->media.count;
	if (conf_uses_dataplane(conf) && slots > conf->dataplane.flows)
		return conf_fail(loader, line_in(conf, PARAM_DATAPLANE, "flows"),
			"dataplane.flows: %u is below what node.media_ports takes: at least %zu",
			conf->dataplane.flows, slots);
	return 0;
}

static int check_monitor(struct conf_loader *loader)
{
	const struct conf *conf = loader->conf;
	const struct conf_dataplane *dp = &conf->dataplane;
	size_t ports = dp->monitor_ports.count;

	if (dp->monitor == CONF_MONITOR_INLINE && ports != 2)
		return conf_fail(loader, line_in(conf, PARAM_DATAPLANE, "monitor"),
			"dataplane.monitor: inline with %zu monitor_ports: exactly 2", ports);
	if (dp->monitor == CONF_MONITOR_MIRROR && ports == 0)
		return conf_fail(loader, line_in(conf, PARAM_DATAPLANE, "monitor"),
			"dataplane.monitor: mirror without monitor_ports: at least 1");
	for (size_t i = 0; dp->monitor != CONF_MONITOR_OFF && i < ports; i++) {
		if (strncmp(dp->monitor_ports.item[i], LACP_WORD, strlen(LACP_WORD)) == 0)
			return conf_fail(loader, line_in(conf, PARAM_DATAPLANE, "monitor_ports"),
				"dataplane.monitor_ports: %s: a watched port cannot speak LACP: "
				"its "
				"members as ports of their own, or bond:active-backup",
				dp->monitor_ports.item[i]);
		for (size_t k = 0; k < dp->ports.count; k++) {
			if (strcmp(dp->monitor_ports.item[i], dp->ports.item[k]) == 0)
				return conf_fail(loader,
					line_in(conf, PARAM_DATAPLANE, "monitor_ports"),
					"dataplane.monitor_ports: %s is one of dataplane.ports as "
					"well: each port in one of them",
					dp->ports.item[k]);
		}
	}
	if (dp->monitor != CONF_MONITOR_OFF && dp->monitors < dp->clients)
		return conf_fail(loader, line_in(conf, PARAM_DATAPLANE, "monitors"),
			"dataplane.monitors: %u for %u clients, which share them: at least %u",
			dp->monitors, dp->clients, dp->clients);
	if (dp->monitor != CONF_MONITOR_OFF)
		return 0;
	/* A call that its operator believes to be watched must not go unwatched. */
	if (conf->media.mode == CONF_MEDIA_MONITOR)
		return conf_fail(loader, line_in(conf, PARAM_MEDIA, "mode"),
			"media.mode: monitor while dataplane.monitor is off: relay, none, or "
			"inline or mirror there");
	for (size_t i = 0; i < conf->trunk_count; i++) {
		if (conf->trunks[i].media.mode == CONF_MEDIA_MONITOR)
			return conf_fail(loader, conf->trunks[i].line,
				"trunks.media: monitor while dataplane.monitor is off: relay, "
				"none, or inline or mirror there");
	}
	return 0;
}

static int check_sip(struct conf_loader *loader)
{
	const struct conf_sip *sip = &loader->conf->sip;

	if (sip->register_expires_min_s > sip->register_expires_default_s)
		return conf_fail(loader, line_in(loader->conf, PARAM_SIP, "register_expires_min"),
			"sip.register_expires_min: %u is above register_expires_default: at most "
			"%u s",
			sip->register_expires_min_s, sip->register_expires_default_s);
	if (sip->register_expires_default_s > sip->register_expires_max_s)
		return conf_fail(loader,
			line_in(loader->conf, PARAM_SIP, "register_expires_default"),
			"sip.register_expires_default: %u is above register_expires_max: at most "
			"%u s",
			sip->register_expires_default_s, sip->register_expires_max_s);
	for (size_t i = 0; i < sip->domains.count; i++) {
		if (strspn(sip->domains.item[i], DOMAIN_CHARACTERS) != strlen(sip->domains.item[i]))
			return conf_fail(loader, line_in(loader->conf, PARAM_SIP, "domains"),
				"sip.domains: %s is not a domain: letters, digits, '-' and '.'",
				sip->domains.item[i]);
	}
	if (sip->open_registrar && loader->conf->user_count)
		return conf_fail(loader, line_in(loader->conf, PARAM_SIP, "open_registrar"),
			"sip.open_registrar: true beside a list of users: false, or no users");
	return 0;
}

/* A text that must stand once among all of its kind. */
struct unique {
	const char *text;
	uint32_t line;
};

static int unique_order(const void *a, const void *b)
{
	const struct unique *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	if (order)
		return order;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* Sorts and looks for neighbours that are equal; owns nothing. */
static int check_unique(
	struct conf_loader *loader, struct unique *list, size_t count, const char *what)
{
	qsort(list, count, sizeof(*list), unique_order);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(list[i - 1].text, list[i].text) == 0)
			return conf_fail(loader, list[i].line,
				"%s: \"%s\" is given twice, first at line %u: each only once", what,
				list[i].text, list[i - 1].line);
	}
	return 0;
}

static int user_order(const void *a, const void *b)
{
	return strcmp(((const struct conf_user *)a)->name, ((const struct conf_user *)b)->name);
}

static int check_unique_texts(struct conf_loader *loader)
{
	const struct conf *conf = loader->conf;
	size_t most = conf->user_count + conf->trunk_count, count = 0;
	struct unique *list;
	int err;

	for (size_t i = 0; i < conf->trunk_count; i++)
		most += conf->trunks[i].prefixes.count;
	list = calloc(most + 1, sizeof(*list));
	if (!list) {
		conf_fail(loader, 0, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < conf->user_count; i++)
		list[count++] = (struct unique){conf->users[i].name, conf->users[i].line};
	err = check_unique(loader, list, count, "users.name");
	if (count)
		qsort(conf->users, count, sizeof(*conf->users), user_order);
	count = 0;
	for (size_t i = 0; i < conf->trunk_count; i++)
		list[count++] = (struct unique){conf->trunks[i].name, conf->trunks[i].line};
	if (!err)
		err = check_unique(loader, list, count, "trunks.name");
	count = 0;
	for (size_t i = 0; i < conf->trunk_count; i++) {
		const struct conf_trunk *trunk = &conf->trunks[i];

		for (size_t p = 0; p < trunk->prefixes.count; p++)
			list[count++] = (struct unique){trunk->prefixes.item[p], trunk->line};
	}
	if (!err)
		err = check_unique(loader, list, count, "trunks.prefixes");
	free(list);
	return err;
}

/* A request's source tells its trunk, so each trunk has an IP of its own, and not ours. */
static int check_trunks(struct conf_loader *loader)
{
	const struct conf *conf = loader->conf;
	char ip[ADDR_STRLEN];

	for (size_t i = 0; i < conf->trunk_count; i++) {
		const struct conf_trunk *trunk = &conf->trunks[i];
		const struct view view = {
			.name = "trunks.",
			.session = &conf->trunks[i].session,
			.media = &conf->trunks[i].media,
			.own = trunk->origin,
			.parent = conf->origin,
			.line = trunk->line,
		};
		int err = check_view(loader, &view);

		if (err)
			return err;
		if ((*trunk->user || *trunk->password || *trunk->realm) &&
			!(*trunk->user && *trunk->password && *trunk->realm))
			return conf_fail(loader, trunk->line,
				"trunks.%s: missing: user, password and realm are given together "
				"or not at all",
				!*trunk->user               ? "user"
					: !*trunk->password ? "password"
							    : "realm");
		addr_format_ip(&trunk->address, ip);
		if (addr_same_ip(&trunk->address, &conf->node.service) &&
			trunk->address.port == conf->node.service.port)
			return conf_fail(loader, trunk->line,
				"trunks.address: %s is this node's own: the address of the other "
				"side",
				ip);
		for (size_t j = 0; j < i; j++) {
			if (addr_same_ip(&trunk->address, &conf->trunks[j].address))
				return conf_fail(loader, trunk->line,
					"trunks.address: %s is also that of trunk %s: one trunk "
					"for "
					"each IP address",
					ip, conf->trunks[j].name);
		}
	}
	return 0;
}

static int check_classes(struct conf_loader *loader)
{
	const struct conf *conf = loader->conf;

	if (conf->class_count > CONF_CLASSES_MAX)
		return conf_fail(loader, conf->classes[CONF_CLASSES_MAX].line,
			"keepalive_classes: %zu are given: at most %d", conf->class_count,
			CONF_CLASSES_MAX);
	for (size_t i = 0; i < conf->class_count; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(conf->classes[i].name, conf->classes[k].name) == 0)
				return conf_fail(loader, conf->classes[i].line,
					"keepalive_classes.name: \"%s\" is given twice, first at "
					"line %u: each only once",
					conf->classes[i].name, conf->classes[k].line);
	return 0;
}

int conf_check(struct conf_loader *loader)
{
	struct conf *conf = loader->conf;
	const struct view view = {
		.name = "",
		.session = &conf->session,
		.media = &conf->media,
		.own = conf->origin,
		.parent = conf->origin,
	};
	int err = check_node(loader);

	if (!err)
		err = check_monitor(loader);
	if (!err)
		err = check_sip(loader);
	if (!err)
		err = check_trunks(loader);
	if (!err)
		err = check_classes(loader);
	if (!err)
		err = check_unique_texts(loader);
	/* After the trunks, which inherit values that this one may still change. */
	if (!err)
		err = check_view(loader, &view);
	return err;
}
