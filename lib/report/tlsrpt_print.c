/* mox-tlsrpt-send -n: the reports of a day, as they would go out. Nobody is asked. */
#include "base.h"

#include "clock.h"
#include "die.h"
#include "fdio.h"
#include "tlsrpt_submitter.h"
#include "tlsrpt_verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
tlsrpt_dir(const struct conf *c)
{
	struct str path = {0};
	int fd;

	str_addf(&path, "%s/tlsrpt", c->spool);
	fd = open(path.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die_temp("unable to open %s: %m", path.s);
	str_free(&path);
	return fd;
}

static void
print(const struct tlsrpt_day *d, const struct tlsrpt_name *name, const struct tlsrpt_submitter *who)
{
	struct tlsrpt_report r;
	struct str out = {0};

	tlsrpt_build(&r, d, name, NULL, NULL);
	tlsrpt_json(&out, &r, who);
	if (fd_write_all(1, out.s, out.len))
		die_temp("unable to write: %m");
	str_free(&out);
	tlsrpt_report_free(&r);
}

static bool
some_failed(const struct tlsrpt_name *name)
{
	for (size_t i = 0; i < name->n; i++)
		if (!name->row[i]->ok)
			return true;
	return false;
}

int
tlsrpt_verb_print(const struct tlsrpt_run *t, char **argv)
{
	struct tlsrpt_signer signer;
	struct tlsrpt_day d;
	char day[CLOCK_DAY_SIZE];
	int dir = tlsrpt_dir(t->conf), code = 0;

	(void)argv;
	clock_day(day, clock_now() - DAY);
	if (tlsrpt_day_read(&d, dir, t->day ? t->day : day)) {
		if (errno != ENOENT)
			die_temp("unable to read %s/tlsrpt/%s: %m", t->conf->spool, t->day ? t->day : day);
		warn("unable to report on %s: there are no results of that day", t->day ? t->day : day);
		close(dir);
		return EXIT_PERM;
	}
	tlsrpt_signer_find(&signer, t->conf);
	for (size_t i = 0; i < d.nname; i++)
		if (t->domain ? !strcmp(d.name[i].name, t->domain)
			      : t->conf->tlsrpt_all_success || some_failed(&d.name[i]))
			print(&d, &d.name[i], &signer.who);
	if (t->domain && !tlsrpt_day_name(&d, t->domain)) {
		warn("unable to report on %s: there are no results of it", t->domain);
		code = EXIT_PERM;
	}
	tlsrpt_signer_free(&signer);
	tlsrpt_day_free(&d);
	close(dir);
	return code;
}
