#include "base.h"

#include "child.h"
#include "die.h"
#include "fdio.h"
#include "rec.h"
#include "tlsrpt_queue.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENVELOPE_FD 3 /* in the child */
#define ID_LINE 64

static int
memory_file(const struct str *s)
{
	int fd = memfd_create("moxq", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, str_cstr(s), s->len) || lseek(fd, 0, SEEK_SET))
		die_temp("unable to hand a report over: %m");
	return fd;
}

/* No notice of any kind is wanted of the next servers either; TLS is not insisted on (RFC 8460 5.3.1). */
static void
envelope_write(struct str *out, const char *sender, const char *const *to)
{
	rec_add(out, "sender", sender);
	rec_add(out, "requiretls", "no");
	rec_open(out, "extra");
	rec_put(out, "moxq-report");
	rec_put(out, "yes");
	rec_close(out);
	rec_open(out, "extra");
	rec_put(out, "moxq-tlsrpt");
	rec_put(out, "yes");
	rec_close(out);
	rec_add(out, "origin", "local");
	for (; *to; to++) {
		rec_open(out, "rcpt");
		rec_put(out, *to);
		rec_put(out, "notify=never");
		rec_close(out);
	}
	rec_end(out);
}

int
tlsrpt_queue(const char *conf_file, const struct str *message, const char *sender, const char *const *to,
    struct str *said)
{
	char command[] = "mox-queue-add", option[] = "-C", e[] = "-e", three[] = "3", id[ID_LINE + 1];
	char *file = conf_file ? mem_dup(conf_file) : NULL;
	char *with[] = {command, option, file, e, three, NULL}, *without[] = {command, e, three, NULL};
	struct str envelope = {0};
	struct child_fd map[3];
	int p[2], code;
	ssize_t n;
	pid_t pid;

	envelope_write(&envelope, sender, to);
	if (pipe2(p, O_CLOEXEC))
		die_temp("unable to make a pipe: %m");
	map[0] = (struct child_fd){memory_file(message), 0};
	map[1] = (struct child_fd){p[1], 1};
	map[2] = (struct child_fd){memory_file(&envelope), ENVELOPE_FD};
	pid = child_spawn(conf_file ? with : without, map, ARRAY_LEN(map));
	if (pid < 0)
		die_temp("unable to run mox-queue-add: %m");
	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		close(map[i].from);
	n = fd_read_all(p[0], id, ID_LINE);
	id[n > 0 ? n : 0] = 0;
	id[strcspn(id, "\n")] = 0;
	close(p[0]);
	code = child_wait(pid);
	str_reset(said);
	str_adds(said, code || strncmp(id, "id ", 3) != 0 ? "mox-queue-add does not take it" : id + 3);
	str_free(&envelope);
	free(file);
	return !code || code == EXIT_PERM ? code : EXIT_TEMP;
}
