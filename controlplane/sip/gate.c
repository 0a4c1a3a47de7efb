/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/sip/gate.h"

#include "controlplane/sip/scan.h"

#include <string.h>

#define LINES_CAP 1024 /* bounds the table below, whatever the configuration says */

enum header {
	HEADER_VIA,
	HEADER_FROM,
	HEADER_TO,
	HEADER_CALL_ID,
	HEADER_CSEQ,
	HEADER_MAX_FORWARDS,
	HEADER_CONTENT_LENGTH,
	HEADER_CONTENT_TYPE,
	HEADER_EXPIRES,
	HEADER_SESSION_EXPIRES,
	HEADER_MIN_SE,
	HEADER_OTHER,
};

static const struct {
	const char *name;
	char compact;
} headers[HEADER_OTHER] = {
	[HEADER_VIA] = {"Via", 'v'},
	[HEADER_FROM] = {"From", 'f'},
	[HEADER_TO] = {"To", 't'},
	[HEADER_CALL_ID] = {"Call-ID", 'i'},
	[HEADER_CSEQ] = {"CSeq", 0},
	[HEADER_MAX_FORWARDS] = {"Max-Forwards", 0},
	[HEADER_CONTENT_LENGTH] = {"Content-Length", 'l'},
	[HEADER_CONTENT_TYPE] = {"Content-Type", 'c'},
	[HEADER_EXPIRES] = {"Expires", 0},
	[HEADER_SESSION_EXPIRES] = {"Session-Expires", 'x'},
	[HEADER_MIN_SE] = {"Min-SE", 0},
};

struct scan {
	const struct gate_limits *limits;
	struct gate_result *result;
	struct gate_slice value[HEADER_OTHER]; /* first line of each; ptr NULL: none */
	uint32_t lines;
	uint32_t kinds;           /* entries in use below, the rest is not initialised */
	uint64_t kind[LINES_CAP]; /* hashed names seen, and how often */
	uint32_t count[LINES_CAP];
};

static const char *const why_texts[GATE_WHY_MAX] = {
#define X(name, text) [GATE_WHY_##name] = text,
	GATE_WHYS(X)
#undef X
};

const char *gate_why_text(enum gate_why why)
{
	return (unsigned int)why < GATE_WHY_MAX ? why_texts[why] : "unknown";
}

void gate_limits_default(struct gate_limits *limits)
{
	*limits = (struct gate_limits){
		.message_max = 8192,
		.lines_max = 256,
		.line_max = 2048,
		.headers_max = 64,
		.params_max = 64,
	};
}

/* A response is never answered, whatever is wrong with it. */
static void refuse(struct gate_result *result, enum gate_why why, uint16_t code, const char *reason)
{
	result->why = why;
	result->action = result->request ? GATE_REPLY : GATE_DROP;
	result->code = code;
	result->reason = reason;
}

static bool refuse_400(struct gate_result *result, enum gate_why why)
{
	refuse(result, why, 400, gate_why_text(why));
	return false;
}

static bool is_stun(const uint8_t *p, size_t len)
{
	return len >= 20 && p[0] <= 3 && p[4] == 0x21 && p[5] == 0x12 && p[6] == 0xa4 &&
		p[7] == 0x42 && (size_t)(p[2] << 8 | p[3]) + 20 == len && len % 4 == 0;
}

static bool is_keepalive(const char *buf, size_t len)
{
	static const char nul[4];
	size_t i = 0;

	if (len <= sizeof(nul) && memcmp(buf, nul, len) == 0)
		return true;
	if (len >= 3 && memcmp(buf, "jaK", 3) == 0)
		i = 3;
	while (i < len && (buf[i] == '\r' || buf[i] == '\n'))
		i++;
	return i == len;
}

/* "METHOD sip:uri SIP/2.0", single spaces. Anything that does not end in a SIP version is not SIP
 * and gets no answer. */
static bool check_request_line(struct gate_result *result, const char *line, size_t len)
{
	const char *end = line + len;
	const char *method_end = memchr(line, ' ', len);
	const char *version = scan_last(line, len, ' ');

	result->request = true;
	if (!method_end || !version || end - version < 5 ||
		strncasecmp(version + 1, "SIP/", 4) != 0) {
		result->request = false;
		refuse(result, GATE_WHY_NOT_SIP, 0, NULL);
		return false;
	}
	result->method = (struct gate_slice){line, (size_t)(method_end - line)};
	if (!scan_is_token(line, result->method.len))
		return refuse_400(result, GATE_WHY_BAD_START_LINE);
	if (end - version != 8 || memcmp(version + 5, "2.0", 3) != 0) {
		refuse(result, GATE_WHY_VERSION, 505, "Version Not Supported");
		return false;
	}
	if (version <= method_end + 1)
		return refuse_400(result, GATE_WHY_BAD_START_LINE);
	for (const char *p = method_end + 1; p < version; p++)
		if ((unsigned char)*p <= ' ' || *p == '<' || *p == '>' || *p == '"')
			return refuse_400(result, GATE_WHY_BAD_START_LINE);
	return true;
}

