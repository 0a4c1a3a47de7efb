/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/sdp.h"

#include <errno.h>
#include <string.h>

const struct sdp_line *sdp_audio(const struct sdp *sdp)
{
	return sdp->audio < 0 ? NULL : &sdp->line[sdp->audio];
}

enum sdp_dir sdp_effective(const struct sdp_line *line)
{
	if (line->port == 0)
		return SDP_INACTIVE;
	return line->zero ? line->dir & SDP_SENDONLY : line->dir;
}

bool sdp_sends(const struct sdp_line *line)
{
	return !line->zero && sdp_effective(line) & SDP_SENDONLY;
}

bool sdp_receives(const struct sdp_line *line)
{
	return sdp_effective(line) & SDP_RECVONLY;
}

static bool same_stream(const struct sdp_line *a, const struct sdp_line *b)
{
	return a->kind == b->kind && a->rtp == b->rtp && a->secure == b->secure;
}

int sdp_check_answer(const struct sdp *offer, const struct sdp *answer)
{
	if (offer->lines != answer->lines)
		return -EINVAL;
	for (unsigned int i = 0; i < offer->lines; i++) {
		if (!same_stream(&offer->line[i], &answer->line[i]))
			return -EINVAL;
		if (offer->line[i].port == 0 && answer->line[i].port != 0)
			return -EINVAL;
	}
	return 0;
}

int sdp_check_reoffer(const struct sdp *before, const struct sdp *offer)
{
	if (offer->lines < before->lines)
		return -EINVAL;
	for (unsigned int i = 0; i < before->lines; i++)
		if (before->line[i].port && !same_stream(&before->line[i], &offer->line[i]))
			return -EINVAL;
	return 0;
}

struct cursor {
	const char *at;
	const char *end;
};

/* The next line that is not empty and not o=; length 0 at the end. */
static size_t next_line(struct cursor *c, const char **line)
{
	while (c->at < c->end) {
		const char *eol = memchr(c->at, '\n', (size_t)(c->end - c->at));
		size_t len = (size_t)((eol ? eol : c->end) - c->at);

		*line = c->at;
		c->at = eol ? eol + 1 : c->end;
		if (len && (*line)[len - 1] == '\r')
			len--;
		if (len && (*line)[0] != 'o')
			return len;
	}
	return 0;
}

bool sdp_unchanged(const char *a, size_t a_len, const char *b, size_t b_len)
{
	struct cursor ca = {a, a + a_len}, cb = {b, b + b_len};
	const char *la = NULL, *lb = NULL;
	size_t na, nb;

	do {
		na = next_line(&ca, &la);
		nb = next_line(&cb, &lb);
		if (na != nb || (na && memcmp(la, lb, na) != 0))
			return false;
	} while (na);
	return true;
}
