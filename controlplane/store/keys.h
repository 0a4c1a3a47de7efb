/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of the Redis keys: the only place where they are built (table in shared/redis.md). Keys of
 * one partition share its hash tag, so that one function call may touch all of them, also in Redis
 * Cluster. */
#ifndef CONTROLPLANE_STORE_KEYS_H
#define CONTROLPLANE_STORE_KEYS_H

#include "shared/ids.h"

#include <stddef.h>
#include <stdint.h>

#define KEYS_AOR_MAX 255 /* longest address of record, without terminating zero */
#define KEYS_BID_MAX 63  /* longest binding id, likewise */
#define KEYS_MAX     384 /* room for any key, terminating zero included */

/* Each writes the key and returns its length. */
size_t keys_lease(char key[static KEYS_MAX], uint16_t partition);
size_t keys_due(char key[static KEYS_MAX], uint16_t partition);
size_t keys_cdr(char key[static KEYS_MAX], uint16_t partition);
size_t keys_regdue(char key[static KEYS_MAX], uint16_t partition);

/* id is a call id (ids_call_format), leg is 'a' or 'b'. */
size_t keys_call(char key[static KEYS_MAX], uint16_t partition, const char *id);
size_t keys_sdp(char key[static KEYS_MAX], uint16_t partition, const char *id, char leg);
size_t keys_media(char key[static KEYS_MAX], uint16_t partition, const char *id);

/* The set of an AoR's binding ids, and one binding. Names must have passed keys_check_name. */
size_t keys_reg(char key[static KEYS_MAX], uint16_t partition, const char *aor);
size_t keys_binding(
	char key[static KEYS_MAX], uint16_t partition, const char *aor, const char *bid);

/* Members of {P}:regdue: "<aor> <bid>". keys_regdue_split cuts member in place; returns 0 or
 * -EINVAL. */
size_t keys_regdue_member(char member[static KEYS_MAX], const char *aor, const char *bid);
int keys_regdue_split(char *member, const char **aor, const char **bid);

/* Cluster-wide keys. */
size_t keys_ver(char key[static KEYS_MAX]);
size_t keys_conf(char key[static KEYS_MAX]);
size_t keys_nodes(char key[static KEYS_MAX]);
size_t keys_node(char key[static KEYS_MAX], const char *node);

/* An AoR or binding id that may stand in a key: 1 to max bytes, no space or control character, not
 * ":b:" (it parts the AoR from the binding id). Returns 0 or -EINVAL. */
int keys_check_name(const char *name, size_t max);

/* Partition of a binding. */
uint16_t keys_aor_partition(const char *aor);

#endif
