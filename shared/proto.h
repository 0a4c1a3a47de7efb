/* SPDX-License-Identifier: BSD-3-Clause */
/* Control protocol between a control-plane loop (the client) and linewatch-dp.
 *
 * A Unix SOCK_SEQPACKET socket; each packet is a struct proto_head and `count` records of one type,
 * fixed size, little-endian, no bit-fields. The sizes of all records are compared in the hello, so
 * two programs that were built apart never misread each other. Anything malformed closes the
 * connection with one log line.
 *
 *   client                                   data plane
 *   HELLO (slot, incarnation, sizes)   ->    WELCOME (capacities, facts fd) or ACK with an error
 *   SYNC_BEGIN (generation)            ->
 *   CONF, MEDIA_ADDR, BINDING_SET, FLOW_SET, MONITOR_SET  marked with the generation
 *   SYNC_END (generation)              ->    sweeps what this slot did not set again
 *   BINDING_SET/DEL, FLOW_SET/DEL, MONITOR_SET  ->
 *                                      <-    FLOW_EVENT, BINDING_EVENT, LOST
 *   CAPTURE_SET, CAPTURE_DEL           ->
 *                                      <-    FRAME, CAPTURE_END
 *   PORT_RESET                         ->
 *                                      <-    PORT_EVENT
 *
 * Each packet of a client but the HELLO is answered by one ACK (seq, status, first refused record),
 * in order; MEDIA_ADDR by a MEDIA_READY of the accepted records (same seq), if any, and then the
 * ACK.
 *
 * A handle is id + generation of that id: events about a flow that was meanwhile replaced are told
 * apart. Times are CLOCK_BOOTTIME milliseconds. Counters and last-heard ticks are not sent at all:
 * they are read in the facts memory (facts.h). */
#ifndef SHARED_PROTO_H
#define SHARED_PROTO_H

#include "shared/addr.h"

#include <stddef.h>
#include <stdint.h>

#define PROTO_VERSION     4
#define PROTO_MAGIC       0x4c574450u /* "PDWL" on the wire */
#define PROTO_RECORDS_MAX 128         /* records in one packet */
#define PROTO_PACKET_MAX  32768       /* bytes in one packet */
#define PROTO_SLOTS       16          /* clients at a time, one per control-plane loop */
#define PROTO_PAYLOAD_MAX 1200        /* SS_SIP_NAT_KEEP_ALIVE_MESSAGE */
#define PROTO_BATCH_AUTO  0           /* SEND_ONE_TIME: the batch grows as needed */
#define PROTO_CLASSES     8           /* keep-alive device classes */

enum proto_type {
	PROTO_HELLO = 1,
	PROTO_SYNC_BEGIN,
	PROTO_SYNC_END,
	PROTO_CONF,
	PROTO_MEDIA_ADDR,
	PROTO_BINDING_SET,
	PROTO_BINDING_DEL,
	PROTO_FLOW_SET,
	PROTO_FLOW_DEL,
	PROTO_MONITOR_SET,
	PROTO_CAPTURE_SET,
	PROTO_CAPTURE_DEL,
	PROTO_PORT_RESET,
	PROTO_FROM_CLIENT, /* one past the last type a client may send */

	PROTO_WELCOME = 128,
	PROTO_ACK,
	PROTO_MEDIA_READY,
	PROTO_FLOW_EVENT,
	PROTO_BINDING_EVENT,
	PROTO_LOST,
	PROTO_FRAME,
	PROTO_CAPTURE_END,
	PROTO_PORT_EVENT,
	PROTO_FROM_DATAPLANE,
};

struct proto_head {
	uint16_t type;  /* enum proto_type */
	uint16_t size;  /* bytes of one record */
	uint16_t count; /* records that follow, 1 to PROTO_RECORDS_MAX */
	uint16_t zero;
	uint32_t seq; /* of the sender; echoed in the ACK */
	uint32_t zero2;
};
static_assert(sizeof(struct proto_head) == 16, "wire layout");

/* First packet of a client, and its answer. sizes[] holds the record size of each type, indexed by
 * type (client types) and type - PROTO_WELCOME + 16 (data plane types), 0 where there is none. */
