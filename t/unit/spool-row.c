/* Rows as the index keeps them: changing the numbers of an attempt in the text is the same as reading and writing all of it. */
#include "base.h"

#include "row.h"
#include "unit.h"

static void
attempts(void)
{
	const struct row rows[] = {
	    {.id = 99, .n = 1, .sender = "s@a.test", .rcpt = "r@b.test", .domain = "b.test", .queued = 5},
	    {.id = 99,
		.n = 2,
		.rcpt = "r@b.test",
		.subject = "\nnext 1\nattempts 2",
		.error = "no\nlast 7\n",
		.code = 451},
	    {.id = 99,
		.n = 3,
		.next = 1795230000000000,
		.attempts = 4000000000,
		.last = 1795230000000001,
		.size = 7},
	    {.id = 99, .n = 4, .transport = "next 3", .nattempt = 1, .attempt = {(char[]){"1 2 sent"}}},
	};
	const struct row numbers[] = {{0}, {.next = 1, .attempts = 2, .last = 3},
	    {.next = INT64_MAX, .attempts = UINT32_MAX, .last = INT64_MAX}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t k = 0; k < ARRAY_LEN(numbers); k++) {
			struct str before = {0}, got = {0}, want = {0};
			struct row r = rows[i];

			row_record(&before, &r, 1000);
			r.next = numbers[k].next;
			r.attempts = numbers[k].attempts;
			r.last = numbers[k].last;
			row_record(&want, &r, 1000);
			OK(row_record_attempt(&got, before.s, before.len, &numbers[k]),
			    "a row takes the numbers");
			STR_EQ(str_cstr(&got), want.s, "as if it were written anew");
			str_free(&before);
			str_free(&got);
			str_free(&want);
		}
}

static void
others(void)
{
	static const char *const t[] = {"", "end\n", "id x\nuid 1\nqueued 3\nend\n",
	    "id x\nnext 5\nattempts 3\nlast", "id x\nnext 5\nattempts 3\nlast 4",
	    "id x\nnext 5\nlast 4\nattempts 3\nend\n", "id x\nnext \\x35\nattempts 3\nlast 4\nend\n",
	    "id x\nnext 5 6\nattempts 3\nlast 4\nend\n", "id x\nnext 5\n"};
	const struct row numbers = {.next = 1};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct str out = {0};
		char *exact = mem_dupn(t[i], strlen(t[i])); /* no byte more, for the sanitizer */

		OK(!row_record_attempt(&out, exact, strlen(t[i]), &numbers), t[i]);
		INT_EQ(out.len, 0, "nothing is written");
		free(exact);
		str_free(&out);
	}
}

int
main(void)
{
	attempts();
	others();
	DONE();
}
