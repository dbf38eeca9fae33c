#include "base.h"

#include "tlsrpt_read.h"
#include "unit.h"

#include <zlib.h>

#define HEAD                                                                                                 \
	"{\"organization-name\":\"Org\",\"date-range\":{\"start-datetime\":\"2026-11-20T00:00:00Z\"},"       \
	"\"report-id\":\"1\",\"policies\":["
#define POLICY "{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"x.test\"},"

static const char *
rows(const char *bytes, size_t n)
{
	static struct str out;
	struct tlsrpt_read r;
	const char *why = tlsrpt_read(&r, bytes, n);

	str_reset(&out);
	if (why)
		str_adds(&out, why);
	for (size_t i = 0; i < r.nrow; i++)
		str_addf(&out, "%s %s %s %ju %s;", r.row[i].domain, r.row[i].type, r.row[i].result,
		    (uintmax_t)r.row[i].sessions, r.row[i].mx);
	tlsrpt_read_free(&r);
	return str_cstr(&out);
}

static void
zip(struct str *out, const char *s, size_t n)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)s, .avail_in = (uInt)n};

	if (deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	str_reserve(out, deflateBound(&z, n));
	z.next_out = (Bytef *)out->s + out->len;
	z.avail_out = (uInt)deflateBound(&z, n);
	if (deflate(&z, Z_FINISH) == Z_STREAM_END)
		out->len += z.total_out;
	deflateEnd(&z);
}

/* What is small and would become large. */
static void
bombs(void)
{
	struct str big = {0}, packed = {0};

	while (big.len <= TLSRPT_READ_JSON)
		str_adds(
		    &big, HEAD "                                                                        ");
	zip(&packed, big.s, big.len);
	STR_EQ(
	    rows(packed.s, packed.len), "it is larger than 10 MB when it is unpacked", "much in little gzip");
	str_reset(&packed);
	zip(&packed, big.s, 100000);
	STR_EQ(rows(packed.s, packed.len - 20), "its gzip is damaged", "a gzip cut short");
	str_reset(&big);
	str_adds(&big, HEAD);
	for (int i = 0; i < 100000; i++)
		str_addc(&big, '[');
	STR_EQ(rows(big.s, big.len), "its JSON cannot be read", "a deep one");
	str_reset(&big);
	str_adds(&big, HEAD "[]");
	while (big.len < TLSRPT_READ_JSON - 10)
		str_adds(&big, ",[]");
	str_adds(&big, "]}");
	STR_EQ(
	    rows(big.s, big.len), "its JSON cannot be read", "one that would take a hundred times its size");
	str_reset(&big);
	str_adds(&big, HEAD);
	for (int i = 0; i < TLSRPT_READ_ROWS + 5; i++)
		str_addf(
		    &big, "%s" POLICY "\"summary\":{\"total-successful-session-count\":1}}", i ? "," : "");
	str_adds(&big, "]}");
	{
		struct tlsrpt_read r;

		OK(!tlsrpt_read(&r, big.s, big.len) && r.nrow == TLSRPT_READ_ROWS && r.ncut == 5,
		    "of many policies the first");
		tlsrpt_read_free(&r);
	}
	str_free(&big);
	str_free(&packed);
}

int
main(void)
{
	static const struct {
		const char *json, *want, *name;
	} t[] = {
	    {"{}", "its JSON has no report-id or no policies", "nothing in it"},
	    {"[]", "it has no part that is a report, and is none itself", "a list"},
	    {"{\"report-id\":1,\"policies\":[]}", "its JSON has no report-id or no policies",
		"an id that is a number"},
	    {HEAD "]}", "", "no policies"},
	    {"\xef\xbb\xbf \n" HEAD "]} trailing", "", "BOM, blanks, something behind it"},
	    {HEAD POLICY
		"\"summary\":{\"total-successful-session-count\":7,\"total-failure-session-count\":0}}]}",
		"x.test sts ok 7 ;", "all went well"},
	    {HEAD "{}]}", " other ok 0 ;", "a policy without anything"},
	    {HEAD "1,\"x\",null,[]]}", " other ok 0 ; other ok 0 ; other ok 0 ; other ok 0 ;",
		"policies that are none"},
	    {HEAD POLICY "\"summary\":{\"total-successful-session-count\":1,\"total-failure-session-count\":"
			 "5},\"failure-details\":["
			 "{\"result-type\":\"starttls-not-supported\",\"failed-session-count\":2,\"receiving-"
			 "mx-hostname\":\"mx\"},"
			 "{\"result-type\":\"Other Thing\",\"failed-session-count\":-2}]}]}",
		"x.test sts ok 1 ;x.test sts starttls-not-supported 2 mx;x.test sts other 0 ;x.test sts "
		"failed 3 ;",
		"details, and those that none tells of"},
	    {HEAD POLICY "\"summary\":{\"total-successful-session-count\":9007199254740993,\"total-failure-"
			 "session-count\":\"5\"}}]}",
		"x.test sts ok 9007199254740992 ;", "numbers beyond reason"},
	    {HEAD "{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"a\\u0000b\"}}]}",
		"its JSON cannot be read", "NUL"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		STR_EQ(rows(t[i].json, strlen(t[i].json)), t[i].want, t[i].name);
	bombs();
	DONE();
}
