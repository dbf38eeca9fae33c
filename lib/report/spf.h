/* May this address send mail for that domain? check_host of RFC 7208, whole but for the explanations of exp=, whose
 * syntax alone is looked at. Pure: every answer of DNS comes from the caller. */
#ifndef SPF_H
#define SPF_H

#include "base.h"
#include "posture.h"
#include "str.h"

#include <stdbool.h>

#define SPF_LOOKUPS 10 /* RFC 7208 4.6.4: terms that ask DNS, */
#define SPF_VOID 2     /* and of their questions those without data */
#define SPF_HOSTS 10   /* of one mx or ptr */

enum spf_result { SPF_NONE, SPF_NEUTRAL, SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_TEMPERROR, SPF_PERMERROR };
extern const char *const spf_words[]; /* by result */

/* type: "TXT", "A", "AAAA", "MX" or "PTR". The answer is the callee's and stays until the check has ended. */
typedef const struct lookup *spf_ask_fn(void *arg, const char *type, const char *name);

struct spf_question {
	const char *ip;     /* IPv4 or IPv6; a mapped address is the IPv4 address it is */
	const char *domain; /* of sender, or the EHLO name */
	const char *sender; /* local@domain; without local part, or NULL: postmaster of the domain */
	const char *helo;   /* NULL: the domain */
	spf_ask_fn *ask;
	void *arg;
};

struct spf_answer {
	enum spf_result result;
	struct str why;   /* the term that decided and whose it is, or what is wrong with what */
	unsigned lookups; /* as the limit counts them */
	unsigned voids;
};

/* *a is made anew; its why is the caller's. */
void spf_check(struct spf_answer *a, const struct spf_question *q);

/* The macros of a domain-spec expanded, and cut from the left to what a name may be; false: its syntax is broken. %{p} is
 * "unknown". For the table tests of RFC 7208 7.4. */
bool spf_expand_text(struct str *out, const char *spec, const struct spf_question *q) MUST_USE;

#endif
