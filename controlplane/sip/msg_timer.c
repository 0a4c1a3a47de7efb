/* SPDX-License-Identifier: BSD-3-Clause */
/* Session-Expires and Min-SE (RFC 4028). */
#include "controlplane/sip/msg.h"
#include "controlplane/sip/scan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Digits of any length, capped: a huge interval is a number like any other. */
static int delta_parse(struct gate_slice text, uint32_t *delta)
{
	uint64_t value = 0;

	if (!text.len)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(text.ptr[i] - '0');
		if (value > INT32_MAX)
			value = INT32_MAX;
	}
	*delta = (uint32_t)value;
	return 0;
}

static bool slice_is(struct gate_slice slice, const char *text)
{
	return slice.len == strlen(text) && strncasecmp(slice.ptr, text, slice.len) == 0;
}

static enum sip_refresher refresher_of(const char *params, size_t len)
{
	while (len) {
		size_t n = scan_until(params, len, ";");
		const char *equal = memchr(params, '=', n);
		struct gate_slice name = scan_trim(params, equal ? (size_t)(equal - params) : n);

		if (equal && slice_is(name, "refresher")) {
			struct gate_slice value = scan_trim(
				equal + 1, n - (size_t)(equal + 1 - params));

			if (slice_is(value, "uac"))
				return SIP_REFRESHER_UAC;
			if (slice_is(value, "uas"))
				return SIP_REFRESHER_UAS;
		}
		n += n < len;
		params += n;
		len -= n;
	}
	return SIP_REFRESHER_NONE;
}

int sip_msg_session_expires(const osip_message_t *msg, struct sip_session_expires *se)
{
	const char *value = sip_msg_get(msg, "Session-Expires", 0);
	size_t len;
	size_t n;

	memset(se, 0, sizeof(*se));
	if (!value)
		return 0;
	len = strlen(value);
	n = scan_until(value, len, ";");
	if (sip_msg_get(msg, "Session-Expires", 1) || delta_parse(scan_trim(value, n), &se->delta))
		return -EINVAL;
	se->present = true;
	if (n < len)
		se->refresher = refresher_of(value + n + 1, len - n - 1);
	return 0;
}

int sip_msg_min_se(const osip_message_t *msg, uint32_t *delta)
{
	const char *value = sip_msg_get(msg, "Min-SE", 0);

	*delta = 0;
	if (!value)
		return 0;
	if (sip_msg_get(msg, "Min-SE", 1))
		return -EINVAL;
	return delta_parse(scan_trim(value, strcspn(value, ";")), delta);
}

int sip_msg_set_session_expires(osip_message_t *msg, uint32_t delta, enum sip_refresher refresher)
{
	static const char *const names[] = {"", ";refresher=uac", ";refresher=uas"};
	char value[48];

	snprintf(value, sizeof(value), "%u%s", delta, names[refresher]);
	return sip_msg_set(msg, "Session-Expires", value);
}

int sip_msg_set_min_se(osip_message_t *msg, uint32_t delta)
{
	return sip_msg_set_number(msg, "Min-SE", delta);
}
