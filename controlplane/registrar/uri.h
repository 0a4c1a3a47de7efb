/* SPDX-License-Identifier: BSD-3-Clause */
/* Comparing SIP URIs, and the canonical name of an AOR. */
#ifndef CONTROLPLANE_REGISTRAR_URI_H
#define CONTROLPLANE_REGISTRAR_URI_H

#include <stdbool.h>
#include <stddef.h>

#include <osipparser2/osip_parser.h>

/* RFC 3261 section 19.1.4: user and password to the letter, host in any case, an absent port is not
 * 5060, parameters that only one has are ignored unless they change where or how it is reached. */
bool uri_equal(const osip_uri_t *a, const osip_uri_t *b);

/* "sip:user@host" with the user escaped in one way only, whatever the sender escaped (RG-02). Any
 * user comes out as printable text without space and ':'. Returns the length, or -EMSGSIZE, or
 * -EINVAL for a URI without a user. */
int uri_aor(const osip_uri_t *uri, const char *host, char *buf, size_t size);

#endif
