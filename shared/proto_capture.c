/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/proto_capture.h"

#include "shared/facts.h"
#include "shared/proto.h"
#include "shared/proto_value.h"

#include <string.h>

const char *proto_capture_check(const void *record)
{
	const struct proto_capture *capture = record;

	if (capture->kind == 0 || capture->kind >= PROTO_CAPTURE_KINDS)
		return "capture of no known kind";
	if (capture->packets_max == 0 || capture->packets_max > PROTO_CAPTURE_PACKETS_MAX)
		return "capture of a number of packets out of range";
	if (capture->until_ms == 0)
		return "capture without an end";
	if (!proto_is_zero(capture->zero, sizeof(capture->zero)))
		return "capture has bytes that must be zero";
	return NULL;
}

const char *proto_capture_check_del(const void *record)
{
	const struct proto_capture_del *del = record;

	return del->zero ? "end of a capture has bytes that must be zero" : NULL;
}

/* What comes is told from what leaves by its fate, but for the two sides of the relay. */
static bool frame_is_out(const struct proto_frame *frame)
{
	return frame->fate == PROTO_FRAME_RELAYED
		? frame->out == 1
		: frame->fate == PROTO_FRAME_KEEPALIVE || frame->fate == PROTO_FRAME_FROM_HOST;
}

const char *proto_capture_check_frame(const void *record)
{
	const struct proto_frame *frame = record;

	if (frame->fate == 0 || frame->fate >= PROTO_FRAME_FATES)
		return "captured frame of no known fate";
	if (frame->out > 1 || frame_is_out(frame) != frame->out)
		return "captured frame of the wrong direction";
	if (frame->reason >= FACTS_DROP_MAX ||
		(frame->reason && frame->fate != PROTO_FRAME_DROPPED))
		return "captured frame with a reason out of range";
	if (frame->round_us && frame->fate != PROTO_FRAME_ANSWER)
		return "captured frame with a round trip and no answer";
	if (frame->kept > PROTO_FRAME_MAX || frame->kept > frame->len)
		return "captured frame keeps more than there is";
	if (!proto_is_zero(frame->data + frame->kept, PROTO_FRAME_MAX - (size_t)frame->kept))
		return "captured frame goes on behind its length";
	if (!proto_is_zero(frame->zero, sizeof(frame->zero)))
		return "captured frame has bytes that must be zero";
	return frame->at_us == 0 ? "captured frame without a time" : NULL;
}

const char *proto_capture_check_end(const void *record)
{
	const struct proto_capture_end *end = record;

	return end->why == 0 || end->why >= PROTO_CAPTURE_WHYS ? "capture ends for no known reason"
							       : NULL;
}
