/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the data-plane client: dptable.c holds what is wanted, dpflow.c, dpbinding.c and
 * dpmonitor.c know the three kinds of it, dpsend.c puts it on the wire, dprecv.c takes in what
 * comes back, dplink.c connects, dpfacts.c reads the facts memory. */
#ifndef CONTROLPLANE_MEDIA_DPCLIENT_IMPL_H
#define CONTROLPLANE_MEDIA_DPCLIENT_IMPL_H

#include "controlplane/media/dpcapture.h"
#include "controlplane/media/dpclient.h"
#include "controlplane/media/dptable.h"
#include "shared/log.h"

#include <sys/un.h>

#define DPCLIENT_RETRY_MIN_MS 200
#define DPCLIENT_RETRY_MAX_MS 2000
#define DPCLIENT_LOG_MS       5000 /* at most one line of a kind in this time */

/* Entries of the tables of wanted records. */
struct dpflow {
	struct dpwant want;
	struct proto_flow flow; /* flags, latched and ssrc also tell what was learnt */
	struct dpclient_port peer;
	bool give_back;  /* the data plane is to be told what was learnt */
	bool relearn;    /* PROTO_FLOW_RELEARN is to be sent */
	bool relearning; /* it was sent, and nothing was learnt since */
};

struct dpbinding {
	struct dpwant want;
	struct proto_binding binding;
};

struct dpmonitor {
	struct dpwant want;
	struct proto_monitor monitor;
};

static_assert(offsetof(struct dpflow, flow) == sizeof(struct dpwant) &&
		offsetof(struct dpbinding, binding) == sizeof(struct dpwant) &&
		offsetof(struct dpmonitor, monitor) == sizeof(struct dpwant),
	"the record lies right behind the head");

extern const struct dptable_kind dpflow_kind, dpbinding_kind, dpmonitor_kind;

enum dpcapture_state {
	DPCAPTURE_NONE,
	DPCAPTURE_WANTED, /* to be sent */
	DPCAPTURE_SENT,
	DPCAPTURE_GONE, /* nobody wants it any more: to be taken back */
};

struct dpcapture {
	struct dpcapture_conf conf;
	struct proto_capture set;
	uint32_t seq;  /* with which it was sent */
	uint8_t state; /* enum dpcapture_state */
};

enum dpport_state {
	DPPORT_NONE,
	DPPORT_WANTED, /* to be sent */
	DPPORT_SENT,
};

struct dpport_order {
	struct proto_port_reset reset;
	void (*done)(void *arg, int err);
	void *arg;
	uint32_t seq;  /* with which it was sent */
	uint8_t state; /* enum dpport_state */
};

enum dpstage {
	DPSTAGE_AWAY,    /* not connected */
	DPSTAGE_HELLO,   /* HELLO is to be sent */
	DPSTAGE_WELCOME, /* waits for the answer */
	DPSTAGE_BEGIN,   /* SYNC_BEGIN is to be sent */
	DPSTAGE_CONF,
	DPSTAGE_MEDIA,   /* MEDIA_ADDR is to be sent */
	DPSTAGE_PLACES,  /* waits for all MEDIA_READY; bindings may go */
	DPSTAGE_RECORDS, /* all bindings and flows of both kinds; SYNC_END behind them */
	DPSTAGE_END,     /* waits for the ACK of SYNC_END */
	DPSTAGE_UP,
};

/* A connection; lives until libuv has closed its handle. */
struct dplink {
	uv_poll_t poll;
	struct dpclient *client;
	int fd;
};

struct dpmedia {
	struct addr local;
	uint32_t base;
	bool ready;  /* in this connection */
	bool placed; /* base belongs to the facts memory at hand */
};

struct dpclient {
	uv_loop_t *loop;
	uv_timer_t retry;
	uv_prepare_t prepare;
	unsigned handles; /* open uv handles, links included */
	bool closing;
	struct dpclient_events events;

	struct sockaddr_un path;
	uint32_t slot;
	uint32_t incarnation;
	uint16_t port_min;
	uint16_t port_max;
	uint32_t slots; /* of one media address */
	uint32_t media_count;
	struct dpmedia media[DPCLIENT_MEDIA_MAX];
	uint32_t class_count;
	uint32_t class_dirty; /* bit per class */
	struct proto_conf classes[PROTO_CLASSES];

