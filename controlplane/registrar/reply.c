/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void reply_start(struct registrar_reply *reply, int status, const char *reason)
{
	reply->status = status;
	reply->reason = reason;
	reply->header_count = 0;
	reply->used = 0;
}

void reply_add(struct registrar_reply *reply, const char *name, const char *fmt, ...)
{
	size_t room = sizeof(reply->text) - reply->used;
	char *text = reply->text + reply->used;
	va_list ap;
	int n;

	if (reply->header_count == REGISTRAR_HEADERS_MAX)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		return;
	reply->used += (size_t)n + 1;
	reply->headers[reply->header_count++] = (struct registrar_header){
		.name = name, .value = text};
}

void reply_add_date(struct registrar_reply *reply, uint64_t wall_ms)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm))
		return;
	reply_add(reply, "Date", "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
		tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
