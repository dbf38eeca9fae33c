#include "base.h"

#include "series.h"

#include <inttypes.h>
#include <math.h>

void
series_labels(struct str *out, const char *const *pairs)
{
	for (size_t i = 0; pairs[i]; i += 2) {
		if (i)
			str_addc(out, ',');
		str_adds(out, pairs[i]);
		str_adds(out, "=\"");
		for (const char *p = pairs[i + 1]; p && *p;) {
			size_t n = (unsigned char)*p < 0x80 ? 1 : utf8_len(p, strlen(p));

			if (*p == '\\' || *p == '"')
				str_addc(out, '\\');
			if (!n || (unsigned char)*p < 32 || *p == 127)
				str_addc(out, '?');
			else
				str_add(out, p, n);
			p += n ? n : 1;
		}
		str_addc(out, '"');
	}
}

static int
compare(const struct series_one *a, size_t family, const char *labels)
{
	return a->family != family ? (a->family < family ? -1 : 1) : strcmp(a->labels, labels);
}

/* Where it stands, or would. */
static size_t
place(const struct series *s, size_t family, const char *labels, bool *there)
{
	size_t low = 0, high = s->n;

	*there = false;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = compare(&s->v[mid], family, labels);

		if (!c) {
			*there = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Made when it is not there; NULL: there are enough. */
static struct series_one *
get(struct series *s, size_t family, const char *labels)
{
	bool there;
	size_t at = place(s, family, labels, &there);

	if (there)
		return &s->v[at];
	if (s->n == SERIES_MAX)
		return NULL;
	s->v = mem_grow(s->v, s->n + 1, sizeof *s->v);
	memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof *s->v);
	s->n++;
	s->v[at] = (struct series_one){.family = family, .labels = mem_dup(labels)};
	return &s->v[at];
}

bool
series_value(const struct series *s, size_t family, const char *labels, double *value)
{
	bool there;
	size_t at = place(s, family, labels, &there);

	if (there)
		*value = s->v[at].value;
	return there;
}

void
series_add(struct series *s, size_t family, const char *labels, double value)
{
	struct series_one *one = get(s, family, labels);

	if (one)
		one->value += value;
}

void
series_set(struct series *s, size_t family, const char *labels, double value)
{
	struct series_one *one = get(s, family, labels);

	if (one)
		one->value = value;
}

void
series_observe(struct series *s, size_t family, const char *labels, double value)
{
	struct series_one *one = get(s, family, labels);
	const double *bound = s->family[family].bucket;
	size_t i = 0;

	if (!one)
		return;
	while (i < SERIES_BUCKETS && bound[i] > 0 && value > bound[i])
		i++;
	one->count[i < SERIES_BUCKETS && bound[i] > 0 ? i : SERIES_BUCKETS]++;
	one->value += value;
}

void
series_clear(struct series *s, size_t family)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].family == family)
			free(s->v[i].labels);
		else
			s->v[kept++] = s->v[i];
	s->n = kept;
}

void
series_free(struct series *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].labels);
	free(s->v);
	s->v = NULL;
	s->n = 0;
}

/* ---- text ---- */

static void
write_value(struct str *out, const char *name, const char *what, const char *labels, double value)
{
	str_addf(
	    out, "%s%s%s%s%s %.17g\n", name, what, *labels ? "{" : "", labels, *labels ? "}" : "", value);
}

static void
write_histogram(struct str *out, const struct series_family *f, const struct series_one *one)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SERIES_BUCKETS && f->bucket[i] > 0; i++) {
		sum += one->count[i];
		str_addf(out, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", f->name, one->labels,
		    *one->labels ? "," : "", f->bucket[i], sum);
	}
	sum += one->count[SERIES_BUCKETS];
	str_addf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", f->name, one->labels,
	    *one->labels ? "," : "", sum);
	write_value(out, f->name, "_sum", one->labels, one->value);
	write_value(out, f->name, "_count", one->labels, (double)sum);
}

