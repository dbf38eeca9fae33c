/* What mox-tlsrpt-send does, a function a verb. argv: the words behind the verb, NULL at the end. Each answers an exit
 * code, or -1: used wrongly. */
#ifndef TLSRPT_VERBS_H
#define TLSRPT_VERBS_H

#include "base.h"
#include "conf.h"

struct tlsrpt_run {
	const char *conf_file; /* of -C: for siblings */
	const struct conf *conf;
	const char *day;    /* YYYYMMDD; NULL: those that are due */
	const char *domain; /* A-labels; NULL: all */
};

/* spool/tlsrpt; ends the program when it cannot be opened. */
int tlsrpt_dir(const struct conf *c) MUST_USE;

int tlsrpt_verb_send(const struct tlsrpt_run *t, char **argv);
int tlsrpt_verb_print(const struct tlsrpt_run *t, char **argv);
int tlsrpt_verb_suppress(const struct tlsrpt_run *t, char **argv);
int tlsrpt_verb_parse(const struct tlsrpt_run *t, char **argv);
int tlsrpt_verb_show(const struct tlsrpt_run *t, char **argv);
int tlsrpt_verb_lookup(const struct tlsrpt_run *t, char **argv);

#endif
