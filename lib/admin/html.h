/* HTML, and the SVG inside it: the one place where values become markup. Pure; everything is appended to out.
 *
 * html_put writes a piece of a page. Its format is a literal of ours, and what stands in it is markup; what is put in by
 * a conversion is none, whatever it contains, in text as well as between the double quotes of an attribute:
 *
 *   %s          text from anywhere, by html_text; %.80s, %.*s: at most so many characters, then an ellipsis
 *   %u %d %zu   and with l, ll (PRIu64): numbers as of printf; with the flag ' in groups, 1,204,000
 *   %.2f        likewise, in any precision
 *
 * Nothing else is known (bug). No value belongs into a name, an address (href, src), a style but as a number, a comment
 * or a script: there escaping does not help. What html_put writes is well-formed XML, too, when the formats are. */
#ifndef HTML_H
#define HTML_H

#include "base.h"
#include "str.h"

#include <stddef.h>
#include <stdint.h>

void html_put(struct str *out, const char *format, ...) PRINTF(2, 3);

/* The escaper. & < > " ' stand as references, and what text_visible escapes, invisible and reserved characters as \xHH,
 * so that no text looks like another. At most max characters as they are shown, then an ellipsis; 0: all. NULL is
 * empty. */
void html_text(struct str *out, const char *s, size_t max);
/* 1,204,000 */
void html_number(struct str *out, uint64_t n);

/* From the doctype to <body>: a page that loads nothing, runs nothing, links nowhere and tells nobody whence it was
 * left, whatever stands in it. style is ours. */
void html_begin(struct str *out, const char *title, const char *style);
void html_end(struct str *out);

#endif
