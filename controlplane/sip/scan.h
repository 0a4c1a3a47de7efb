/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading raw SIP text line by line, before any parser. A line ends with CRLF or LF; one that
 * begins with white space continues the line before it (a fold). */
#ifndef CONTROLPLANE_SIP_SCAN_H
#define CONTROLPLANE_SIP_SCAN_H

#include "controlplane/sip/gate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan_line {
	const char *start; /* with its folds, without the last line end */
	size_t len;
	size_t name_len;   /* header lines: name without the space before the colon; 0: no colon */
	const char *value; /* without the white space around it */
	size_t value_len;
};

/* The first line, from *at on, which moves behind it. 1, or -1 if the text ends before the line. */
int scan_start_line(const char *buf, size_t len, size_t *at, struct scan_line *line);

/* The next header line. 1; 0 at the empty line (*at is behind it); -1 if the text ends first. */
int scan_header_line(const char *buf, size_t len, size_t *at, struct scan_line *line);

/* Token of RFC 3261 25.1, at least one character. */
bool scan_is_token(const char *text, size_t len);

/* Digits at the start of the slice, which then begins behind them and the white space that follows.
 * False: no digit, above 2^63, or something sticks to the digits. */
bool scan_number(struct gate_slice *slice, uint64_t *number);

/* Value of the tag parameter of From or To, empty if there is none. */
struct gate_slice scan_tag(struct gate_slice value);

/* Length up to the first of the characters in stop that is not inside quotes or angle brackets. */
size_t scan_until(const char *text, size_t len, const char *stop);

/* Without white space (line ends included) at both ends. */
struct gate_slice scan_trim(const char *text, size_t len);

const char *scan_last(const char *text, size_t len, char c);

#endif
