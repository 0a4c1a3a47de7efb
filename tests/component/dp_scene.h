/* SPDX-License-Identifier: BSD-3-Clause */
/* A linewatch-dp process for tests: own folder, and a client of its control
 * socket that speaks the protocol by hand. Functions fail the test by themselves. The program is
 * $LW_DP. */
#ifndef TESTS_COMPONENT_DP_SCENE_H
#define TESTS_COMPONENT_DP_SCENE_H

#include "shared/facts.h"
#include "shared/proto.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DP_WAIT_MS 30000 /* for anything that must come */

struct dp {
	char dir[64];
	char socket[96];
	char log[96];
	pid_t pid;
	/* Words before the program that give it other rights ("setpriv ..."), NULL = none. It then
	 * has its folder to itself. */
	const char *rights;
};

struct dp_packet {
	struct proto_head head;
	uint64_t records[(PROTO_PACKET_MAX - sizeof(struct proto_head)) / 8];
	int fd; /* that came along, -1 = none */
};

/* Makes the folder; the program is not started yet. */
void dp_make(struct dp *dp);
void dp_remove(struct dp *dp);

/* Starts the program with these lines in its section dataplane: and waits until its socket is
 * there. With dp_launch() nothing is waited for. */
void dp_start(struct dp *dp, const char *lines);
void dp_launch(struct dp *dp, const char *lines);

/* Sends the signal and waits for the end; returns the exit status, or -signal. */
int dp_stop(struct dp *dp, int sig);
int dp_wait(struct dp *dp);
bool dp_is_alive(const struct dp *dp);

/* Waits until the log holds that text. */
void dp_await_log(const struct dp *dp, const char *text);
unsigned int dp_log_count(const struct dp *dp, const char *text);

int dp_connect(const struct dp *dp);
void dp_send_raw(int fd, const void *packet, size_t len);
void dp_send(int fd, uint16_t type, uint32_t seq, const void *records, uint16_t count);

/* The next packet, checked by proto_check. dp_receive_end() expects the end of the connection. */
void dp_receive(int fd, struct dp_packet *packet);
void dp_receive_end(int fd);

/* Sends a packet and returns the status of its ACK, which must be the next packet. */
int dp_order(int fd, uint16_t type, const void *records, uint16_t count, struct proto_ack *ack);

void dp_hello(struct proto_hello *hello, uint32_t slot);

/* A connection with a slot; *welcome and *facts (its memory) unless NULL. */
int dp_client(const struct dp *dp, uint32_t slot, struct proto_welcome *welcome,
	const struct facts_head **facts);

/* A binding that lives for an hour. */
struct proto_binding dp_binding(uint32_t id);

#endif
