/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of a party within its dialog. */
#ifndef CONTROLPLANE_CALL_INDIALOG_H
#define CONTROLPLANE_CALL_INDIALOG_H

#include "controlplane/call/call.h"

/* A request whose tags and Call-ID are the leg's. */
void indialog_request(struct leg *leg, struct sip_server *server, const struct sip_rx *rx);

/* ACK for our 2xx to a re-INVITE of the leg, or its absence for 64*T1. */
void indialog_ack(struct leg *leg, const struct sip_rx *rx);
void indialog_ack_timeout(struct leg *leg);

/* The peer cancelled its re-INVITE. */
void indialog_cancel(struct leg *leg, struct sip_server *server);

#endif
