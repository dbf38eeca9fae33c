/* What the queue commands share: options, selections, ids as arguments or lines, the questions to mox-runq,
 * and the answers.
 *
 * admin_start; admin_option until it answers 0; admin_ready; then admin_ask or admin_change. Every error ends
 * the program with its sentence. */
#ifndef ADMIN_H
#define ADMIN_H

#include "base.h"
#include "conf.h"
#include "ctl.h"
#include "opt.h"
#include "row.h"
#include "select.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define ADMIN_OWN 1000 /* codes of the commands' own options begin here */

enum admin_kind {
	ADMIN_PLAIN,  /* -C -h -V */
	ADMIN_LIST,   /* and the filters, and -n */
	ADMIN_CHANGE, /* and -dry-run and -all, without which an empty selection is refused */
};

struct admin {
	enum admin_kind kind;
	const char *usage;
	struct opt_in opt;
	const char *conf_file;
	struct conf *conf;
	int64_t now;
	struct str filter; /* `sel` lines without the ids */
	struct str ids;    /* given as arguments or with -id, a line each */
	size_t ids_taken;
	bool from_stdin; /* "-": further ids are lines on fd 0 */
	unsigned line;   /* of fd 0 */
	bool all, dry_run;
	bool sysexits;   /* exit codes for callers of sendmail(8) */
	uint64_t limit;  /* 0: none */
	bool keep_limit; /* the command cuts off by itself: the owner is not told */
};

/* argv as of main. usage is the SYNOPSIS. */
void admin_start(struct admin *a, const char *name, const char *usage, enum admin_kind kind, char *argv[]);
/* The code (from ADMIN_OWN) of the command's next own option, its value in a->opt.value; 0 at the end. The
 * common ones are dealt with here. */
int admin_option(struct admin *a, const struct opt *own, size_t n) MUST_USE;
/* The option just answered is a further key of the selection. */
void admin_filter(struct admin *a);
/* Loads the configuration and checks the ids among the arguments from number `first` on. */
void admin_ready(struct admin *a, int first);

/* Whether ids or filters were given (an empty fd 0 counts: it selects nothing, never everything). */
bool admin_selects(const struct admin *a);
/* The ids given as arguments, and those gathered, added to s. */
void admin_ids(const struct admin *a, struct select *s);

/* Ids on fd 0 are read now, all of them, and count as arguments. */
void admin_gather(struct admin *a);
/* The ids may be asked for once more. */
void admin_rewind(struct admin *a);

/* Puts the question `op` once, or once for each 1000 ids; extra are further lines of the request (may be
 * NULL). Rows come in order. Answers the sum of the counts. */
uint64_t admin_ask(struct admin *a, const char *op, const char *extra, ctl_row *row, void *arg);
/* Asks for a change, prints the ids changed on fd 1 and how many on fd 2 ("held 3", "would hold 3"); answers
 * main's exit code. */
int admin_change(struct admin *a, const char *op, const char *extra, const char *done);
/* `set spread`, for schedule and release; ends the program when that is no span. */
void admin_put_spread(struct str *set, const char *span);
/* A row record of an answer; ends the program when it is none. */
void admin_row(struct row *r, char *rec, size_t n);
void admin_free(struct admin *a);
/* Flushes fd 1; ends the program when it cannot be written. */
void admin_flush(void);

#endif
