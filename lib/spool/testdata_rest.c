/* What no message file knows, as a backup has it (saved.h); and the caches and logs beside the messages. */
#include "base.h"

#include "attempt.h"
#include "clock.h"
#include "file.h"
#include "rec.h"
#include "row.h"
#include "saved.h"
#include "select.h"
#include "support.h"
#include "testdata_part.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

struct tables {
	struct testdata *data;
	struct str out, value;
	uint64_t entries;
};

static void
entry(struct tables *t, const char *table, const void *key, size_t n)
{
	saved_write(&t->out, table, key, n, &t->value);
	str_reset(&t->value);
	t->entries++;
}

/* A key of a kind, an account, and an address; NULL: none. */
static void
entry_named(struct tables *t, const char *table, char kind, const char *account, const char *address)
{
	struct str key = {0};

	str_addc(&key, kind);
	str_adds(&key, account);
	if (address) {
		str_addc(&key, 0);
		str_adds(&key, address);
	}
	entry(t, table, key.s, key.len);
	str_free(&key);
}

/* ---- history ---- */

static void
retired(struct tables *t, const char *result, unsigned attempts, int64_t age)
{
	struct testdata *d = t->data;
	struct row row = {.id = (uint64_t)(d->now - age) << 12 | testdata_random(d, 4096),
	    .n = 1,
	    .sender = "alerts@sender.example",
	    .rcpt = "past@site0.example",
	    .domain = "site0.example",
	    .site = "mx.site0.example",
	    .account = "alerts",
	    .hold = '-',
	    .queued = d->now - age,
	    .attempts = attempts,
	    .last = attempts ? d->now - age + (int64_t)attempts * MINUTE : 0,
	    .code = 250,
	    .size = 1000 + testdata_random(d, 9000),
	    .messageid = "<past@gentestdata.example>",
	    .subject = "What is over",
	    .result = result,
	    .retired = d->now - age + HOUR};
	struct str attempt[3] = {{0}};
	unsigned char key[12];
	uint64_t id = htobe64(row.id);
	uint32_t n = htobe32(row.n);

	for (unsigned i = 0; i < attempts && i < ARRAY_LEN(attempt); i++) {
		bool last = i + 1 == attempts;
		struct attempt a = {.start = row.queued + (int64_t)(i + 1) * MINUTE,
		    .duration = 1000 + testdata_random(d, 100000),
		    .outcome = last ? "sent" : "later",
		    .code = last ? 250 : 451,
		    .status = last ? "2.0.0" : "4.7.1",
		    .host = "mx.site0.example[192.0.2.25]",
		    .tls = last ? "dane" : "opportunistic",
		    .text = last ? "queued as 4711" : "greylisted,\ntry \xff later"};

		attempt_write(&attempt[i], &a);
		row_add_attempt(&row, attempt[i].s);
	}
	row_record(&t->value, &row, 1000);
	memcpy(key, &id, sizeof id);
	memcpy(key + sizeof id, &n, sizeof n);
	entry(t, "retired", key, sizeof key);
	for (size_t i = 0; i < ARRAY_LEN(attempt); i++)
		str_free(&attempt[i]);
}

static void
history(struct tables *t)
{
	static const char *const results[] = {
	    "delivered", "relayed", "expanded", "discarded", "failed", "suppressed", "cancelled", "gone"};

	for (size_t i = 0; i < ARRAY_LEN(results); i++)
		retired(t, results[i], (unsigned)i % 4, (int64_t)(20 - i) * HOUR);
}

/* ---- lists, limits and rules ---- */

