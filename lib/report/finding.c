#include "base.h"

#include "die.h"
#include "finding.h"

#include <jansson.h>
#include <stdarg.h>

static const char *const words[] = {"ok", "unknown", "warning", "critical"};

void
findings_free(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].about);
		free(f->v[i].text);
		free(f->v[i].todo);
	}
	free(f->v);
	str_free(&f->figures);
	*f = (struct findings){0};
}

static char *
format(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		die_temp("unable to write a sentence: %m");
	return s;
}

void
finding_add(struct findings *f, enum weight w, const char *about, const char *fmt, ...)
{
	va_list ap;

	f->v = mem_grow(f->v, f->n + 1, sizeof *f->v);
	va_start(ap, fmt);
	f->v[f->n++] = (struct finding){w, mem_dup(about), format(fmt, ap), NULL};
	va_end(ap);
}

void
finding_todo(struct findings *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	free(f->v[f->n - 1].todo);
	f->v[f->n - 1].todo = format(fmt, ap);
	va_end(ap);
}

void
finding_figure(struct findings *f, const char *name, const char *fmt, ...)
{
	va_list ap;
	char *value;

	va_start(ap, fmt);
	value = format(fmt, ap);
	va_end(ap);
	str_addf(&f->figures, "%s%s=%s", f->figures.len ? " " : "", name, value);
	free(value);
}

enum weight
findings_worst(const struct findings *f)
{
	enum weight worst = FINDING_OK;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].weight > worst)
			worst = f->v[i].weight;
	return worst;
}

int
weight_code(enum weight w)
{
	static const int codes[] = {0, 3, 1, 2};

	return codes[w];
}

/* ---- printing ---- */

static void
add_visible(struct str *out, const char *s)
{
	size_t n = strlen(s);

	str_reserve(out, 4 * n);
	out->len += text_visible(out->s + out->len, 4 * n, s, n);
	str_reserve(out, 0);
	out->s[out->len] = 0;
}

static void
text_add(struct str *out, const struct finding *d)
{
	str_addf(out, "%-9s %-14s ", words[d->weight], d->about);
	add_visible(out, d->text);
	if (d->todo) {
		str_adds(out, "; ");
		add_visible(out, d->todo);
	}
	str_addc(out, '\n');
}

static json_t *
json_text(const char *s)
{
	struct str visible = {0};
	json_t *j;

	if (!s)
		return json_null();
	add_visible(&visible, s);
	j = json_string(str_cstr(&visible));
	str_free(&visible);
	return j;
}

static void
json_add(struct str *out, const struct finding *d)
{
	json_t *j = json_pack("{s:s, s:o, s:o, s:o}", "weight", words[d->weight], "about",
	    json_text(d->about), "text", json_text(d->text), "todo", json_text(d->todo));
	char *line = j ? json_dumps(j, JSON_COMPACT) : NULL;

	if (!line)
		die_temp("unable to write JSON: out of memory");
	str_addf(out, "%s\n", line);
	free(line);
	json_decref(j);
}

/* The worst findings in words; when all is well, how many. A `|' would begin the figures. */
static void
nagios_add(struct str *out, const struct findings *f, const char *what)
{
	enum weight worst = findings_worst(f);
	size_t begin, told = 0;

	str_adds(out, "MOX ");
	for (const char *p = what; *p; p++)
		str_addc(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p);
	str_addc(out, ' ');
	for (const char *p = words[worst]; *p; p++)
		str_addc(out, (char)(*p - 32));
	str_adds(out, " - ");
	begin = out->len;
	for (enum weight w = worst; w > FINDING_OK; w--)
		for (size_t i = 0; i < f->n; i++)
			if (f->v[i].weight == w) {
				str_addf(out, "%s%s: ", told++ ? "; " : "", f->v[i].about);
				add_visible(out, f->v[i].text);
			}
	if (!told)
		str_addf(out, "%zu looked at, all well", f->n);
	for (char *p = out->s + begin; *p; p++)
		if (*p == '|')
			*p = '/';
	if (f->figures.len)
		str_addf(out, " | %s", f->figures.s);
	str_addc(out, '\n');
}

int
findings_print(const struct findings *f, enum finding_form form, const char *what)
{
	struct str out = {0};

	for (size_t i = 0; i < f->n && form != FINDINGS_NAGIOS; i++)
		(form == FINDINGS_JSON ? json_add : text_add)(&out, &f->v[i]);
	if (form == FINDINGS_NAGIOS)
		nagios_add(&out, f, what);
	if (fwrite(str_cstr(&out), 1, out.len, stdout) != out.len || fflush(stdout))
		die_temp("unable to write: %m");
	str_free(&out);
	return weight_code(findings_worst(f));
}
