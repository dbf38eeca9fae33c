#include "base.h"

#include "conf_parser.h"
#include "conf_schema.h"
#include "die.h"
#include "str.h"

bool
conf_stands(const char *name, const char *text)
{
	return strstr(text, name) != NULL;
}

static size_t
fill_keys(cfg_opt_t *to, const struct conf_key *k, const char *text)
{
	size_t n = 0;

	for (; k->name; k++) {
		char *def;

		if (!conf_stands(k->name, text))
			continue;
		def = k->def ? mem_dup(k->def) : NULL;
		if (conf_kind_is_list(k->rule.kind)) {
			cfg_opt_t list = CFG_STR_LIST(k->name, def, CFGF_NONE);

			to[n++] = list;
		} else {
			cfg_opt_t one = CFG_STR(k->name, def, def ? CFGF_NONE : CFGF_NODEFAULT);

			to[n++] = one;
		}
	}
	return n;
}

static size_t
count_keys(const struct conf_key *k, const struct conf_section *s)
{
	size_t n = 0;

	for (; k->name; k++)
		n++;
	for (; s && s->name; s++)
		n++;
	return n;
}

/* Keys and sections; the caller frees (free_options). */
static cfg_opt_t *
make_options(const struct conf_key *k, const struct conf_section *s, const char *text)
{
	static const cfg_flag_t flags[] = {
	    CFGF_NONE, CFGF_MULTI, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES};
	cfg_opt_t *o = mem_zalloc((count_keys(k, s) + 1) * sizeof *o), end = CFG_END();
	size_t n = fill_keys(o, k, text);

	for (; s && s->name; s++)
		if (conf_stands(s->name, text)) {
			cfg_opt_t one = CFG_SEC(s->name, make_options(s->keys, s->sub, text), flags[s->form]);

			o[n++] = one;
		}
	o[n] = end;
	return o;
}

static void
free_options(cfg_opt_t *o)
{
	for (size_t i = 0; o[i].name; i++) {
		if (o[i].type == CFGT_SEC) {
			free_options(o[i].subopts);
			continue;
		}
		free(o[i].def.parsed);
		free((void *)(uintptr_t)o[i].def.string);
	}
	free(o);
}

cfg_t *
conf_parser(const char *text)
{
	cfg_opt_t *top = make_options(conf_top_keys, conf_sections, text);
	cfg_t *cfg = cfg_init(top, CFGF_NONE); /* copies them all */

	if (!cfg)
		die_temp("out of memory");
	free_options(top);
	return cfg;
}
