#include "base.h"

#include "said.h"

bool
said_take(struct said *s, const struct row *r)
{
	if (!r->transcript)
		return false;
	said_free(s);
	s->id = r->id;
	s->at = r->last;
	s->recipients = mem_dup(r->recipients ? r->recipients : "");
	s->text = mem_dup(r->transcript);
	return true;
}

bool
said_is_of(const struct said *s, uint64_t id)
{
	return s->text && s->id == id;
}

bool
said_concerns(const struct said *s, const struct row *r)
{
	const char *p = s->recipients;

	if (!said_is_of(s, r->id))
		return false;
	for (; *p; p += strcspn(p, ","), p += *p == ',')
		if (strtoul(p, NULL, 10) == r->n)
			return true;
	return false;
}

const char *
said_line(const char **at, size_t *n)
{
	const char *line = *at;

	if (!*line)
		return NULL;
	*n = strcspn(line, "\n");
	*at = line + *n + (line[*n] == '\n');
	return line;
}

void
said_free(struct said *s)
{
	free(s->recipients);
	free(s->text);
	*s = (struct said){0};
}
