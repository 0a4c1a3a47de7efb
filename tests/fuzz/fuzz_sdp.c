/* SPDX-License-Identifier: BSD-3-Clause */
/* A stranger's session description: described, and written anew. The first byte says how; what we
 * write must describe to what was asked for. */
#include "controlplane/media/sdp.h"
#include "controlplane/sip/msg.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

static const struct addr origin = {.family = ADDR_IPV4, .ip = {192, 0, 2, 1}};
static const struct addr local = {.family = ADDR_IPV4, .port = 20000, .ip = {192, 0, 2, 1}};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return sip_msg_setup();
}

static void judge(const struct sdp *theirs, const char *text, size_t len, int8_t anchored)
{
	struct sdp ours;
	const char *why = "";

	assert(sdp_describe(&ours, text, len, &why) == 0);
	assert(ours.lines == theirs->lines);
	if (anchored < 0 || theirs->line[anchored].port == 0)
		return;
	assert(addr_equal(&ours.line[anchored].rtp_addr, &local));
	for (int i = 0; i < ours.lines; i++)
		assert(i == anchored || ours.line[i].port == 0);
}

static void rewrite(const struct sdp *sdp, const char *text, size_t len, uint8_t how_byte)
{
	static char out[SDP_TEXT_MAX * 2], next[SDP_TEXT_MAX * 2];
	struct sdp_rewrite how = {
		.session_id = 1,
		.origin = origin,
		.anchor = how_byte & 1,
		.local = local,
		.mux = how_byte & 2,
		.line = how_byte & 4 ? sdp->audio : -1,
		.set_dir = how_byte & 8,
		.dir = how_byte >> 4 & 3,
	};
	uint64_t version = 1;
	int n = sdp_rewrite(out, sizeof(out), text, len, &how, 1);

	assert(n >= 0 || n == -ENOSPC || n == -EINVAL);
	if (n < 0)
		return;
	assert(strlen(out) == (size_t)n);
	if (how.anchor && (size_t)n <= SDP_TEXT_MAX)
		judge(sdp, out, (size_t)n, sdp->audio);
	/* The same again says the same. */
	assert(sdp_next(next, sizeof(next), text, len, &how, out, (size_t)n, &version) == n);
	assert(version == 1 && memcmp(out, next, (size_t)n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	uint8_t how = fuzz_u8(&f);
	char *text = fuzz_copy(f.at, f.left);
	const char *why = NULL;
	struct sdp sdp;
	int err = sdp_describe(&sdp, text, f.left, &why);

	assert(err == 0 || err == -EINVAL || err == -ENOTSUP);
	assert((err != 0) == (why != NULL));
	if (err == 0) {
		assert(sdp.lines <= SDP_LINES_MAX && sdp.audio < (int)sdp.lines);
		assert(sdp_check_answer(&sdp, &sdp) == 0 && sdp_check_reoffer(&sdp, &sdp) == 0);
		assert(sdp_unchanged(text, f.left, text, f.left));
		for (int i = 0; i < sdp.lines; i++)
			sdp_effective(&sdp.line[i]);
		rewrite(&sdp, text, f.left, how);
	}
	free(text);
	return 0;
}
