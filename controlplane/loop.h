/* SPDX-License-Identifier: BSD-3-Clause */
/* The context of one event loop: everything mutable of the control plane hangs from here, so that a
 * process may run several (architecture, control plane 1). */
#ifndef CONTROLPLANE_LOOP_H
#define CONTROLPLANE_LOOP_H

#include "controlplane/call/calls.h"
#include "controlplane/wheel_uv.h"
#include "shared/conf.h"

#include <uv.h>

struct ctlserver;
struct dpstatus;

struct loop {
	uv_loop_t uv;
	const struct conf *conf;
	uint32_t stamp; /* rises with each start: first generation of ports, name of bindings */
	uint64_t started_ms;
	struct wheel wheel;
	struct wheel_uv wheel_uv;
	struct calls calls; /* holds the pointers to sip, store, registrar, dp, digest */
	struct registrar_class classes[CONF_CLASSES_MAX];
	struct ctlserver *ctl;
	struct dpstatus *dpstatus;
	uv_signal_t sigterm, sigint;
	bool end_calls; /* stop: with BYEs (EXP-09) */
	bool stopping;
	uint64_t flush_until_ms;
	int status; /* of the process */
};

/* Opened in this order and closed in reverse. */
struct loop_module {
	const char *name;
	int (*open)(struct loop *loop); /* 0 or -errno; says what failed if it knows more */
	void (*close)(struct loop *loop);
};
extern const struct loop_module loop_modules[];
extern const size_t loop_module_count;

/* Opens every module in order; *loop is zeroed memory. Returns 0 or -errno, with a log line that
 * says what failed; nothing stays open then. */
int loop_open(struct loop *loop, const struct conf *conf);

/* Runs until loop_stop; then closes every module in reverse. Returns the exit status. */
int loop_run(struct loop *loop);

/* Begins the end: calls stay in Redis for the next process, or are ended first (end_calls). */
void loop_stop(struct loop *loop, bool end_calls);

#endif
