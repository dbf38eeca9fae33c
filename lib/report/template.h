/* Texts with ${name} in them. Pure.
 *
 * `$$` is a dollar sign; a dollar sign before anything else stands for itself. What is put in is not looked at
 * again, so that a value cannot name another. */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "base.h"
#include "str.h"

#include <stdbool.h>

struct template_value {
	const char *name, *value; /* value: LF line ends */
};

/* Appends text, filled in, to out. NULL, or half a sentence, in out's place nothing: text is not UTF-8, has
 * control characters, names what no value has, lacks must (the name of a value it has to show). why is static
 * or in *room. */
const char *template_fill(struct str *out, const struct str *text, const char *must,
    const struct template_value *v, struct str *room) MUST_USE;

#endif
