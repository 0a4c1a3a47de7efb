/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration file. */
#include "shared/conf.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	log_open("fuzz", LOG_ERROR);
	return 0;
}

static int each(void *arg, const struct conf_value *value)
{
	assert(value->name[0] && value->value && value->unit && value->origin[0]);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	struct conf *conf = NULL;
	char err[512] = "";
	int rc = conf_load_text(&conf, "fuzz.yaml", text, size, err, sizeof(err));

	if (rc == 0) {
		assert(conf->node.media.count > 0);
		assert(conf_each(conf, each, NULL) == 0);
		conf_uses_dataplane(conf);
		for (size_t i = 0; i < conf->user_count; i++)
			assert(conf_user_find(conf, conf->users[i].name) == &conf->users[i]);
		conf_free(conf);
	} else {
		/* One line that says where. */
		assert(!conf && strncmp(err, "fuzz.yaml", 9) == 0 && !strchr(err, '\n'));
	}
	free(text);
	return 0;
}
