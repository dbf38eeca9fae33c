#include "base.h"

#include "file.h"
#include "hosts.h"
#include "str.h"

#include <arpa/inet.h>
#include <fcntl.h>

#define HOSTS_MAX 10000

static void
line_parse(struct hosts *h, char *line)
{
	struct host_entry e = {0};
	char *save, *word;

	line[strcspn(line, "#")] = 0;
	if (!(word = strtok_r(line, " \t\r", &save)))
		return;
	if (inet_pton(AF_INET, word, e.addr) == 1)
		e.len = 4;
	else if (inet_pton(AF_INET6, word, e.addr) == 1)
		e.len = 16;
	else
		return;
	while (h->n < HOSTS_MAX && (word = strtok_r(NULL, " \t\r", &save))) {
		h->v = mem_grow(h->v, h->n + 1, sizeof *h->v);
		e.name = mem_dup(word);
		str_lower(e.name);
		h->v[h->n++] = e;
	}
}

void
hosts_parse(struct hosts *h, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		char *line = mem_dupn(text, n);

		line_parse(h, line);
		free(line);
		text += n;
		text += *text == '\n';
	}
}

void
hosts_load(struct hosts *h)
{
	struct str text = {0};

	if (!file_read(AT_FDCWD, HOSTS_FILE, &text, 1 << 20))
		hosts_parse(h, str_cstr(&text));
	str_free(&text);
}

void
hosts_free(struct hosts *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->v[i].name);
	free(h->v);
	*h = (struct hosts){0};
}

bool
hosts_has(const struct hosts *h, const char *name)
{
	for (size_t i = 0; i < h->n; i++)
		if (!strcmp(h->v[i].name, name))
			return true;
	return false;
}

bool
host_is_localhost(const char *name)
{
	size_t n = strlen(name), k = strlen("localhost");

	return n >= k && !strcmp(name + n - k, "localhost") && (n == k || name[n - k - 1] == '.');
}