static bool check_status_line(struct gate_result *result, const char *line, size_t len)
{
	if (len < 11 || memcmp(line, "SIP/2.0 ", 8) != 0)
		return refuse_400(result, GATE_WHY_VERSION);
	for (int i = 8; i < 11; i++)
		if (line[i] < '0' || line[i] > '9')
			return refuse_400(result, GATE_WHY_STATUS);
	if (len > 11 && line[11] != ' ')
		return refuse_400(result, GATE_WHY_STATUS);
	if (memchr(line, '\r', len))
		return refuse_400(result, GATE_WHY_BAD_START_LINE);
	result->status = (uint16_t)((line[8] - '0') * 100 + (line[9] - '0') * 10 + line[10] - '0');
	if (result->status < 100 || result->status > 699)
		return refuse_400(result, GATE_WHY_STATUS);
	return true;
}

static enum header header_of(const char *name, size_t len)
{
	for (int i = 0; i < HEADER_OTHER; i++) {
		if (len == 1 && headers[i].compact && (name[0] | 0x20) == headers[i].compact)
			return (enum header)i;
		if (len == strlen(headers[i].name) && strncasecmp(name, headers[i].name, len) == 0)
			return (enum header)i;
	}
	return HEADER_OTHER;
}

/* Counts lines of one name, any case. */
static bool count_kind(struct scan *scan, enum header header, const char *name, size_t len)
{
	uint64_t hash = header;
	uint32_t i;

	if (header == HEADER_OTHER) {
		hash = 0xcbf29ce484222325u;
		for (size_t k = 0; k < len; k++)
			hash = (hash ^ (unsigned char)(name[k] | 0x20)) * 0x100000001b3u;
	}
	for (i = 0; i < scan->kinds && scan->kind[i] != hash; i++)
		;
	if (i == scan->kinds) {
		scan->kinds++;
		scan->kind[i] = hash;
		scan->count[i] = 0;
	}
	return ++scan->count[i] <= scan->limits->headers_max;
}

static bool check_line_size(const struct scan *scan, const char *line, size_t len)
{
	struct gate_result *result = scan->result;
	uint32_t params = 0;

	if (len > scan->limits->line_max) {
		refuse(result, GATE_WHY_LINE_TOO_LONG, 513, "Message Too Large");
		return false;
	}
	for (size_t i = 0; i < len; i++)
		params += line[i] == ';' || line[i] == '&' || line[i] == ',';
	if (params > scan->limits->params_max) {
		refuse(result, GATE_WHY_TOO_MANY_PARAMS, 513, "Message Too Large");
		return false;
	}
	return true;
}

/* One header line with its folds. */
static bool check_header(struct scan *scan, const struct scan_line *line)
{
	struct gate_result *result = scan->result;
	enum header header;

	if (++scan->lines > scan->limits->lines_max || scan->lines > LINES_CAP) {
		refuse(result, GATE_WHY_TOO_MANY_LINES, 513, "Message Too Large");
		return false;
	}
	if (!check_line_size(scan, line->start, line->len))
		return false;
	if (!line->name_len || !scan_is_token(line->start, line->name_len))
		return refuse_400(result, GATE_WHY_BAD_HEADER);
	/* A carriage return alone would end the line for libosip2, not for us. */
	for (size_t i = 0; i < line->len; i++)
		if (line->start[i] == '\r' && (i + 1 == line->len || line->start[i + 1] != '\n'))
			return refuse_400(result, GATE_WHY_BAD_HEADER);
	header = header_of(line->start, line->name_len);
	if (!count_kind(scan, header, line->start, line->name_len)) {
		refuse(result, GATE_WHY_TOO_MANY_HEADERS, 513, "Message Too Large");
		return false;
	}
	if (header == HEADER_OTHER)
		return true;
	if (scan->value[header].ptr)
		return header == HEADER_VIA || refuse_400(result, GATE_WHY_TWICE);
	scan->value[header] = (struct gate_slice){line->value, line->value_len};
	return true;
}

