/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration of a node as plain C: what the YAML file, the preset and the built-in values
 * come to. Every field is filled by the parameter table (param.c), which holds its name in the
 * file, default, range and meaning; shared/config.md is written from it. Units are in the names. */
#ifndef SHARED_CONF_H
#define SHARED_CONF_H

#include "shared/addr.h"
#include "shared/ids.h"
#include "shared/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_PATH_MAX    108 /* a Unix socket name and its zero */
#define CONF_NAME_MAX    64
#define CONF_MESSAGE_MAX 1200

struct conf_strings {
	size_t count;
	char **item;
};

struct conf_addrs {
	size_t count;
	struct addr *item;
};

struct conf_node {
	char name[IDS_NODE_MAX];
	struct addr service; /* Contact and Via; the port is sip_port */
	struct addr address; /* between nodes; the service address unless it is set */
	uint32_t sip_port;
	struct conf_addrs media; /* port 0; the service address unless it is set */
	uint16_t media_port_min; /* even */
	uint16_t media_port_max; /* odd */
	char control_socket[CONF_PATH_MAX];
	char cdr_file[256];
	enum log_level log_level;
};

/* How streams are watched whose media does not pass through the relay. */
enum conf_monitor {
	CONF_MONITOR_OFF,
	CONF_MONITOR_INLINE, /* a bump in the wire: what comes by one port leaves by the other */
	CONF_MONITOR_MIRROR, /* copies come in, nothing goes out */
};

struct conf_dataplane {
	char socket[CONF_PATH_MAX];
	struct conf_strings ports; /* "af_packet:eth1", "af_xdp:eth1", "tap:x", PCI, "vdev:..." */
	char host_interface[16];
	uint32_t workers;
	uint32_t clients;  /* control-plane loops it serves */
	uint32_t bindings; /* capacity */
	uint32_t flows;    /* capacity, port slots */
	uint32_t memory_mb;
	bool hugepages;
	uint32_t mtu;           /* 0 = as the devices have it */
	uint32_t idle_sleep_us; /* 0 = spin */
	bool rx_interrupts;
	enum conf_monitor monitor;
	struct conf_strings monitor_ports; /* in words as those of ports */
	bool monitor_link;                 /* inline: the loss of one link takes the other down */
	uint32_t monitors;                 /* capacity, one direction of a stream each */
};

struct conf_redis {
	struct addr address;
	char user[CONF_NAME_MAX]; /* empty: no AUTH with a user name */
	char password[128];       /* empty: no AUTH */
	uint32_t journal;         /* entries */
	uint32_t proof_interval_s;
};

enum conf_preset {
	CONF_PRESET_STANDARD,
	CONF_PRESET_CALL_CENTER,
	CONF_PRESET_WHOLESALE,
	CONF_PRESET_MOBILE_UNSTABLE,
};

enum conf_probe {
	CONF_PROBE_OFF,
	CONF_PROBE_OPTIONS,
	CONF_PROBE_REFRESH,
};

/* Session timer (product.md 1). */
struct conf_session {
	enum conf_preset preset;
	uint32_t ttl_s;               /* SS_SIP_SESSION_TTL */
	uint32_t segment;             /* SS_SIP_SESSION_UPDATE_SEGMENT */
	uint32_t early_hangup_s;      /* SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP, 0 = at once */
	uint32_t no_timer_limit_s;    /* SS_SIP_NO_TIMER_REINVITE_INTERVAL, 0 = off */
	uint32_t max_call_duration_s; /* 0 = off */
	uint32_t min_se_s;
	enum conf_probe no_timer_probe;
};

enum conf_keepalive_mode {
	CONF_KEEPALIVE_BURST,
	CONF_KEEPALIVE_SMOOTH,
};

struct conf_bytes {
	uint16_t len; /* the bytes may hold zeros */
	uint8_t data[CONF_MESSAGE_MAX];
};

enum conf_payload {
	CONF_PAYLOAD_TEXT,
	CONF_PAYLOAD_ZERO,
	CONF_PAYLOAD_STUN,
	CONF_PAYLOAD_OPTIONS,
};

/* NAT keep-alive (product.md 2). */
#define CONF_BATCH_AUTO  0
#define CONF_BATCH_LEAST 3000
struct conf_keepalive {
	struct conf_bytes message; /* empty: no keep-alives */
	uint32_t period_s;
	uint32_t send_interval_ms;
	uint32_t send_one_time; /* CONF_BATCH_AUTO: as needed, at least CONF_BATCH_LEAST */
	enum conf_keepalive_mode mode;
	enum conf_payload payload;
	uint32_t missed;   /* unanswered ones until a device is unreachable, 0 = never */
	uint32_t escalate; /* messages until a silent device gets OPTIONS, 0 = never */
	bool skip_heard;
	uint32_t per_address_cap; /* messages a second, 0 = any */
};

