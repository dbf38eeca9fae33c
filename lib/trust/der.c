#include "base.h"

#include "der.h"

enum { DER_BIT_STRING = 0x03, DER_SEQUENCE = 0x30, DER_VERSION = 0xa0, DER_INTEGER = 0x02 };

struct reader {
	const unsigned char *p, *end;
};

/* The next element, whatever it is. Definite lengths of up to four bytes. */
static bool
element(struct reader *in, unsigned *tag, struct der_piece *whole, struct reader *body)
{
	const unsigned char *p = in->p;
	size_t len, more;

	if (in->end - p < 2 || (p[0] & 0x1f) == 0x1f)
		return false;
	*tag = p[0];
	len = p[1];
	p += 2;
	if (len & 0x80) {
		more = len & 0x7f;
		if (!more || more > 4 || (size_t)(in->end - p) < more)
			return false;
		for (len = 0; more; more--)
			len = len << 8 | *p++;
	}
	if ((size_t)(in->end - p) < len)
		return false;
	*whole = (struct der_piece){in->p, (size_t)(p - in->p) + len};
	*body = (struct reader){p, p + len};
	in->p = p + len;
	return true;
}

static bool
expect(struct reader *in, unsigned want, struct der_piece *whole, struct reader *body)
{
	unsigned tag;

	return element(in, &tag, whole, body) && tag == want;
}

bool
der_key(const unsigned char *p, size_t n)
{
	struct reader in = {p, p + n}, key, part;
	struct der_piece w;

	return expect(&in, DER_SEQUENCE, &w, &key) && in.p == in.end &&
	       expect(&key, DER_SEQUENCE, &w, &part) && expect(&key, DER_BIT_STRING, &w, &part) &&
	       key.p == key.end;
}

bool
der_cert(struct der_cert *out, const unsigned char *p, size_t n)
{
	struct reader in = {p, p + n}, cert, tbs, part;
	struct der_piece w;
	unsigned tag;

	if (!expect(&in, DER_SEQUENCE, &w, &cert) || in.p != in.end ||
	    !expect(&cert, DER_SEQUENCE, &out->tbs, &tbs) || !expect(&cert, DER_SEQUENCE, &w, &part) ||
	    !expect(&cert, DER_BIT_STRING, &w, &part) || cert.p != cert.end)
		return false;
	if (!element(&tbs, &tag, &w, &part) || (tag == DER_VERSION && !element(&tbs, &tag, &w, &part)) ||
	    tag != DER_INTEGER)
		return false;
	for (int i = 0; i < 4; i++) /* signature, issuer, validity, subject */
		if (!expect(&tbs, DER_SEQUENCE, &w, &part))
			return false;
	return expect(&tbs, DER_SEQUENCE, &out->key, &part) && der_key(out->key.p, out->key.n);
}
