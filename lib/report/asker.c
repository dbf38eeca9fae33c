#include "base.h"

#include "asker.h"
#include "clock.h"
#include "die.h"

#define LOOKUP_TIME (45 * SECOND)
#define AT_ONCE 8

struct asked {
	char *type, *name;
	struct lookup *answer; /* of its own: v grows, answers stay */
};

static const struct lookup *
known(const struct asker *a, const char *type, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strcmp(a->v[i].type, type) && str_ieq(a->v[i].name, name))
			return a->v[i].answer;
	return NULL;
}

static void
keep(struct asker *a, const struct asker_question *q, struct gather *g)
{
	struct lookup *l = mem_zalloc(sizeof *l);

	if (lookup_read(l, &g->out))
		l->status = LOOKUP_FAIL;
	if (l->status == LOOKUP_UNKNOWN)
		l->status = g->code == EXIT_PERM ? LOOKUP_NXDOMAIN : LOOKUP_FAIL;
	if (l->status != LOOKUP_DATA && !l->why && *g->said)
		l->why = mem_dup(g->said);
	a->v = mem_grow(a->v, a->n + 1, sizeof *a->v);
	a->v[a->n++] = (struct asked){mem_dup(q->type), mem_dup(q->name), l};
}

void
asker_fetch(struct asker *a, const struct asker_question *q, size_t n)
{
	struct gather *g = mem_zalloc((n + 1) * sizeof *g);
	const struct asker_question **about = mem_zalloc((n + 1) * sizeof *about);
	size_t wanted = 0;

	for (size_t i = 0; i < n; i++) {
		if (known(a, q[i].type, q[i].name))
			continue;
		about[wanted] = &q[i];
		doctor_sibling(a->d, &g[wanted++], LOOKUP_TIME,
		    (const char *const[]){"mox-nexthop", "-q", q[i].type, "--", q[i].name, NULL});
	}
	gather_run(g, wanted, AT_ONCE);
	for (size_t i = 0; i < wanted; i++) {
		if (!known(a, about[i]->type, about[i]->name))
			keep(a, about[i], &g[i]);
		gather_free(&g[i]);
	}
	free(about);
	free(g);
}

const struct lookup *
asker_ask(void *arg, const char *type, const char *name)
{
	struct asker *a = arg;

	asker_fetch(a, &(struct asker_question){type, name}, 1);
	return known(a, type, name);
}

void
asker_free(struct asker *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].type);
		free(a->v[i].name);
		lookup_free(a->v[i].answer);
		free(a->v[i].answer);
	}
	free(a->v);
	*a = (struct asker){0};
}

bool
lookup_has(const struct lookup *l)
{
	return l->status == LOOKUP_DATA && l->data.n;
}

bool
lookup_failed(const struct lookup *l)
{
	return l->status == LOOKUP_FAIL || l->status == LOOKUP_BOGUS || l->status == LOOKUP_UNKNOWN;
}

bool
lookup_text(struct str *out, const struct lookup *l, const char *version, size_t n)
{
	struct str text = {0};
	size_t len = strlen(version);
	bool found = false;

	for (size_t i = 0; lookup_has(l) && i < l->data.n && !found; i++) {
		str_reset(&text);
		if (!txt_join(&text, l->data.v[i]) || text.len < len ||
		    strncasecmp(text.s, version, len) != 0 || (text.s[len] && !strchr(" ;\t", text.s[len])) ||
		    n-- > 0)
			continue;
		str_adds(out, text.s);
		found = true;
	}
	str_free(&text);
	return found;
}
