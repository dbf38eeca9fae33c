/* A list of recipients as they are gathered from a command line and a header: in order, each once. */
#ifndef RECIPIENTS_H
#define RECIPIENTS_H

#include "base.h"
#include "str.h"

#include <stdbool.h>

struct recipients {                    /* start: {.mailname = function}; the rest belongs to this module */
	const char *(*mailname)(void); /* qualifies bare names; asked only when there is one */
	struct recipient {
		char *path;  /* as path_make makes it */
		char *asked; /* what stood for it before an expansion (RFC 3461's ORCPT); NULL: path itself */
		bool bare;   /* it was given without a domain */
		bool exact;  /* an alias named this very mailbox: it is not to be looked up again */
		size_t from; /* the caller's own number of what it came from; 0 unless he sets it */
		size_t order;
	} * v;
	size_t n, cap;
	struct str why; /* "unable to X: why", when something was refused; later additions do nothing */
};

/* One address as an address list has it. arg is a struct recipients: fits draft_recipients. */
void recipients_add(void *arg, const char *address);
/* A word of a command line: one address or a list of them, with names or without (S9). */
void recipients_add_list(struct recipients *to, const char *list);
/* A path that is known to be one. It is copied; so is asked, which may be NULL. */
void recipients_add_path(struct recipients *to, const char *path, const char *asked);
/* Who is named twice gets one copy: the first stays. */
void recipients_unique(struct recipients *to);
/* What was asked for as the ORCPT of RFC 3461 4.2, "rfc822;...", appended to out. false: it has none, being not ASCII. */
bool recipient_original(struct str *out, const char *asked);
void recipients_free(struct recipients *to);

#endif
