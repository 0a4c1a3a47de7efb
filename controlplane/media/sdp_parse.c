/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/media/sdp_parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define TEXT_LINES_MAX 256
#define WRITER_SIZE    (SDP_TEXT_MAX + TEXT_LINES_MAX + 64) /* line ends may grow, and s= and t= */

struct text_line {
	const char *at; /* behind "x=" */
	size_t len;
	char type;
};

struct text {
	unsigned int count;
	unsigned int medias;
	struct text_line line[TEXT_LINES_MAX];
};

struct writer {
	size_t len;
	char buf[WRITER_SIZE];
};

int sdp_number(const char *text, size_t len, uint32_t max, uint32_t *value)
{
	uint64_t n = 0;

	if (len == 0 || len > 10)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	if (n > max)
		return -EINVAL;
	*value = (uint32_t)n;
	return 0;
}

static int fail(const char **why, int err, const char *text)
{
	*why = text;
	return err;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of a line; empty at its end. */
static struct text_line next_word(struct text_line *rest)
{
	struct text_line word = {.type = rest->type};

	while (rest->len && is_space(*rest->at)) {
		rest->at++;
		rest->len--;
	}
	word.at = rest->at;
	while (rest->len && !is_space(*rest->at)) {
		rest->at++;
		rest->len--;
		word.len++;
	}
	return word;
}

static unsigned int count_words(struct text_line line)
{
	unsigned int n = 0;

	while (next_word(&line).len)
		n++;
	return n;
}

static bool word_starts(const struct text_line *word, const char *prefix)
{
	size_t len = strlen(prefix);

	return word->len >= len && strncasecmp(word->at, prefix, len) == 0;
}

/* m=<media> <port>[/<number>] <proto> <fmt> ... */
static int check_media(struct text_line line, const char **why)
{
	struct text_line word;
	const char *slash;
	uint32_t n;
	bool rtp;

	if (count_words(line) < 4)
		return fail(why, -EINVAL, "m= needs media, port, transport and a format");
	next_word(&line);
	word = next_word(&line);
	slash = memchr(word.at, '/', word.len);
	if (slash) {
		size_t head = (size_t)(slash - word.at);

		if (sdp_number(slash + 1, word.len - head - 1, UINT16_MAX, &n) < 0)
			return fail(why, -EINVAL, "number of ports in m= is not a number");
		word.len = head;
	}
	if (sdp_number(word.at, word.len, UINT16_MAX, &n) < 0)
		return fail(why, -EINVAL, "port in m= is not 0 to 65535");
	word = next_word(&line);
	rtp = word_starts(&word, "RTP/") || word_starts(&word, "UDP/TLS/RTP/");
	for (word = next_word(&line); rtp && word.len; word = next_word(&line))
		if (sdp_number(word.at, word.len, 127, &n) < 0)
			return fail(why, -EINVAL, "payload type in m= is not 0 to 127");
	return 0;
}

static int check_line(const struct text *text, const struct text_line *line, const char **why)
{
	if (text->count == 0 && line->type != 'v')
		return fail(why, -EINVAL, "v= is not the first line");
	switch (line->type) {
	case 'v':
		if (text->count != 0)
			return fail(why, -EINVAL, "second v= line");
		if (line->len != 1 || line->at[0] != '0')
			return fail(why, -ENOTSUP, "version is not 0");
		return 0;
	case 'o':
		if (count_words(*line) != 6)
			return fail(why, -EINVAL, "o= has not six fields");
		return 0;
	case 'c':
		if (count_words(*line) != 3)
			return fail(why, -EINVAL, "c= has not three fields");
		return 0;
	case 'm':
		if (text->medias == SDP_LINES_MAX)
			return fail(why, -ENOTSUP, "too many m= lines");
		return check_media(*line, why);
	default:
		return 0;
	}
}

static int split(struct text *text, const char *at, size_t len, const char **why)
{
	const char *end = at + len;

	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		const char *next = eol ? eol + 1 : end;
		struct text_line *line = &text->line[text->count];
		size_t n = (size_t)((eol ? eol : end) - at);
		int err;

		if (n && at[n - 1] == '\r')
			n--;
		while (n && is_space(at[n - 1]))
			n--;
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)at[i] < ' ' && at[i] != '\t')
				return fail(why, -EINVAL, "control character");
		if (n == 0) {
			at = next;
			continue;
		}
		if (n < 2 || at[0] < 'a' || at[0] > 'z' || at[1] != '=')
			return fail(why, -EINVAL, "a line is not <letter>=<value>");
		if (text->count == TEXT_LINES_MAX)
			return fail(why, -ENOTSUP, "too many lines");
		*line = (struct text_line){.at = at + 2, .len = n - 2, .type = at[0]};
		err = check_line(text, line, why);
		if (err < 0)
			return err;
		text->medias += line->type == 'm';
		text->count++;
		at = next;
	}
	return text->count ? 0 : fail(why, -EINVAL, "empty");
}

