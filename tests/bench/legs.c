/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/legs.h"

#include <stdio.h>
#include <stdlib.h>

#define LEGS_MAX 65536

void legs_read(struct legs *legs, const char *path)
{
	char phone[ADDR_STRLEN], local[ADDR_STRLEN];
	FILE *file = fopen(path, "r");

	*legs = (struct legs){.item = calloc(LEGS_MAX, sizeof(*legs->item))};
	while (file && legs->item && legs->count < LEGS_MAX &&
		fscanf(file, "%55s %55s", phone, local) == 2) {
		struct leg *leg = &legs->item[legs->count++];

		if (addr_parse(&leg->phone, phone, 0) || addr_parse(&leg->local, local, 0)) {
			fprintf(stderr, "%s:%u: %s %s is no leg: ip:port ip:port\n", path,
				legs->count, phone, local);
			exit(1);
		}
	}
	if (legs->count < 2 || legs->count % 2 || !feof(file)) {
		fprintf(stderr, "%s: no file of 2 to %d legs, two for each call\n", path, LEGS_MAX);
		exit(1);
	}
	fclose(file);
}
