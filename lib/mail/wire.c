#include "base.h"

#include "wire.h"

static const char crlf[2] = "\r\n";

void
wire_start(struct wire *w, wire_put *put, void *arg)
{
	*w = (struct wire){.put = put, .arg = arg, .in_header = true};
}

void
wire_start_body(struct wire *w, wire_put *put, void *arg)
{
	*w = (struct wire){.put = put, .arg = arg};
}

void
wire_free(struct wire *w)
{
	str_free(&w->header);
}

static bool
has_high(const char *p, size_t n)
{
	uint64_t v, all = 0;

	for (; n >= sizeof v; p += sizeof v, n -= sizeof v) {
		memcpy(&v, p, sizeof v);
		all |= v;
	}
	for (; n; n--)
		all |= (unsigned char)*p++;
	return all & UINT64_C(0x8080808080808080);
}

static void
put(struct wire *w, const char *p, size_t n)
{
	if (n && !w->bad)
		w->put(w->arg, p, n);
}

/* ---- body ---- */

static void
end_line(struct wire *w)
{
	if (w->column > WIRE_LINE_MAX)
		w->longline = true;
	w->column = 0;
}

static void
end_lines(struct wire *w, size_t n)
{
	for (; n; n--) {
		end_line(w);
		put(w, crlf, 2);
	}
}

/* What the CRs that stand before p mean. Answers where the text goes on. */
static const char *
body_crs(struct wire *w, const char *p, const char *end)
{
	for (; p < end && *p == '\r'; p++)
		w->crs++;
	if (p == end)
		return p;
	end_lines(w, *p == '\n' ? 1 : w->crs);
	w->crs = 0;
	return *p == '\n' ? p + 1 : p;
}

static void
body_add(struct wire *w, const char *p, size_t n)
{
	const char *end = p + n, *from;

	w->eightbit = w->eightbit || has_high(p, n);
	if (w->crs)
		p = body_crs(w, p, end);
	/* from: begin of what goes out as it stands */
	for (from = p; p < end;) {
		const char *lf = memchr(p, '\n', (size_t)(end - p)), *stop = lf ? lf : end;
		const char *cr = memchr(p, '\r', (size_t)(stop - p));

		if (!w->column && *p == '.')
			w->dot = true;
		w->column += (size_t)((cr ? cr : stop) - p);
		if (lf && cr == lf - 1) {
			end_line(w);
			p = lf + 1;
			continue;
		}
		put(w, from, (size_t)((cr ? cr : stop) - from));
		if (cr)
			p = body_crs(w, cr, end);
		else if (lf) {
			end_lines(w, 1);
			p = lf + 1;
		} else
			p = end;
		from = p;
	}
	put(w, from, (size_t)(end - from));
}

/* ---- header section ---- */

/* A field begins with a name (RFC 5322 3.6.8) and a colon, which blanks may precede (4.5.8). */
static bool
is_field(const char *p, const char *end)
{
	const char *start = p;

	while (p<end && * p> ' ' && *p < 127 && *p != ':')
		p++;
	if (p == start)
		return false;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p < end && *p == ':';
}

static void
end_header(struct wire *w)
{
	w->in_header = false;
	if (has_high(str_cstr(&w->header), w->header.len)) {
		w->eightbit = true;
		w->utf8_header = utf8_valid(w->header.s, w->header.len);
	}
	put(w, crlf, 2);
}

static void
header_line(struct wire *w)
{
	const char *line, *end;

	str_add(&w->header, crlf, 2);
	line = w->header.s + w->line;
	end = w->header.s + w->header.len;
	w->crs = 0;
	if (line[0] == '\r') {
		str_cut(&w->header, w->line);
		end_header(w);
	} else if (is_field(line, end) || (w->line && (*line == ' ' || *line == '\t'))) {
		w->dot = w->dot || *line == '.';
		w->longline = w->longline || end - line - 2 > WIRE_LINE_MAX;
		put(w, line, (size_t)(end - line));
		w->line = w->header.len;
	} else {
		char *first = mem_dupn(line, (size_t)(end - line));
		size_t n = (size_t)(end - line);

		str_cut(&w->header, w->line);
		end_header(w);
		body_add(w, first, n);
		free(first);
	}
}

/* A piece of a line, without its LF. */
static void
header_text(struct wire *w, const char *p, size_t n)
{
	const char *end = p + n;

	if (memchr(p, 0, n))
		w->bad = "there is a NUL byte in its header section";
	if (w->header.len + w->crs + n > WIRE_HEADER_MAX)
		w->bad = "its header section is longer than 1 MB";
	while (p < end && !w->bad) {
		const char *cr = memchr(p, '\r', (size_t)(end - p)), *stop = cr ? cr : end;

		if (stop > p) {
			for (; w->crs; w->crs--)
				str_addc(&w->header, ' ');
			str_add(&w->header, p, (size_t)(stop - p));
		}
		if (cr)
			w->crs++;
		p = cr ? cr + 1 : end;
	}
}

void
wire_add(struct wire *w, const char *p, size_t n)
{
	const char *end = p + n;

	while (p < end && w->in_header && !w->bad) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		header_text(w, p, (size_t)((lf ? lf : end) - p));
		if (lf && !w->bad)
			header_line(w);
		p = lf ? lf + 1 : end;
	}
	if (p < end && !w->bad)
		body_add(w, p, (size_t)(end - p));
}

void
wire_end(struct wire *w)
{
	if (w->bad)
		return;
	if (w->in_header && (w->crs || w->header.len > w->line))
		header_line(w);
	if (w->in_header)
		end_header(w);
	else if (w->crs || w->column)
		end_lines(w, 1);
	w->crs = 0;
}
