/* What the files of testdata share; theirs alone. */
#ifndef TESTDATA_PART_H
#define TESTDATA_PART_H

#include "base.h"
#include "envelope.h"
#include "spool.h"
#include "str.h"

struct testdata {
	struct spool spool;
	uint64_t random; /* state of the generator */
	int64_t now;
	int err; /* of what went wrong first; 0: nothing has */
	const char *what;
	/* the message that is being made */
	struct str text;
	/* that was signed; that failed in a session */
	uint64_t signed_id, failed_id;
};

enum testdata_place { PLACE_NEW, PLACE_CUR, PLACE_FAILED, PLACE_CORRUPT };

/* ---- testdata.c ---- */
unsigned testdata_random(struct testdata *t, unsigned below);
/* name in the directory, mode exactly, time of change `when`. */
void testdata_file(struct testdata *t, int dir, const char *name, const struct str *data, unsigned mode);
void testdata_failed(struct testdata *t, const char *what); /* errno */

/* ---- testdata_mail.c: messages and amendments ---- */
void testdata_mail(struct testdata *t);

/* ---- testdata_rest.c: what lies beside them ---- */
void testdata_tables(struct testdata *t);
void testdata_caches(struct testdata *t);

#endif
