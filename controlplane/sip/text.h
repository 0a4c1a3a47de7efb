/* SPDX-License-Identifier: BSD-3-Clause */
/* What text may go into which field of a message. Nothing that passes can end its field or line. */
#ifndef CONTROLPLANE_SIP_TEXT_H
#define CONTROLPLANE_SIP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A header value: no control characters. */
bool sip_text_line(const char *text);
/* A tag, Call-ID or parameter value: not empty, no space, none of ; , < > " \ */
bool sip_text_word(const char *text);
/* A URI of any scheme: no space, none of < > ", shorter than SIP_URI_MAX. */
bool sip_text_uri(const char *text);
/* 0 or -E2BIG, and then buf is untouched. */
int sip_text_copy(char *buf, size_t size, const char *text);

#endif
