/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the parts of the loader only; everybody else includes conf.h. */
#ifndef SHARED_CONF_LOAD_H
#define SHARED_CONF_LOAD_H

#include "shared/conf.h"
#include "shared/param.h"

#include <yaml.h>

enum conf_from {
	CONF_FROM_NOWHERE, /* of a trunk: inherited */
	CONF_FROM_BUILT_IN,
	CONF_FROM_PRESET,
	CONF_FROM_FILE,
};

/* Where the value of a parameter was set; arrays of these run along param_table. */
struct conf_origin {
	enum conf_from from;
	enum conf_preset preset; /* of CONF_FROM_PRESET */
	uint32_t line;           /* of CONF_FROM_FILE */
};

struct conf_loader {
	struct conf *conf;
	const char *path;
	yaml_document_t doc;
	char *err;
	size_t errlen;
};

/* Writes "PATH:LINE: " (line 0: "PATH: ") and the sentence as the error; returns -EINVAL. */
int conf_fail(struct conf_loader *loader, uint32_t line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The struct of a section of the node, NULL for those that belong to users and trunks. */
void *conf_section(const struct conf *conf, enum param_section section);

/* The struct of a section as a trunk sees it, NULL for those it has not. */
void *conf_trunk_section(const struct conf_trunk *trunk, enum param_section section);

struct conf_origin *conf_origin_of(struct conf_origin *origins, const struct param *param);

/* Sets what a preset holds for this section into base and notes where it comes from. */
void conf_preset_apply(enum conf_preset preset, enum param_section section, void *base,
	struct conf_origin *origins);

/* Reads the document into loader->conf, built-in values below. Returns 0 or -errno with the error
 * written. */
int conf_yaml_read(struct conf_loader *loader);

/* Fills values that follow from others, and checks those that depend on each other. */
int conf_check(struct conf_loader *loader);

#endif
