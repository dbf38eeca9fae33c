/* Messages: each function is one, or some of a kind. Domains are all below .example. */
#include "base.h"

#include "clock.h"
#include "corrupt.h"
#include "date.h"
#include "file.h"
#include "rec.h"
#include "testdata_part.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* ---- making one ---- */

static struct envelope
mail_start(struct testdata *t, int64_t age, const char *sender)
{
	struct envelope e = {.uid = 1000, .sender = mem_dup(sender), .origin = mem_dup("")};

	e.queued = t->now - age;
	e.id = (uint64_t)e.queued << 12 | testdata_random(t, 4096);
	str_reset(&t->text);
	return e;
}

/* A header as most have it. */
static void
mail_head(struct testdata *t, struct envelope *e, const char *subject)
{
	char id[ID_SIZE], date[DATE_SIZE];

	id_format(id, e->id);
	date_utc(date, e->queued);
	str_addf(&t->text, "Message-ID: <%s@gentestdata.example>\nDate: %s\nSubject: %s\nFrom: <%s>\n", id,
	    date, subject, e->sender);
	free(e->message_id);
	e->message_id = mem_alloc(ID_SIZE + 32);
	snprintf(e->message_id, ID_SIZE + 32, "<%s@gentestdata.example>", id);
	free(e->subject);
	e->subject = mem_dupn(subject, strnlen(subject, 200));
}

/* Words, some lines of them, behind the blank line. */
static void
mail_words(struct testdata *t, unsigned lines)
{
	static const char *const words[] = {"queue", "letter", "relay", "answer", "door", "later", "night",
	    "harbour", "seven", "of", "the", "a", "and"};

	str_addc(&t->text, '\n');
	for (unsigned i = 0; i < lines; i++) {
		for (unsigned n = 3 + testdata_random(t, 9); n; n--)
			str_addf(
			    &t->text, "%s%s", words[testdata_random(t, ARRAY_LEN(words))], n > 1 ? " " : ".");
		str_addc(&t->text, '\n');
	}
}

static void
to_wire(void *arg, const char *p, size_t n)
{
	str_add(arg, p, n);
}

