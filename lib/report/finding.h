/* What a look at something found: one line each, weighed, with what to do about it. As text, JSON, or the one line
 * with figures that monitoring systems of Nagios's kin read.
 *
 * Start with {0}; text is kept as it came, and shown with what is invisible escaped. */
#ifndef FINDING_H
#define FINDING_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

/* In the order in which one outweighs another. */
enum weight { FINDING_OK, FINDING_UNKNOWN, FINDING_WARNING, FINDING_CRITICAL };

struct finding {
	enum weight weight;
	char *about; /* a word */
	char *text;  /* what and where */
	char *todo;  /* what to do; NULL: nothing */
};

struct findings {
	struct finding *v;
	size_t n;
	struct str figures; /* performance data */
};

void findings_free(struct findings *f);
void finding_add(struct findings *f, enum weight w, const char *about, const char *fmt, ...) PRINTF(4, 5);
/* What to do about the last one. */
void finding_todo(struct findings *f, const char *fmt, ...) PRINTF(2, 3);
/* name=VALUE for monitoring; name of letters, digits, - and _, value with its unit as the plugin guidelines have it. */
void finding_figure(struct findings *f, const char *name, const char *fmt, ...) PRINTF(3, 4);

enum weight findings_worst(const struct findings *f);
/* 0 ok, 1 warning, 2 critical, 3 unknown. */
int weight_code(enum weight w);

enum finding_form { FINDINGS_TEXT, FINDINGS_JSON, FINDINGS_NAGIOS };
/* what: "queue", "dnsbl", ... Answers the exit code; ends the program when it cannot write. */
int findings_print(const struct findings *f, enum finding_form form, const char *what) MUST_USE;

#endif
