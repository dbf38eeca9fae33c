#include "base.h"

#include "encoded.h"
#include "encoded_read.h"
#include "unit.h"

static const struct {
	const char *text, *want, *name;
} table[] = {
    {"plain text", "plain text", "without words"},
    {"", "", "nothing"},
    {"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
	"Gr\xc3\xbc\xc3\x9f"
	"e",
	"Q"},
    {"=?UTF-8?B?R3LDvMOfZQ==?=",
	"Gr\xc3\xbc\xc3\x9f"
	"e",
	"B"},
    {"=?utf-8?b?R3LDvMOfZQ?=",
	"Gr\xc3\xbc\xc3\x9f"
	"e",
	"B without its padding"},
    {"=?iso-8859-1?q?Gr=FC=dfe?=",
	"Gr\xc3\xbc\xc3\x9f"
	"e",
	"small letters"},
    {"=?ISO-8859-1*de?Q?Gr=FC?=", "Gr\xc3\xbc", "RFC 2231 5: a language"},
    {"=?us-ascii?Q?a_b?=", "a b", "an underscore is a blank"},
    {"Re: =?utf-8?Q?=C3=BC?= and", "Re: \xc3\xbc and", "blanks beside other text stay"},
    {"=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab", "RFC 2047 6.2: those between words go"},
    {"=?utf-8?Q?a?= \t =?iso-8859-1?B?/A==?= c", "a\xc3\xbc c", "between words of two charsets, too"},
    {"=?utf-8?Q?a_?= =?utf-8?Q?b?=", "a b", "one inside does not"},
    {"=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "\xc3\xbc", "a character in two words"},
    {"=?utf-8?Q?a?==?utf-8?Q?b?=", "ab", "no blank between"},
    {"a=?utf-8?Q?b?=c", "abc", "inside a word"},
    {"=?windows-1252?Q?=80_=93x=94?=", "\xe2\x82\xac \xe2\x80\x9cx\xe2\x80\x9d", "windows-1252"},
    {"=?koi8-r?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", "koi8-r"},
    {"=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=",
	"\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf", "iso-2022-jp"},
    {"=?gb2312?B?xOO6ww==?=", "\xe4\xbd\xa0\xe5\xa5\xbd", "gb2312"},
    {"=?klingon?Q?a=20b?= c", "=?klingon?Q?a=20b?= c", "a charset that is not known"},
    {"=?../../tmp/x?Q?a?=", "=?../../tmp/x?Q?a?=", "a charset that is a path"},
    {"=?UTF-16?Q?a=00?=", "=?UTF-16?Q?a=00?=", "one that libc knows, and the list does not"},
    {"=?utf-8?X?a?= =?utf-8?Q?a", "=?utf-8?X?a?= =?utf-8?Q?a", "no coding, no end"},
    {"=?utf-8?Q?a b?=", "=?utf-8?Q?a b?=", "a blank inside"},
    {"=?\?Q?a?= =?utf-8?\?a?= =?=?=?", "=?\?Q?a?= =?utf-8?\?a?= =?=?=?", "pieces of words"},
    {"=?utf-8?Q?\?=x", "x", "an empty word"},
    {"=?utf-8?Q?=4=zz=?=", "=4=zz=", "broken Q"},
    {"=?utf-8?B?R!3L*DvA?=", "Gr\xc3\xbc", "strange bytes in B"},
    {"=?utf-8?Q?a=00b?=",
	"a\xef\xbf\xbd"
	"b",
	"NUL"},
    {"=?utf-8?Q?=0d=0aX:_y?=", "\r\nX: y", "line ends: the reader's to escape"},
    {"=?utf-8?Q?=ff?=", "\xff", "what is no UTF-8 as well"},
    {"=?euc-jp?Q?a=ffb?=",
	"a\xef\xbf\xbd"
	"b",
	"bytes that mean nothing in their charset"},
    {"=?iso-2022-jp?Q?a=1b$B=24?=", "a\xef\xbf\xbd", "half a character at the end"},
    {"gr\xc3\xbc =?utf-8?Q?=C3=BC?=", "gr\xc3\xbc \xc3\xbc", "raw UTF-8 beside"},
};

int
main(void)
{
	struct str out = {0}, words = {0}, text = {0};
	char *large;

	encoded_read_prepare();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		str_reset(&out);
		encoded_read(&out, table[i].text, strlen(table[i].text));
		STR_EQ(str_cstr(&out), table[i].want, table[i].name);
	}
	/* What encoded.c writes comes back. */
	for (unsigned i = 0; i < 200; i++)
		str_addf(&text, "%s%c", i % 3 ? "\xc3\xa4" : "\xf0\x9f\x93\xac", 'a' + (int)(i % 26));
	encoded_add(&words, text.s, text.len);
	for (size_t i = 0; i < words.len; i++) /* unfold */
		if (words.s[i] == '\n')
			words.s[i] = ' ';
	str_reset(&out);
	encoded_read(&out, words.s, words.len);
	STR_EQ(str_cstr(&out), text.s, "there and back");
	large = mem_alloc(1000000);
	memset(large, 'x', 1000000);
	str_reset(&out);
	encoded_read(&out, large, 1000000);
	INT_EQ(out.len, ENCODED_READ_MAX, "the rest is passed over");
	free(large);
	str_free(&out);
	str_free(&words);
	str_free(&text);
	DONE();
}
