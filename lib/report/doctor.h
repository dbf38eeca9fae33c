/* The sections of mox-doctor, and what they share. Each is a function of its own arguments: argv[0] is its word, usage
 * that of the command; it answers main's exit code. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "base.h"
#include "conf.h"
#include "finding.h"
#include "gather.h"
#include "option.h"

#include <stdint.h>

int doctor_transport(int argc, char *argv[], const char *usage);
int doctor_queue(int argc, char *argv[], const char *usage);
int doctor_domain(int argc, char *argv[], const char *usage);
int doctor_dnsbl(int argc, char *argv[], const char *usage);

/* Of a section that answers findings. */
struct doctor {
	const char *what;      /* its word */
	const char *conf_file; /* from -C; NULL: as conf_load finds it */
	enum finding_form form;
	struct findings found;
};

#define DOCTOR_OPTIONS "C:hjV" /* for option_next, before those of the section */
extern const struct option doctor_long[];
#define DOCTOR_NAGIOS 256 /* what option_next answers for --nagios */

/* Errors end the program with 3, unknown, from here on. */
void doctor_start(struct doctor *d, const char *what);
/* One of DOCTOR_OPTIONS or doctor_long; anything else ends the program with the usage. */
void doctor_option(struct doctor *d, int c, const char *usage);
/* Prints what was found, frees, and answers the exit code: 0, 1, 2 or 3. */
int doctor_end(struct doctor *d) MUST_USE;
/* The configuration; one that cannot be used is found, weighed so, and ends the program. */
struct conf *doctor_conf(struct doctor *d, enum weight otherwise) MUST_USE;
/* *g: the sibling words[0], with -C as it was given. */
void doctor_sibling(const struct doctor *d, struct gather *g, int64_t time, const char *const words[]);
/* What to say of a sibling that answered nothing: its last words, or how it ended. Static. */
const char *doctor_why(const struct gather *g);

#endif
