/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes config.md, the reference of the configuration file, from the parameter table. */
#include "shared/conf.h"
#include "shared/param.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char intro[] =
	"# Configuration reference\n"
	"\n"
	"Written from the parameter table (param_table.c) by `ninja config-doc`; do not edit.\n"
	"\n"
	"One YAML file serves both programs; linewatch-dp reads its `dataplane` section only. A\n"
	"wrong value, an unknown key or a key given twice stops the start with one line:\n"
	"`FILE:LINE: session.SS_SIP_SESSION_TTL: 60 is out of range: 90 to 86400 s`.\n"
	"`linewatchctl config` shows each value and where it comes from; a value of the file goes\n"
	"over that of the preset, and this over the built-in one. "
	"`scripts/linewatch.yaml.example`\n"
	"is a complete file. Numbers are whole and stand in the unit that is named here. A change\n"
	"takes effect when the program that reads it is started again; calls survive that.\n";

static const char *const section_intro[PARAM_SECTIONS] = {
	[PARAM_NODE] = "Who this node is and where it is reached.",
	[PARAM_DATAPLANE] = "What linewatch-dp needs to start.",
	[PARAM_REDIS] = "Where calls, bindings and call records are stored.",
	[PARAM_SESSION] = "The session timer. A trunk may override each value under `session`.",
	[PARAM_KEEPALIVE] = "Keep-alives through NAT.",
	[PARAM_MEDIA] = "How media is handled, and how long it may be silent. A trunk may override "
			"the times under `media_clocks`, and the mode by `media`.",
	[PARAM_SIP] = "Limits of SIP and of the registrar. The limits of a message protect the "
		      "parser; a message beyond them is refused.",
	[PARAM_TOP] = "Keys that stand beside the sections.",
	[PARAM_USER] = "A list of devices that register with a password. Without it, registrations "
		       "are refused unless `sip.open_registrar` is true.",
	[PARAM_CLASS] = "A list of at most six kinds of devices that get other keep-alives than "
			"`keepalive` says; period and batches are the same for all.",
	[PARAM_TRUNK] =
		"A list of carriers and other SIP servers. Each name, IP address and prefix "
		"stands once.",
};

/* '|' would end a cell. */
static void print_cell(const char *text)
{
	printf(" ");
	for (; *text; text++)
		printf(*text == '|' ? "\\|" : "%c", *text);
	printf(" |");
}

static void print_param(const struct param *param)
{
	const char *unit = param->unit && *param->unit ? param->unit : NULL;
	char cell[512];

	printf("| `%s` |", param->name);
	if (param->flags & PARAM_REQUIRED)
		print_cell("required");
	else if (param->derived)
		print_cell(param->derived);
	else if (!param->value || !*param->value)
		print_cell("none");
	else if (unit && param->type == PARAM_INT) {
		snprintf(cell, sizeof(cell), "%s %s", param->value, unit);
		print_cell(cell);
	} else {
		print_cell(param->value);
	}
	print_cell(param_range(param, cell, sizeof(cell)));
	print_cell(param->help);
	printf("\n");
}

static void print_section(enum param_section section)
{
	const char *name = param_section_name(section);

	printf("\n## %s\n\n%s\n\n", *name ? name : "Top of the file", section_intro[section]);
	printf("| key | default | allowed | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < param_count; i++) {
		if (param_table[i].section == section)
			print_param(&param_table[i]);
	}
}

/* What each preset comes to is asked of the loader itself. */
static void print_presets(void)
{
	const struct param *preset = param_find(PARAM_SESSION, "preset");

	fputs("\n## Presets\n\n"
	      "`session.preset` sets three values together; each can still be set by itself. In a\n"
	      "trunk it sets the first two. `wholesale` relies on media silence to end calls "
	      "without\n"
	      "session timers: where media is not watched (`media` is `none`, or `media_timeout` "
	      "is\n"
	      "0), its limit is 3600 s.\n\n"
	      "| preset | SS_SIP_SESSION_TTL | SS_SIP_NO_TIMER_REINVITE_INTERVAL | "
	      "SS_SIP_NAT_KEEP_ALIVE_PERIOD |\n|---|---|---|---|\n",
		stdout);
	for (size_t i = 0; preset->words[i]; i++) {
		struct conf *conf;
		char text[128], err[256];

		snprintf(text, sizeof(text),
			"node: {service_address: 192.0.2.10}\nsession: {preset: %s}\n",
			preset->words[i]);
		if (conf_load_text(&conf, "preset", text, strlen(text), err, sizeof(err))) {
			fprintf(stderr, "%s\n", err);
			exit(1);
		}
		printf("| %s | %u s | %u%s | %u s |\n", preset->words[i], conf->session.ttl_s,
			conf->session.no_timer_limit_s,
			conf->session.no_timer_limit_s ? " s" : " (off)", conf->keepalive.period_s);
		conf_free(conf);
	}
}

int main(void)
{
	fputs(intro, stdout);
	for (int s = 0; s < PARAM_SECTIONS; s++)
		print_section((enum param_section)s);
	print_presets();
	return fflush(stdout) || ferror(stdout);
}