/* Devices that get keep-alives of their own, known by their User-Agent. */
#define CONF_CLASSES_MAX 6
struct conf_class {
	char name[CONF_NAME_MAX];
	struct conf_strings user_agents; /* how theirs begins */
	enum conf_payload payload;
	struct conf_bytes message;
	uint32_t missed;
	uint32_t line; /* in the file */
};

enum conf_media_mode {
	CONF_MEDIA_RELAY,
	CONF_MEDIA_MONITOR,
	CONF_MEDIA_NONE,
};

#define CONF_DSCP_KEEP 64 /* as received */

/* How media is handled, and its clocks. */
struct conf_media {
	enum conf_media_mode mode;
	uint32_t timeout_s;       /* 0 = off */
	uint32_t start_timeout_s; /* 0 = off */
	uint32_t hold_timeout_s;  /* 0 = off */
	uint32_t dtx_timeout_s;   /* 0 = off */
	uint32_t hard_timeout_s;
	uint32_t probe_timeout_s;
	uint32_t dscp;        /* of what goes to the party */
	uint32_t keepalive_s; /* 0 = off */
};

struct conf_sip {
	struct conf_strings domains; /* ours besides the service address */
	char realm[CONF_NAME_MAX];   /* first domain or service address unless it is set */
	bool open_registrar;         /* without users: anybody may register */
	bool md5_only;               /* no SHA-256 challenge */
	uint32_t max_message;        /* bytes */
	uint32_t max_line;           /* bytes */
	uint32_t max_headers;        /* lines of a message */
	uint32_t max_params;         /* ';' and '&' of a line */
	uint32_t max_calls;
	uint32_t max_bindings_per_aor;
	uint32_t register_expires_min_s;
	uint32_t register_expires_max_s;
	uint32_t register_expires_default_s;
	uint32_t register_rate; /* REGISTERs a second, beyond it 503; 0 = no limit */
	uint32_t ring_timeout_s;
	uint32_t nonce_lifetime_s;
};

struct conf_user {
	char name[CONF_NAME_MAX];
	char password[CONF_NAME_MAX];
	uint32_t line; /* in the file */
};

/* The overrides are applied: session and media hold for this trunk as they stand. */
struct conf_trunk {
	char name[CONF_NAME_MAX];
	struct addr address;
	struct conf_strings prefixes;
	char user[CONF_NAME_MAX]; /* empty: none */
	char password[CONF_NAME_MAX];
	char realm[CONF_NAME_MAX];
	struct conf_session session;
	struct conf_media media;
	struct conf_origin *origin; /* as in struct conf; internal */
	uint32_t line;              /* in the file */
};

struct conf {
	struct conf_node node;
	struct conf_dataplane dataplane;
	struct conf_redis redis;
	struct conf_session session; /* for legs that belong to no trunk */
	struct conf_keepalive keepalive;
	struct conf_media media; /* for legs that belong to no trunk */
	struct conf_sip sip;
	struct conf_user *users; /* in order of their names */
	size_t user_count;
	struct conf_trunk *trunks;
	size_t trunk_count;
	struct conf_class *classes; /* in the order of the file, at most CONF_CLASSES_MAX */
	size_t class_count;
	struct conf_addrs bindings; /* devices that never register */
	char *path;
	struct conf_origin *origin; /* where each parameter comes from; internal */
};

/* Reads the file, or a text that is named `path` in messages. Returns 0 and a configuration to be
 * freed with conf_free, or -errno with one line in err: "FILE:LINE: section.name: what is wrong:
 * what is allowed". Warnings go to the log. */
int conf_load(struct conf **conf, const char *path, char *err, size_t errlen);
int conf_load_text(struct conf **conf, const char *path, const char *text, size_t len, char *err,
	size_t errlen);
void conf_free(struct conf *conf);

/* The user of that name, NULL when there is none. */
const struct conf_user *conf_user_find(const struct conf *conf, const char *name);

/* One effective value: "session.SS_SIP_SESSION_TTL" (for a trunk "trunks.carrier.session..."), the
 * value as the file would spell it (secrets as "***"), its unit or "", and "built-in",
 * "preset NAME" or "FILE:LINE". */
struct conf_value {
	const char *name;
	const char *value;
	const char *unit;
	const char *origin;
};

/* Calls fn for each parameter, then for each override of each trunk, in table order. The strings
 * live until fn returns. Returns 0 or the first value other than 0 that fn returned. */
int conf_each(
	const struct conf *conf, int (*fn)(void *arg, const struct conf_value *value), void *arg);

/* False when media is `none` for every trunk and for devices: the node needs no data plane. */
bool conf_uses_dataplane(const struct conf *conf);

/* Monitored flows of one control-plane loop, 0 when there are no monitor ports. */
uint32_t conf_monitors(const struct conf *conf);

#endif
