/* SPDX-License-Identifier: BSD-3-Clause */
/* A record: what the owner wants to have in Redis about one call, one CDR or one binding, as names
 * and values in plain text. The store does not know what they mean, with these exceptions:
 *
 *   st       state: setup, early, active, ending, ended; never goes back
 *   next_ms  the call's next deadline (a time); moves it in {P}:due
 *   exp_ms   when the session expires (a time); store_call_end checks it inside Redis
 *   ver, last_op, owner  are the store's own
 *
 * Times are CLOCK_BOOTTIME milliseconds on this side. They travel as "so long ago" or "in so long",
 * are kept in Redis time, and come back as CLOCK_BOOTTIME of the process that reads them: no two
 * clocks are ever compared, and a record survives a reboot. */
#ifndef CONTROLPLANE_STORE_RECORD_H
#define CONTROLPLANE_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where an item lives. The letters are those of the function library's arguments. */
enum record_kind {
	RECORD_TEXT = '=',  /* field of the hash */
	RECORD_TIME = '@',  /* field of the hash, a time */
	RECORD_GONE = '-',  /* field of the hash that has no value any more */
	RECORD_MEDIA = 'M', /* field of {P}:med:<id> */
	RECORD_SDP_A = 'a', /* {P}:sdp:<id>-a */
	RECORD_SDP_B = 'b', /* {P}:sdp:<id>-b */
};

struct record_item {
	char kind;      /* enum record_kind */
	uint32_t name;  /* offset of the kind letter and the name, one string */
	uint32_t value; /* offset of the value, a string; times: unused */
	uint32_t value_len;
	uint64_t time; /* CLOCK_BOOTTIME ms */
};

struct record {
	struct record_item *items;
	uint32_t count, room;
	char *text;
	size_t text_len, text_room;
	int error; /* -ENOMEM once an item could not be added; the store then tries again later */
	int64_t clock; /* of a record that was read: Redis time minus CLOCK_BOOTTIME, ms */
};

void record_init(struct record *rec);
void record_reset(struct record *rec); /* empty, memory kept */
void record_free(struct record *rec);
int record_copy(struct record *to, const struct record *from); /* 0 or -ENOMEM */

/* Writing. A name is put once. NULL or "" removes the field from Redis. */
void record_put(struct record *rec, const char *name, const char *value);
void record_put_len(struct record *rec, const char *name, const char *value, size_t len);
void record_putf(struct record *rec, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void record_put_num(struct record *rec, const char *name, int64_t value);
void record_put_time(struct record *rec, const char *name, uint64_t boot_ms); /* 0 removes it */
void record_put_media(struct record *rec, const char *name, const char *value);
void record_put_sdp(struct record *rec, char leg, const char *text);

/* Reading. Texts live as long as the record; NULL when absent. */
const char *record_get(const struct record *rec, const char *name);
const char *record_get_media(const struct record *rec, const char *name);
const char *record_get_sdp(const struct record *rec, char leg);
/* `absent` when there is no such field or it is not a whole number. */
int64_t record_get_num(const struct record *rec, const char *name, int64_t absent);
/* CLOCK_BOOTTIME ms; 0 when absent. A time from before this boot is given as 1. */
uint64_t record_get_time(const struct record *rec, const char *name);

#endif
