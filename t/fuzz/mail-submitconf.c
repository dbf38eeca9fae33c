/* What stands where /etc/moxsubmit.conf is looked for: refused with one sentence that fits a line and names nothing of a
 * password, or all that mox-submit relies on holds. */
#include "base.h"

#include "fuzz.h"
#include "submitconf.h"

static void
check_good(const struct submitconf *c)
{
	const char *texts[] = {c->hostname, c->host, c->username, c->password, c->client_key, c->client_file,
	    c->mechanism, c->from, c->destination, c->requiretls};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		MUST_HOLD(texts[i] && !strchr(texts[i], '\n'));
	MUST_HOLD(*c->hostname && *c->host && strchr(c->from, '@'));
	MUST_HOLD(c->port >= 1 && c->port <= 65535);
	MUST_HOLD(!(c->tls && c->starttls));
	MUST_HOLD(!(*c->client_key && *c->client_file));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct submitconf c;
	struct str why = {0};
	char *text = malloc(n + 1);

	MUST_HOLD(text);
	memcpy(text, p, n);
	text[n] = 0;
	if (submitconf_parse(&c, "f", text, &why)) {
		check_good(&c);
		MUST_HOLD(!why.len);
	} else {
		MUST_HOLD(why.len > 3 && !strncmp(why.s, "f:", 2) && !strchr(why.s, '\n') && why.len < 200);
	}
	submitconf_free(&c);
	str_free(&why);
	free(text);
	return 0;
}
