#include "base.h"

#include "envelope.h"
#include "fdio.h"
#include "rec.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define TAIL                                                                                                 \
	4096 /* what one pread fetches: footer and envelope of all but mail with very many recipients        \
	      */

int
envelope_finish(int fd, struct envelope *e)
{
	struct str out = {0};
	int r, err;

	envelope_format(&out, e);
	r = fd_write_all(fd, out.s, out.len);
	err = errno;
	str_free(&out);
	errno = err;
	return r;
}

/* ---- reading ---- */

static bool
footer_read(const char *f, off_t *at, uint32_t *crc)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t v;

	if (memcmp(f, FOOTER_MAGIC, 6) || f[22] != ' ' || f[31] != '\n')
		return false;
	for (int i = 6; i < 31; i++)
		if (i != 22 && (!f[i] || !strchr(hex, f[i])))
			return false;
	v = strtoull(f + 6, NULL, 16);
	if (v > INT64_MAX / 2)
		return false;
	*at = (off_t)v;
	*crc = (uint32_t)strtoul(f + 23, NULL, 16);
	return true;
}

/* 0; -1 errno (0: the file is shorter than it was). */
static int
read_at(int fd, char *p, size_t n, off_t at)
{
	while (n) {
		ssize_t r = pread(fd, p, n, at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (!r) {
			errno = 0;
			return -1;
		}
		p += r;
		n -= (size_t)r;
		at += r;
	}
	return 0;
}

/* The record of n bytes at `at`: when the tail (which ends with the footer) does not hold it, it is read
 * anew. */
static const char *
read_record(int fd, struct envelope *e, struct str *tail, off_t at, size_t n, uint32_t crc)
{
	char *rec = tail->s;
	const char *bad;

	if (n + FOOTER_SIZE <= tail->len)
		rec += tail->len - FOOTER_SIZE - n;
	else {
		str_reset(tail);
		str_reserve(tail, n);
		rec = tail->s;
		if (read_at(fd, rec, n, at))
			return errno ? "its envelope cannot be read" : "it is cut short";
	}
	errno = 0;
	if (n < 4 || memcmp(rec + n - 4, "end\n", 4))
		return "its envelope has no end";
	if (envelope_crc(rec, n) != crc)
		return "its envelope does not match its checksum";
	if ((bad = envelope_parse(e, rec, n, at)))
		return bad;
	if (e->size != (uint64_t)at || !e->id || !e->sender || !e->nrcpt) {
		envelope_free(e);
		return "its envelope lacks a key";
	}
	return NULL;
}

int
envelope_read(int fd, struct envelope *e, const char **why)
{
	struct stat st;
	char buf[TAIL + 1];
	struct str tail = {buf, 0, sizeof buf};
	uint32_t crc;
	off_t at;
	size_t n;
	int err;

	*e = (struct envelope){0};
	*why = "it cannot be read";
	if (fstat(fd, &st))
		return -1;
	errno = 0;
	*why = "it is no regular file";
	if (!S_ISREG(st.st_mode))
		return -1;
	*why = "it is shorter than a footer";
	if (st.st_size < FOOTER_SIZE)
		return -1;
	n = st.st_size < TAIL ? (size_t)st.st_size : TAIL;
	*why = "it cannot be read";
	if (read_at(fd, buf, n, st.st_size - (off_t)n))
		return -1;
	errno = 0;
	buf[n] = 0;
	tail.len = n;
	*why = "it does not end in a footer";
	if (!footer_read(buf + n - FOOTER_SIZE, &at, &crc))
		return -1;
	*why = "its footer names an envelope that cannot be";
	if (at >= st.st_size - FOOTER_SIZE || st.st_size - FOOTER_SIZE - at > REC_MAX)
		return -1;
	n = (size_t)(st.st_size - FOOTER_SIZE - at);
	if (n + FOOTER_SIZE > tail.len)
		tail = (struct str){0};
	*why = read_record(fd, e, &tail, at, n, crc);
	err = errno;
	if (tail.s != buf)
		str_free(&tail);
	errno = err;
	return *why ? -1 : 0;
}

int
envelope_check_message(int fd, const struct envelope *e)
{
	static char buf[65536];
	uLong crc = crc32(0, NULL, 0);

	for (uint64_t at = 0; at < e->size;) {
		size_t n = e->size - at < sizeof buf ? (size_t)(e->size - at) : sizeof buf;

		if (read_at(fd, buf, n, (off_t)at)) {
			if (errno)
				return -1;
			return 1;
		}
		crc = crc32_z(crc, (unsigned char *)buf, n);
		at += n;
	}
	return (uint32_t)crc != e->crc;
}

/* ---- marks ---- */

int
envelope_mark(int fd, struct envelope *e, unsigned n, enum mark which, char value)
{
	ssize_t w;

	if (!n || n > e->nrcpt || !envelope_mark_valid(which, value)) {
		errno = EINVAL;
		return -1;
	}
	do
		w = pwrite(fd, &value, 1, e->rcpt[n - 1].at + (off_t)which);
	while (w < 0 && errno == EINTR);
	if (w != 1) {
		if (!w)
			errno = EIO;
		return -1;
	}
	e->rcpt[n - 1].mark[which] = value;
	return 0;
}

int
envelope_read_marks(int fd, struct envelope *e)
{
	char buf[65536];

	for (size_t i = 0; i < e->nrcpt;) {
		off_t start = e->rcpt[i].at;
		size_t k = i, n = 0;

		while (
		    k < e->nrcpt && e->rcpt[k].at >= start && e->rcpt[k].at + 4 - start <= (off_t)sizeof buf)
			n = (size_t)(e->rcpt[k++].at + 4 - start);
		if (!n || read_at(fd, buf, n, start)) {
			if (!n || !errno)
				errno = EBADMSG;
			return -1;
		}
		for (; i < k; i++) {
			const char *m = buf + (e->rcpt[i].at - start);

			if (!envelope_marks_valid(m)) {
				errno = EBADMSG;
				return -1;
			}
			memcpy(e->rcpt[i].mark, m, 4);
		}
	}
	return 0;
}
