/* SPDX-License-Identifier: BSD-3-Clause */
/* A dialog as text: one field a line, for Redis and for people. */
#include "controlplane/sip/dialog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
	bool needed;
} fields[] = {
	{"call_id", offsetof(struct sip_dialog, call_id), true},
	{"local_tag", offsetof(struct sip_dialog, local_tag), true},
	{"remote_tag", offsetof(struct sip_dialog, remote_tag), false},
	{"local_uri", offsetof(struct sip_dialog, local_uri), true},
	{"remote_uri", offsetof(struct sip_dialog, remote_uri), true},
	{"local_display", offsetof(struct sip_dialog, local_display), false},
	{"contact", offsetof(struct sip_dialog, contact), true},
	{"remote_target", offsetof(struct sip_dialog, remote_target), true},
	{"route", offsetof(struct sip_dialog, route), false},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static char **field_of(const struct sip_dialog *dialog, size_t i)
{
	return (char **)((char *)dialog + fields[i].offset);
}

int sip_dialog_encode(const struct sip_dialog *dialog, char **text)
{
	char flow[SIP_FLOW_STRLEN];
	size_t size;
	FILE *out = open_memstream(text, &size);

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < FIELDS; i++)
		if (*field_of(dialog, i))
			fprintf(out, "%s %s\n", fields[i].name, *field_of(dialog, i));
	fprintf(out, "local_cseq %u\n", dialog->local_cseq);
	if (dialog->remote_cseq_known)
		fprintf(out, "remote_cseq %u\n", dialog->remote_cseq);
	fprintf(out, "confirmed %d\n", dialog->confirmed);
	fprintf(out, "flow %s\n", sip_flow_format(&dialog->flow, flow));
	if (fclose(out) == 0)
		return 0;
	free(*text);
	*text = NULL;
	return -ENOMEM;
}

static int number(const char *value, uint32_t *out)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || end == value || *end || *value == '-' || n > INT32_MAX)
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

static int field_decode(struct sip_dialog *dialog, const char *name, const char *value)
{
	uint32_t n;

	for (size_t i = 0; i < FIELDS; i++) {
		if (strcmp(name, fields[i].name) != 0)
			continue;
		free(*field_of(dialog, i));
		*field_of(dialog, i) = strdup(value);
		return *field_of(dialog, i) ? 0 : -ENOMEM;
	}
	if (strcmp(name, "local_cseq") == 0)
		return number(value, &dialog->local_cseq);
	if (strcmp(name, "remote_cseq") == 0) {
		dialog->remote_cseq_known = true;
		return number(value, &dialog->remote_cseq);
	}
	if (strcmp(name, "confirmed") == 0) {
		if (number(value, &n))
			return -EINVAL;
		dialog->confirmed = n != 0;
		return 0;
	}
	if (strcmp(name, "flow") == 0)
		return sip_flow_parse(&dialog->flow, value);
	return 0;
}

static int line_decode(struct sip_dialog *dialog, char *line)
{
	char *space = strchr(line, ' ');

	if (!space)
		return *line ? -EINVAL : 0;
	*space = 0;
	return field_decode(dialog, line, space + 1);
}

int sip_dialog_decode(struct sip_dialog *dialog, const char *text)
{
	struct sip_dialog d = {0};
	char *copy = strdup(text);
	char *rest = copy;
	char *line;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (line = strsep(&rest, "\n")) != NULL)
		err = line_decode(&d, line);
	free(copy);
	for (size_t i = 0; i < FIELDS && !err; i++)
		if (fields[i].needed && !*field_of(&d, i))
			err = -EINVAL;
	if (err) {
		sip_dialog_clear(&d);
		return err;
	}
	sip_dialog_clear(dialog);
	*dialog = d;
	return 0;
}