static void
suppression(struct tables *t)
{
	static const struct {
		const char *account, *address, *how, *reason;
		int64_t days; /* until; 0: for good */
	} rows[] = {
	    {"alerts", "nobody@past.example", "automatic", "550 5.1.1 no such user", 90},
	    {"alerts", "full@past.example", "automatic", "5 failures in a row, the last one: 452 4.2.2 full",
		30},
	    {"shop", "objects@past.example", "manual", "asked us to stop, \xc3\xa4", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		rec_add(&t->value, "account", rows[i].account);
		rec_add(&t->value, "address", rows[i].address);
		rec_add(&t->value, "how", rows[i].how);
		rec_addf(
		    &t->value, "until", "%" PRId64, rows[i].days ? t->data->now + rows[i].days * DAY : 0);
		rec_addf(&t->value, "when", "%" PRId64, t->data->now - DAY);
		rec_add(&t->value, "reason", rows[i].reason);
		rec_end(&t->value);
		entry_named(t, "suppress", 's', rows[i].account, rows[i].address);
	}
	rec_addf(&t->value, "failures", "%u", 2);
	rec_addf(&t->value, "when", "%" PRId64, t->data->now - DAY);
	rec_end(&t->value);
	entry_named(t, "suppress", 'f', "alerts", "shaky@past.example");
}

static void
limits(struct tables *t)
{
	int64_t hour = t->data->now / HOUR;

	rec_addf(&t->value, "told", "%" PRId64, t->data->now / DAY - 1);
	rec_addf(&t->value, "hour", "%" PRId64 " %u %u", hour - 1, 17, 3);
	rec_addf(&t->value, "hour", "%" PRId64 " %u %u", hour, 4, 0);
	rec_end(&t->value);
	entry_named(t, "limit", 'c', "alerts", NULL);
	for (unsigned i = 0; i < 3; i++) {
		char address[40];

		snprintf(address, sizeof address, "known%u@site0.example", i);
		rec_addf(&t->value, "sent", "%" PRId64, hour - (int64_t)i * 30);
		rec_end(&t->value);
		entry_named(t, "limit", 'a', "alerts", address);
	}
}

static void
rules(struct tables *t)
{
	static const struct {
		const char *key, *value;
	} rows[] = {{"from", "@held.example"}, {"to", "boss@elsewhere.example"}, {"domain", ".wide.example"},
	    {"account", "intern"}};
	uint32_t key = 0;

	rec_addf(&t->value, "last", "%zu", ARRAY_LEN(rows) + 1);
	rec_end(&t->value);
	entry(t, "holdrule", &key, sizeof key);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		key = htobe32((uint32_t)i + 1);
		rec_addf(&t->value, "rule", "%zu", i + 1);
		rec_addf(&t->value, "since", "%" PRId64, t->data->now - DAY);
		rec_addf(&t->value, "uid", "%u", 0U);
		select_put(&t->value, rows[i].key, rows[i].value);
		rec_end(&t->value);
		entry(t, "holdrule", &key, sizeof key);
	}
}

/* ---- of messages that wait ---- */

static void
signature(struct tables *t)
{
	static const char lines[] =
	    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.example; s=2026a;\r\n"
	    "\th=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n"
	    "\tb=bm90IGEgcmVhbCBvbmU=\r\n";
	uint64_t key = htobe64(t->data->signed_id);

	rec_addn(&t->value, "prepend", lines, sizeof lines - 1);
	rec_end(&t->value);
	entry(t, "msg", &key, sizeof key);
}

static void
transcript(struct tables *t)
{
	unsigned char key[12] = {0};
	uint64_t id = htobe64(t->data->failed_id);

	memcpy(key, &id, sizeof id);
	rec_addf(&t->value, "last", "%" PRId64, t->data->now - 5 * MINUTE);
	rec_add(&t->value, "recipients", "1");
	rec_add(&t->value, "transcript",
	    "0 *: connected to mx.site0.example[192.0.2.25]\n12 S: 220 mx.site0.example ESMTP\n"
	    "12 C: EHLO mail.sender.example\n24 S: 250-mx.site0.example\n24 S: 250 SIZE\n"
	    "25 C: MAIL FROM:<alerts@sender.example>\n40 S: 451-4.7.1 greylisted, \\ and \xff\n"
	    "40 S: 451 4.7.1 try later");
	rec_end(&t->value);
	entry(t, "transcript", key, sizeof key);
}

void
testdata_tables(struct testdata *d)
{
	struct tables t = {.data = d};

	history(&t);
	suppression(&t);
	limits(&t);
	rules(&t);
	signature(&t);
	transcript(&t);
	saved_write_end(&t.out, t.entries);
	testdata_file(d, d->spool.dir, SAVED_FILE, &t.out, 0600);
	str_free(&t.out);
	str_free(&t.value);
}

