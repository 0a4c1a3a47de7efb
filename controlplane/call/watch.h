/* SPDX-License-Identifier: BSD-3-Clause */
/* Drives the verdict of a call: facts of the data plane and of the session timers go in, probes,
 * alarms and the one end come out. */
#ifndef CONTROLPLANE_CALL_WATCH_H
#define CONTROLPLANE_CALL_WATCH_H

#include "controlplane/call/call.h"

/* One step of the verdict, and what follows from it. The call may be ending afterwards. */
void watch_step(struct call *call, const struct verdict_event *event);

/* Both parties have confirmed the call: the limits and the media clocks start. answered_ms is
 * CLOCK_BOOTTIME. */
void watch_start(struct call *call, uint64_t answered_ms);

/* Whether the leg's party supports session timers is known now, or has changed. */
void watch_timer(struct leg *leg);

/* The leg's media was renegotiated, or its clock was restarted. */
void watch_media_reset(struct leg *leg);

/* A probe or a refresh that served as one got a final answer (code 0: none). */
void watch_probe_result(struct leg *leg, unsigned int code);

/* Reads the leg's counters and last-heard times from the facts memory. True if they changed. */
bool watch_read_facts(struct leg *leg);

/* Timers (struct call): the verdict's next moment, and the periodic look at the facts. */
void watch_wake(struct wheel_timer *timer);
void watch_proof(struct wheel_timer *timer);

/* From the data-plane client; arg is struct calls. */
void watch_dp_flow(void *arg, struct dpclient_port at, const struct proto_flow_event *event);
void watch_dp_monitor(void *arg, uint32_t number, const struct proto_flow_event *event);
void watch_dp_up(void *arg);
void watch_dp_down(void *arg);
void watch_dp_lost(void *arg, uint64_t events);

#endif