/* The writer is larger than any text that split() lets through. */
static void put(struct writer *w, const char *at, size_t len)
{
	memcpy(w->buf + w->len, at, len);
	w->len += len;
}

static void put_line(struct writer *w, struct text_line line)
{
	struct text_line word;
	char head[2] = {line.type, '='};
	bool first = true;

	put(w, head, 2);
	if (line.type == 'a' || line.type == 'b') {
		put(w, line.at, line.len);
	} else {
		for (word = next_word(&line); word.len; word = next_word(&line)) {
			if (!first)
				put(w, " ", 1);
			put(w, word.at, word.len);
			first = false;
		}
	}
	put(w, "\r\n", 2);
}

/* Lines of one type in lines[from .. to), only the first of them unless all are wanted. */
static unsigned int put_type(
	struct writer *w, const struct text *text, unsigned int from, unsigned int to, char type)
{
	bool all = type == 'a' || type == 'b';
	unsigned int n = 0;

	for (unsigned int i = from; i < to; i++) {
		const struct text_line *line = &text->line[i];

		if (line->type != type || (n && !all))
			continue;
		if (all && (line->len == 0 || line->at[0] == ':'))
			continue; /* without a name: nothing that could be meant */
		put_line(w, *line);
		n++;
	}
	return n;
}

static unsigned int section_end(const struct text *text, unsigned int from)
{
	unsigned int i = from;

	while (i < text->count && text->line[i].type != 'm')
		i++;
	return i;
}

static int put_ordered(struct writer *w, const struct text *text, const char **why)
{
	unsigned int end = section_end(text, 0);
	unsigned int from;

	put_type(w, text, 0, end, 'v');
	if (put_type(w, text, 0, end, 'o') != 1)
		return fail(why, -EINVAL, "o= is missing");
	put(w, "s=-\r\n", 5);
	put_type(w, text, 0, end, 'c');
	put_type(w, text, 0, end, 'b');
	put(w, "t=0 0\r\n", 7);
	put_type(w, text, 0, end, 'a');
	while (end < text->count) {
		from = end;
		end = section_end(text, from + 1);
		put_type(w, text, from, end, 'm');
		put_type(w, text, from, end, 'c');
		put_type(w, text, from, end, 'b');
		put_type(w, text, from, end, 'a');
	}
	w->buf[w->len] = '\0';
	return 0;
}

int sdp_parse(sdp_message_t **msg, const char *text, size_t len, const char **why)
{
	struct text lines = {0};
	struct writer w = {0};
	int err;

	*msg = NULL;
	if (len > SDP_TEXT_MAX)
		return fail(why, -ENOTSUP, "too long");
	err = split(&lines, text, len, why);
	if (err < 0)
		return err;
	err = put_ordered(&w, &lines, why);
	if (err < 0)
		return err;
	if (sdp_message_init(msg) != 0)
		return fail(why, -ENOMEM, "no memory");
	if (sdp_message_parse(*msg, w.buf) != 0) {
		sdp_message_free(*msg);
		*msg = NULL;
		return fail(why, -EINVAL, "not a session description");
	}
	return 0;
}
