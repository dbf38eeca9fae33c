#include "base.h"

#include "id.h"
#include "unit.h"

static void
texts(void)
{
	static const struct {
		const char *s;
		bool good;
		uint64_t id;
	} t[] = {
	    {"0000000000000", true, 0},
	    {"0000000000001", true, 1},
	    {"000000000000z", true, 31},
	    {"fzzzzzzzzzzzz", true, UINT64_MAX},
	    {"g000000000000", false, 0},
	    {"zzzzzzzzzzzzz", false, 0},
	    {"000000000000", false, 0},
	    {"00000000000000", false, 0},
	    {"000000000000i", false, 0},
	    {"000000000000A", false, 0},
	    {"../../../etc/", false, 0},
	    {"", false, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		uint64_t id = 0;
		char out[ID_SIZE];
		bool good = id_parse(t[i].s, &id);

		OK(good == t[i].good, t[i].s);
		if (!good)
			continue;
		OK(id == t[i].id, "its value");
		id_format(out, id);
		STR_EQ(out, t[i].s, "and back");
	}
}

static void
recipients(void)
{
	static const struct {
		const char *s;
		bool good;
		unsigned n;
	} t[] = {
	    {"0d3k9v2x7m4qa", true, 0},
	    {"0d3k9v2x7m4qa.1", true, 1},
	    {"0d3k9v2x7m4qa.10000", true, 10000},
	    {"0d3k9v2x7m4qa.", false, 0},
	    {"0d3k9v2x7m4qa.0", false, 0},
	    {"0d3k9v2x7m4qa.01", false, 0},
	    {"0d3k9v2x7m4qa.1x", false, 0},
	    {"0d3k9v2x7m4qa.-1", false, 0},
	    {"0d3k9v2x7m4qa.9999999999", false, 0},
	    {"0d3k9v2x7m4qax1", false, 0},
	    {"0d3k", false, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		uint64_t id;
		unsigned n;
		bool good = id_parse_rcpt(t[i].s, &id, &n);

		OK(good == t[i].good, t[i].s);
		if (good)
			INT_EQ(n, t[i].n, "its number");
	}
}

int
main(void)
{
	int64_t now = INT64_C(1790000000123456);
	uint64_t a, b = 0;
	char bucket[3];
	bool rises = true;

	texts();
	recipients();
	a = id_make(now);
	INT_EQ(id_time(a), now, "the time is in the id");
	for (int i = 0; i < 5000; i++) {
		b = id_make(now - i);
		rises = rises && b > a;
		a = b;
	}
	OK(rises, "ids of one process differ and rise, whatever the clock does");
	id_bucket(bucket, a);
	OK(strlen(bucket) == 2 && strspn(bucket, "0123456789abcdef") == 2, "a bucket is two hex digits");
	DONE();
}
