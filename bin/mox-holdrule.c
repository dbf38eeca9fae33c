/* Hold rules: what is held as it comes in. mox-runq has them; this asks and shows. */
#include "base.h"

#include "admin.h"
#include "clock.h"
#include "die.h"
#include "domain.h"
#include "path.h"
#include "rec.h"
#include "table.h"

#include <inttypes.h>

static const char usage[] = "mox-holdrule [-C file] list [-j] [-o column,...]\n"
			    "       mox-holdrule [-C file] add [-dry-run] [-account name] [-from address] "
			    "[-to address] [-domain name] "
			    "[-all] [-j] [-o column,...]\n"
			    "       mox-holdrule [-C file] remove [-dry-run] [-j] [-o column,...] rule ...";

enum { OPT_ACCOUNT = ADMIN_OWN, OPT_FROM, OPT_TO, OPT_DOMAIN, OPT_EVERY, OPT_DRY, OPT_JSON, OPT_COLUMNS };

static const struct opt options[] = {
    {"account", OPT_ACCOUNT, true},
    {"from", OPT_FROM, true},
    {"to", OPT_TO, true},
    {"domain", OPT_DOMAIN, true},
    {"all", OPT_EVERY, false},
    {"dry-run", OPT_DRY, false},
    {"j", OPT_JSON, false},
    {"o", OPT_COLUMNS, true},
};

enum what { LIST, ADD, REMOVE };
static const char *const words[] = {"list", "add", "remove"};
static const char *const ops[] = {"holdrule-list", "holdrule-add", "holdrule-remove"};

enum { RULE, ACCOUNT, FROM, TO, DOMAIN, SINCE, UID, COLUMNS };
static const struct table_column columns[COLUMNS] = {{"rule", 4, true}, {"account", 10, false},
    {"from", 20, false}, {"to", 16, false}, {"domain", 14, false}, {"since", 20, false}, {"uid", 5, true}};
static const char usual[] = "rule,account,from,to,domain,since";

struct holdrule {
	struct admin admin;
	enum what what;
	struct str sel; /* lines of the request */
	const char *names;
	bool all, json, dry;
	struct table table;
	struct table_column column[COLUMNS];
	int shown[COLUMNS];
	uint64_t held;
};

/* ---- what is asked for ---- */

/* As it stands in the queue. @domain; or an address, or <>. */
static char *
address_make(const char *given)
{
	const char *why;
	char *made;

	if (!strcmp(given, "<>"))
		return mem_dup(given);
	if (*given == '@') {
		char *domain = domain_ascii(given + 1, &why);
		struct str s = {0};

		if (!domain)
			die_perm("unable to use \"%s\": %s", given, why);
		str_addf(&s, "@%s", domain);
		free(domain);
		return str_take(&s);
	}
	if (!(made = path_make(given, NULL, &why)))
		die_perm("unable to use \"%s\": %s", given, why);
	return made;
}

static char *
domain_make(const char *given)
{
	bool below = *given == '.';
	const char *why;
	char *domain = domain_ascii(given + below, &why);
	struct str s = {0};

	if (!domain)
		die_perm("unable to use \"%s\" as a domain: %s", given, why);
	str_addf(&s, "%s%s", below ? "." : "", domain);
	free(domain);
	return str_take(&s);
}

static void
sel_add(struct holdrule *h, const char *key, char *value)
{
	select_put(&h->sel, key, value);
	free(value);
}

static void
option(struct holdrule *h, int code, const char *value)
{
	switch (code) {
	case OPT_ACCOUNT: sel_add(h, "account", mem_dup(value)); break;
	case OPT_FROM: sel_add(h, "from", address_make(value)); break;
	case OPT_TO: sel_add(h, "to", address_make(value)); break;
	case OPT_DOMAIN: sel_add(h, "domain", domain_make(value)); break;
	case OPT_EVERY: h->all = true; break;
	case OPT_DRY: h->dry = true; break;
	case OPT_JSON: h->json = true; break;
	default: h->names = value; break;
	}
}

static void
parse(struct holdrule *h, char *argv[])
{
	struct admin *a = &h->admin;
	size_t what = 0;
	int code;

	admin_start(a, "mox-holdrule", usage, ADMIN_PLAIN, argv);
	while ((code = admin_option(a, options, ARRAY_LEN(options))))
		option(h, code, a->opt.value);
	while (a->opt.nargs && what < ARRAY_LEN(words) && strcmp(words[what], a->opt.argv[0]))
		what++;
	if (!a->opt.nargs || what == ARRAY_LEN(words))
		die_usage(usage);
	h->what = (enum what)what;
	if ((h->what == REMOVE) != (a->opt.nargs > 1) || (h->what != ADD && (h->sel.len || h->all)) ||
	    (h->what == LIST && h->dry))
		die_usage(usage);
	if (h->what == ADD && h->all == (h->sel.len > 0))
		die_perm(
		    "unable to add a rule: say what it is to hold by -account, -from, -to and -domain, or "
		    "-all alone for everything");
	admin_ready(a, a->opt.nargs);
}

