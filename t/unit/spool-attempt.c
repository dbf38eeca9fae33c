#include "base.h"

#include "attempt.h"
#include "fdio.h"
#include "rec.h"
#include "row.h"
#include "unit.h"

static const struct attempt plain = {.start = 1795228723123456,
    .duration = 48211,
    .outcome = "later",
    .code = 451,
    .status = "4.7.1",
    .host = "mx1.example.com[192.0.2.25]",
    .tls = "dane",
    .text = "greylisted,\ntry \xff later"};

static void
there_and_back(void)
{
	struct str value = {0};
	struct attempt a;
	char broken[] = "1 2 sent 250 - - - -", number[] = "x 2 sent 250 - - - - text";

	attempt_write(&value, &plain);
	STR_EQ(value.s,
	    "1795228723123456 48211 later 451 4.7.1 mx1.example.com[192.0.2.25] dane - "
	    "greylisted,\\x0atry\\x20\\xff\\x20later",
	    "an attempt as it is kept");
	OK(attempt_read(&a, value.s), "reads back");
	OK(a.start == plain.start && a.duration == plain.duration && a.code == 451, "numbers");
	STR_EQ(a.text, plain.text, "hostile bytes of the reply");
	STR_EQ(a.transport, "-", "direct");
	OK(!attempt_read(&a, broken), "a field is missing");
	OK(!attempt_read(&a, number), "a time that is none");
	str_free(&value);
}

static void
long_replies(void)
{
	struct attempt a = plain;
	struct str value = {0};
	char text[2000];

	memset(text, 'x', sizeof text);
	memcpy(text + ATTEMPT_TEXT_MAX - 1, "\xc3\xa4", 2);
	text[sizeof text - 1] = 0;
	a.text = text;
	attempt_write(&value, &a);
	OK(attempt_read(&a, value.s), "a long reply");
	INT_EQ(strlen(a.text), ATTEMPT_TEXT_MAX - 1, "is cut, and no character in two");
	str_free(&value);
}

/* As mox-runq does it: read, add, write; again and again. */
static void
many(size_t length, char fill, const char *what)
{
	struct str rec = {0}, value = {0};
	char text[ATTEMPT_TEXT_MAX + 1], name[80];
	struct attempt a = plain;
	struct row row = {.id = 1, .n = 1}, got;
	unsigned last = 0;

	memset(text, fill, length);
	text[length] = 0;
	a.text = text;
	row_write(&rec, &row);
	for (unsigned i = 1; i <= 50; i++) {
		struct str next = {0};

		if (row_parse(&row, rec.s, rec.len))
			break;
		a.code = i;
		str_reset(&value);
		attempt_write(&value, &a);
		row_add_attempt(&row, value.s);
		row_write(&next, &row);
		str_free(&rec);
		rec = next;
	}
	snprintf(name, sizeof name, "%s: at most %d attempts", what, ROW_ATTEMPTS_MAX);
	OK(!row_parse(&got, rec.s, rec.len) && got.nattempt > 2 && got.nattempt <= ROW_ATTEMPTS_MAX, name);
	snprintf(name, sizeof name, "%s: in a packet", what);
	OK(rec.len < PKT_MAX - 8000, name);
	for (unsigned i = 0; i < got.nattempt; i++) {
		if (!attempt_read(&a, got.attempt[i]) || (last && a.code != last + 1))
			break;
		last = a.code;
	}
	snprintf(name, sizeof name, "%s: the newest, in order", what);
	INT_EQ(last, 50, name);
	str_free(&rec);
	str_free(&value);
}

static void
the_last(void)
{
	struct row row = {.id = 1, .n = 1};
	struct str value = {0};

	row_tell_last(&row);
	OK(!row.host && !row.duration, "no attempt, nothing to tell of it");
	attempt_write(&value, &plain);
	row_add_attempt(&row, value.s);
	row_tell_last(&row);
	STR_EQ(row.host, plain.host, "host of the last attempt");
	STR_EQ(row.tls, "dane", "what vouched for it");
	INT_EQ(row.duration, 48211, "how long it took");
	INT_EQ(row.nattempt, 0, "it is the row's no more");
	str_free(&value);
}

int
main(void)
{
	there_and_back();
	long_replies();
	many(20, 'x', "short replies");
	many(ATTEMPT_TEXT_MAX, 'x', "long ones");
	many(ATTEMPT_TEXT_MAX, '\x01', "long ones of controls");
	the_last();
	DONE();
}
