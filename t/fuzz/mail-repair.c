#include "base.h"

#include "aliases.h"
#include "encoded_field.h"
#include "fuzz.h"
#include "quoted.h"
#include "repair.h"

static void
gather(void *arg, const char *p, size_t n)
{
	str_add(arg, p, n);
}

static void
count(void *arg, const struct alias_target *t)
{
	MUST_HOLD(*t->path);
	++*(size_t *)arg;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What is decoded again is what went in, but for its line ends. */
static void
quoted(const char *s, size_t n)
{
	struct str out = {0}, in = {0}, want = {0};
	struct quoted q;
	struct wire w;

	quoted_start(&q, gather, &out);
	quoted_add(&q, s, n / 2);
	quoted_add(&q, s + n / 2, n - n / 2);
	quoted_end(&q);
	for (size_t i = 0, column = 0; i < out.len; i++) {
		char c = out.s[i];

		column = c == '\n' ? 0 : column + 1;
		MUST_HOLD(column <= 77 && ((c >= 32 && c < 127) || strchr("\t\r\n", c)));
		MUST_HOLD(c != '.' || column != 1);
		if (c != '=')
			str_addc(&in, c);
		else if (out.s[i + 1] == '\r') {
			MUST_HOLD(out.s[i + 2] == '\n');
			i += 2;
			column = 0;
		} else {
			MUST_HOLD(hex(out.s[i + 1]) >= 0 && hex(out.s[i + 2]) >= 0);
			str_addc(&in, (char)(hex(out.s[i + 1]) << 4 | hex(out.s[i + 2])));
			i += 2;
			column += 2;
		}
	}
	wire_start_body(&w, gather, &want);
	wire_add(&w, s, n);
	wire_end(&w);
	wire_free(&w);
	MUST_HOLD(in.len == want.len && !memcmp(str_cstr(&in), str_cstr(&want), in.len));
	str_free(&out);
	str_free(&in);
	str_free(&want);
}

/* Names and texts are ASCII afterwards, and the fields are as many as before. */
static void
fields(const char *s, size_t n)
{
	struct repair r = {.quoted = n & 1, .utf8 = n & 2};
	const char *p = s, *end = s + n;
	struct header_field f;
	struct str out = {0};
	size_t before = 0, after = 0;
	struct look l;

	look_start(&l);
	look_add(&l, s, n);
	look_end(&l);
	MUST_HOLD(l.more || l.utf8 == utf8_valid(s, n) || !l.wire.eightbit);
	repair_wants_quoted(s, n, &l, false);
	while (header_next(&p, end, &f)) {
		before++;
		str_reset(&out);
		encoded_field_add(&out, &f, false);
		MUST_HOLD(out.len && out.len <= 40 * (size_t)(f.end - f.start) + 200);
		if (header_is(&f, "Subject") && !memchr(f.start, 0, (size_t)(f.end - f.start)))
			MUST_HOLD(text_is_ascii(out.s, out.len));
	}
	str_reset(&out);
	r.quoted = false;
	repair_header(&out, s, n, &r);
	for (p = str_cstr(&out), end = p + out.len; header_next(&p, end, &f);)
		after++;
	/* A field without a line end at the end of the text swallows nothing: draft_write has given it one. */
	MUST_HOLD(after == before || (before && s[n - 1] != '\n'));
	str_free(&out);
}

static void
aliases(const char *s, size_t n)
{
	static char host[] = "host.example";
	struct conf c = {.mailname = host};
	struct str faults = {0};
	size_t seen = 0;
	struct alias_walk w = {.conf = &c, .each = count, .arg = &seen};

	w.aliases = aliases_parse("f", s, n, &faults);
	aliases_expand(&w, "a@host.example");
	MUST_HOLD(seen && seen <= n + 1);
	aliases_check(&w);
	MUST_HOLD(seen <= n + 1 + aliases_count(w.aliases));
	alias_walk_free(&w);
	aliases_free(w.aliases);
	str_free(&faults);
}

/* One text as a body, a header and a file of aliases: none may be too strange. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *buf = fuzz_copy(data, n);

	quoted(buf, n);
	fields(buf, n);
	/* Included files would be files of this machine. */
	for (size_t i = 0; i < n; i++)
		if (buf[i] == 'i' || buf[i] == 'I')
			buf[i] = 'j';
	aliases(buf, n);
	free(buf);
	return 0;
}
