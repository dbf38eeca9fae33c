#include "base.h"

#include "ehlo.h"
#include "fuzz.h"

/* The first line is the server's name, whatever it says; the same text is the same server. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *p = fuzz_copy(data, n), *nl = memchr(p, '\n', n);
	struct ehlo e, none, again;

	memset(&e, 0x55, sizeof e);
	memset(&again, 0xaa, sizeof again);
	ehlo_parse(&e, p, n);
	ehlo_parse(&again, p, n);
	MUST_HOLD(e.pipelining == again.pipelining && e.starttls == again.starttls && e.size == again.size &&
		  e.size_max == again.size_max && e.rcpt_max == again.rcpt_max &&
		  e.mail_max == again.mail_max);
	ehlo_parse(&none, p, nl ? (size_t)(nl - p) : n);
	MUST_HOLD(!none.pipelining && !none.chunking && !none.eightbit && !none.smtputf8 && !none.dsn &&
		  !none.starttls && !none.requiretls && !none.size && !none.rcpt_max);
	free(p);
	return 0;
}
