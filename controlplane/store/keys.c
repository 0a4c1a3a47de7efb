/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/store/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static size_t key_in(char *key, uint16_t partition, const char *rest, const char *a, const char *b)
{
	char part[IDS_PART_STRLEN];
	int n = snprintf(
		key, KEYS_MAX, "{%s}:%s%s%s", ids_part_format(partition, part), rest, a, b);

	return n < KEYS_MAX ? (size_t)n : KEYS_MAX - 1;
}

size_t keys_lease(char key[static KEYS_MAX], uint16_t partition)
{
	return key_in(key, partition, "lease", "", "");
}

size_t keys_due(char key[static KEYS_MAX], uint16_t partition)
{
	return key_in(key, partition, "due", "", "");
}

size_t keys_cdr(char key[static KEYS_MAX], uint16_t partition)
{
	return key_in(key, partition, "cdr", "", "");
}

size_t keys_regdue(char key[static KEYS_MAX], uint16_t partition)
{
	return key_in(key, partition, "regdue", "", "");
}

size_t keys_call(char key[static KEYS_MAX], uint16_t partition, const char *id)
{
	return key_in(key, partition, "call:", id, "");
}

size_t keys_sdp(char key[static KEYS_MAX], uint16_t partition, const char *id, char leg)
{
	return key_in(key, partition, "sdp:", id, leg == 'a' ? "-a" : "-b");
}

size_t keys_media(char key[static KEYS_MAX], uint16_t partition, const char *id)
{
	return key_in(key, partition, "med:", id, "");
}

size_t keys_reg(char key[static KEYS_MAX], uint16_t partition, const char *aor)
{
	return key_in(key, partition, "reg:", aor, "");
}

size_t keys_binding(char key[static KEYS_MAX], uint16_t partition, const char *aor, const char *bid)
{
	char tail[KEYS_BID_MAX + 4];

	snprintf(tail, sizeof(tail), ":b:%s", bid);
	return key_in(key, partition, "reg:", aor, tail);
}

size_t keys_regdue_member(char member[static KEYS_MAX], const char *aor, const char *bid)
{
	int n = snprintf(member, KEYS_MAX, "%s %s", aor, bid);

	return n < KEYS_MAX ? (size_t)n : KEYS_MAX - 1;
}

int keys_regdue_split(char *member, const char **aor, const char **bid)
{
	char *space = strchr(member, ' ');

	if (!space)
		return -EINVAL;
	*space = 0;
	*aor = member;
	*bid = space + 1;
	if (keys_check_name(*aor, KEYS_AOR_MAX) || keys_check_name(*bid, KEYS_BID_MAX))
		return -EINVAL;
	return 0;
}

size_t keys_ver(char key[static KEYS_MAX])
{
	return (size_t)snprintf(key, KEYS_MAX, "{cfg}:ver");
}

size_t keys_conf(char key[static KEYS_MAX])
{
	return (size_t)snprintf(key, KEYS_MAX, "{cfg}:conf");
}

size_t keys_nodes(char key[static KEYS_MAX])
{
	return (size_t)snprintf(key, KEYS_MAX, "{cfg}:nodes");
}

size_t keys_node(char key[static KEYS_MAX], const char *node)
{
	return (size_t)snprintf(key, KEYS_MAX, "{cfg}:node:%.*s", IDS_NODE_MAX, node);
}

int keys_check_name(const char *name, size_t max)
{
	size_t len = strnlen(name, max + 1);

	if (len == 0 || len > max || strstr(name, ":b:"))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return -EINVAL;
	}
	return 0;
}

uint16_t keys_aor_partition(const char *aor)
{
	return ids_partition_of(aor, strlen(aor));
}
