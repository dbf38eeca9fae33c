/* Counters, gauges and histograms: what is written, and that what was written is read again. */
#include "base.h"

#include "series.h"
#include "unit.h"

static const struct series_family families[] = {
    {"a_total", SERIES_COUNTER, "Of a.", {0}},
    {"b_seconds", SERIES_HISTOGRAM, "Of b.", {0.5, 10}},
    {"c", SERIES_GAUGE, "Of c.", {0}},
    {"b_seconds_total", SERIES_COUNTER, "A name that begins like another.", {0}},
    {0},
};

static const char *
text(const struct series *s)
{
	static struct str out;

	str_reset(&out);
	series_write(&out, s);
	return str_cstr(&out);
}

static void
writes(struct series *s)
{
	struct str l = {0};

	series_add(s, 0, "", 1);
	series_add(s, 0, "", 2);
	series_labels(&l, (const char *[]){"x", "a\"b\\c\nd\xff\xc3\xa9\xc3", "y", "", NULL});
	series_add(s, 0, l.s, 1);
	series_observe(s, 1, "r=\"ok\"", 0.5);
	series_observe(s, 1, "r=\"ok\"", 0.6);
	series_observe(s, 1, "r=\"ok\"", 11);
	series_set(s, 2, "k=\"2\"", 4);
	series_set(s, 2, "k=\"1\"", 3);
	series_set(s, 2, "k=\"1\"", 2.5);
	series_add(s, 3, "", 7);
	STR_EQ(text(s),
	    "# HELP a_total Of a.\n# TYPE a_total counter\na_total "
	    "3\na_total{x=\"a\\\"b\\\\c?d?\xc3\xa9?\",y=\"\"} 1\n"
	    "# HELP b_seconds Of b.\n# TYPE b_seconds histogram\n"
	    "b_seconds_bucket{r=\"ok\",le=\"0.5\"} 1\nb_seconds_bucket{r=\"ok\",le=\"10\"} 2\n"
	    "b_seconds_bucket{r=\"ok\",le=\"+Inf\"} 3\nb_seconds_sum{r=\"ok\"} "
	    "12.1\nb_seconds_count{r=\"ok\"} 3\n"
	    "# HELP c Of c.\n# TYPE c gauge\nc{k=\"1\"} 2.5\nc{k=\"2\"} 4\n"
	    "# HELP b_seconds_total A name that begins like another.\n# TYPE b_seconds_total counter\n"
	    "b_seconds_total 7\n",
	    "the text");
	str_free(&l);
}

static void
reads(const struct series *from)
{
	struct series s = {.family = families};
	char *was = mem_dup(text(from));
	char *copy = mem_dup(was);

	series_read(&s, copy);
	STR_EQ(text(&s), was, "all is read again");
	series_observe(&s, 1, "r=\"ok\"", 1);
	OK(strstr(text(&s), "le=\"10\"} 3\n") && strstr(text(&s), "+Inf\"} 4\n"), "and counted on");
	series_clear(&s, 2);
	OK(!strstr(text(&s), "c{"), "a family is emptied");
	series_free(&s);
	free(copy);
	free(was);
}

static void
survives(void)
{
	static const char *const hostile[] = {"", "\n\n", "a_total", "a_total x", "a_total -1", "a_total nan",
	    "a_total inf", "a_total{ 1", "a_total} 1", "a_total}{ 1", "a_totalx 1",
	    "b_seconds_bucket{r=\"ok\"} 1", "b_seconds_bucket{le=\"3\"} 1", "b_seconds_bucket{le=\"} 1",
	    "b_seconds 1", "cc 1", "le=\"0.5\" 1"};

	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct series s = {.family = families};
		char *copy = mem_dup(hostile[i]);

		series_read(&s, copy);
		INT_EQ(s.n, 0, hostile[i]);
		series_free(&s);
		free(copy);
	}
}

static void
bounded(void)
{
	struct series s = {.family = families};
	char l[32];

	for (int i = 0; i < SERIES_MAX + 10; i++) {
		snprintf(l, sizeof l, "n=\"%d\"", i);
		series_add(&s, 0, l, 1);
		series_observe(&s, 1, l, 1);
	}
	INT_EQ(s.n, SERIES_MAX, "no more than so many");
	series_free(&s);
}

int
main(void)
{
	struct series s = {.family = families};

	writes(&s);
	reads(&s);
	series_free(&s);
	survives();
	bounded();
	DONE();
}