#define PROTO_SIZES 32
struct proto_hello {
	uint32_t magic;
	uint32_t version;
	uint32_t slot;        /* 0 .. PROTO_SLOTS-1; a slot in use is refused with -EBUSY */
	uint32_t incarnation; /* of the client process, for the log */
	uint16_t sizes[PROTO_SIZES];
};
static_assert(sizeof(struct proto_hello) == 80, "wire layout");

/* Carries the facts memory as SCM_RIGHTS. */
struct proto_welcome {
	uint64_t boot_id;       /* changes when the data plane restarts */
	uint32_t binding_first; /* ids this client may use: binding_first .. + binding_count - 1 */
	uint32_t binding_count;
	uint32_t flow_count; /* port slots in all; MEDIA_READY says which are this client's */
	uint32_t workers;
	uint64_t facts_size;
	uint64_t generation;    /* last SYNC_END of this slot, 0 if none: what is still in place */
	uint32_t monitor_first; /* ids of monitored flows of this client, above all port slots */
	uint32_t monitor_count; /* 0: this data plane monitors nothing */
};
static_assert(sizeof(struct proto_welcome) == 48, "wire layout");

struct proto_sync {
	uint64_t generation; /* rises with each sync of a slot */
	/* Of SYNC_BEGIN: when the client lost the data plane that held its bindings before; 0 if it
	 * does not know. A new process then sends the keep-alives that are missing since. */
	uint64_t since_ms;
};
static_assert(sizeof(struct proto_sync) == 16, "wire layout");

/* Keep-alive parameters of one device class (product.md 2). PERIOD and the batch parameters hold
 * for the whole node, and are taken from class 0. */
enum proto_payload {
	PROTO_PAYLOAD_OFF,
	PROTO_PAYLOAD_TEXT,
	PROTO_PAYLOAD_ZERO,    /* four zero bytes */
	PROTO_PAYLOAD_STUN,    /* a Binding request, which draws an answer */
	PROTO_PAYLOAD_OPTIONS, /* likewise */
};

struct proto_conf {
	uint8_t class_id;
	uint8_t payload_kind; /* enum proto_payload */
	uint16_t payload_len; /* of PROTO_PAYLOAD_TEXT, where 0 disables the class; else 0 */
	uint32_t period_ms;
	uint32_t send_interval_ms;
	uint32_t send_one_time; /* messages a batch, or PROTO_BATCH_AUTO */
	uint32_t send_least;    /* least batch with PROTO_BATCH_AUTO */
	uint8_t smooth;         /* spread a batch inside its interval */
	uint8_t missed_max;     /* unanswered keep-alives until BINDING_EVENT, 0 = never */
	uint16_t dscp;
	uint8_t escalate;       /* messages without answer to a device that was never heard, after
				 * which it gets those of escalate_class; 0 = never */
	uint8_t escalate_class; /* another class that draws answers; 0 without escalate */
	/* Of the node, from class 0 as well. */
	uint8_t skip_heard; /* nothing to bindings heard within the period */
	uint8_t zero;
	uint16_t per_address_cap; /* messages to one address in one second, 0 = any */
	uint8_t zero2[2];
	uint8_t payload[PROTO_PAYLOAD_MAX];
};
static_assert(sizeof(struct proto_conf) == 1232, "wire layout");

/* Claims the ports port_min .. port_max of a media address: the slots base .. base + slots - 1,
 * one for each even port. Answered by MEDIA_READY. Claiming the same again returns the same. */
struct proto_media_addr {
	struct addr local; /* port 0 */
	uint16_t port_min; /* even */
	uint16_t port_max; /* odd */
};
static_assert(sizeof(struct proto_media_addr) == 24, "wire layout");

struct proto_media_ready {
	struct addr local;
	uint16_t port_min;
	uint16_t port_max;
	uint32_t base;
	uint32_t slots;
};
static_assert(sizeof(struct proto_media_ready) == 32, "wire layout");

