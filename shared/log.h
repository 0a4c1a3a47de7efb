/* SPDX-License-Identifier: BSD-3-Clause */
/* One line per event on stderr (journald adds the time). Text from the wire goes through
 * log_escape, so that it cannot forge a line or drive a terminal (checklist SE-19). Where stderr is
 * the journal ($JOURNAL_STREAM), a line begins with its priority, which journald takes away, in the
 * place of the process's name, which journald adds. */
#ifndef SHARED_LOG_H
#define SHARED_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUG,
};

/* Name of the process in front of each line; the string must stay. Lines above the level are
 * dropped (default LOG_INFO). */
void log_open(const char *process, enum log_level level);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)

/* For lines that a stranger can cause: at most one each interval, with a count of those left out.
 * Keep one struct per call site in the owner's context. */
struct log_rate {
	uint64_t next_ms;
	uint64_t dropped;
};

/* True when a line may be written at now_ms; *dropped is set to the number left out since. */
int log_rate_pass(struct log_rate *rate, uint64_t now_ms, uint64_t interval_ms, uint64_t *dropped);

/* Copies len bytes of text as printable ASCII (others as \xNN), cut to size; returns buf. */
char *log_escape(char *buf, size_t size, const char *text, size_t len);

#endif
