/* SPDX-License-Identifier: BSD-3-Clause */
/* One call: two legs, each with a dialog, a session timer and a media stream of its own
 * (architecture, control plane 4). Nothing of one leg's SIP crosses to the other.
 *
 *   call   setup -> early -> active -> ending -> (CDR written, freed)
 *   leg    idle -> invited -> answered -> up -> bye -> gone
 */
#ifndef CONTROLPLANE_CALL_CALL_H
#define CONTROLPLANE_CALL_CALL_H

#include "controlplane/call/cause.h"
#include "controlplane/call/stimer.h"
#include "controlplane/call/verdict.h"
#include "controlplane/media/dpclient.h"
#include "controlplane/sip/dialog.h"
#include "controlplane/sip/stack.h"
#include "controlplane/store/store.h"
#include "controlplane/wheel.h"
#include "shared/conf.h"
#include "shared/ids.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct calls;
struct call;
struct fork;
struct leg;

enum call_state {
	CALL_SETUP,
	CALL_EARLY,
	CALL_ACTIVE,
	CALL_ENDING,
};

enum leg_state {
	LEG_IDLE,     /* not invited yet */
	LEG_INVITED,  /* its INVITE has no final answer */
	LEG_ANSWERED, /* 2xx sent or received, ACK outstanding */
	LEG_UP,
	LEG_BYE, /* our BYE has no answer yet */
	LEG_GONE,
};

/* Our own requests on a leg, at most one of each kind at a time. */
enum leg_ask {
	ASK_INVITE,  /* the first INVITE */
	ASK_REFRESH, /* UPDATE or re-INVITE of the session timer */
	ASK_PROBE,   /* OPTIONS */
	ASK_OFFER,   /* UPDATE or re-INVITE with the other leg's new offer */
	ASK_INFO,    /* relayed INFO */
	ASK_BYE,
	ASK_MAX,
};

struct leg_ask_slot {
	struct leg *leg;
	struct sip_client *client; /* NULL: none under way */
	sip_client_fn *fn;         /* whoever asked */
	osip_message_t *copy;      /* to be repeated after a challenge, see challenge.h */
	uint8_t tries;
};

/* The first INVITE to one contact, and its repeats after a 422. */
struct leg_invite {
	uint32_t se; /* Session-Expires of the last */
	uint8_t tries;
};

/* The leg's side of the audio stream. */
struct leg_media {
	struct dpclient_port at; /* our port; port 0: not anchored */
	uint32_t monitor;        /* number of its monitored flow, from 1; 0: none */
	uint32_t gen;            /* of the port or the monitored flow */
	bool mux;                /* rtcp-mux on this leg */
	bool sends;              /* RTP is expected from it */
	bool both;               /* the stream runs both ways */
	bool two_way;            /* it did once */
	bool off;                /* port 0 or no audio */
	bool dtx;                /* may pause */
	bool secure;             /* SRTP */
	bool rtcp_seen;
	struct addr rtp;  /* of its SDP */
	struct addr rtcp; /* likewise */
	uint8_t payload_types[16];
	struct addr latched;      /* given back to the data plane after a restart */
	struct addr latched_rtcp; /* likewise */
	uint32_t ssrc;            /* likewise */
	uint64_t rtp_ms;          /* last proof by RTP or RTCP, CLOCK_BOOTTIME, 0 = never */
	uint64_t boot_id;         /* of the data plane whose counts these are, 0 = none yet */
	uint64_t packets;         /* of its life */
	uint64_t packets_past;    /* of former ones */
	uint64_t lost;            /* likewise */
	uint64_t lost_past;       /* likewise */
	uint32_t jitter_ms;       /* the latest */
	uint16_t clock_rate;      /* of its SDP's first codec, 0 = not said */
};

struct leg {
	struct call *call;
	char name;        /* 'a' called us, 'b' was called */
	uint8_t state;    /* enum leg_state */
	bool bye_due;     /* to be ended as soon as the ACK is there (DL-08) */
	uint32_t ack_sdp; /* CSeq of the INVITE whose ACK carries our answer, 0: none */
	uint64_t random;
	struct sip_dialog dialog;
	const struct conf_trunk *trunk; /* NULL: a device */
	struct sip_server *server;      /* the peer's INVITE that is open or not yet ACKed */
	struct sip_server *info;        /* its INFO that the other party has not answered */
	struct leg_ask_slot ask[ASK_MAX];
	uint32_t cseq_high; /* CSeq numbers up to here are reserved in the store */
	struct stimer stimer;
	struct stimer_action refresh; /* what ASK_REFRESH will send or has sent */
	uint32_t min_se;              /* largest Min-SE of a 422 to the first INVITE */
	struct leg_invite invited;    /* its first contact */
	uint16_t refusal;             /* the best final answer of contacts that refused */
	uint16_t fork_q;              /* the contacts of this q are asked, or those before them */
	struct fork *forks;           /* its other contacts, until one answers (fork.h) */
	uint32_t max_forwards;        /* of them */
	uint32_t answer_cseq;         /* of its 2xx to the first INVITE */
	struct wheel_timer wake;      /* of the session timer */
	struct leg_media media;
	char *remote_sdp; /* last description of the peer that is in force */
	char *local_sdp;  /* last one that we sent */
	uint64_t sdp_version;
	uint64_t sip_ms; /* last proof of life by SIP, CLOCK_BOOTTIME */
};

