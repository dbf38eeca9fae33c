/* What RFC 3463 codes (with those of RFC 5248's registry that occur) mean, for machines' comments and in words
 * for the author of a message. Pure; every code has an answer. */
#ifndef STATUS_H
#define STATUS_H

#include "base.h"

struct status_words {
	const char *comment; /* the registry's title of the code */
	const char *cause;   /* half a sentence behind "the server refused it: " */
	const char *advice;  /* what the author can do: whole sentences */
};

/* code: "5.1.1"; classes 4 and 5 have the same words. */
struct status_words status_words(const char *code);

#endif
