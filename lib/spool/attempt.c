#include "base.h"

#include "attempt.h"
#include "rec.h"

static void
put_word(struct str *out, const char *word, size_t max)
{
	rec_putn(out, word && *word ? word : "-", word && *word ? strnlen(word, max) : 1);
}

/* No half of a character at the end. */
static size_t
text_length(const char *text)
{
	size_t n = strnlen(text, ATTEMPT_TEXT_MAX);

	if (text[n])
		while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	return n;
}

void
attempt_write(struct str *out, const struct attempt *a)
{
	const char *text = a->text ? a->text : "";

	str_addi(out, a->start);
	str_addc(out, ' ');
	str_addi(out, a->duration);
	str_addc(out, ' ');
	str_adds(out, a->outcome);
	str_addc(out, ' ');
	str_addi(out, a->code);
	put_word(out, a->status, 20);
	put_word(out, a->host, ATTEMPT_HOST_MAX);
	put_word(out, a->tls, 20);
	put_word(out, a->transport, ATTEMPT_HOST_MAX);
	rec_putn(out, text, text_length(text));
}

bool
attempt_read(struct attempt *a, char *value)
{
	char *f[9];
	uint64_t start, duration, code;

	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		if (!(f[i] = rec_field(&value)))
			return false;
	if (!str_number(f[0], INT64_MAX, &start) || !str_number(f[1], INT64_MAX, &duration) ||
	    !str_number(f[3], 999, &code))
		return false;
	*a = (struct attempt){
	    .start = (int64_t)start,
	    .duration = (int64_t)duration,
	    .outcome = f[2],
	    .code = (unsigned)code,
	    .status = f[4],
	    .host = f[5],
	    .tls = f[6],
	    .transport = f[7],
	    .text = f[8],
	};
	return true;
}
