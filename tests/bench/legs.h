/* SPDX-License-Identifier: BSD-3-Clause */
/* The legs of a wire's load, from a file: a line for each, "PHONE LOCAL" as ip:port, the party and
 * our port for it. Lines 2k and 2k + 1 talk to each other. */
#ifndef TESTS_BENCH_LEGS_H
#define TESTS_BENCH_LEGS_H

#include "shared/addr.h"

#include <stdint.h>

struct leg {
	struct addr phone;
	struct addr local;
};

struct legs {
	struct leg *item;
	uint32_t count; /* even */
};

/* Ends the process with a sentence if the file is none of that kind. */
void legs_read(struct legs *legs, const char *path);

#endif
