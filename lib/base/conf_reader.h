/* What the files conf*.c share while a configuration is read; nobody else includes it. */
#ifndef CONF_READER_H
#define CONF_READER_H

#include "base.h"
#include "conf.h"
#include "conf_text.h"

struct conf_reader {
	const char *file, *text;
	struct conf_places places;
	struct str *why;
};

/* FILE:LINE: key = "value": expected X; v NULL: SECTION without key. Only the first complaint is kept. */
void conf_wrong(struct conf_reader *r, const char *section, unsigned nth, const char *key, const char *v,
    const char *expected);
/* What no value of a transport tells alone; and what follows from its type. */
void conf_check_transports(struct conf_reader *r, struct conf *c);

#endif
