#include "base.h"

#include "fdio.h"
#include "header.h"
#include "returned.h"
#include "text.h"
#include "wire.h"

#include <unistd.h>

#define BLOCK 65536

struct keeper {
	struct str all;
	uint64_t limit;
	bool over;
};

static void
keep(void *arg, const char *p, size_t n)
{
	struct keeper *k = arg;

	if (k->all.len + n > k->limit) {
		n = k->limit - k->all.len;
		k->over = true;
	}
	str_add(&k->all, p, n);
}

/* A pipe's writer would be killed by SIGPIPE, or wait for ever, were the rest left unread. */
static void
drain(int fd, char *buf, uint64_t left)
{
	ssize_t n;

	if (lseek(fd, 0, SEEK_CUR) >= 0)
		return;
	while (left && (n = fd_read(fd, buf, left < BLOCK ? (size_t)left : BLOCK)) > 0)
		left -= (uint64_t)n;
}

int
returned_read(struct returned *r, int fd, uint64_t size, uint64_t limit)
{
	struct keeper k = {.limit = limit > RETURNED_HEADER_MAX ? limit : RETURNED_HEADER_MAX};
	struct wire w;
	char *buf = mem_alloc(BLOCK);
	ssize_t n = 1;

	*r = (struct returned){0};
	wire_start(&w, keep, &k);
	while (size && !k.over && !w.bad) {
		n = fd_read(fd, buf, size < BLOCK ? (size_t)size : BLOCK);
		if (n <= 0)
			break;
		size -= (uint64_t)n;
		wire_add(&w, buf, (size_t)n);
	}
	if (n >= 0) {
		bool cut = k.over || w.bad;

		drain(fd, buf, size);
		if (!cut)
			wire_end(&w);
		/* Of a header section that was cut the last line may be a half. */
		str_add(&r->header, str_cstr(&w.header), w.in_header && cut ? w.line : w.header.len);
		if (!w.in_header && k.all.len > w.header.len + 2)
			str_add(&r->body, k.all.s + w.header.len + 2, k.all.len - w.header.len - 2);
		r->whole = !k.over && !w.bad && k.all.len <= limit;
	}
	wire_free(&w);
	str_free(&k.all);
	free(buf);
	return n < 0 ? -1 : 0;
}

void
returned_free(struct returned *r)
{
	str_free(&r->header);
	str_free(&r->body);
}

bool
returned_field(const struct returned *r, const char *name, struct str *value)
{
	const char *p = str_cstr(&r->header), *end = p + r->header.len;
	struct header_field f;
	unsigned found = 0;

	str_reset(value);
	while (header_next(&p, end, &f)) {
		if (header_is(&f, name) && !found++)
			header_unfold(value, &f);
	}
	return found == 1;
}

/* No line over 998 bytes, no NUL. */
static bool
lines_fit(const struct str *s)
{
	const char *p = str_cstr(s), *end = p + s->len;

	if (memchr(p, 0, s->len))
		return false;
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		lf = lf ? lf + 1 : end;
		if (lf - p > WIRE_LINE_MAX + 2)
			return false;
		p = lf;
	}
	return true;
}

enum charset { ASCII, UTF8, UNKNOWN };

static enum charset
header_charset(const struct returned *r)
{
	const char *s = str_cstr(&r->header);

	return text_is_ascii(s, r->header.len) ? ASCII : utf8_valid(s, r->header.len) ? UTF8 : UNKNOWN;
}

bool
returned_fits(const struct returned *r)
{
	return r->whole && header_charset(r) != UNKNOWN && lines_fit(&r->header) && lines_fit(&r->body);
}

static void
add_content(struct str *out, bool full, enum charset charset, const char *encoding)
{
	const char *type = full ? "message/rfc822" : "text/rfc822-headers";

	if (charset == UTF8)
		type = full ? "message/global" : "message/global-headers";
	str_addf(out, "Content-Description: %s\r\nContent-Type: %s%s\r\n",
	    full ? "The message" : "Header of the message", type,
	    charset == UNKNOWN ? "; charset=unknown-8bit" : "");
	if (*encoding)
		str_addf(out, "Content-Transfer-Encoding: %s\r\n", encoding);
	str_adds(out, "\r\n");
}

void
returned_part(struct str *out, const struct returned *r, bool full, bool ascii)
{
	enum charset charset = header_charset(r);
	bool long_lines = !lines_fit(&r->header);
	bool encode = charset == UNKNOWN || (charset == UTF8 && ascii) || long_lines;
	struct str text = {0};

	str_add(&text, str_cstr(&r->header), r->header.len);
	if (full) {
		str_adds(&text, "\r\n");
		str_add(&text, str_cstr(&r->body), r->body.len);
	}
	add_content(out, full, charset,
	    encode                                     ? "quoted-printable"
	    : text_is_ascii(str_cstr(&text), text.len) ? ""
						       : "8bit");
	if (encode)
		text_qp(out, text.s, text.len);
	else
		str_add(out, str_cstr(&text), text.len);
	str_free(&text);
}
