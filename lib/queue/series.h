/* Counters, gauges and histograms with labels, and their text form (Prometheus, text format 0.0.4). Pure.
 *
 * Families are a table of the caller's; series of them come to be when they are first counted, at most SERIES_MAX: what
 * is more is not counted. */
#ifndef SERIES_H
#define SERIES_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_MAX 2000
#define SERIES_BUCKETS 16

struct series_family {
	const char *name; /* NULL: the end of the table */
	enum { SERIES_COUNTER, SERIES_GAUGE, SERIES_HISTOGRAM } type;
	const char *help;
	double bucket[SERIES_BUCKETS]; /* upper bounds, ascending, up to the first 0 */
};

struct series_one {
	size_t family;
	char *labels;                       /* `a="b",c="d"`; "": none */
	double value;                       /* histogram: the sum */
	uint64_t count[SERIES_BUCKETS + 1]; /* histogram: of each bucket alone; the last is beyond all */
};

struct series {
	const struct series_family *family;
	struct series_one *v; /* by family, then labels */
	size_t n;
};

/* Labels: pairs of name and value up to NULL; values are escaped here, and are UTF-8: readers refuse all of a file
 * with one that is not. Appended. */
void series_labels(struct str *out, const char *const *pairs);
void series_add(struct series *s, size_t family, const char *labels, double value);     /* counter */
void series_set(struct series *s, size_t family, const char *labels, double value);     /* gauge */
void series_observe(struct series *s, size_t family, const char *labels, double value); /* histogram */
/* A counter or gauge; false: there is none with these labels. */
bool series_value(const struct series *s, size_t family, const char *labels, double *value);
/* All series of the family go. */
void series_clear(struct series *s, size_t family);
void series_write(struct str *out, const struct series *s);
/* What an earlier series_write wrote, destructively: it goes on from there. What cannot be read is left out. */
void series_read(struct series *s, char *text);
void series_free(struct series *s);

#endif
