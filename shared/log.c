/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_JOURNAL_ERROR 3 /* syslog's priority of LOG_ERROR; the others follow */

static struct {
	const char *process;
	enum log_level level;
	int journal; /* stderr is journald's */
} log_state = {.process = "linewatch", .level = LOG_INFO};

/* $JOURNAL_STREAM names the stream; it may have been inherited, and stderr be another one by now.
 */
static int log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *process, enum log_level level)
{
	log_state.journal = log_is_journal();
	log_state.process = process;
	log_state.level = level;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
	char line[1024];
	va_list ap;
	int n, m;

	if (level > log_state.level)
		return;
	if (log_state.journal)
		n = snprintf(line, sizeof(line), "<%d>%s: ", LOG_JOURNAL_ERROR + (int)level,
			names[level]);
	else
		n = snprintf(line, sizeof(line), "%s: %s: ", log_state.process, names[level]);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (m < 0)
		return;
	n += m;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* One write, so that lines of several threads do not mix. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

int log_rate_pass(struct log_rate *rate, uint64_t now_ms, uint64_t interval_ms, uint64_t *dropped)
{
	if (now_ms < rate->next_ms) {
		rate->dropped++;
		return 0;
	}
	*dropped = rate->dropped;
	rate->dropped = 0;
	rate->next_ms = now_ms + interval_ms;
	return 1;
}

char *log_escape(char *buf, size_t size, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c < 0x7f && c != '\\') {
			if (n + 2 > size)
				break;
			buf[n++] = (char)c;
		} else {
			if (n + 5 > size)
				break;
			buf[n++] = '\\';
			buf[n++] = 'x';
			buf[n++] = hex[c >> 4];
			buf[n++] = hex[c & 15];
		}
	}
	if (size)
		buf[n] = '\0';
	return buf;
}
