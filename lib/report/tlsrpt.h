/* A report on TLS (RFC 8460 4) for one policy domain and one UTC day, from the rows of tlsrpt_day.h. Pure but for
 * memory.
 *
 * A recipient domain's report has its own policies and those of its mail hosts, whose policy-domain is the host
 * (T51). A mail host's report has the host's, and tells which recipient domains were concerned. Whatever was counted,
 * the JSON is shorter than TLSRPT_JSON_MAX: details beyond that are summed by result (T60), and memory for it is bounded, as is that
 * of the day's rows. */
#ifndef TLSRPT_H
#define TLSRPT_H

#include "base.h"
#include "str.h"
#include "tlsrpt_day.h"

#include <stdbool.h>
#include <stdint.h>

#define TLSRPT_JSON_MAX 1000000
#define TLSRPT_NAMED_MAX 10 /* recipient domains that a detail or the text names; the others are counted */

/* Who reports. */
struct tlsrpt_submitter {
	const char *domain;  /* TLS-Report-Submitter, organization-name */
	const char *contact; /* an address in it */
};

struct tlsrpt_detail {
	const char *result, *from, *mx, *helo, *to, *reason; /* NULL: not told */
	uint64_t count;
	const char *rcpt[TLSRPT_NAMED_MAX]; /* of a mail host's report */
	size_t nrcpt;                       /* may exceed what is named */
	bool others;                        /* the sum of many that were not kept, by result */
	/* while it is built */
	const char *last_rcpt;
	uint32_t policy, next; /* numbers from 1 */
};

struct tlsrpt_policy {
	enum tlsrpt_type type;
	const char *domain;
	const char **mx, **string; /* patterns; lines of the policy */
	size_t nmx, nstring;
	uint64_t ok, failed;          /* sessions */
	struct tlsrpt_detail *detail; /* in the report's */
	size_t ndetail;
	const char *key; /* type, domain and strings */
	uint32_t next;   /* while it is built */
};

struct tlsrpt_report {
	const char *name;
	char day[CLOCK_DAY_SIZE];
	struct tlsrpt_policy *policy;
	size_t npolicy, nleft_out; /* left out: policies there was no room for */
	uint64_t ok, failed;
	const char **rcpt; /* of a mail host's report: other recipient domains concerned, sorted, each once */
	size_t nrcpt;
	/* ours */
	struct tlsrpt_detail *detail;
	size_t ndetail;
	char **text;
	size_t ntext;
};

/* Leaves out rows of a mail host's report that were for another's mail: those that some recipient domain's report told to
 * all who get this one. */
typedef bool tlsrpt_told(void *arg, const struct tlsrpt_row *row);

/* told: NULL: nothing was. name and the day must outlive the report. */
void tlsrpt_build(struct tlsrpt_report *r, const struct tlsrpt_day *d, const struct tlsrpt_name *name,
    tlsrpt_told *told, void *arg);
void tlsrpt_report_free(struct tlsrpt_report *r);

/* DAY.DOMAIN@SUBMITTER: the same whenever it is made, so that who gets it twice can see that. The caller frees. */
char *tlsrpt_report_id(const struct tlsrpt_report *r, const struct tlsrpt_submitter *s) MUST_USE;
/* RFC 8460 5.1: SUBMITTER!DOMAIN!BEGIN!END.json.gz. The caller frees. */
char *tlsrpt_file_name(const struct tlsrpt_report *r, const struct tlsrpt_submitter *s) MUST_USE;
/* I-JSON, as RFC 8460 4.4 has it, indented, an LF at its end. */
void tlsrpt_json(struct str *out, const struct tlsrpt_report *r, const struct tlsrpt_submitter *s);
/* The same for people: lines of ASCII, LF. */
void tlsrpt_text(struct str *out, const struct tlsrpt_report *r, const struct tlsrpt_submitter *s);

#endif