/* ---- caches and logs ---- */

static void
doubles(struct testdata *t)
{
	struct str out = {0};
	char id[ID_SIZE];

	id_format(id, (uint64_t)(t->now - 20 * MINUTE) << 12);
	rec_addf(&out, "told", "%" PRId64, t->now - 30 * MINUTE);
	rec_addf(&out, "more", "3 %" PRId64, t->now - 25 * MINUTE);
	rec_open(&out, "over");
	rec_putf(&out, "%" PRId64, t->now - 20 * MINUTE);
	rec_putf(&out, "%s.1", id);
	rec_put(&out, "bounces@sender.example");
	str_adds(&out, " failed 550 5.1.1 mx.site0.example[192.0.2.25] no\\x20such\\x20user");
	rec_close(&out);
	testdata_file(t, t->spool.dir, "doubles", &out, 0600);
	str_free(&out);
}

static void
policies(struct testdata *t)
{
	struct str out = {0}, none = {0};
	int dir = openat(t->spool.dir, "sts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	str_adds(&out, "sts 1\n");
	rec_add(&out, "domain", "policy.example");
	rec_add(&out, "id", "20260101");
	rec_add(&out, "mode", "enforce");
	rec_addf(&out, "max-age", "%d", 604800);
	rec_add(&out, "mx", "mx1.policy.example");
	rec_add(&out, "mx", "*.mail.policy.example");
	rec_addf(&out, "fetched", "%" PRId64, t->now - DAY);
	rec_addf(&out, "used", "%" PRId64, t->now - DAY);
	rec_addf(&out, "failed", "%" PRId64, t->now - HOUR);
	rec_add(&out, "result", "sts-policy-fetch-error");
	rec_add(&out, "why", "unable to connect to mta-sts.policy.example");
	rec_end(&out);
	if (dir < 0) {
		testdata_failed(t, "open sts of");
	} else {
		testdata_file(t, dir, "policy.example", &out, 0600);
		testdata_file(t, dir, ".refreshed", &none, 0600);
		close(dir);
	}
	str_free(&out);
	str_free(&none);
}

static void
results(struct testdata *t)
{
	struct str out = {0};
	char iso[CLOCK_ISO_SIZE], day[9];
	int dir = openat(t->spool.dir, "tlsrpt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	clock_iso(iso, t->now, 0);
	snprintf(day, sizeof day, "%.4s%.2s%.2s", iso, iso + 5, iso + 8);
	str_adds(&out, "sums 1\n");
	rec_addf(&out, "at", "%" PRId64, t->now - MINUTE);
	str_adds(&out, "tls 12 no-policy-found site0.example ok mx=mx.site0.example\n"
		       "tls 3 sts policy.example ok mx=mx1.policy.example policy=version:\\x20STSv1\n"
		       "tls 1 tlsa mx.dane.example validation-failure mx=mx.dane.example ip=192.0.2.25\n");
	rec_end(&out);
	if (dir < 0) {
		testdata_failed(t, "open tlsrpt of");
	} else {
		testdata_file(t, dir, day, &out, 0600);
		close(dir);
	}
	str_free(&out);
}

static void
support(struct testdata *t)
{
	static const char *const domains[] = {"site0.example", "site1.example", "xn--e1afmkfd.example"};
	const struct timespec when = {.tv_sec = t->now / SECOND};
	int fd = support_open(t->spool.path, true);

	if (fd < 0)
		testdata_failed(t, "make support of");
	for (size_t i = 0; i < ARRAY_LEN(domains) && fd >= 0; i++) {
		struct support s = {.starttls = i != 1, .requiretls = i == 2, .seen = t->now - HOUR};

		if (!support_put(fd, domains[i], &s))
			testdata_failed(t, "write support of");
	}
	if (fd >= 0 && futimens(fd, (const struct timespec[]){when, when}))
		testdata_failed(t, "write support of");
	if (fd >= 0)
		close(fd);
}

void
testdata_caches(struct testdata *t)
{
	doubles(t);
	policies(t);
	results(t);
	support(t);
}
