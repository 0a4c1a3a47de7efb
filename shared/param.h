/* SPDX-License-Identifier: BSD-3-Clause */
/* The one table of parameters. The loader, `linewatchctl config`, the reference document
 * (config.md) and changes while running are all derived from it. */
#ifndef SHARED_PARAM_H
#define SHARED_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum param_type {
	PARAM_INT,       /* uint32_t */
	PARAM_INT_AUTO,  /* uint32_t; "auto" is 0 */
	PARAM_INT_KEEP,  /* uint32_t; "keep" is max + 1 */
	PARAM_ENUM,      /* an enum that counts along `words` */
	PARAM_BOOL,      /* bool */
	PARAM_TEXT,      /* char[max + 1] */
	PARAM_NAME,      /* likewise, letters, digits, '-', '_' and '.' only */
	PARAM_BYTES,     /* struct conf_bytes; \r \n \t \0 \\ \xNN */
	PARAM_ADDR,      /* struct addr with port */
	PARAM_IP,        /* struct addr, port 0 */
	PARAM_PORTS,     /* two uint16_t, even and odd */
	PARAM_IP_LIST,   /* struct conf_addrs, port 0 */
	PARAM_ADDR_LIST, /* struct conf_addrs */
	PARAM_TEXT_LIST, /* struct conf_strings, each up to max bytes */
};

enum param_section {
	PARAM_NODE,
	PARAM_DATAPLANE,
	PARAM_REDIS,
	PARAM_SESSION,
	PARAM_KEEPALIVE,
	PARAM_MEDIA,
	PARAM_SIP,
	PARAM_TOP,   /* keys at the top of the file */
	PARAM_USER,  /* one entry of `users` */
	PARAM_TRUNK, /* one entry of `trunks` */
	PARAM_CLASS, /* one entry of `keepalive_classes` */
	PARAM_SECTIONS,
};

enum param_flags {
	PARAM_ZERO_OFF = 1 << 0,  /* 0 turns it off, whatever the range */
	PARAM_RELOAD = 1 << 1,    /* can be changed while calls are up */
	PARAM_PER_TRUNK = 1 << 2, /* a trunk may override it */
	PARAM_REQUIRED = 1 << 3,  /* has no default */
	PARAM_SECRET = 1 << 4,    /* never shown */
};

struct param {
	enum param_section section;
	const char *name;
	enum param_type type;
	uint32_t flags;
	size_t offset;     /* in the struct of the section */
	const char *value; /* default, as the file would spell it; NULL: empty or derived */
	uint32_t min;      /* of an int; bytes of a text; default port of an address */
	uint32_t max;
	uint32_t warn_above;      /* 0 = never */
	const char *unit;         /* "s", "ms", "us", "MB", "bytes" or "" */
	const char *const *words; /* of an enum, ends with NULL */
	const char *derived;      /* words for the document, when value is NULL */
	const char *help;
};

/* The table, in the order of the document; sections stand together. */
extern const struct param param_table[];
extern const size_t param_count;

/* "session" for PARAM_SESSION; "" for PARAM_TOP. */
const char *param_section_name(enum param_section section);

/* Letters to change, add or drop, of any case, to turn one name into the other; SIZE_MAX when one
 * is far too long. */
size_t param_distance(const char *a, const char *b);

/* NULL when there is none. */
const struct param *param_find(enum param_section section, const char *name);

/* The parameter of that section whose name is most like it, NULL when none is near. */
const struct param *param_near(enum param_section section, const char *name);

bool param_is_list(const struct param *param);

#define PARAM_WHY_MAX 320

/* Reads a text of len bytes (it may hold zeros; text[len] is one) into the parameter's field of the
 * section struct at base; an item is appended to a list. Returns 0, or -EINVAL or -ENOMEM with why
 * such as "60 is out of range: 90 to 86400 s"; then the field is as before. */
int param_parse(const struct param *param, void *base, const char *text, size_t len,
	char why[static PARAM_WHY_MAX]);

/* Writes the field as the file would spell it (lists as "[a, b]", secrets as "***"); cut to size.
 * Returns buf. */
char *param_format(const struct param *param, const void *base, char *buf, size_t size);

/* What is allowed, in words: "90 to 86400 s", "0 (off) or 60 to 604800 s", "relay, monitor or
 * none". Returns buf. */
char *param_range(const struct param *param, char *buf, size_t size);

/* Frees what a list holds. */
void param_clear(const struct param *param, void *base);

#endif