	struct dptable flows; /* by dpflow_index() */
	struct dptable bindings;
	struct dptable monitors;
	struct dpcapture captures[PROTO_CAPTURES];
	uint32_t capture_name; /* the last one */
	struct dpport_order port_order;

	struct dplink *link;
	enum dpstage stage;
	bool blocked; /* the socket is full: waits for UV_WRITABLE */
	uint32_t retry_ms;
	uint32_t retry_max_ms;
	int last_error; /* of connect or hello, so that each cause is told once */
	uint32_t seq;
	uint32_t media_seq; /* of MEDIA_ADDR */
	uint32_t end_seq;   /* of SYNC_END */
	struct proto_welcome welcome;
	uint64_t last_boot_id;
	uint64_t generation;
	bool up;          /* between events.up and events.down */
	bool again;       /* events were lost in a sync: there is to be another one */
	uint64_t lost_ms; /* when what it held for us was lost with the connection, 0 = nothing */

	const uint8_t *facts; /* NULL: no data plane was seen yet */
	size_t facts_size;

	struct log_rate refused_rate;
	uint64_t resyncs, refused, event_count, events_lost;
	_Alignas(8) uint8_t out[PROTO_PACKET_MAX];
	_Alignas(8) uint8_t in[PROTO_PACKET_MAX + 1]; /* one more shows that a packet was cut */
};

/* A uv handle is closed; with the last one the client is freed (dpclient.c). */
void dpclient_unref(struct dpclient *c);

/* A record that the data plane would take for malformed costs the whole connection: it is refused
 * here, where its author can be told. 0 or -EINVAL. (dpclient.c) */
int dpclient_check(uint16_t type, const void *record);

/* dpflow.c: index of a port, -1 if there is no such slot; the data plane's name of an index; an
 * event of a flow. */
int64_t dpflow_index(const struct dpclient *c, struct dpclient_port at);
int64_t dpflow_id(const struct dpclient *c, uint32_t index);
void dpflow_event(struct dpclient *c, const struct proto_flow_event *ev);

/* dpbinding.c, dpmonitor.c: an event; true if it was of a monitored flow. */
void dpbinding_event(struct dpclient *c, const struct proto_binding_event *ev);
bool dpmonitor_event(struct dpclient *c, const struct proto_flow_event *ev);

/* dplink.c: starts to connect now; drops the connection with a line in the log and connects again
 * after the usual back-off, or late: after the longest, since nothing will be better soon. */
void dplink_start(struct dpclient *c);
void dplink_drop(struct dpclient *c, enum log_level level, const char *why, bool late);

/* dpsend.c: everything begins anew on a fresh connection; all is told again on one that has lost
 * events, and nothing begins anew; sends what can be sent now. */
void dpsend_resync(struct dpclient *c);
void dpsend_again(struct dpclient *c);
void dpsend_flush(struct dpclient *c);

/* dprecv.c: reads what has come. */
void dprecv_read(struct dpclient *c);

/* dpcapture.c: what came about captures (of an ACK: true if it was one's); the connection is gone;
 * the next one of which the data plane is to be told. */
void dpcapture_frame(struct dpclient *c, const struct proto_frame *frame);
void dpcapture_end(struct dpclient *c, const struct proto_capture_end *end);
bool dpcapture_ack(struct dpclient *c, const struct proto_ack *ack);
void dpcapture_away(struct dpclient *c);
bool dpcapture_next(struct dpclient *c, struct dpcapture **next);

/* dpport.c: an ACK, true if it was the order's; the connection is gone; something happened. */
bool dpport_ack(struct dpclient *c, const struct proto_ack *ack);
void dpport_away(struct dpclient *c);
void dpport_event(struct dpclient *c, const struct proto_port_event *ev);

/* dpfacts.c: maps the memory behind fd (not closed here) after checking its layout. Returns 0 or
 * -errno. */
int dpfacts_map(struct dpclient *c, int fd);
void dpfacts_unmap(struct dpclient *c);

#endif
