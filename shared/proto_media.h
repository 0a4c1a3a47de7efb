/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of the records about media, for proto.c. Each returns NULL, or a sentence for the log. */
#ifndef SHARED_PROTO_MEDIA_H
#define SHARED_PROTO_MEDIA_H

const char *proto_media_check_addr(const void *record);
const char *proto_media_check_ready(const void *record);
const char *proto_media_check_flow(const void *record);
const char *proto_media_check_monitor(const void *record);
const char *proto_media_check_event(const void *record);

#endif
