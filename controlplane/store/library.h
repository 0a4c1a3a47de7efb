/* SPDX-License-Identifier: BSD-3-Clause */
/* The function library (library/) as the build embeds it; a terminating zero follows the text. */
#ifndef CONTROLPLANE_STORE_LIBRARY_H
#define CONTROLPLANE_STORE_LIBRARY_H

#include <stddef.h>

extern const char library_text[];
extern const size_t library_len;

#endif
