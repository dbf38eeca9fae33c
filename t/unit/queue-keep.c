#include "base.h"

#include "keep.h"
#include "str.h"
#include "unit.h"

static const struct keep_limits few = {.bytes = 4000, .per_key = 3, .per_subject = 2, .value = 1000};

static void
put(struct keep *k, const char *key, const char *value, int64_t until)
{
	char *text = mem_dup(value);

	keep_put(
	    k, &few, key, &(struct kept){.until = until, .subject = keep_subject(value, 2), .value = text});
	free(text);
}

/* What is kept under the key, the newest first. */
static const char *
all(const struct keep *k, const char *key)
{
	static struct str out;

	str_reset(&out);
	for (struct kept *e = keep_next(k, key, NULL); e; e = keep_next(k, key, e))
		str_addf(&out, "%s;", e->value);
	return str_cstr(&out);
}

int
main(void)
{
	static struct keep k;
	static char large[1002];
	char value[700];

	OK(keep_subject("a b c", 2) == 3 && keep_subject("a b", 2) == 3 && keep_subject("a b", 3) == 0 &&
		keep_subject("", 1) == 0 && keep_subject("a  b", 2) == 0 && keep_subject("a ", 2) == 0,
	    "subjects are whole fields");
	STR_EQ(all(&k, "x"), "", "nothing yet");
	put(&k, "x", "a 1 first", 1);
	put(&k, "x", "a 1 second", 2);
	put(&k, "y", "a 1 other", 1);
	STR_EQ(all(&k, "x"), "a 1 second;a 1 first;", "keys are apart");
	put(&k, "x", "a 1 third", 3);
	STR_EQ(all(&k, "x"), "a 1 third;a 1 second;", "so many of one subject");
	put(&k, "x", "a 2 more", 4);
	put(&k, "x", "a 11 more", 5);
	STR_EQ(all(&k, "x"), "a 11 more;a 2 more;a 1 third;", "so many of one key");
	keep_forget(&k, "x", &(struct kept){.subject = 3, .value = (char[]){"a 1"}});
	STR_EQ(all(&k, "x"), "a 11 more;a 2 more;", "a subject is forgotten, whatever else begins like it");
	memset(large, 'x', sizeof large - 1);
	memcpy(large, "a 3 ", 4);
	put(&k, "x", large, 9);
	STR_EQ(all(&k, "x"), "a 11 more;a 2 more;", "what is too long is not kept");
	for (int i = 0; i < 100; i++) {
		char key[16];

		snprintf(key, sizeof key, "key%d", i);
		snprintf(value, sizeof value, "a %d %0600d", i, i);
		put(&k, key, value, i);
	}
	OK(k.bytes <= few.bytes && k.by_key.n >= 3, "in bounded memory");
	OK(*all(&k, "key99") && !*all(&k, "key1") && !*all(&k, "x"), "the oldest go");
	while (k.by_key.n)
		keep_drop(&k, TAILQ_FIRST(&k.all));
	OK(k.bytes == 0 && TAILQ_EMPTY(&k.all), "nothing is left");
	free(k.by_key.bucket);
	DONE();
}
