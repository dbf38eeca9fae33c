/* mox-tlsrpt-send show: a day's results, ours and what others told of us, a row for each name and policy. mox-tlsrpt-send
 * lookup: what a domain wants. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "domain.h"
#include "rdata.h"
#include "stsdns.h"
#include "table.h"
#include "tlsrpt_day.h"
#include "tlsrpt_in.h"
#include "tlsrpt_record.h"
#include "tlsrpt_verbs.h"

#include <errno.h>
#include <unistd.h>

#define NAME_MAX_ASKED 242 /* _smtp._tls. in front of it must fit a name */

/* ---- show ---- */

enum { WAY, REPORTER, DOMAIN, TYPE, OK, FAILED, MOST, COLUMNS };

static struct table_column columns[COLUMNS] = {[WAY] = {"way", 3, false},
    [REPORTER] = {"reporter", 12, false},
    [DOMAIN] = {"domain", 32, false},
    [TYPE] = {"type", 15, false},
    [OK] = {"ok", 8, true},
    [FAILED] = {"failed", 8, true},
    [MOST] = {"most", 10, false}};

/* Of one name's sessions by one type of policy. */
struct sum {
	uint64_t rows, ok, failed;
	const char *most; /* the result that failed most often */
	uint64_t most_n;
};

static uint64_t
count_of(const struct tlsrpt_name *name, enum tlsrpt_type type, const char *result)
{
	uint64_t n = 0;

	for (size_t i = 0; i < name->n; i++)
		if (name->row[i]->type == type && !strcmp(name->row[i]->result, result))
			n += tlsrpt_day_count(name->name, name->row[i]);
	return n;
}

/* Each result is looked at once: those of RFC 8460 are few, whatever the number of rows. */
static struct sum
sum_of(const struct tlsrpt_name *name, enum tlsrpt_type type)
{
	struct sum s = {0};
	const char *seen[32];
	size_t nseen = 0, k;

	for (size_t i = 0; i < name->n; i++) {
		const struct tlsrpt_row *r = name->row[i];
		uint64_t n;

		if (r->type != type)
			continue;
		s.rows++;
		*(r->ok ? &s.ok : &s.failed) += tlsrpt_day_count(name->name, r);
		if (r->ok)
			continue;
		for (k = 0; k < nseen && strcmp(seen[k], r->result) != 0; k++)
			;
		if (k < nseen || nseen == ARRAY_LEN(seen))
			continue;
		seen[nseen++] = r->result;
		if ((n = count_of(name, type, r->result)) > s.most_n) {
			s.most = r->result;
			s.most_n = n;
		}
	}
	return s;
}

/* The fields that both ways have. */
static void
values_set(struct str value[COLUMNS], uint64_t ok, uint64_t failed, const char *most, uint64_t most_n)
{
	str_addf(&value[OK], "%ju", (uintmax_t)ok);
	str_addf(&value[FAILED], "%ju", (uintmax_t)failed);
	if (most)
		str_addf(&value[MOST], "%s %ju", most, (uintmax_t)most_n);
}

static void
values_reset(struct str value[COLUMNS], const char *way)
{
	for (size_t k = 0; k < COLUMNS; k++)
		str_reset(&value[k]);
	str_adds(&value[WAY], way);
}

static void
print(const struct table *t, const struct tlsrpt_name *name, struct str value[COLUMNS])
{
	static const enum tlsrpt_type types[] = {TLSRPT_STS, TLSRPT_TLSA, TLSRPT_NO_POLICY};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct sum s = sum_of(name, types[i]);

		if (!s.rows)
			continue;
		values_reset(value, "out");
		str_adds(&value[DOMAIN], name->name);
		str_adds(&value[TYPE], tlsrpt_type_word(types[i]));
		values_set(value, s.ok, s.failed, s.most, s.most_n);
		table_row(t, value);
	}
}

static void
print_in(const struct table *t, const struct tlsrpt_in *in, struct str value[COLUMNS])
{
	for (size_t i = 0; i < in->nsum; i++) {
		const struct tlsrpt_in_sum *s = &in->sum[i];

		values_reset(value, "in");
		str_adds(&value[REPORTER], s->reporter);
		str_adds(&value[DOMAIN], s->domain);
		str_adds(&value[TYPE], tlsrpt_in_types[s->type]);
		values_set(
		    value, s->ok, s->failed, s->most ? tlsrpt_in_results[s->most] : NULL, s->by[s->most]);
		table_row(t, value);
	}
}

