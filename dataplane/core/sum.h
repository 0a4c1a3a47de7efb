/* SPDX-License-Identifier: BSD-3-Clause */
/* Internet checksums (RFC 1071). */
#ifndef DATAPLANE_CORE_SUM_H
#define DATAPLANE_CORE_SUM_H

#include <stdint.h>

/* The sum of 16-bit words that `sum` stands for: 1 to 0xffff, the rest of its division by 0xffff
 * with 0xffff for 0. The multiplication gives the quotient, less one where nothing remains. */
static inline uint16_t sum_fold(uint64_t sum)
{
	return (uint16_t)(sum + (uint64_t)((unsigned __int128)sum * (UINT64_MAX / 0xffff) >> 64));
}

#endif
