#include "base.h"

#include "clock.h"
#include "columns.h"
#include "id.h"
#include "mailq.h"
#include "table.h"

#include <inttypes.h>

#define REASON_END 76 /* reasons are set flush right, as Postfix does */

static void
message_print(struct mailq *m)
{
	char id[ID_SIZE], mark = ' ';

	if (!m->id)
		return;
	if (m->moving)
		mark = '*';
	else if (m->held == m->all)
		mark = '!';
	if (!m->messages++)
		puts("-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------");
	id_format(id, m->id);
	printf("%s%c %s%s\n", id, mark, str_cstr(&m->head), str_cstr(&m->rcpts));
	str_reset(&m->head);
	str_reset(&m->rcpts);
	str_reset(&m->reason);
	m->held = m->moving = m->all = 0;
}

static void
message_begin(struct mailq *m, const struct row *r)
{
	char date[CLOCK_ISO_SIZE] = "";
	time_t t = (time_t)(r->queued / SECOND);
	struct tm tm;

	message_print(m);
	m->id = r->id;
	m->bytes += r->size;
	if (localtime_r(&t, &tm))
		strftime(date, sizeof date, "%a %b %e %H:%M:%S", &tm);
	str_addf(&m->head, "%8" PRIu64 " %s ", r->size, date);
	if (r->sender && *r->sender)
		table_visible(&m->head, r->sender, strlen(r->sender));
	else
		str_adds(&m->head, "MAILER-DAEMON");
	str_addc(&m->head, '\n');
}

/* A reason stands once before the recipients it belongs to. */
static void
reason_add(struct mailq *m, const char *reason)
{
	struct str shown = {0};
	size_t from;
	unsigned n;

	if (!strcmp(str_cstr(&m->reason), reason))
		return;
	str_reset(&m->reason);
	str_adds(&m->reason, reason);
	table_visible(&shown, reason, strlen(reason));
	n = text_columns(str_cstr(&shown), shown.len) + 2;
	for (from = n; from < REASON_END; from++)
		str_addc(&m->rcpts, ' ');
	str_addf(&m->rcpts, "(%s)\n", str_cstr(&shown));
	str_free(&shown);
}

void
mailq_row(struct mailq *m, const struct row *r)
{
	const char *hold = hold_shown(r->hold);

	if (m->id != r->id || !m->all)
		message_begin(m, r);
	m->all++;
	m->held += hold != NULL;
	m->moving += r->state == ROW_DELIVERING;
	if (r->error && *r->error)
		reason_add(m, r->error);
	else if (hold)
		reason_add(m, hold);
	str_addf(&m->rcpts, "%44s", "");
	table_visible(&m->rcpts, r->rcpt ? r->rcpt : "", r->rcpt ? strlen(r->rcpt) : 0);
	str_addc(&m->rcpts, '\n');
}

void
mailq_end(struct mailq *m)
{
	message_print(m);
	if (!m->messages)
		puts("Mail queue is empty");
	else
		printf("\t\tTotal Requests: %" PRIu64 "\n-- %" PRIu64 " Kbytes in %" PRIu64 " Request%s.\n",
		    m->messages, (m->bytes + 1023) / 1024, m->messages, m->messages == 1 ? "" : "s");
	str_free(&m->head);
	str_free(&m->rcpts);
	str_free(&m->reason);
}
