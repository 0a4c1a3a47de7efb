/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures through the data-plane client: copies of the frames of one binding or flow. One does not
 * outlive the connection to the data plane. */
#ifndef CONTROLPLANE_MEDIA_DPCAPTURE_H
#define CONTROLPLANE_MEDIA_DPCAPTURE_H

#include "controlplane/media/dpclient.h"

struct dpcapture_conf {
	uint8_t kind;            /* enum proto_capture_kind */
	uint32_t index;          /* of the binding, */
	struct dpclient_port at; /* or of the flow; */
	uint32_t monitor;        /* or number + 1 of the monitored flow; any as it is set now */
	uint32_t packets_max;
	uint64_t until_ms;
	/* From the loop, never from inside a call of this header. `end` comes once and is the last:
	 * why (enum proto_capture_why, 0: the data plane refused it or went away; what was gone
	 * before it began has gone), the same in a few words, and frames lost in all. Neither comes
	 * any more after dpcapture_stop(). */
	void (*frame)(void *arg, const struct proto_frame *frame);
	void (*end)(void *arg, uint32_t why, const char *words, uint64_t lost);
	void *arg;
};

/* Returns the capture's name, or 0 with *why set: no data plane, nothing set there, or too many. */
uint32_t dpcapture_start(struct dpclient *c, const struct dpcapture_conf *conf, const char **why);

/* A name that has ended already is fine. */
void dpcapture_stop(struct dpclient *c, uint32_t capture);

#endif