struct proto_binding {
	uint32_t id;
	uint32_t gen;
	struct addr dst;   /* source of the REGISTER */
	struct addr local; /* socket it arrived on: keep-alives leave from it */
	uint8_t class_id;
	uint8_t zero[7];
	uint64_t expires_ms;
};
static_assert(sizeof(struct proto_binding) == 64, "wire layout");

/* Removal; also the key of every event. A handle of another generation is ignored. */
struct proto_handle {
	uint32_t id;
	uint32_t gen;
};
static_assert(sizeof(struct proto_handle) == 8, "wire layout");

enum proto_flow_flags {
	PROTO_FLOW_MUX = 1 << 0,       /* rtcp-mux negotiated on this leg */
	PROTO_FLOW_CLOCK = 1 << 1,     /* RTP is expected from this leg: silence is judged */
	PROTO_FLOW_RELEARN = 1 << 2,   /* new offer/answer changed the address: latch afresh */
	PROTO_FLOW_SIGNAL = 1 << 3,    /* NAT is evident: the signalling source IP is a candidate */
	PROTO_FLOW_LATCHED = 1 << 4,   /* latched and latched_rtcp are given back (restore) */
	PROTO_FLOW_RTCP_LIFE = 1 << 5, /* RTCP counts for the silence clock as well */
	PROTO_FLOW_SECURE = 1 << 6,    /* SRTP: nobody but the parties can make a packet of it */
};

/* One leg's side of a stream: packets that arrive at the slot's address come from `remote` and
 * leave from the peer's slot to the peer's remote. Setting an id + gen again updates it and keeps
 * what was learnt, unless PROTO_FLOW_RELEARN is set; a higher gen replaces. */
struct proto_flow {
	uint32_t id; /* port slot */
	uint32_t gen;
	uint32_t peer_id; /* slot of the other leg; PROTO_NO_PEER: count and drop */
	uint32_t peer_gen;
	struct addr remote;        /* RTP address of the leg's SDP; family 0: not known yet */
	struct addr remote_rtcp;   /* likewise (a=rtcp, or port + 1) */
	struct addr signal;        /* signalling source of the leg, port unused */
	struct addr latched;       /* given back after a restart */
	struct addr latched_rtcp;  /* likewise */
	uint32_t flags;            /* enum proto_flow_flags */
	uint8_t payload_types[16]; /* bit n%8 of byte n/8: payload type n is negotiated */
	uint32_t ssrc;             /* of the latched source */
	uint32_t start_ms;         /* silence before the first packet, 0 = off */
	uint32_t silence_ms;       /* silence after it, 0 = off */
	uint8_t dscp;              /* of packets to this leg, or PROTO_DSCP_KEEP */
	uint8_t keepalive_s;       /* until a leg that gets no packet gets one of ours, 0 = never */
	uint16_t clock_rate;       /* Hz of the RTP timestamps (jitter), 0 = 8000 */
	uint64_t clock_ms;         /* when the media clock starts (ACK, resume) */
	uint64_t expires_ms;       /* the flow is dropped then, if nobody prolongs it */
};
static_assert(sizeof(struct proto_flow) == 168, "wire layout");
#define PROTO_NO_PEER           0xffffffffu
#define PROTO_DSCP_KEEP         64 /* as received */
#define PROTO_RTP_KEEPALIVE_MIN 15 /* s, RFC 6263 section 7 */

/* One direction of a stream that does not pass through us but by a monitor port: packets to `dst`
 * that come from the sender whom the call's descriptions name. Events, counters and last-heard
 * ticks are those of a flow, and FLOW_DEL removes it. Setting an id + gen again updates it and
 * keeps what was counted; a higher gen replaces. A destination is one flow's: the last set has it.
 */