static bool check_mandatory(struct scan *scan)
{
	static const enum gate_why missing[] = {GATE_WHY_MISSING_VIA, GATE_WHY_MISSING_FROM,
		GATE_WHY_MISSING_TO, GATE_WHY_MISSING_CALL_ID, GATE_WHY_MISSING_CSEQ};

	for (int i = HEADER_VIA; i <= HEADER_CSEQ; i++)
		if (!scan->value[i].len)
			return refuse_400(scan->result, missing[i]);
	scan->result->via = scan->value[HEADER_VIA];
	scan->result->from = scan->value[HEADER_FROM];
	scan->result->to = scan->value[HEADER_TO];
	scan->result->call_id = scan->value[HEADER_CALL_ID];
	scan->result->from_tag = scan_tag(scan->result->from);
	scan->result->to_tag = scan_tag(scan->result->to);
	return true;
}

static bool check_cseq(struct scan *scan)
{
	struct gate_result *result = scan->result;
	struct gate_slice rest = scan->value[HEADER_CSEQ];
	uint64_t number;

	if (!scan_number(&rest, &number) || number > INT32_MAX)
		return refuse_400(result, GATE_WHY_CSEQ_NUMBER);
	result->cseq = (uint32_t)number;
	if (!scan_is_token(rest.ptr, rest.len))
		return refuse_400(result, GATE_WHY_CSEQ_METHOD);
	if (!result->request)
		result->method = rest;
	else if (rest.len != result->method.len ||
		memcmp(rest.ptr, result->method.ptr, rest.len) != 0)
		return refuse_400(result, GATE_WHY_CSEQ_METHOD);
	return true;
}

static bool check_max_forwards(struct scan *scan)
{
	struct gate_slice rest = scan->value[HEADER_MAX_FORWARDS];
	uint64_t number;

	if (!scan->result->request || !rest.ptr)
		return true;
	if (!scan_number(&rest, &number) || rest.len || number > 255)
		return refuse_400(scan->result, GATE_WHY_MAX_FORWARDS);
	return true;
}

/* Sets the effective length; octets behind the body are nobody's. */
static bool check_length(struct scan *scan, size_t available)
{
	struct gate_result *result = scan->result;
	struct gate_slice rest = scan->value[HEADER_CONTENT_LENGTH];
	uint64_t number;

	result->len = available;
	if (!rest.ptr)
		return true;
	if (!scan_number(&rest, &number) || rest.len)
		return refuse_400(result, GATE_WHY_CONTENT_LENGTH);
	if (number > available - result->head_len)
		return refuse_400(result, GATE_WHY_BODY_SHORT);
	result->len = result->head_len + (size_t)number;
	return true;
}

static bool check_start_line(struct scan *scan, const struct scan_line *line)
{
	if (line->len >= 4 && strncasecmp(line->start, "SIP/", 4) == 0)
		return check_status_line(scan->result, line->start, line->len);
	return check_request_line(scan->result, line->start, line->len) &&
		check_line_size(scan, line->start, line->len);
}

static bool check_message(struct scan *scan, const char *buf, size_t len)
{
	struct gate_result *result = scan->result;
	struct scan_line line;
	size_t at = 0;
	int more;

	if (scan_start_line(buf, len, &at, &line) <= 0) {
		refuse(result, GATE_WHY_NOT_SIP, 0, NULL);
		return false;
	}
	if (!check_start_line(scan, &line))
		return false;
	while ((more = scan_header_line(buf, len, &at, &line)) > 0)
		if (!check_header(scan, &line))
			return false;
	if (more < 0)
		return refuse_400(result, GATE_WHY_NO_BLANK_LINE);
	result->head_len = at;
	if (memchr(buf, 0, at))
		return refuse_400(result, GATE_WHY_NUL);
	return check_mandatory(scan) && check_cseq(scan) && check_max_forwards(scan) &&
		check_length(scan, len);
}

void gate_check(
	const struct gate_limits *limits, const char *buf, size_t len, struct gate_result *result)
{
	struct scan scan;
	size_t checked;

	memset(result, 0, sizeof(*result));
	result->action = GATE_DROP;
	if (!len) {
		result->why = GATE_WHY_EMPTY;
		return;
	}
	if (is_stun((const uint8_t *)buf, len)) {
		result->action = GATE_KEEPALIVE;
		result->why = GATE_WHY_STUN;
		return;
	}
	if (is_keepalive(buf, len)) {
		result->action = GATE_KEEPALIVE;
		result->why = GATE_WHY_KEEPALIVE;
		return;
	}
	while (*buf == '\r' || *buf == '\n') {
		buf++;
		len--;
	}
	result->msg = buf;
	scan.limits = limits;
	scan.result = result;
	scan.lines = 0;
	scan.kinds = 0;
	memset(scan.value, 0, sizeof(scan.value));
	checked = len < limits->message_max ? len : limits->message_max;
	if (!check_message(&scan, buf, checked) && checked == len)
		return;
	if (checked < len) {
		refuse(result, GATE_WHY_TOO_LONG, 513, "Message Too Large");
		return;
	}
	result->action = GATE_ACCEPT;
	result->why = GATE_WHY_OK;
}