/* A changed description on its way from one leg to the other. */
struct call_offer {
	struct leg *from;          /* NULL: none */
	struct sip_server *server; /* its re-INVITE or UPDATE */
	char *sdp;                 /* the offer, in force once it is answered */
	struct wheel_timer timer;  /* the answer is given up (UP-04) */
};

struct call {
	struct calls *calls;
	struct store_call store; /* id, partition */
	struct ids_call ids;
	UT_hash_handle hh; /* by store.id */
	uint8_t state;     /* enum call_state */
	uint8_t media;     /* enum conf_media_mode */
	uint8_t cause;     /* enum cause, once ending */
	uint8_t end_leg;   /* 0, 1, or 2: both or neither */
	uint16_t code;     /* completes the cause */
	bool media_live;
	bool late_offer; /* the INVITE had no SDP */
	bool expires;    /* the caller's Expires ends the ringing, before ours does */
	bool committed;  /* the decision to end is in the store */
	struct leg leg[2];
	struct call_offer offer;
	struct verdict verdict;
	struct wheel_timer judge; /* of the verdict */
	struct wheel_timer ring;  /* setup: longest ringing; ending: try again */
	struct wheel_timer proof; /* next look at the facts */
	char *from;               /* URIs as the caller gave them */
	char *to;
	uint64_t setup_wall;  /* ms since 1970 */
	uint64_t answer_wall; /* 0 = never answered */
	uint64_t end_wall;
	uint64_t answered_ms; /* CLOCK_BOOTTIME */
	uint64_t flow_expires_ms;
};

/* Parts of the record (store.h). */
enum call_part {
	PART_CORE = 1 << 0,
	PART_LEG_A = 1 << 1,
	PART_LEG_B = 1 << 2,
	PART_MEDIA = 1 << 3,
	PART_SDP = 1 << 4,
};

static inline struct leg *leg_other(struct leg *leg)
{
	return &leg->call->leg[leg->name == 'a'];
}

static inline unsigned int leg_index(const struct leg *leg)
{
	return leg->name == 'b';
}

static inline uint32_t leg_part(const struct leg *leg)
{
	return leg->name == 'a' ? PART_LEG_A : PART_LEG_B;
}

/* A call without dialogs, in the table and in the state setup. NULL: no memory. */
struct call *call_create(struct calls *calls, const struct ids_call *ids);

/* Frees it: transactions are let go, ports given back, the store forgets it without a word. */
void call_free(struct call *call);

/* The leg's own tag, which is also the user of its Contact; and that Contact. */
char *leg_tag(const struct leg *leg, char buf[static IDS_TAG_STRLEN]);
int leg_contact(const struct leg *leg, char *buf, size_t size);

/* A request in the leg's dialog; keeps enough CSeq numbers reserved in the store. NULL: no memory
 * or CSeq used up. */
osip_message_t *leg_request(struct leg *leg, const char *method);

/* The same request once more, one CSeq higher. NULL as above. */
osip_message_t *leg_request_again(struct leg *leg, const osip_message_t *req);

/* Sends a request of the leg (takes it) and remembers it in its slot. fn's arg is the slot; on
 * failure it returns -errno and fn is never called. */
int leg_ask(struct leg *leg, enum leg_ask kind, osip_message_t *req, sip_client_fn *fn);

/* Forgets the slot's transaction; it ends by itself. */
void leg_ask_drop(struct leg *leg, enum leg_ask kind);

/* Sends the ACK for a 2xx with that CSeq; sdp may be NULL. */
void leg_ack(struct leg *leg, uint32_t cseq, const char *sdp);

/* Answers a request in the leg's dialog, with a body if sdp is not NULL. */
void leg_reply(struct leg *leg, struct sip_server *server, int code, const char *sdp);

/* What a party is told when the other one refuses a request that crossed: silence is 504; neither a
 * challenge nor a 422 nor a redirection of the other leg is passed on (UA-10, B2B-03). */
int leg_told(int code);

/* Texts of the state, for Redis and people. */
const char *call_state_name(uint8_t state);
const char *leg_state_name(uint8_t state);

/* Parameters in force on the leg: its trunk's, or the node's. */
const struct conf_session *leg_session(const struct leg *leg);
const struct conf_media *leg_media_conf(const struct leg *leg);
struct stimer_params call_stimer_params(const struct conf_session *session);
struct stimer_params leg_stimer_params(const struct leg *leg);
struct verdict_params call_verdict_params(const struct call *call);

/* Asks the store to write these parts (enum call_part). */
void call_commit(struct call *call, uint32_t parts);

/* Replaces *text by a copy (NULL or len 0: none). Returns 0 or -ENOMEM, *text unchanged then. */
int text_set(char **text, const char *value, size_t len);

#endif
