/* Headers of strangers' programs with rewrite rules for everything: other fields stay, byte for byte, and what comes out
 * can be read as before. The extras in them, too. */
#include "base.h"

#include "extra.h"
#include "fuzz.h"
#include "head.h"
#include "header.h"
#include "rewrite.h"
#include "rights.h"

static struct conf_rewrite rules[] = {
    {(char[]){"root"}, (char[]){"ops@example.org"}}, {(char[]){"*"}, (char[]){"@example.org"}}};
static char *accounts[] = {(char[]){"joe"}};
static struct conf_domain domain = {.name = (char[]){"example.org"}, .accounts = {accounts, 1}};
static const struct conf conf = {.hostname = (char[]){"mx.host.example"},
    .mailname = (char[]){"host.example"},
    .rewrite = rules,
    .nrewrite = 2,
    .domain = &domain,
    .ndomain = 1};

static size_t
count(const char *p, size_t n, struct str *others)
{
	const char *end = p + n;
	struct header_field f;
	size_t fields = 0;

	for (; header_next(&p, end, &f); fields++)
		if (!header_is(&f, "From") && !header_is(&f, "Sender") && !header_is(&f, "Reply-To") &&
		    !header_is(&f, "Resent-From") && !header_is(&f, "Resent-Sender") &&
		    !header_is(&f, "Resent-Reply-To"))
			str_add(others, f.start, (size_t)(f.end - f.start));
	return fields;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct rewrite w = {.conf = &conf, .account = "ann"};
	struct str before = {0}, after = {0}, record = {0}, why = {0};
	struct head h = {0};
	size_t used = 0, fields;

	while (!h.whole && used < n)
		used += head_take(&h, (const char *)p + used, n - used > 7 ? 7 : n - used);
	fields = count(str_cstr(&h.text), h.text.len, &before);
	rewrite_header(&w, &h.text);
	MUST_HOLD(count(str_cstr(&h.text), h.text.len, &after) == fields);
	MUST_HOLD(before.len == after.len && (!after.len || !memcmp(before.s, after.s, after.len)));
	free(rights_forbidden_author(&conf, "ann", str_cstr(&h.text), h.text.len));
	MUST_HOLD(extra_add(&record, str_cstr(&h.text), h.text.len, &why) || why.len);
	head_reset(&h);
	str_free(&before);
	str_free(&after);
	str_free(&record);
	str_free(&why);
	return 0;
}
