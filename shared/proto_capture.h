/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of the records about captures, for proto.c. Each returns NULL, or a sentence for the
 * log. */
#ifndef SHARED_PROTO_CAPTURE_H
#define SHARED_PROTO_CAPTURE_H

const char *proto_capture_check(const void *record);
const char *proto_capture_check_del(const void *record);
const char *proto_capture_check_frame(const void *record);
const char *proto_capture_check_end(const void *record);

#endif