static int
open_failed(struct testdata *t, const char *bucket)
{
	char path[16];

	snprintf(path, sizeof path, "failed/%s", bucket);
	if ((mkdirat(t->spool.dir, "failed", 0700) && errno != EEXIST) ||
	    (mkdirat(t->spool.dir, path, 0700) && errno != EEXIST))
		return -1;
	return openat(t->spool.dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
open_place(struct testdata *t, uint64_t id, enum testdata_place place)
{
	static const char *const names[] = {[PLACE_NEW] = "new", [PLACE_CORRUPT] = "corrupt"};
	const int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	char bucket[3];
	int fd;

	id_bucket(bucket, id);
	if (place == PLACE_CUR)
		fd = openat(t->spool.cur, bucket, how);
	else if (place == PLACE_FAILED)
		fd = open_failed(t, bucket);
	else
		fd = openat(t->spool.dir, names[place], how);
	if (fd < 0)
		testdata_failed(t, "open a directory of");
	return fd;
}

static void
why_put(struct testdata *t, int dir, const char *id)
{
	struct str rec = {0}, name = {0};

	str_addf(&name, "%s" CORRUPT_WHY, id);
	rec_addf(&rec, "from", "new/%s", id);
	rec_add(&rec, "why", "it does not end in a footer");
	rec_addf(&rec, "when", "%" PRId64, t->now);
	rec_end(&rec);
	testdata_file(t, dir, name.s, &rec, 0600);
	str_free(&rec);
	str_free(&name);
}

/* Text and envelope become a file; the envelope is freed. */
static void
mail_put(struct testdata *t, struct envelope *e, enum testdata_place place)
{
	struct wire w;
	struct str file = {0};
	char id[ID_SIZE];
	int dir = open_place(t, e->id, place);

	wire_start(&w, to_wire, &file);
	wire_add(&w, str_cstr(&t->text), t->text.len);
	if (t->text.len)
		wire_end(&w);
	e->size = file.len;
	e->crc = (uint32_t)crc32_z(crc32(0, NULL, 0), (const unsigned char *)str_cstr(&file), file.len);
	e->flags |= (w.eightbit ? FLAG_8BIT : 0) | (w.utf8_header ? FLAG_SMTPUTF8 : 0) |
	            (w.longline ? FLAG_LONGLINE : 0) | (w.dot ? FLAG_DOT : 0);
	wire_free(&w);
	envelope_format(&file, e);
	if (place == PLACE_CORRUPT)
		str_cut(&file, file.len - 10);
	id_format(id, e->id);
	if (dir >= 0)
		testdata_file(t, dir, id, &file, 0660);
	if (dir >= 0 && place == PLACE_CORRUPT)
		why_put(t, dir, id);
	if (dir >= 0)
		close(dir);
	str_free(&file);
	envelope_free(e);
}

static void
rcpt_marked(struct envelope *e, const char *address, const char *marks)
{
	struct envelope_rcpt *r = envelope_add_rcpt(e, address);

	memcpy(r->mark, marks, sizeof r->mark);
}

/* ---- one of each kind ---- */

static void
plain(struct testdata *t)
{
	for (unsigned i = 0; i < 10; i++) {
		struct envelope e = mail_start(t, (10 + i * 7) * MINUTE, "alerts@sender.example");
		char rcpt[64], subject[64];

		snprintf(rcpt, sizeof rcpt, "user%u@site%u.example", testdata_random(t, 1000), i % 4);
		snprintf(subject, sizeof subject, "Report %u of the night", testdata_random(t, 100000));
		mail_head(t, &e, subject);
		mail_words(t, 1 + testdata_random(t, 40));
		if (i == 0)
			t->failed_id = e.id;
		if (i <= 1)
			t->signed_id = e.id;
		envelope_add_rcpt(&e, rcpt);
		mail_put(t, &e, PLACE_CUR);
	}
}

/* Each line that an envelope can have. */
static void
every_field(struct testdata *t)
{
	struct envelope e = mail_start(t, 90 * MINUTE, "bounces+7@sender.example");
	struct envelope_rcpt *r;

	mail_head(t, &e, "Every field of the envelope, = and \\ and \xc3\xa4");
	mail_words(t, 3);
	e.account = mem_dup("alerts");
	free(e.origin);
	e.origin = mem_dup("local");
	e.ret = mem_dup("hdrs");
	e.envid = mem_dup("QQ314159+2Bx");
	e.requiretls = mem_dup("no");
	e.transport = mem_dup("relay");
	e.hold_until = t->now - MINUTE;
	envelope_add_extra(&e, "ticket", "4711");
	envelope_add_extra(&e, "note", "two words and a \\ and \xc3\xbc");
	r = envelope_add_rcpt(&e, "dsn@site0.example");
	r->notify = mem_dup("success,failure,delay");
	r->orcpt = mem_dup("rfc822;dsn+2Bold@site0.example");
	r = envelope_add_rcpt(&e, "silent@site1.example");
	r->notify = mem_dup("never");
	r->exact = true;
	envelope_mark_requiretls(&e);
	mail_put(t, &e, PLACE_CUR);
	e = mail_start(t, 89 * MINUTE, "alerts@sender.example");
	mail_head(t, &e, "Not before tomorrow");
	mail_words(t, 1);
	e.hold_until = t->now + DAY;
	e.ret = mem_dup("full");
	envelope_add_rcpt(&e, "tomorrow@site2.example");
	mail_put(t, &e, PLACE_CUR);
}

/* What bytes a message and its addresses can have. */
static void
every_byte(struct testdata *t)
{
	static const char *const addresses[] = {"\"two words\"@site3.example", "a+b=c/d{e}@site3.example",
	    "UPPER@SITE3.EXAMPLE", "literal@[192.0.2.7]", "\"quoted\\\"quote\"@site3.example",
	    "a-local-part-of-sixty-four-bytes-which-is-the-most-that-one-has@site3.example"};
	struct envelope e = mail_start(t, 80 * MINUTE, "j\xc3\xbcrgen@sender.example");

	mail_head(t, &e,
	    "Gr\xc3\xbc\xc3\x9f"
	    "e aus K\xc3\xb6ln");
	mail_words(t, 2);
	e.flags = FLAG_SMTPUTF8;
	envelope_add_rcpt(&e, "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd@xn--e1afmkfd.example");
	envelope_add_rcpt(&e, "plain@site0.example");
	mail_put(t, &e, PLACE_CUR);

	e = mail_start(t, 79 * MINUTE, "alerts@sender.example");
	mail_head(t, &e, "Bytes above 127");
	mail_words(t, 1);
	for (int i = 128; i < 256; i++)
		str_addc(&t->text, (char)i);
	str_addc(&t->text, '\n');
	envelope_add_rcpt(&e, "eightbit@site0.example");
	mail_put(t, &e, PLACE_CUR);

	e = mail_start(t, 78 * MINUTE, "alerts@sender.example");
	mail_head(t, &e, "Dots, and a line that is too long");
	str_adds(&t->text, "\n.\n..\n.a\n");
	for (int i = 0; i < 3000; i++)
		str_addc(&t->text, (char)('a' + i % 26));
	str_adds(&t->text, "\nno line end");
	envelope_add_rcpt(&e, "dots@site1.example");
	mail_put(t, &e, PLACE_CUR);

	e = mail_start(t, 77 * MINUTE, "alerts@sender.example");
	mail_head(t, &e, "Addresses");
	mail_words(t, 1);
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		envelope_add_rcpt(&e, addresses[i]);
	mail_put(t, &e, PLACE_CUR);
}

static void
every_size(struct testdata *t)
{
	struct envelope e = mail_start(t, 70 * MINUTE, "alerts@sender.example");

	mail_head(t, &e, "A header of 100 kB");
	for (unsigned i = 0; i < 1500; i++)
		str_addf(&t->text, "%s: %u folded\n\tonce, %08x\n", i % 3 ? "X-Trace" : "Received", i,
		    testdata_random(t, 16));
	mail_words(t, 1);
	envelope_add_rcpt(&e, "header@site0.example");
	mail_put(t, &e, PLACE_CUR);

	e = mail_start(t, 69 * MINUTE, "alerts@sender.example");
	envelope_add_rcpt(&e, "empty@site1.example");
	mail_put(t, &e, PLACE_CUR);

	e = mail_start(t, 68 * MINUTE, "alerts@sender.example");
	mail_head(t, &e,
	    "A subject of more than two hundred bytes, of which the envelope keeps two hundred: "
	    "............................................................................................"
	    "............................................................................ the end");
	mail_words(t, 3000);
	envelope_add_rcpt(&e, "large@site2.example");
	mail_put(t, &e, PLACE_CUR);

	e = mail_start(t, 67 * MINUTE, "list-bounces@sender.example");
	mail_head(t, &e, "A thousand recipients");
	mail_words(t, 5);
	for (unsigned i = 0; i < 1000; i++) {
		char rcpt[64];

		snprintf(rcpt, sizeof rcpt, "subscriber%u@site%u.example", i, i % 4);
		envelope_add_rcpt(&e, rcpt);
	}
	mail_put(t, &e, PLACE_CUR);
}

/* Each combination of marks, by name. */
static void
every_mark(struct testdata *t)
{
	struct envelope e = mail_start(t, 3 * HOUR, "marks@sender.example");

	mail_head(t, &e, "Every mark");
	mail_words(t, 2);
	for (const char *state = "TDFC"; *state; state++)
		for (const char *hold = "-uorlf"; *hold; hold++)
			for (const char *tls = ".yn"; *tls; tls++)
				for (const char *notice = "-d"; *notice; notice++) {
					const char marks[] = {*state, *hold, *tls, *notice};
					char rcpt[64];

					snprintf(rcpt, sizeof rcpt, "m%c%s%c%c@site%u.example", *state,
					    *hold == '-' ? "x" : (char[]){*hold, 0}, *tls == '.' ? 'x' : *tls,
					    *notice == '-' ? 'x' : 'd', testdata_random(t, 4));
					rcpt_marked(&e, rcpt, marks);
				}
	mail_put(t, &e, PLACE_CUR);

	/* A machine died between the last mark and the unlink. */
	e = mail_start(t, 50 * MINUTE, "alerts@sender.example");
	mail_head(t, &e, "Nothing is left to do");
	mail_words(t, 1);
	rcpt_marked(&e, "done@site0.example", "D-.-");
	rcpt_marked(&e, "gone@site1.example", "C-.-");
	mail_put(t, &e, PLACE_CUR);

	e = mail_start(t, 4 * DAY, "alerts@sender.example");
	mail_head(t, &e, "Four days old, and its sender knows that it is late");
	mail_words(t, 1);
	rcpt_marked(&e, "late@site2.example", "T-.d");
	mail_put(t, &e, PLACE_CUR);
}

static void
notice(struct testdata *t)
{
	struct envelope e = mail_start(t, 40 * MINUTE, "");

	mail_head(t, &e, "Undelivered: Report 7");
	str_adds(&t->text,
	    "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n"
	    "--b\n\nThis message could not be delivered.\n--b\nContent-Type: message/delivery-status\n\n"
	    "Reporting-MTA: dns; mail.sender.example\n\nFinal-Recipient: rfc822; nobody@site0.example\n"
	    "Action: failed\nStatus: 5.1.1\n\n--b\nContent-Type: message/rfc822\n\nSubject: Report 7\n\n"
	    "seven\n--b--\n");
	e.uid = 999;
	free(e.origin);
	e.origin = mem_dup("local");
	envelope_add_rcpt(&e, "alerts@sender.example");
	mail_put(t, &e, PLACE_CUR);
}

/* ---- amendments ---- */

static void
amend_put(struct testdata *t, uint64_t id, struct str *rec)
{
	char name[SPOOL_NAME_SIZE], bucket[3];
	int dir;

	id_format(name, id);
	snprintf(name + ID_LEN, sizeof name - ID_LEN, ".amend");
	id_bucket(bucket, id);
	dir = openat(t->spool.cur, bucket, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		testdata_failed(t, "open a directory of");
		return;
	}
	testdata_file(t, dir, name, rec, 0600);
	close(dir);
}

static void
amended(struct testdata *t)
{
	struct envelope e = mail_start(t, 30 * MINUTE, "alerts@sender.example");
	struct str rec = {0};
	char text[ID_SIZE];
	uint64_t id = e.id;

	mail_head(t, &e, "What an operator has changed");
	mail_words(t, 1);
	envelope_add_rcpt(&e, "tomorrow@site0.example");
	envelope_add_rcpt(&e, "rerouted@site1.example");
	envelope_add_rcpt(&e, "given-up@site2.example");
	envelope_add_rcpt(&e, "as-before@site3.example");
	mail_put(t, &e, PLACE_CUR);
	id_format(text, id);
	rec_add(&rec, "id", text);
	rec_addf(&rec, "next", "1 %" PRId64, t->now + DAY);
	rec_add(&rec, "transport", "2 relay");
	rec_open(&rec, "fail");
	rec_put(&rec, "3");
	rec_put(&rec, "the operator gave it up");
	rec_close(&rec);
	rec_end(&rec);
	amend_put(t, id, &rec);
	/* Of a message that is gone: what a crash leaves. */
	str_reset(&rec);
	id_format(text, id - 4096);
	rec_add(&rec, "id", text);
	rec_end(&rec);
	amend_put(t, id - 4096, &rec);
	str_free(&rec);
}

/* ---- elsewhere than in cur/ ---- */

static void
elsewhere(struct testdata *t)
{
	static const struct {
		const char *sender, *rcpt, *marks;
		enum testdata_place place;
	} rows[] = {
	    {"alerts@sender.example", "new@site0.example", "T-.-", PLACE_NEW},
	    {"spam@held.example", "held-by-rule@site1.example", "T-.-", PLACE_NEW},
	    {"alerts@sender.example", "held-by-user@site2.example", "Tu.-", PLACE_NEW},
	    {"alerts@sender.example", "nobody@site0.example", "F-.-", PLACE_FAILED},
	    {"alerts@sender.example", "full@site1.example", "F-.d", PLACE_FAILED},
	    {"alerts@sender.example", "damaged@site0.example", "T-.-", PLACE_CORRUPT},
	};
	static const char half[] = "Subject: a writer died here\r\n\r\nso ";
	struct str data = {0};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct envelope e = mail_start(t, (int64_t)i * 10 * SECOND, rows[i].sender);

		mail_head(t, &e, "Elsewhere");
		mail_words(t, 2);
		rcpt_marked(&e, rows[i].rcpt, rows[i].marks);
		mail_put(t, &e, rows[i].place);
	}
	str_adds(&data, half);
	testdata_file(t, t->spool.tmp, "4711.0", &data, 0660);
	str_free(&data);
}

void
testdata_mail(struct testdata *t)
{
	plain(t);
	every_field(t);
	every_byte(t);
	every_size(t);
	every_mark(t);
	notice(t);
	amended(t);
	elsewhere(t);
}
