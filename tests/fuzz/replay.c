/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a target without libFuzzer: every file of its corpus, then mutations of them from a fixed
 * seed. LW_FUZZ_KEEP=FILE writes each input there before it runs, so that a failing one remains.
 *
 *   replay CORPUS ROUNDS [SEED]    CORPUS: a folder or one file */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define REPLAY_INPUT_MAX 8192
#define REPLAY_FILES_MAX 256

struct replay_file {
	size_t len;
	uint8_t data[REPLAY_INPUT_MAX];
};

struct replay {
	unsigned int files;
	struct replay_file *file;
	unsigned int seed;
	const char *keep;
};

static unsigned int replay_random(struct replay *r, size_t n)
{
	return (unsigned int)rand_r(&r->seed) % (unsigned int)n;
}

static int replay_load(struct replay *r, const char *path)
{
	struct replay_file *file = &r->file[r->files];
	FILE *f = r->files < REPLAY_FILES_MAX ? fopen(path, "rb") : NULL;

	if (!f) {
		fprintf(stderr, "replay: cannot read %s, or too many files\n", path);
		return -1;
	}
	file->len = fread(file->data, 1, sizeof(file->data), f);
	fclose(f);
	r->files++;
	return 0;
}

static int replay_by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int replay_load_folder(struct replay *r, const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, replay_by_name);
	int err = n < 0 ? -1 : 0;

	for (int i = 0; i < n; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && !err)
			err = replay_load(r, name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return err;
}

static void replay_run(const struct replay *r, const uint8_t *data, size_t len)
{
	uint8_t *copy = fuzz_copy(data, len);

	if (r->keep) {
		FILE *f = fopen(r->keep, "wb");

		if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
			perror(r->keep);
			exit(2);
		}
	}
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void replay_remove(struct replay *r, struct replay_file *in)
{
	size_t at = replay_random(r, in->len), n = 1 + replay_random(r, 16);

	if (n > in->len - at)
		n = in->len - at;
	memmove(in->data + at, in->data + at + n, in->len - at - n);
	in->len -= n;
}

/* Copies a piece of any file of the corpus in, over what is there or between it. */
static void replay_splice(struct replay *r, struct replay_file *in)
{
	const struct replay_file *from = &r->file[replay_random(r, r->files)];
	size_t at = replay_random(r, in->len + 1), n, start;

	if (from->len == 0)
		return;
	start = replay_random(r, from->len);
	n = 1 + replay_random(r, from->len - start);
	if (n > 200)
		n = 200;
	if (replay_random(r, 2) && at + n <= in->len) {
		memcpy(in->data + at, from->data + start, n);
	} else if (in->len + n <= sizeof(in->data)) {
		memmove(in->data + at + n, in->data + at, in->len - at);
		memcpy(in->data + at, from->data + start, n);
		in->len += n;
	}
}

static void replay_mutate(struct replay *r, struct replay_file *in)
{
	static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, '\r', '\n', ';', '"', ':', '-'};
	size_t at;

	if (in->len == 0) {
		replay_splice(r, in);
		return;
	}
	at = replay_random(r, in->len);
	switch (replay_random(r, 6)) {
	case 0:
		in->data[at] ^= (uint8_t)(1 << replay_random(r, 8));
		break;
	case 1:
		in->data[at] = (uint8_t)replay_random(r, 256);
		break;
	case 2:
		in->data[at] = edges[replay_random(r, sizeof(edges))];
		break;
	case 3:
		replay_remove(r, in);
		break;
	case 4:
		in->len = at;
		break;
	default:
		replay_splice(r, in);
	}
}

int main(int argc, char **argv)
{
	struct replay r = {.seed = 1, .keep = getenv("LW_FUZZ_KEEP")};
	static struct replay_file input;
	struct stat st;
	long rounds;

	if (argc < 3 || stat(argv[1], &st) != 0) {
		fprintf(stderr, "usage: %s CORPUS ROUNDS [SEED]\n", argv[0]);
		return 2;
	}
	rounds = strtol(argv[2], NULL, 10);
	if (argc > 3)
		r.seed = (unsigned int)strtoul(argv[3], NULL, 10);
	r.file = calloc(REPLAY_FILES_MAX, sizeof(*r.file));
	assert(r.file);
	if ((S_ISDIR(st.st_mode) ? replay_load_folder(&r, argv[1]) : replay_load(&r, argv[1])) != 0)
		return 2;
	if (r.files == 0) {
		fprintf(stderr, "replay: %s is empty\n", argv[1]);
		return 2;
	}
	LLVMFuzzerInitialize(&argc, &argv);
	for (unsigned int i = 0; i < r.files; i++)
		replay_run(&r, r.file[i].data, r.file[i].len);
	for (long round = 0; round < rounds; round++) {
		input = r.file[replay_random(&r, r.files)];
		for (unsigned int n = 1 + replay_random(&r, 6); n; n--)
			replay_mutate(&r, &input);
		replay_run(&r, input.data, input.len);
	}
	printf("%u files, %ld mutations\n", r.files, rounds);
	free(r.file);
	return 0;
}
