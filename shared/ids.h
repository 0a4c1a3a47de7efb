/* SPDX-License-Identifier: BSD-3-Clause */
/* Names that tell where a thing belongs without a lookup.
 *
 *   partition   p000 .. p0ff           one of IDS_PARTITIONS; the Redis hash tag is {p017}
 *   call id     p017-n03-5-00a41f2     partition, node, incarnation, sequence (hex)
 *   leg tag     p017-n03-5-00a41f2-a-0123456789abcdef
 *               call id, leg, 64 random bits: local tag and Contact user of a leg
 *
 * No other file names a partition. */
#ifndef SHARED_IDS_H
#define SHARED_IDS_H

#include <stddef.h>
#include <stdint.h>

#define IDS_PARTITIONS  256
#define IDS_NODE_MAX    16 /* longest node name, terminating zero included */
#define IDS_PART_STRLEN 5  /* "p017" */
#define IDS_CALL_STRLEN 48
#define IDS_TAG_STRLEN  72

struct ids_call {
	uint16_t partition;
	char node[IDS_NODE_MAX]; /* letters and digits */
	uint32_t incarnation;
	uint32_t seq;
};

struct ids_tag {
	struct ids_call call;
	char leg;        /* 'a' or 'b' */
	uint64_t random; /* must equal the leg's own number, else the tag is forged */
};

/* Each writes the text and returns buf. */
char *ids_part_format(uint16_t partition, char buf[static IDS_PART_STRLEN]);
char *ids_call_format(const struct ids_call *id, char buf[static IDS_CALL_STRLEN]);
char *ids_tag_format(const struct ids_tag *tag, char buf[static IDS_TAG_STRLEN]);

/* Each returns 0, or -EINVAL for anything that the formatter would not have written. */
int ids_call_parse(struct ids_call *id, const char *text, size_t len);
int ids_tag_parse(struct ids_tag *tag, const char *text, size_t len);

/* A node name is 1 to 15 letters and digits. Returns 0 or -EINVAL. */
int ids_node_check(const char *name);

/* CRC16 (XMODEM) as Redis Cluster uses it, and the partition of a key that has none by itself (an
 * AoR, a Call-ID): CRC16 mod IDS_PARTITIONS. */
uint16_t ids_crc16(const void *data, size_t len);
uint16_t ids_partition_of(const char *text, size_t len);

#endif
