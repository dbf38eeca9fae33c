/* Every key of the configuration: its name, default, kind, and where in struct conf it goes. Data alone; conf.c
 * reads by it. */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include "base.h"
#include "conf_value.h"

#include <stdbool.h>
#include <stddef.h>

struct conf_key {
	const char *name; /* NULL: the end */
	const char *def;  /* as it would stand in the file; NULL: unset */
	size_t at, size;  /* of the member of the section's struct */
	struct conf_rule rule;
	bool required;
};

struct conf_section {
	const char *name; /* NULL: the end */
	const struct conf_key *keys;
	size_t at;       /* in the struct around it: the struct itself, or of a list the pointer */
	size_t size;     /* of a list: of one element */
	size_t count_at; /* of a list */
	size_t title_at; /* in the element */
	enum { CONF_ONCE, CONF_LIST, CONF_TITLED } form;
	const struct conf_section *sub; /* sections within it; NULL: none. Not of CONF_ONCE */
};

extern const struct conf_key conf_top_keys[];
extern const struct conf_section conf_sections[];

#endif