void
series_write(struct str *out, const struct series *s)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	size_t i = 0;

	for (size_t f = 0; s->family[f].name; f++) {
		const struct series_family *fam = &s->family[f];

		str_addf(
		    out, "# HELP %s %s\n# TYPE %s %s\n", fam->name, fam->help, fam->name, types[fam->type]);
		for (; i < s->n && s->v[i].family == f; i++)
			if (fam->type == SERIES_HISTOGRAM)
				write_histogram(out, fam, &s->v[i]);
			else
				write_value(out, fam->name, "", s->v[i].labels, s->v[i].value);
	}
}

/* NAME or NAME{LABELS}, then a value; false: neither. */
static bool
take_apart(char *line, char **labels, double *value)
{
	char *open = strchr(line, '{'), *close = strrchr(line, '}'), *blank = strrchr(line, ' '), *end;

	if (!blank || (open && (!close || close > blank || close < open)))
		return false;
	*value = strtod(blank + 1, &end);
	if (end == blank + 1 || *end || !isfinite(*value) || *value < 0)
		return false;
	*blank = 0;
	*labels = blank;
	if (open) {
		*open = *close = 0;
		*labels = open + 1;
	}
	return true;
}

/* The bucket's bound stands last; *labels loses it. false: there is none such. */
static bool
read_bucket(const struct series_family *f, char *labels, size_t *i)
{
	char *le = strstr(labels, "le=\""), *next;
	double bound;

	while (le && (next = strstr(le + 1, "le=\"")))
		le = next;
	if (!le || (le != labels && le[-1] != ','))
		return false;
	if (!strcmp(le, "le=\"+Inf\"")) {
		*i = SERIES_BUCKETS;
	} else {
		bound = strtod(le + 4, NULL);
		for (*i = 0; *i < SERIES_BUCKETS && f->bucket[*i] > 0; (*i)++)
			if (fabs(f->bucket[*i] - bound) < 1e-9 * bound)
				break;
		if (*i == SERIES_BUCKETS || f->bucket[*i] <= 0)
			return false;
	}
	if (le > labels)
		le--;
	*le = 0;
	return true;
}

static void
read_line(struct series *s, char *line)
{
	static const char *const parts[] = {"_bucket", "_sum"};
	char *labels;
	double value;
	size_t n, i;

	if (*line == '#' || !take_apart(line, &labels, &value))
		return;
	for (size_t f = 0; s->family[f].name; f++) {
		const struct series_family *fam = &s->family[f];
		struct series_one *one;

		n = strlen(fam->name);
		if (strncmp(line, fam->name, n))
			continue;
		if (fam->type != SERIES_HISTOGRAM && !line[n]) {
			series_set(s, f, labels, value);
		} else if (fam->type == SERIES_HISTOGRAM && !strcmp(line + n, parts[0]) &&
			   read_bucket(fam, labels, &i) && (one = get(s, f, labels))) {
			one->count[i] = (uint64_t)value;
		} else if (fam->type == SERIES_HISTOGRAM && !strcmp(line + n, parts[1])) {
			series_set(s, f, labels, value);
		}
	}
}

void
series_read(struct series *s, char *text)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")))
		read_line(s, line);
	/* Each bucket counts what the ones before it do, in the text. */
	for (size_t i = 0; i < s->n; i++) {
		const struct series_family *f = &s->family[s->v[i].family];
		uint64_t before = 0;

		if (f->type != SERIES_HISTOGRAM)
			continue;
		for (size_t b = 0; b <= SERIES_BUCKETS; b++) {
			uint64_t upto = s->v[i].count[b];

			if (b < SERIES_BUCKETS && f->bucket[b] <= 0)
				continue;
			s->v[i].count[b] = upto > before ? upto - before : 0;
			before = upto > before ? upto : before;
		}
	}
}
