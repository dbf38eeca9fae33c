#include "base.h"

#include "addr.h"
#include "addrlist.h"
#include "path.h"
#include "recipients.h"

/* Takes path and asked over. */
static void
append(struct recipients *to, char *path, char *asked, bool bare)
{
	if (to->n == to->cap) {
		to->cap = to->cap ? 2 * to->cap : 16;
		to->v = mem_grow(to->v, to->cap, sizeof *to->v);
	}
	to->v[to->n] = (struct recipient){.path = path, .asked = asked, .bare = bare, .order = to->n};
	to->n++;
}

void
recipients_add_path(struct recipients *to, const char *path, const char *asked)
{
	append(to, mem_dup(path), asked && strcmp(asked, path) ? mem_dup(asked) : NULL, false);
}

void
recipients_add(void *arg, const char *address)
{
	struct recipients *to = arg;
	const char *why;
	char *path;

	if (to->why.len)
		return;
	path = path_make(address, addr_domain(address) ? NULL : to->mailname(), &why);
	if (!path) {
		str_addf(&to->why, "unable to use the recipient %s: %s", address, why);
		return;
	}
	append(to, path, NULL, !addr_domain(address));
}

void
recipients_add_list(struct recipients *to, const char *list)
{
	struct addrlist l = {.p = list, .end = list + strlen(list)};
	enum addrlist_got got;
	size_t items = 0;

	for (; (got = addrlist_next(&l)) == ADDRLIST_ITEM; items++)
		recipients_add(to, str_cstr(&l.addr));
	if (!to->why.len && (got == ADDRLIST_BAD || !items))
		str_addf(
		    &to->why, "unable to use the recipient %s: %s", list, l.why ? l.why : "no address in it");
	addrlist_free(&l);
}

static int
by_path(const void *x, const void *y)
{
	const struct recipient *a = x, *b = y;
	int c = strcmp(a->path, b->path);

	return c ? c : a->order < b->order ? -1 : 1;
}

static int
by_order(const void *x, const void *y)
{
	const struct recipient *a = x, *b = y;

	return a->order < b->order ? -1 : 1;
}

void
recipients_unique(struct recipients *to)
{
	size_t n = 1;

	if (to->n < 2)
		return;
	qsort(to->v, to->n, sizeof *to->v, by_path);
	for (size_t i = 1; i < to->n; i++)
		if (strcmp(to->v[i].path, to->v[n - 1].path))
			to->v[n++] = to->v[i];
		else {
			free(to->v[i].path);
			free(to->v[i].asked);
		}
	to->n = n;
	qsort(to->v, n, sizeof *to->v, by_order);
	for (size_t i = 0; i < n; i++)
		to->v[i].order = i;
}

bool
recipient_original(struct str *out, const char *asked)
{
	if (!text_is_ascii(asked, strlen(asked)))
		return false;
	str_adds(out, "rfc822;");
	for (; *asked; asked++)
		if (*asked > 32 && *asked < 127 && *asked != '+' && *asked != '=')
			str_addc(out, *asked);
		else
			str_addf(out, "+%02X", (unsigned)*asked);
	return true;
}

void
recipients_free(struct recipients *to)
{
	for (size_t i = 0; i < to->n; i++) {
		free(to->v[i].path);
		free(to->v[i].asked);
	}
	free(to->v);
	str_free(&to->why);
}
