/* The message file (DESIGN 5, spool-layout.txt): message, envelope record, footer.
 *
 * Bytes 0..size-1 are the message in wire form (CRLF only, not dot-stuffed), then the envelope record, then a
 * footer of FOOTER_SIZE bytes: "moxq1 " + offset of the envelope as 16 hex digits + " " + crc32 of the
 * envelope record as 8 hex digits (the SSSS of its rcpt lines taken as "....") + LF. The four mutable bytes
 * of a recipient are changed in place by envelope_mark, one pwrite of one byte, which needs no disk space.
 *
 *   id queued account uid origin sender size crc32 flags message-id subject ret envid requiretls hold-until
 *   transport     extra KEY VALUE (repeated)     rcpt SSSS ADDRESS [notify=..] [orcpt=..] [exact=yes] (repeated)     end
 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FOOTER_MAGIC "moxq1 "
#define FOOTER_SIZE 32

enum mark { MARK_STATE, MARK_HOLD, MARK_REQUIRETLS, MARK_NOTICE }; /* position within SSSS */

#define STATE_TODO 'T'
#define STATE_DELIVERED 'D'
#define STATE_FAILED 'F'
#define STATE_CANCELLED 'C'
#define HOLD_NONE '-' /* u user, o operator, r rule, l limit, f failed for good and kept for a person */

#define HOLD_LIMIT 'l'
#define HOLD_RULE 'r'

#define ENVELOPE_EXTRA_TEXT 2000

#define DELAY_TOLD 'd' /* that it is late has been said */

enum envelope_flag {
	FLAG_8BIT = 1,     /* some byte of the body is above 127 */
	FLAG_SMTPUTF8 = 2, /* envelope or header carries UTF-8 */
	FLAG_LONGLINE = 4, /* some line is longer than 998 bytes without CRLF */
	FLAG_DOT = 8,      /* some line begins with a dot: DATA must be stuffed */
};

struct envelope_rcpt {
	char mark[4]; /* by enum mark: "T-.-" when new */
	char *address;
	char *notify; /* "never" or a list of success,failure,delay; NULL: not given */
	char *orcpt;  /* "rfc822;xtext"; NULL: not given */
	bool exact;   /* an alias named this very mailbox: it is not looked up in the aliases again */
	off_t at;     /* offset of SSSS in the file; set by parse and by finish */
};

struct envelope_extra {
	char *key, *value;
};

struct envelope {
	uint64_t id;
	int64_t queued; /* microseconds since 1970 */
	char *account;  /* login name; NULL: not known to the door (mox-runq looks uid up) */
	uint32_t uid;
	char *origin; /* "local", or "" */
	char *sender; /* reverse-path without <>; "" is the null sender */
	uint64_t size;
	uint32_t crc; /* crc32 of the message, zlib's */
	unsigned flags;
	char *message_id; /* with <>; NULL: none */
	char *subject;    /* raw header text unfolded, at most 200 bytes; NULL: none */
	char *ret;        /* "full", "hdrs"; NULL: not given */
	char *envid;      /* xtext; NULL: not given */
	char *
	    requiretls; /* "yes", "no" as the submitter or TLS-Required: said; NULL: neither. The marks decide */
	char *transport;
	int64_t hold_until;
	struct envelope_extra *extra;
	size_t nextra;
	struct envelope_rcpt *rcpt; /* rcpt[0] is recipient 1 */
	size_t nrcpt;
};

/* All strings are heap bytes of the envelope's own. */
void envelope_free(struct envelope *e);
struct envelope_rcpt *envelope_add_rcpt(struct envelope *e, const char *address); /* marks "T-.-" */
/* Each recipient's mark from what the envelope asks for: y, n, or `.`. From then on the mark alone counts. */
void envelope_mark_requiretls(struct envelope *e);
/* The extras as rows of the queue show them, appended: KEY=VALUE of each, parted by spaces, as many of the first as fit into
 * ENVELOPE_EXTRA_TEXT bytes. In an item spaces, control characters, % and \ stand as %HH. */
void envelope_extra_text(struct str *out, const struct envelope *e);
void envelope_extra_item(struct str *out, const char *key_value);
struct envelope_extra *envelope_add_extra(struct envelope *e, const char *key, const char *value);

bool envelope_mark_valid(enum mark which, char value);
bool envelope_marks_valid(const char m[4]);
/* crc32 of the record, its marks taken as dots. */
uint32_t envelope_crc(const char *rec, size_t n);
/* notify: "never", or success,failure,delay. orcpt: "type;text". xtext as RFC 3461 4 (envid: at most 100
 * bytes). */
bool envelope_notify_valid(const char *s);
bool envelope_orcpt_valid(const char *s);
bool envelope_xtext_valid(const char *s, size_t max);
bool envelope_account_valid(const char *s); /* a login name that the door takes */

/* Appends envelope and footer to fd, whose offset stands at e->size. One write; -1 with errno. */
int envelope_finish(int fd, struct envelope *e) MUST_USE;
/* The same bytes appended to out, for a writer who still holds the message in memory. Sets `at` of each
 * recipient. */
void envelope_format(struct str *out, struct envelope *e);

/* What mox-queue-add -e is asked with: sender, account, origin, wishes, extras and recipients, without marks; all but
 * `end`. Appended. */
void envelope_ask(struct str *out, const struct envelope *e);

/* Reads footer and envelope of a message file, checks the envelope's crc and that the file is exactly as long
 * as it says. 0; -1: the file is damaged or cannot be read, *why says how in half a sentence (static or in
 * e's memory; errno 0 when it is damage, not an I/O error). *e is zeroed first and, on success, the caller's
 * to free. */
int envelope_read(int fd, struct envelope *e, const char **why) MUST_USE;

/* Reads the whole message and compares its crc32 with e->crc: 0, 1 it differs, -1 errno. */
int envelope_check_message(int fd, const struct envelope *e) MUST_USE;

/* Writes one mutable byte of recipient n (from 1) in place; fd open for writing. Not synced. e is updated
 * too. */
int envelope_mark(int fd, struct envelope *e, unsigned n, enum mark which, char value) MUST_USE;
/* Re-reads only the four bytes of each recipient: the file's state bytes win over anything remembered.
 * EBADMSG: the file is damaged. */
int envelope_read_marks(int fd, struct envelope *e) MUST_USE;

/* The record alone, for other uses (mox-queue-add -e reads the same keys): parses text, which is destroyed.
 * Unknown keys are ignored. NULL on success (through `end`, which must be the last line), else half a
 * sentence of what is wrong; then e is empty. Offsets (at) are relative to text + base. base -1: the form of
 * mox-queue-add -e, whose rcpt lines have no SSSS. */
const char *envelope_parse(struct envelope *e, char *text, size_t n, off_t base);

#endif
