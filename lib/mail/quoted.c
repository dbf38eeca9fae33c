#include "base.h"

#include "quoted.h"

#define TEXT_MAX 75 /* columns, before the = of a soft line end */
#define PUT_AT 32768

static void
flush(struct quoted *q)
{
	if (q->out.len)
		q->put(q->arg, q->out.s, q->out.len);
	str_reset(&q->out);
}

static void
write_text(struct quoted *q, const char *s, size_t n)
{
	if (q->column + n > TEXT_MAX) {
		str_add(&q->out, "=\r\n", 3);
		q->column = 0;
	}
	str_add(&q->out, s, n);
	q->column += n;
}

static void
write_hex(struct quoted *q, unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";

	write_text(q, (char[]){'=', hex[c >> 4], hex[c & 15]}, 3);
}

static void
write_plain(struct quoted *q, char c)
{
	/* The column is looked at behind a soft line end, should one be due. */
	if (c == '.' && (!q->column || q->column == TEXT_MAX))
		write_hex(q, (unsigned char)c);
	else
		write_text(q, &c, 1);
}

static void
write_blank(struct quoted *q)
{
	if (q->blank)
		write_text(q, &q->blank, 1);
	q->blank = 0;
}

/* From wire: line ends are CRLF, and no CR stands elsewhere. */
static void
encode(void *arg, const char *p, size_t n)
{
	struct quoted *q = arg;

	for (const char *end = p + n; p < end; p++) {
		if (*p == '\r')
			continue;
		if (*p == '\n') {
			if (q->blank)
				write_hex(q, (unsigned char)q->blank);
			q->blank = 0;
			str_add(&q->out, "\r\n", 2);
			q->column = 0;
			if (q->out.len > PUT_AT)
				flush(q);
			continue;
		}
		write_blank(q);
		if (*p == ' ' || *p == '\t')
			q->blank = *p;
		else if (*p > 32 && *p < 127 && *p != '=')
			write_plain(q, *p);
		else
			write_hex(q, (unsigned char)*p);
		if (q->out.len > PUT_AT)
			flush(q);
	}
}

void
quoted_start(struct quoted *q, wire_put *put, void *arg)
{
	*q = (struct quoted){.put = put, .arg = arg};
	wire_start_body(&q->wire, encode, q);
}

void
quoted_add(struct quoted *q, const char *p, size_t n)
{
	wire_add(&q->wire, p, n);
}

void
quoted_end(struct quoted *q)
{
	wire_end(&q->wire);
	flush(q);
	wire_free(&q->wire);
	str_free(&q->out);
}