struct proto_monitor {
	uint32_t id;
	uint32_t gen;
	struct addr dst;           /* RTP address of the receiver's SDP; family 0: none now */
	struct addr dst_rtcp;      /* likewise (a=rtcp, or port + 1); unused with PROTO_FLOW_MUX */
	struct addr source;        /* of the sender's SDP, port 0: any; family 0: not known */
	struct addr signal;        /* signalling source of the sender, port unused */
	struct addr behind;        /* likewise of a receiver behind a NAT; family 0: it is not */
	uint32_t flags;            /* MUX, CLOCK, SIGNAL, RTCP_LIFE of enum proto_flow_flags */
	uint8_t payload_types[16]; /* as in proto_flow */
	uint32_t start_ms;         /* likewise, and all below */
	uint32_t silence_ms;
	uint16_t clock_rate;
	uint8_t zero[6];
	uint64_t clock_ms;
	uint64_t expires_ms;
};
static_assert(sizeof(struct proto_monitor) == 160, "wire layout");

struct proto_ack {
	uint32_t seq;
	int32_t status;    /* 0 or -errno of the first refused record */
	uint32_t refused;  /* number of refused records */
	uint32_t first_id; /* id of the first refused record */
};
static_assert(sizeof(struct proto_ack) == 16, "wire layout");

enum proto_flow_event_kind {
	PROTO_FLOW_LEARNT = 1,  /* addr, ssrc: the source is latched */
	PROTO_FLOW_LEARNT_RTCP, /* addr */
	PROTO_FLOW_SILENT,      /* the clock ran out */
	PROTO_FLOW_HEARD,       /* heard again after SILENT */
	PROTO_FLOW_EXPIRED,     /* expires_ms passed: the flow is gone */
};

struct proto_flow_event {
	uint32_t id;
	uint32_t gen;
	uint32_t kind; /* enum proto_flow_event_kind */
	uint32_t ssrc;
	struct addr addr;
	uint32_t zero;
	uint64_t last_rtp_ms;  /* 0 = never */
	uint64_t last_rtcp_ms; /* 0 = never */
	uint64_t at_ms;
};
static_assert(sizeof(struct proto_flow_event) == 64, "wire layout");

enum proto_binding_event_kind {
	PROTO_BINDING_LOST = 1, /* missed_max keep-alives unanswered */
	PROTO_BINDING_FOUND,    /* answered again */
	PROTO_BINDING_EXPIRED,
};

struct proto_binding_event {
	uint32_t id;
	uint32_t gen;
	uint32_t kind; /* enum proto_binding_event_kind */
	uint32_t zero;
	uint64_t at_ms;
};
static_assert(sizeof(struct proto_binding_event) == 24, "wire layout");

/* Events were dropped because the client did not read: it must look at the facts of all its flows
 * and bindings, and sync again, in which it is told anew what was learnt, silent or lost. */
struct proto_lost {
	uint64_t events;
};
static_assert(sizeof(struct proto_lost) == 8, "wire layout");

/* Captures: copies of the frames of one binding or one flow, for engineers. They end with their
 * bounds, with what they look at, and with the connection; none is given back after it. */
#define PROTO_CAPTURES            16 /* at a time, all clients together */
#define PROTO_CAPTURE_PACKETS_MAX 1000000
#define PROTO_CAPTURE_MS_MAX      3600000 /* longest from now on */
#define PROTO_FRAME_MAX           1520    /* bytes of a frame that are kept */

enum proto_capture_kind {
	PROTO_CAPTURE_BINDING = 1, /* its keep-alives, answers and SIP */
	PROTO_CAPTURE_FLOW,        /* what arrives at its port and what leaves of it; of a
				    * monitored flow, what is for its destination */
	PROTO_CAPTURE_KINDS,
};

struct proto_capture {
	uint32_t capture; /* the client's name for it, told with each frame */
	uint32_t id;      /* of the binding or flow */
	uint32_t gen;
	uint32_t packets_max; /* 1 .. PROTO_CAPTURE_PACKETS_MAX */
	uint64_t until_ms;
	uint8_t kind; /* enum proto_capture_kind */
	uint8_t zero[7];
};
static_assert(sizeof(struct proto_capture) == 32, "wire layout");

struct proto_capture_del {
	uint32_t capture;
	uint32_t zero;
};
static_assert(sizeof(struct proto_capture_del) == 8, "wire layout");

