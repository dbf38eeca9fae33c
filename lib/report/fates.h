/* The fates record (mox-rec.5): what became of some recipients of a message, for mox-dsn.
 *
 * fates_parse reads it in place: every string is a borrow into the text, decoded and NUL-terminated, and
 * hostile all the same. Numbers, times and the enums are checked; a status that is none, or of another class
 * than its reply code or outcome, is replaced by the general one of the right class (T74). Free the list of
 * recipients with fates_free. */
#ifndef FATES_H
#define FATES_H

#include "base.h"

#include <stdbool.h>
#include <stdint.h>

enum fates_kind { FATES_FAILED, FATES_DELAYED, FATES_SUCCESS, FATES_DIGEST };
#define FATES_KINDS 4
enum fates_outcome { OUTCOME_FAILED, OUTCOME_DELAYED, OUTCOME_DELIVERED, OUTCOME_RELAYED, OUTCOME_EXPANDED };
enum fates_form { FORM_AUTO, FORM_ASCII, FORM_UTF8 };

struct fates_rcpt {
	const char *address;
	const char *orcpt; /* "type;xtext"; NULL: not given */
	enum fates_outcome outcome;
	int code;         /* of the reply; 0: our own words */
	char status[12];  /* RFC 3463 */
	const char *host; /* NULL: none was reached; "" with an address alone */
	const char *ip;   /* NULL: not known */
	const char *text; /* the lines of the reply without codes, parted by LF */
	const char *log;  /* Final-Log-Id; NULL: none */
	int64_t last, until;
	bool local; /* no reply of a server: text is ours */
};

struct fates {
	enum fates_kind kind;
	const char *id;                                                       /* "": none */
	const char *sender;                                                   /* "": the null sender */
	const char *to;                                                       /* whom the notice is for */
	const char *envid, *hostname, *message_id, *subject, *future_release; /* NULL: not given */
	int64_t queued, hold_until;
	uint64_t size;  /* of the message; UINT64_MAX: until the end of the input */
	uint64_t count; /* of a digest: recipients; those given are the newest of them */
	bool headers;   /* RET=HDRS */
	bool secure;    /* requiretls yes */
	bool lenient;   /* requiretls no */
	enum fates_form form;
	struct fates_rcpt *rcpt;
	size_t nrcpt;
};

/* NULL, or half a sentence of what is wrong. text must end with the record's `end` line. */
const char *fates_parse(struct fates *f, char *text, size_t n) MUST_USE;
void fates_free(struct fates *f);

#endif
