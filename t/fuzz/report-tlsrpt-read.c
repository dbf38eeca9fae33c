#include "base.h"

#include "fuzz.h"
#include "tlsrpt_read.h"

/* Whatever comes by mail: read or refused, within its bounds. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *buf = fuzz_copy(data, n);
	struct tlsrpt_read r;

	if (tlsrpt_read(&r, buf, n))
		MUST_HOLD(!r.nrow);
	MUST_HOLD(r.nrow <= TLSRPT_READ_ROWS && (!r.ncut || r.nrow == TLSRPT_READ_ROWS));
	for (size_t i = 0; i < r.nrow; i++)
		MUST_HOLD(strlen(r.row[i].domain) <= TLSRPT_READ_TEXT &&
			  strlen(r.row[i].reason) <= TLSRPT_READ_TEXT && *r.row[i].type && *r.row[i].result);
	tlsrpt_read_free(&r);
	free(buf);
	return 0;
}
