/* index-put DIRECTORY TABLE: an entry into a table of an index that nobody has open, so that a test can have one that no
 * program of ours writes. Key and value are the lines of fd 0, encoded as in records. */
#include "base.h"

#include "die.h"
#include "index.h"
#include "rec.h"

int
main(int argc, char *argv[])
{
	enum index_found found;
	enum index_table t;
	struct str why = {0}, value = {0};
	struct index *ix;
	char *key = NULL, *text = NULL;
	size_t room = 0, size = 0, nkey, n;

	prog_start("index-put");
	if (argc != 3 || !index_table_find(argv[2], &t))
		die_usage("index-put directory table <key-and-value");
	if (getline(&key, &room, stdin) < 2 || getline(&text, &size, stdin) < 1)
		die_perm("unable to read a key and a value");
	key[strcspn(key, "\n")] = text[strcspn(text, "\n")] = 0;
	if (!rec_bytes(key, &nkey) || !rec_bytes(text, &n))
		die_perm("unable to read an escape");
	str_add(&value, text, n);
	if (!(ix = index_open(argv[1], &found, &why)))
		die_temp("unable to open the index: %s", why.s);
	index_set(ix, t, (struct index_key){key, nkey}, &value);
	if (index_commit(ix, INDEX_DURABLE))
		die_temp("unable to write the index: %s", index_broken(ix));
	index_close(ix, true);
	str_free(&value);
	str_free(&why);
	free(key);
	free(text);
	return 0;
}