/* ---- answers ---- */

static void
value_add(struct str *field, const char *key, char *value)
{
	char iso[CLOCK_ISO_SIZE], *what;
	uint64_t us;

	if (!strcmp(key, "sel")) {
		what = rec_field(&value);
		for (int i = ACCOUNT; what && i <= DOMAIN; i++)
			if (!strcmp(what, columns[i].name) && (value = rec_text(value)))
				str_adds(&field[i], value);
		return;
	}
	if (!(value = rec_text(value)))
		return;
	if (!strcmp(key, "since") && str_number(value, INT64_MAX, &us)) {
		clock_iso(iso, (int64_t)us, 0);
		str_adds(&field[SINCE], iso);
	} else if (!strcmp(key, "rule") || !strcmp(key, "uid")) {
		str_adds(&field[*key == 'r' ? RULE : UID], value);
	}
}

/* A rule; or the id of a recipient that is held by it now. */
static void
take(char *rec, size_t n, void *arg)
{
	struct holdrule *h = arg;
	struct rec_in in = {rec, rec + n};
	struct str field[COLUMNS] = {0}, shown[COLUMNS];
	char *key, *value;

	if (strncmp(rec, "rule ", 5) != 0) {
		h->held++;
		return;
	}
	while (rec_next(&in, &key, &value) == REC_LINE)
		value_add(field, key, value);
	for (size_t i = 0; i < h->table.n; i++)
		shown[i] = field[h->shown[i]];
	table_row(&h->table, shown);
	for (size_t i = 0; i < COLUMNS; i++)
		str_free(&field[i]);
}

static void
choose_columns(struct holdrule *h)
{
	unsigned width = 0;
	enum table_form form = table_form_of(1, &width);
	const char *p = h->names ? h->names : h->json ? "rule,account,from,to,domain,since,uid" : usual;

	h->table = (struct table){h->json ? TABLE_JSON : form, h->column, 0, width};
	for (size_t n;; p += n + 1) {
		int i = 0;

		n = strcspn(p, ",");
		while (i < COLUMNS && (strlen(columns[i].name) != n || memcmp(columns[i].name, p, n) != 0))
			i++;
		if (i == COLUMNS || h->table.n == COLUMNS)
			die_perm("unable to show column \"%.*s\": expected some of %s,uid", (int)n, p, usual);
		h->shown[h->table.n] = i;
		h->column[h->table.n++] = columns[i];
		if (!p[n])
			break;
	}
	table_head(&h->table);
}

/* ---- asking ---- */

static void
put_rules(struct str *request, const struct admin *a)
{
	for (int i = 1; i < a->opt.nargs; i++) {
		uint64_t number;

		if (!str_number(a->opt.argv[i], UINT32_MAX, &number) || !number)
			die_perm("unable to remove \"%s\": expected the number of a rule", a->opt.argv[i]);
		rec_addi(request, "rule", number);
	}
}

static void
ask(struct holdrule *h)
{
	struct str request = {0}, why = {0};
	uint64_t count;
	int code;

	rec_add(&request, "op", ops[h->what]);
	str_adds(&request, str_cstr(&h->sel));
	if (h->all)
		rec_add(&request, "all", "yes");
	if (h->dry)
		rec_add(&request, "dry-run", "yes");
	put_rules(&request, &h->admin);
	rec_end(&request);
	code = ctl_ask(h->admin.conf, &request, take, h, &count, &why);
	admin_flush();
	if (code)
		die_exit(code == CTL_CUT ? EXIT_TEMP : code, "%s", str_cstr(&why));
	if (h->what == ADD)
		warn("%s %" PRIu64, h->dry ? "would hold" : "held", h->held);
	if (h->what == REMOVE)
		warn("still held by rules %" PRIu64 "%s", count,
		    count ? "; mox-queue-release -hold r lets them go" : "");
	str_free(&request);
	str_free(&why);
}

int
main(int argc, char *argv[])
{
	struct holdrule h = {0};

	(void)argc;
	parse(&h, argv);
	choose_columns(&h);
	ask(&h);
	str_free(&h.sel);
	admin_free(&h.admin);
	return 0;
}
