#include "base.h"

#include "child.h"
#include "die.h"
#include "fdio.h"
#include "rec.h"
#include "tlsrpt_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENVELOPE_FD 3 /* in the child */
#define ID_LINE 64

static int
memory_file(const struct str *s)
{
	int fd = memfd_create("moxq", MFD_CLOEXEC);

	if (fd < 0 || (!fd_write_all(fd, str_cstr(s), s->len) && !lseek(fd, 0, SEEK_SET)))
		return fd;
	close(fd);
	return -1;
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

/* Its pid, and in *answer the end of a pipe that is its standard output; or -1 with errno, and nothing is open. */
static pid_t
run(const char *conf_file, const struct str *message, const struct str *envelope, int *answer)
{
	char command[] = "mox-queue-add", option[] = "-C", e[] = "-e", three[] = "3";
	char *file = conf_file ? mem_dup(conf_file) : NULL;
	char *with[] = {command, option, file, e, three, NULL}, *without[] = {command, e, three, NULL};
	struct child_fd map[3] = {{memory_file(message), 0}, {memory_file(envelope), ENVELOPE_FD}, {-1, 1}};
	int p[2] = {-1, -1}, err;
	pid_t pid = -1;

	if (map[0].from >= 0 && map[1].from >= 0 && !pipe2(p, O_CLOEXEC)) {
		map[2].from = p[1];
		pid = child_spawn(conf_file ? with : without, map, ARRAY_LEN(map));
	}
	err = errno;
	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (map[i].from >= 0)
			close(map[i].from);
	if (pid < 0 && p[0] >= 0)
		close(p[0]);
	free(file);
	*answer = p[0];
	errno = err;
	return pid;
}

int
tlsrpt_queue(const char *conf_file, const struct str *message, const char *sender, const char *const *to,
    struct str *said)
{
	struct str envelope = {0};
	char id[ID_LINE + 1];
	int answer, code;
	ssize_t n;
	pid_t pid;

	envelope_write(&envelope, sender, to);
	pid = run(conf_file, message, &envelope, &answer);
	str_reset(said);
	str_free(&envelope);
	if (pid < 0) {
		str_addf(said, "unable to run mox-queue-add: %s", strerror(errno));
		return EXIT_TEMP;
	}
	n = fd_read_all(answer, id, ID_LINE);
	id[n > 0 ? n : 0] = 0;
	id[strcspn(id, "\n")] = 0;
	close(answer);
	code = child_wait(pid);
	str_adds(said, code || strncmp(id, "id ", 3) != 0 ? "mox-queue-add does not take it" : id + 3);
	return !code || code == EXIT_PERM ? code : EXIT_TEMP;
}
