#include "base.h"

#include "domain.h"
#include "file.h"
#include "stskeep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int
sts_keep_open(struct sts_keep *k, const char *spool)
{
	struct str path = {0};

	str_addf(&path, "%s/sts", spool);
	k->dir = open(path.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	str_free(&path);
	return k->dir < 0 ? -1 : 0;
}

void
sts_keep_close(struct sts_keep *k)
{
	if (k->dir >= 0)
		close(k->dir);
	k->dir = -1;
}

/* A domain name, in the one form it has as a file name: no path, no temporary file. */
static bool
name_ok(const char *name)
{
	const char *why = NULL;
	char *domain = *name == '[' || strlen(name) > STS_DOMAIN_MAX ? NULL : domain_ascii(name, &why);
	bool same = domain && !strcmp(domain, name);

	free(domain);
	return same;
}

void
sts_keep_load(const struct sts_keep *k, const char *domain, struct sts_entry *e)
{
	struct str s = {0};

	*e = (struct sts_entry){0};
	if (k->dir >= 0 && name_ok(domain) && !file_read(k->dir, domain, &s, STS_FILE_MAX) && s.len &&
	    (!sts_entry_parse(e, s.s, s.len) || strcmp(e->domain, domain)))
		sts_entry_free(e);
	if (!e->domain)
		e->domain = mem_dup(domain);
	str_free(&s);
}

int
sts_keep_save(const struct sts_keep *k, const struct sts_entry *e)
{
	struct str s = {0};
	int r = 0;

	if (k->dir < 0 || !name_ok(e->domain))
		return 0;
	sts_entry_write(&s, e);
	r = file_replace(k->dir, e->domain, s.s, s.len, 0600);
	str_free(&s);
	return r;
}

int
sts_keep_drop(const struct sts_keep *k, const char *domain)
{
	if (k->dir < 0 || !name_ok(domain)) {
		errno = ENOENT;
		return -1;
	}
	return unlinkat(k->dir, domain, 0);
}

static int
name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static DIR *
dir_read(const struct sts_keep *k)
{
	int fd = openat(k->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

int
sts_keep_list(const struct sts_keep *k, struct plan_list *out)
{
	struct dirent *e;
	DIR *d;

	if (k->dir < 0)
		return 0;
	if (!(d = dir_read(k)))
		return -1;
	while ((e = readdir(d)))
		if (name_ok(e->d_name))
			plan_list_add(out, e->d_name);
	closedir(d);
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, name_compare);
	return 0;
}

/* ".NAME.PID", as file_replace has it. */
static bool
is_temporary(const char *name)
{
	const char *dot = strrchr(name, '.');

	return *name == '.' && dot > name && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1);
}

void
sts_keep_sweep(const struct sts_keep *k)
{
	DIR *d = k->dir < 0 ? NULL : dir_read(k);
	time_t now = time(NULL);
	struct dirent *e;
	struct stat st;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (is_temporary(e->d_name) && !fstatat(k->dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode) && st.st_mtime < now - 3600)
			unlinkat(k->dir, e->d_name, 0);
	closedir(d);
}
