#include "base.h"

#include "prefer.h"

/* Moves element `at` of v to `to`, which is not behind it; the others keep their order. */
static void
bring(void *v, size_t size, size_t at, size_t to)
{
	char *p = v, spare[sizeof(struct plan_hop)];

	memcpy(spare, p + at * size, size);
	memmove(p + (to + 1) * size, p + to * size, (at - to) * size);
	memcpy(p + to * size, spare, size);
}

/* Greylisting: who comes again is let in. */
static void
same_again(struct plan *p, const char *ip)
{
	for (size_t h = 0; h < p->nhop; h++) {
		struct plan_list *l = &p->hop[h].addr;
		size_t a = 0, first = h;

		while (a < l->n && strcmp(l->v[a], ip) != 0)
			a++;
		if (a == l->n)
			continue;
		bring(l->v, sizeof *l->v, a, 0);
		while (first && p->hop[first - 1].pref == p->hop[h].pref)
			first--;
		bring(p->hop, sizeof *p->hop, h, first);
		return;
	}
}

static bool
is_six(const char *ip)
{
	return strchr(ip, ':');
}

/* The less, the earlier. */
static size_t
rank(const char *ip, const struct plan_list *dialed)
{
	size_t n = is_six(ip) == is_six(dialed->v[dialed->n - 1]) ? dialed->n + 1 : 0;

	for (size_t i = 0; i < dialed->n; i++)
		n += !strcmp(dialed->v[i], ip);
	return n;
}

void
prefer_addresses(struct plan *p, const struct plan_list *dialed)
{
	if (!dialed->n)
		return;
	if (dialed->n == 1) {
		same_again(p, dialed->v[0]);
		return;
	}
	for (size_t h = 0; h < p->nhop; h++) {
		struct plan_list *l = &p->hop[h].addr;

		for (size_t i = 1; i < l->n; i++) {
			size_t to = i;

			while (to && rank(l->v[to - 1], dialed) > rank(l->v[i], dialed))
				to--;
			bring(l->v, sizeof *l->v, i, to);
		}
	}
}
