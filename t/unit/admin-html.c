#include "base.h"

#include "html.h"
#include "unit.h"

#include <inttypes.h>

static struct str out;

static const char *
text(const char *s, size_t max)
{
	str_reset(&out);
	html_text(&out, s, max);
	return str_cstr(&out);
}

static const struct {
	const char *in;
	size_t max;
	const char *want, *what;
} texts[] = {
    {"plain", 0, "plain", "plain text"},
    {NULL, 0, "", "nothing"},
    {"<script>alert(1)</script>", 0, "&lt;script&gt;alert(1)&lt;/script&gt;", "a script"},
    {"\" onload='x' a=\"&amp;", 0, "&quot; onload=&#39;x&#39; a=&quot;&amp;amp;", "the end of an attribute"},
    {"]]>--><!--", 0, "]]&gt;--&gt;&lt;!--", "comments"},
    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 0, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "UTF-8"},
    {"a\r\nb\tc\x1b[2J\x7f", 0, "a\\x0d\\x0ab\\x09c\\x1b[2J\\x7f", "controls"},
    {"\xff\xc3(\xed\xa0\x80\xc0\xaf", 0, "\\xff\\xc3(\\xed\\xa0\\x80\\xc0\\xaf", "what is no UTF-8"},
    {"a\xe2\x80\xae"
     "cod.exe",
	0, "a\\xe2\\x80\\xaecod.exe", "right-to-left override"},
    {"\xe2\x80\x8b\xef\xbb\xbf\xc2\x85\xe2\x80\xa8", 0,
	"\\xe2\\x80\\x8b\\xef\\xbb\\xbf\\xc2\\x85\\xe2\\x80\\xa8",
	"zero width, byte order mark, C1, line separator"},
    {"\xc2\xad\xe2\x81\xa0\xe3\x85\xa4\xf3\xa0\x81\x81", 0,
	"\\xc2\\xad\\xe2\\x81\\xa0\\xe3\\x85\\xa4\\xf3\\xa0\\x81\\x81",
	"soft hyphen, word joiner, filler, tag"},
    {"\xef\xbf\xbf\xef\xbf\xbd", 0, "\\xef\\xbf\\xbf\xef\xbf\xbd", "what XML does not take"},
    {"12345", 5, "12345", "as long as may be"},
    {"123456", 5, "1234\xe2\x80\xa6", "one more"},
    {"<<<<<<", 3, "&lt;&lt;\xe2\x80\xa6", "references count as what they show, and stay whole"},
    {"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 3, "\xc3\xa4\xc3\xa4\xe2\x80\xa6", "characters stay whole"},
    {"ab\x1b\x1b", 5, "ab\xe2\x80\xa6", "escapes stay whole"},
};

static void
pieces(void)
{
	str_reset(&out);
	html_put(&out, "<td class=\"%s\">%.4s</td>%'" PRIu64 " %u %d %zu %.2f%%", "a\"b", "<12345",
	    UINT64_C(1204000), 7u, -3, (size_t)9, 1.5);
	STR_EQ(str_cstr(&out), "<td class=\"a&quot;b\">&lt;12\xe2\x80\xa6</td>1,204,000 7 -3 9 1.50%",
	    "html_put: markup is the format's alone");
	str_reset(&out);
	html_put(&out, "%.*s", 2, "<<<");
	STR_EQ(str_cstr(&out), "&lt;\xe2\x80\xa6", "a precision as an argument");
	str_reset(&out);
	html_put(&out, "%'u %'u %'u %'d %'" PRIu64, 0u, 999u, 1000u, -1204, UINT64_MAX);
	STR_EQ(str_cstr(&out), "0 999 1,000 -1,204 18,446,744,073,709,551,615", "groups of three");
	str_reset(&out);
	html_begin(&out, "</title><script>", "p{}\n");
	html_end(&out);
	OK(strstr(str_cstr(&out), "<title>&lt;/title&gt;&lt;script&gt;</title>"), "a title is text");
	OK(strstr(str_cstr(&out),
	       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	       "'unsafe-inline'\"/>"),
	    "a page runs and loads nothing");
}

int
main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		STR_EQ(text(texts[i].in, texts[i].max), texts[i].want, texts[i].what);
	pieces();
	str_free(&out);
	DONE();
}
