/* MTA-STS (RFC 8461), the rules: the TXT record, the policy text, which hosts it names, what is kept of it and
 * for how long. Pure: no network, no files, no clock of its own. Times are microseconds since 1970, now and
 * here is always the caller's `now`. */
#ifndef MTASTS_H
#define MTASTS_H

#include "answer.h"
#include "base.h"
#include "plan.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

#define STS_ID_MAX 32
#define STS_DOMAIN_MAX 244       /* "_mta-sts." before it must still be a domain name */
#define STS_BODY_MAX 65536       /* bytes of a policy; a longer one is none (3.3) */
#define STS_MX_BYTES_MAX 16384   /* of all patterns together */
#define STS_MAX_AGE_MAX 31557600 /* seconds; what is longer is taken for this (3.2) */
#define STS_FILE_MAX (64 * 1024) /* of one cache file */

/* ---- the TXT record at _mta-sts.DOMAIN ---- */

enum sts_txt {
	STS_TXT_NONE,    /* the domain says nothing, or nothing that is valid */
	STS_TXT_GOOD,    /* it has a policy of this id */
	STS_TXT_UNKNOWN, /* the lookup failed */
};

/* id: STS_ID_MAX + 1 bytes, filled in for STS_TXT_GOOD, else "". *why: what is wrong with a record that is
 * there, or with the lookup, static or the answer's; else NULL. */
enum sts_txt sts_txt_read(const struct dns_answer *a, char id[STS_ID_MAX + 1], const char **why);
/* One record's text, begun with "v=STSv1;" or not. NULL, or what is wrong with it. */
const char *sts_txt_parse(const char *s, size_t n, char id[STS_ID_MAX + 1]) MUST_USE;
/* 1 to 32 letters and digits. */
bool sts_id_ok(const char *id) MUST_USE;

/* ---- the policy ---- */

enum sts_mode { STS_MODE_NONE, STS_MODE_TESTING, STS_MODE_ENFORCE };

struct sts_policy {
	enum sts_mode mode;
	uint64_t max_age;    /* seconds */
	struct plan_list mx; /* patterns: A-labels, lower-case, perhaps with "*." before */
};

const char *sts_mode_word(enum sts_mode m);
bool sts_mode_parse(const char *s, enum sts_mode *m) MUST_USE;
/* NULL, or what is wrong with it, static. *p is the caller's to free in any case. */
const char *sts_policy_parse(struct sts_policy *p, const char *s, size_t n) MUST_USE;
void sts_policy_free(struct sts_policy *p);
/* A pattern or host name in any spelling against a host (4.1): "*." stands for exactly one label. */
bool sts_mx_match(const struct plan_list *mx, const char *host) MUST_USE;
/* "text/plain", perhaps with parameters (3.2). */
bool sts_media_type_ok(const char *s) MUST_USE;

/* ---- what is kept of a domain: spool/sts/DOMAIN ---- */

struct sts_entry {
	char *domain;
	bool has_policy;
	char id[STS_ID_MAX + 1]; /* of the TXT record the policy was fetched for; "": by hand without one */
	struct sts_policy policy;
	int64_t fetched;    /* the policy */
	int64_t used;       /* last needed for mail, to the day */
	int64_t failed;     /* last fetch failed then; 0: it did not */
	char *result, *why; /* of that: RFC 8460 4.3 result type, a sentence */
};

void sts_entry_free(struct sts_entry *e);
void sts_entry_write(struct str *out, const struct sts_entry *e);
/* Destructively; false: not a whole record of this kind, *e is {0}. */
bool sts_entry_parse(struct sts_entry *e, char *buf, size_t n) MUST_USE;

/* RFC 8460 4.3: why there is no policy where one was announced. */
#define STS_FETCH_ERROR "sts-policy-fetch-error"
#define STS_POLICY_INVALID "sts-policy-invalid"
#define STS_WEBPKI_INVALID "sts-webpki-invalid"
bool sts_result_ok(const char *s) MUST_USE;

/* ---- decisions ---- */

#define STS_BACKOFF (5 * INT64_C(60) * 1000000)       /* after a failed fetch (T40) */
#define STS_REFRESH (20 * INT64_C(3600) * 1000000)    /* a policy older than this is fetched anew daily */
#define STS_UNUSED (180 * INT64_C(86400) * 1000000)   /* not needed for so long: forgotten */
#define STS_USED_GRAIN (24 * INT64_C(3600) * 1000000) /* `used` is written no more often */

enum sts_choice {
	STS_APPLY,     /* the entry's policy, which may be `none` */
	STS_FETCH,     /* fetch; when that fails, the entry's policy if sts_entry_alive, else no policy */
	STS_NO_POLICY, /* there is none; when the entry's last fetch failed, for that reason */
	STS_UNDECIDED, /* nothing is kept and the TXT record could not be looked up (T46) */
};

/* It has a policy whose max_age has not run out; a clock that was set back lengthens nothing beyond max_age
 * from now. */
bool sts_entry_alive(const struct sts_entry *e, int64_t now);
/* Its last fetch failed so recently that none is to be tried. */
bool sts_entry_backing_off(const struct sts_entry *e, int64_t now);
/* e: {0} when nothing is kept. id: the TXT record's for STS_TXT_GOOD (T37-T40, RFC 8461 3.3, 5.1). */
enum sts_choice sts_choose(const struct sts_entry *e, enum sts_txt txt, const char *id, int64_t now);
/* `used` is so old that it is to be written again. */
bool sts_used_stale(const struct sts_entry *e, int64_t now);

/* The daily round (T41, RFC 8461 8.3, 10.2): before and behind the TXT lookup. */
enum sts_chore { STS_KEEP, STS_DROP, STS_REFETCH };
enum sts_chore sts_refresh(const struct sts_entry *e, enum sts_txt txt, int64_t now);

#endif
