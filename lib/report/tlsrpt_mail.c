#include "base.h"

#include "base64.h"
#include "date.h"
#include "die.h"
#include "text.h"
#include "tlsrpt_mail.h"
#include "version.h"

#include <zlib.h>

#define LINE_BYTES 57 /* 76 characters of base64 */

/* No line of text or base64 begins with it. */
#define BOUNDARY "=_moxq_tlsrpt"

void
tlsrpt_gzip(struct str *out, const struct str *text)
{
	z_stream z = {0};
	unsigned long room;

	/* 16: a gzip header, without a time. */
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		die_temp("out of memory");
	room = deflateBound(&z, text->len);
	str_reserve(out, room + 1);
	z.next_in = (Bytef *)(uintptr_t)str_cstr(text);
	z.avail_in = (uInt)text->len;
	z.next_out = (Bytef *)out->s + out->len;
	z.avail_out = (uInt)room;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		bug("zlib needs more room than it said");
	out->len += z.total_out;
	out->s[out->len] = 0;
	deflateEnd(&z);
}

static void
base64_lines(struct str *out, const struct str *data)
{
	for (size_t at = 0, n; at < data->len; at += n) {
		n = data->len - at < LINE_BYTES ? data->len - at : LINE_BYTES;
		base64_add(out, data->s + at, n);
		str_adds(out, "\r\n");
	}
}

static void
header(struct str *out, const struct tlsrpt_report *r, const struct tlsrpt_submitter *s,
    const char *const *to, int64_t now)
{
	char date[DATE_SIZE], *id = tlsrpt_report_id(r, s);
	struct str v = {0};

	text_field(out, "From", s->contact);
	for (size_t i = 0; to[i]; i++)
		str_addf(&v, "%s%s", i ? ", " : "", to[i]);
	text_field(out, "To", v.s);
	date_utc(date, now);
	text_field(out, "Date", date);
	str_reset(&v);
	str_addf(&v, "Report Domain: %s Submitter: %s Report-ID: <%s>", r->name, s->domain, id);
	text_field(out, "Subject", v.s);
	str_reset(&v);
	str_addf(&v, "<tlsrpt.%s>", id);
	text_field(out, "Message-ID", v.s);
	text_field(out, "TLS-Report-Domain", r->name);
	text_field(out, "TLS-Report-Submitter", s->domain);
	text_field(out, "TLS-Required", "No");
	text_field(out, "Auto-Submitted", "auto-generated");
	text_field(out, "User-Agent", "moxq/" MOXQ_VERSION);
	text_field(out, "MIME-Version", "1.0");
	text_field(
	    out, "Content-Type", "multipart/report; report-type=\"tlsrpt\"; boundary=\"" BOUNDARY "\"");
	str_adds(out, "\r\n");
	str_free(&v);
	free(id);
}

void
tlsrpt_mail(struct str *out, const struct tlsrpt_report *r, const struct tlsrpt_submitter *s,
    const char *const *to, const struct str *gzip, int64_t now)
{
	struct str text = {0};
	char *name = tlsrpt_file_name(r, s);

	header(out, r, s, to, now);
	str_adds(out, "--" BOUNDARY "\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n");
	tlsrpt_text(&text, r, s);
	for (const char *p = str_cstr(&text); *p; p++)
		str_adds(out, *p == '\n' ? "\r\n" : (char[]){*p, 0});
	str_adds(out, "\r\n--" BOUNDARY "\r\nContent-Type: application/tlsrpt+gzip\r\n"
		      "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n");
	str_addf(out, " filename=\"%s\"\r\n\r\n", name);
	base64_lines(out, gzip);
	str_adds(out, "--" BOUNDARY "--\r\n");
	str_free(&text);
	free(name);
}
