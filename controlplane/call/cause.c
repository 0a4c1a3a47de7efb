/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/call/cause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cause_row {
	const char *cdr;
	const char *by;
	const char *reason;
	const char *text;
};

static const struct cause_row rows[CAUSE_MAX] = {
#define X(name, cdr, by, reason, text) {cdr, by, reason, text},
	CAUSES(X)
#undef X
};

static const struct cause_row *row_of(enum cause cause)
{
	return &rows[(unsigned int)cause < CAUSE_MAX ? cause : CAUSE_NONE];
}

static size_t takes_code(const struct cause_row *row)
{
	size_t len = strlen(row->cdr);

	return len > 0 && row->cdr[len - 1] == '-' ? len : 0;
}

char *cause_format(enum cause cause, unsigned int code, char buf[static CAUSE_STRLEN])
{
	const struct cause_row *row = row_of(cause);

	if (takes_code(row))
		snprintf(buf, CAUSE_STRLEN, "%s%u", row->cdr, code % 1000);
	else
		snprintf(buf, CAUSE_STRLEN, "%s", row->cdr);
	return buf;
}

enum cause cause_parse(const char *name, const char *by, unsigned int *code)
{
	*code = 0;
	for (unsigned int i = 1; i < CAUSE_MAX; i++) {
		size_t prefix = takes_code(&rows[i]);

		if (prefix && strncmp(name, rows[i].cdr, prefix) == 0) {
			*code = (unsigned int)strtoul(name + prefix, NULL, 10) % 1000;
			return i;
		}
		if (strcmp(name, rows[i].cdr) == 0 && (!by || strcmp(by, rows[i].by) == 0))
			return i;
	}
	return CAUSE_NONE;
}

const char *cause_by(enum cause cause)
{
	return row_of(cause)->by;
}

const char *cause_text(enum cause cause)
{
	return row_of(cause)->text;
}

char *cause_reason(enum cause cause, unsigned int code, char buf[static REASON_STRLEN])
{
	const struct cause_row *row = row_of(cause);

	if (takes_code(row) && code >= 300 && code < 700)
		snprintf(buf, REASON_STRLEN, "SIP;cause=%u;text=\"%s\"", code, row->text);
	else
		snprintf(buf, REASON_STRLEN, "%s;text=\"%s\"", row->reason, row->text);
	return buf;
}
