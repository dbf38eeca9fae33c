/* Questions to DNS through mox-nexthop -q, each asked once: what was answered is kept. */
#ifndef ASKER_H
#define ASKER_H

#include "base.h"
#include "doctor.h"
#include "posture.h"

struct asked;
struct asker {
	const struct doctor *d;
	struct asked *v;
	size_t n;
};

struct asker_question {
	const char *type, *name;
};

/* Several at once; asker_ask then has them. */
void asker_fetch(struct asker *a, const struct asker_question *q, size_t n);
/* arg: the asker; fits spf_ask_fn. The answer stays until asker_free. A name that cannot be asked for is none. */
const struct lookup *asker_ask(void *arg, const char *type, const char *name);
void asker_free(struct asker *a);

bool lookup_has(const struct lookup *l);    /* data */
bool lookup_failed(const struct lookup *l); /* nothing is known */
/* The text of the n-th TXT record that begins with `version` and a blank, a semicolon or nothing more, appended; false: there
 * are not so many. */
bool lookup_text(struct str *out, const struct lookup *l, const char *version, size_t n) MUST_USE;

#endif