/* false: there are none of that day. */
static bool
ours_read(struct tlsrpt_day *d, const struct conf *c, const char *day)
{
	int dir = tlsrpt_dir(c), failed = tlsrpt_day_read(d, dir, day), err = errno;

	close(dir);
	errno = err;
	if (failed && err != ENOENT)
		die_temp("unable to read %s/tlsrpt/%s: %m", c->spool, day);
	return !failed;
}

static bool
theirs_read(struct tlsrpt_in *in, const struct conf *c, const char *day)
{
	int dir = tlsrpt_in_open(c->spool), failed = dir < 0 ? -1 : tlsrpt_in_read(in, dir, day), err = errno;

	if (dir >= 0)
		close(dir);
	errno = err;
	if (failed && err != ENOENT)
		die_temp("unable to read %s/tlsrpt-in/%s: %m", c->spool, day);
	tlsrpt_in_add_up(in, true);
	return !failed;
}

int
tlsrpt_verb_show(const struct tlsrpt_run *run, char **argv)
{
	struct table t = {.column = columns, .n = COLUMNS};
	bool json = *argv && !strcmp(*argv, "-j");
	char day[CLOCK_DAY_SIZE];
	struct tlsrpt_day d;
	struct tlsrpt_in in = {0};
	struct str value[COLUMNS] = {0};
	bool ours, theirs;

	if (argv[json])
		return -1;
	clock_day(day, clock_now());
	if (run->day)
		memcpy(day, run->day, sizeof day);
	ours = ours_read(&d, run->conf, day);
	theirs = theirs_read(&in, run->conf, day);
	if (!ours && !theirs)
		die_perm("unable to show %s: there are no results of that day", day);
	t.form = json ? TABLE_JSON : table_form_of(1, &t.width);
	table_head(&t);
	for (size_t i = 0; i < d.nname; i++)
		print(&t, &d.name[i], value);
	print_in(&t, &in, value);
	if (fflush(stdout) || ferror(stdout))
		die_temp("unable to write: %m");
	for (size_t k = 0; k < COLUMNS; k++)
		str_free(&value[k]);
	tlsrpt_day_free(&d);
	tlsrpt_in_free(&in);
	return 0;
}

/* ---- lookup ---- */

static void
say_record(const char *domain, const struct tlsrpt_record *r)
{
	for (size_t i = 0; i < r->n; i++)
		printf("%s wants reports by %s %s\n", domain,
		    r->rua[i].https ? "HTTPS, posted to" : "mail to", r->rua[i].to);
	if (!r->n)
		printf("%s wants reports, but names nobody to whom they can go\n", domain);
	if (r->passed_over)
		printf("%u of the addresses it names cannot be used\n", r->passed_over);
}

int
tlsrpt_verb_lookup(const struct tlsrpt_run *run, char **argv)
{
	struct tlsrpt_record r = {0};
	struct sts_dns asked;
	struct dns_answer *a;
	struct str name = {0};
	const char *why = "an address literal has no reports";
	char *domain;
	int code = 0;

	if (!*argv || argv[1])
		return -1;
	if (!(domain = **argv == '[' ? NULL : domain_ascii(*argv, &why)))
		die_perm("unable to use \"%s\": %s", *argv, why);
	if (strlen(domain) > NAME_MAX_ASKED)
		die_perm("unable to look up %s: too long a name for a record below it", domain);
	str_addf(&name, "_smtp._tls.%s", domain);
	sts_dns_start(&asked, run->conf_file, DNS_TXT, name.s);
	a = sts_dns_finish(&asked);
	switch (tlsrpt_record_read(&r, a, &why)) {
	case TLSRPT_UNKNOWN:
		warn("unable to look up %s: %s", name.s, why);
		code = EXIT_TEMP;
		break;
	case TLSRPT_NONE:
		printf("%s wants no reports: %s\n", domain, why);
		code = EXIT_PERM;
		break;
	case TLSRPT_WANTED: say_record(domain, &r); break;
	}
	if (fflush(stdout) || ferror(stdout))
		die_temp("unable to write: %m");
	tlsrpt_record_free(&r);
	dns_answer_free(a);
	str_free(&name);
	free(domain);
	return code;
}
