/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/registrar_impl.h"

#include <string.h>
#include <strings.h>

uint8_t class_by_agent(const struct registrar *r, const char *user_agent)
{
	for (size_t i = 0; user_agent && i < r->class_count; i++) {
		const struct registrar_class *class = &r->classes[i];

		for (size_t k = 0; k < class->user_agent_count; k++) {
			const char *start = class->user_agents[k];

			if (strncasecmp(user_agent, start, strlen(start)) == 0)
				return (uint8_t)(i + 1);
		}
	}
	return 0;
}

uint8_t class_by_name(const struct registrar *r, const char *name)
{
	for (size_t i = 0; name && i < r->class_count; i++)
		if (strcmp(r->classes[i].name, name) == 0)
			return (uint8_t)(i + 1);
	return 0;
}

const char *class_name(const struct registrar *r, uint8_t class_id)
{
	return class_id ? r->classes[class_id - 1].name : NULL;
}
