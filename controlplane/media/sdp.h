/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP of one leg: checked, described, compared, rewritten (RFC 3264, RFC 4566, RFC 3605, RFC 5761).
 * Parsed by libosip2 behind strict checks of our own; the text of a stranger never reaches the
 * other leg as it is: what we send is written anew. Nothing here keeps memory. */
#ifndef CONTROLPLANE_MEDIA_SDP_H
#define CONTROLPLANE_MEDIA_SDP_H

#include "shared/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SDP_TEXT_MAX  4096 /* bytes of a session description */
#define SDP_LINES_MAX 8    /* m= lines */

/* Direction as its author sees it: bits of "sends" and "receives". */
enum sdp_dir {
	SDP_INACTIVE = 0,
	SDP_SENDONLY = 1,
	SDP_RECVONLY = 2,
	SDP_SENDRECV = 3,
};

/* What a media line is to us. Only RTP audio is anchored; other lines keep their place with port 0
 * (OA-01, RT-08). */
enum sdp_kind {
	SDP_OTHER,
	SDP_AUDIO,
	SDP_VIDEO,
	SDP_IMAGE,
};

struct sdp_line {
	uint8_t kind;         /* enum sdp_kind */
	uint8_t dir;          /* enum sdp_dir, as written */
	bool rtp;             /* RTP/AVP, SAVP, AVPF, SAVPF and their UDP/TLS forms */
	bool secure;          /* a SAVP form */
	bool zero;            /* c=0.0.0.0 or ::, hold of RFC 2543 */
	bool mux;             /* a=rtcp-mux */
	bool dtx;             /* CN, G.729 annex B, AMR, EVS, opus usedtx=1: it may pause (LV-04) */
	uint8_t event_pt;     /* payload type of telephone-event, 0 = none */
	uint16_t clock_rate;  /* Hz of the timestamps of the first payload type, 0 = not said */
	uint16_t port;        /* 0 = refused or removed */
	struct addr rtp_addr; /* family 0 if the address is no numeric IP */
	struct addr rtcp_addr;
	uint8_t payload_types[16]; /* bit n%8 of byte n/8, as in struct proto_flow; RTP lines only
				    */
};

struct sdp {
	uint8_t lines;
	int8_t audio; /* the line that is anchored: first RTP audio with a port, else first RTP
		       * audio; -1 = none */
	struct sdp_line line[SDP_LINES_MAX];
};

/* Checks and describes. Returns 0; -EINVAL (answer 400: broken), -ENOTSUP (488: not for us), both
 * with *why set to a static sentence; -ENOMEM. OA-05. */
int sdp_describe(struct sdp *out, const char *text, size_t len, const char **why);

/* An answer must have the lines of its offer: number, order, kind, transport (OA-01). Returns 0 or
 * -EINVAL. Also for a new offer of the same session, which may only add lines. */
int sdp_check_answer(const struct sdp *offer, const struct sdp *answer);
int sdp_check_reoffer(const struct sdp *before, const struct sdp *offer);

/* The line that is anchored, NULL if none. */
const struct sdp_line *sdp_audio(const struct sdp *sdp);

/* Does the author of this line send media, and does he take any (c=0.0.0.0 and port 0 counted)? */
bool sdp_sends(const struct sdp_line *line);
bool sdp_receives(const struct sdp_line *line);

/* Direction with the old hold form folded in: c=0.0.0.0 takes nothing; port 0 is inactive. */
enum sdp_dir sdp_effective(const struct sdp_line *line);

/* True if two descriptions of one author differ at most in the o= line: nothing to relay. */
bool sdp_unchanged(const char *a, size_t a_len, const char *b, size_t b_len);

/* How a description is made ours for a leg. */
struct sdp_rewrite {
	uint64_t session_id; /* of the leg, constant */
	struct addr origin;  /* address of the o= line */
	bool anchor;         /* false (media none, monitor): only o= and s= are ours */
	struct addr local; /* anchor: our RTP address and even port on this leg; RTCP is port + 1 */
	bool mux;          /* anchor: say rtcp-mux (in an answer only if the offer had it, RT-02) */
	int8_t line;       /* anchor: index of the anchored line, -1 = the text's own choice */
	bool set_dir;      /* write `dir` instead of the text's own direction */
	uint8_t dir;       /* enum sdp_dir */
};

/* Writes `text`, which sdp_describe accepted, as ours, with the given o= version. Returns the
 * length (out is zero-terminated) or -ENOSPC, -EINVAL, -ENOMEM. */
int sdp_rewrite(char *out, size_t size, const char *text, size_t len, const struct sdp_rewrite *how,
	uint64_t version);

/* The same, with the version chosen as RFC 3264 section 8 wants it (OA-02). `last` is the text sent
 * before on this leg, with o= version *version, also if the peer refused it; NULL: none, and
 * *version is the first one. If nothing changes the text is that of before, else *version is raised
 * by one. */
int sdp_next(char *out, size_t size, const char *text, size_t len, const struct sdp_rewrite *how,
	const char *last, size_t last_len, uint64_t *version);

#endif