enum proto_frame_fate {
	PROTO_FRAME_RELAYED = 1, /* in: as it came; out: as it left */
	PROTO_FRAME_DROPPED,     /* in, for `reason` */
	PROTO_FRAME_KEEPALIVE,   /* out */
	PROTO_FRAME_ANSWER,      /* in, proven */
	PROTO_FRAME_REFUSED,     /* in, named like an answer, but of another source, tag or time */
	PROTO_FRAME_TO_HOST,     /* in, SIP that goes to the kernel */
	PROTO_FRAME_FROM_HOST,   /* out, SIP of the kernel's */
	PROTO_FRAME_WATCHED,     /* in, of a monitored flow, whether it counted or not */
	PROTO_FRAME_FATES,
};

struct proto_frame {
	uint32_t capture;
	uint32_t lost;     /* frames of this capture so far that found no room */
	uint64_t at_us;    /* CLOCK_BOOTTIME */
	uint32_t round_us; /* round trip of an answer, else 0 */
	uint16_t len;      /* of the frame, from its Ethernet header on */
	uint16_t kept;     /* of it, in data; zeros behind */
	uint8_t out;       /* 1: it left us, 0: it came */
	uint8_t fate;      /* enum proto_frame_fate */
	uint8_t reason;    /* enum facts_drop of a dropped frame, else 0 */
	uint8_t zero[5];
	uint8_t data[PROTO_FRAME_MAX];
};
static_assert(sizeof(struct proto_frame) == 1552, "wire layout");

/* Frames in one packet. */
#define PROTO_FRAMES_MAX \
	((PROTO_PACKET_MAX - sizeof(struct proto_head)) / sizeof(struct proto_frame))

enum proto_capture_why {
	PROTO_CAPTURE_FULL = 1, /* packets_max */
	PROTO_CAPTURE_TIME,     /* until_ms */
	PROTO_CAPTURE_GONE,     /* the binding or flow is no more, or of another generation */
	PROTO_CAPTURE_WHYS,
};

/* Behind the last frame. What the client ended itself has none. */
struct proto_capture_end {
	uint32_t capture;
	uint32_t why;    /* enum proto_capture_why */
	uint32_t frames; /* told */
	uint32_t lost;   /* that found no room */
};
static_assert(sizeof(struct proto_capture_end) == 16, "wire layout");

/* An operator wants the device of a port reset, as its driver does it; of a bond all members, one
 * after another. The port keeps all that is set on it. Refused: ENOENT (no port of that name),
 * EBUSY (it is out of service already), EOPNOTSUPP (af_xdp: the NIC is the kernel's). */
#define PROTO_PORT_NAME 64
struct proto_port_reset {
	char name[PROTO_PORT_NAME]; /* as in facts.h, zeros behind it */
};
static_assert(sizeof(struct proto_port_reset) == 64, "wire layout");

enum proto_port_event_kind {
	PROTO_PORT_RESETS = 1, /* its device is being reset: nothing comes or leaves by it */
	PROTO_PORT_GONE,       /* its device has gone */
	PROTO_PORT_BACK,       /* in service again */
};

/* Told to all clients. Of a bond: of one member, the others carry on. */
struct proto_port_event {
	uint32_t port; /* index in the facts, which say the rest */
	uint32_t kind; /* enum proto_port_event_kind */
	uint64_t at_ms;
};
static_assert(sizeof(struct proto_port_event) == 16, "wire layout");

/* Record size of a type, 0 for one that does not exist. */
size_t proto_size(uint16_t type);

/* Fills sizes[] of a hello. */
void proto_sizes(uint16_t sizes[static PROTO_SIZES]);

/* Checks a packet as received: head, type of that direction, size, count, length, and each record's
 * own fields (families, ranges, flags, zero bytes). Returns 0 or -EPROTO with *why set to a
 * sentence for the log. from_client tells the direction; packet is aligned to 8 bytes. What only
 * the data plane can know (ids in range, families against a slot's own) is refused in its ACK
 * instead. */
int proto_check(const void *packet, size_t len, bool from_client, const char **why);

/* The first record behind a head that was checked. */
static inline const void *proto_records(const struct proto_head *head)
{
	return head + 1;
}

#endif
