#include "base.h"

#include "tlsa.h"
#include "unit.h"

#define D32 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define D64 D32 D32
/* The outlines of a key and of a certificate, nothing inside. */
#define KEY "3006300003020000"
#define FOUR "3000300030003000"
#define CERT "301f3018a003020102020101" FOUR KEY "3000030100"

/* One letter a record: + counts, - does not. */
static void
row(const char *want, const char *what, const char *const *records)
{
	struct tlsa_set set = {0};
	char got[PLAN_TLSA_MAX + 1] = "";
	size_t n = 0;

	for (; records[n]; n++)
		if (!tlsa_add_text(&set, records[n]))
			break;
	for (size_t i = 0; i < set.n; i++)
		got[i] = set.v[i].counts ? '+' : '-';
	STR_EQ(got, want, what);
	OK(tlsa_usable(&set) == (strchr(want, '+') != NULL), "and so the set is usable or not");
	tlsa_free(&set);
}

#define ROW(want, what, ...) row(want, what, (const char *const[]){__VA_ARGS__, NULL})

static void
counting(void)
{
	ROW("++++", "T17 usages 2 and 3, selectors 0 and 1", "3 1 1 " D32, "3 0 1 " D32, "2 1 1 " D32,
	    "2 0 1 " D32);
	ROW("--", "T15 usages 0 and 1 are unusable", "0 0 1 " D32, "1 1 1 " D32);
	ROW("--", "T16 unknown usages", "4 1 1 " D32, "255 1 1 " D32);
	ROW("--", "T16 T18 unknown selectors", "3 2 1 " D32, "3 255 1 " D32);
	ROW("--", "T16 unknown matching types", "3 1 3 " D32, "3 1 255 " D32);
	ROW("------", "T16 digests of another length", "3 1 1 ", "3 1 1 " D64, "3 1 2 " D32, "3 1 1 00",
	    "3 1 1 " D32 "00", "3 1 2 " D64 "00");
	ROW("-+", "T17 the usable ones of a mixed set count", "0 0 1 " D32, "3 1 1 " D32);
	ROW("+-", "T17 in any order", "2 0 2 " D64, "1 0 2 " D64);
	ROW("-+", "T18 the strongest digest of a usage and selector alone counts", "3 1 1 " D32,
	    "3 1 2 " D64);
	ROW("+--", "T18 in any order, for each of several", "3 1 2 " D64, "3 1 1 " D32, "3 1 1 " D32);
	ROW("++++", "T18 another usage or selector is another matter", "3 1 2 " D64, "3 0 1 " D32,
	    "2 1 1 " D32, "2 0 1 " D32);
	ROW("+-", "T18 an unusable SHA-512 outdoes nothing", "3 1 1 " D32, "3 1 2 " D32);
	ROW("++", "T17 T18 full data is not outdone", "3 1 0 " KEY, "3 1 2 " D64);
}

static void
full(void)
{
	ROW("+", "a full key", "3 1 0 " KEY);
	ROW("-", "T16 a key with a byte too many", "3 1 0 " KEY "00");
	ROW("-", "T16 a key with a byte too few", "3 1 0 30063000030200");
	ROW("-", "T16 a key that is no key", "3 1 0 deadbeef");
	ROW("-", "T16 no key at all", "3 1 0 ");
	ROW("-", "T16 a length of more than there is", "2 1 0 3084ffffffff");
	ROW("-", "T16 a length without an end", "2 1 0 3080300003020000");
	ROW("+", "a full certificate", "2 0 0 " CERT);
	ROW("+", "a full certificate without a version", "3 0 0 301a3013020101" FOUR KEY "3000030100");
	ROW("-", "T16 a certificate without a key", "3 0 0 30123000020101" FOUR "3000030100");
	ROW("-", "T16 a key where a certificate should be", "2 0 0 " KEY);
	ROW("-", "T16 a certificate where a key should be", "2 1 0 " CERT);
	ROW("-", "T16 no certificate at all", "2 0 0 ");
}

static void
refused(void)
{
	static const char *const t[] = {"", "3", "3 1 1", "3 1 1 0", "3 1 1 0g", "3 1 1 AB", "3  1 1 00",
	    "256 1 1 00", "0003 1 1 00", "-3 1 1 00", "3 1 1 00 ", "x 1 1 00"};
	static const unsigned char wire[3 + TLSA_DATA_MAX + 1] = {3, 1, 1};
	struct tlsa_set set = {0};
	struct plan_list list = {0};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		OK(!tlsa_add_text(&set, t[i]), "no TLSA record");
		plan_list_add(&list, t[i]);
	}
	OK(!tlsa_add_rdata(&set, wire, 2), "record data without a matching type");
	OK(!tlsa_add_rdata(&set, wire, sizeof wire), "record data that is too long");
	INT_EQ(set.n, 0, "the set is as before");
	OK(!tlsa_usable(&set), "and an empty set is not usable");
	OK(tlsa_add_rdata(&set, wire, sizeof wire - 1), "the longest");
	for (int i = 1; i < PLAN_TLSA_MAX; i++)
		OK(tlsa_add_rdata(&set, wire, 3), "the most");
	OK(!tlsa_add_rdata(&set, wire, 3), "one more");
	tlsa_free(&set);
	plan_list_add(&list, "3 1 1 " D32);
	tlsa_add_list(&set, &list);
	INT_EQ(set.n, 1, "of a list, what is a record");
	tlsa_free(&set);
	for (size_t i = 0; i < list.n; i++)
		free(list.v[i]);
	free(list.v);
}

static void
texts(void)
{
	static const unsigned char wire[] = {3, 1, 255, 0, 0x9f, 0xff};
	struct tlsa_set set = {0};
	struct str s = {0};

	OK(tlsa_add_rdata(&set, wire, sizeof wire), "record data is read");
	tlsa_text(&s, &set.v[0]);
	STR_EQ(str_cstr(&s), "3 1 255 009fff", "and written as plans have it");
	OK(tlsa_add_text(&set, str_cstr(&s)), "and read again");
	OK(set.v[1].len == 3 && !memcmp(set.v[1].data, wire + 3, 3) && set.v[1].matching == 255, "the same");
	str_free(&s);
	tlsa_free(&set);
}

int
main(void)
{
	counting();
	full();
	refused();
	texts();
	DONE();
}
