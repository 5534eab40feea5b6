/* The page as HTML: one file that asks for nothing from outside, and that is XML, too. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/page.h"
#include "report/report.h"
#include "report/seal.h"
#include "report/text.h"
#include "util.h"

static enum report_language
language_of(const struct page *p)
{
    return p->facts->language;
}

/* An element with a text, on a line of its own. */
static void
put_element(struct page *p, const char *name, const char *class, const char *text)
{
    ds_put_format(&p->s, "<%s%s%s%s>", name, class ? " class=\"" : "", class ? class : "",
                  class ? "\"" : "");
    put_html(&p->s, text);
    ds_put_format(&p->s, "</%s>\n", name);
}

/* ---- the head ---- */

static void
put_head(struct page *p, const char *title)
{
    /* No script can run, and nothing is fetched, whatever should have got into the text. */
    ds_put_format(&p->s,
                  "<!DOCTYPE html>\n"
                  "<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                  "<meta http-equiv=\"Content-Security-Policy\" "
                  "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                  "<meta name=\"referrer\" content=\"no-referrer\"/>\n<title>",
                  language_of(p) == REPORT_JAPANESE ? "ja" : "en");
    put_html(&p->s, title);
    ds_put_format(&p->s, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", report_style);
}

/* Squares, as many of them filled as the severity is high: it can be read without colours. */
static void
put_meter(struct page *p, int severity)
{
    ds_put_cstr(&p->s, "<svg viewBox=\"0 0 36 10\" aria-hidden=\"true\">");
    for (int i = 0; i < 4; i++) {
        ds_put_format(&p->s,
                      "<rect x=\"%d.5\" y=\"1\" width=\"7\" height=\"8\" rx=\"1.5\" fill=\"%s\" "
                      "stroke=\"currentColor\"/>",
                      i * 9, i < severity ? "currentColor" : "none");
    }
    ds_put_cstr(&p->s, "</svg>");
}

static void
put_badges(struct page *p)
{
    const Fusuma__V1__Incident *i = p->facts->incident;
    enum word severity = severity_word(i->severity);

    ds_put_format(&p->s, "<p class=\"badges\"><span class=\"badge severity s%d\">",
                  severity - W_UNGRADED);
    put_meter(p, severity - W_UNGRADED);
    put_html(&p->s, word(W_GUIDE_SEVERITY, language_of(p)));
    ds_put_cstr(&p->s, ": ");
    put_html(&p->s, word(severity, language_of(p)));
    ds_put_cstr(&p->s, "</span>\n");
    put_element(p, "span", "badge", word(kind_word(i->kind), language_of(p)));
    put_element(p, "span", "badge", word(i->closed ? W_CLOSED : W_OPEN, language_of(p)));
    if (i->quarantined) {
        put_element(p, "span", "badge", word(W_IN_QUARANTINE, language_of(p)));
    }
    ds_put_cstr(&p->s, "</p>\n");
}

static void
put_sentence(struct page *p, const char *class, char *text)
{
    put_element(p, "p", class, text);
    free(text);
}

static void
put_summary(struct page *p)
{
    const struct facts *f = p->facts;
    enum word means = kind_means(f->incident->kind);
    char *grounds;

    ds_put_format(&p->s, "<div class=\"summary s%d\">\n",
                  severity_word(f->incident->severity) - W_UNGRADED);
    put_sentence(p, "lead", say_summary(f));
    put_sentence(p, NULL, say_verdict(f));
    put_sentence(p, NULL, say_state(f));
    if (means != N_WORDS) {
        put_element(p, "p", NULL, word(means, f->language));
    }
    grounds = say_grounds(f);
    if (grounds[0]) {
        put_element(p, "p", "aside", grounds);
    }
    free(grounds);
    ds_put_cstr(&p->s, "</div>\n");
}

static void
put_card(struct page *p, enum word name, char *value)
{
    ds_put_cstr(&p->s, "<div>");
    put_element(p, "dt", NULL, word(name, language_of(p)));
    put_element(p, "dd", NULL, value);
    ds_put_cstr(&p->s, "</div>\n");
    free(value);
}

static void
html_begin(struct page *p)
{
    const struct facts *f = p->facts;
    char *title = say_title(f);

    put_head(p, title);
    ds_put_cstr(&p->s, "<header>\n");
    put_sentence(p, "brand", say_made_by(f));
    put_element(p, "h1", NULL, title);
    put_badges(p);
    put_summary(p);
    ds_put_cstr(&p->s, "<dl class=\"cards\">\n");
    put_card(p, W_N_TARGETS, facts_count(f, f->incident->distinct_targets, f->incident->n_targets));
    put_card(p, W_N_SERVICES,
             facts_count(f, f->incident->distinct_services, f->incident->n_services));
    put_card(p, W_N_PACKETS, number_text(f->incident->packets));
    put_card(p, W_DURATION, facts_duration(f));
    ds_put_cstr(&p->s, "</dl>\n</header>\n<main>\n");
    free(title);
}

/* ---- the body ---- */

static void
end_section(struct page *p)
{
    if (p->in_section) {
        ds_put_cstr(&p->s, "</section>\n");
    }
    p->in_section = false;
}

static void
html_section(struct page *p, enum word title)
{
    end_section(p);
    ds_put_cstr(&p->s, "<section>\n");
    put_element(p, "h2", NULL, word(title, language_of(p)));
    p->in_section = true;
}

static void
html_heading(struct page *p, enum word title)
{
    put_element(p, "h3", NULL, word(title, language_of(p)));
}

static void
html_paragraph(struct page *p, const char *text, bool aside)
{
    put_element(p, "p", aside ? "aside" : NULL, text);
}

static void
html_facts_begin(struct page *p)
{
    ds_put_cstr(&p->s, "<table class=\"facts\"><tbody>\n");
}

static void
html_fact(struct page *p, enum word name, const char *value)
{
    ds_put_cstr(&p->s, "<tr><th scope=\"row\">");
    put_html(&p->s, word(name, language_of(p)));
    ds_put_cstr(&p->s, "</th><td>");
    put_html(&p->s, value);
    ds_put_cstr(&p->s, "</td></tr>\n");
}

static void
html_facts_end(struct page *p)
{
    ds_put_cstr(&p->s, "</tbody></table>\n");
}

static const char *
class_of(enum column_kind kind)
{
    static const char *const classes[] = { [COLUMN_TEXT] = "",
                                           [COLUMN_LABEL] = " class=\"l\"",
                                           [COLUMN_ADDRESS] = " class=\"c a\"",
                                           [COLUMN_CODE] = " class=\"c\"",
                                           [COLUMN_TIME] = " class=\"c t\"",
                                           [COLUMN_NUMBER] = " class=\"n\"",
                                           [COLUMN_DETAIL] = "" };

    return classes[kind];
}

static bool
has_detail(const struct page *p)
{
    return p->columns[p->n_columns - 1].kind == COLUMN_DETAIL;
}

static void
html_table_begin(struct page *p)
{
    ds_put_cstr(&p->s, "<table><thead><tr>");
    for (size_t i = 0; i < p->n_columns - has_detail(p); i++) {
        ds_put_format(&p->s, "<th scope=\"col\"%s>", class_of(p->columns[i].kind));
        put_html(&p->s, word(p->columns[i].heading, language_of(p)));
        ds_put_cstr(&p->s, "</th>");
    }
    ds_put_cstr(&p->s, "</tr></thead><tbody>\n");
}

/* IPv6 and MAC addresses may go on on the next line after any colon. */
static void
put_address(struct page *p, const char *text)
{
    const char *colon;

    for (; (colon = strchr(text, ':')); text = colon + 1) {
        char *part = xmemdup0(text, colon + 1 - text);

        put_html(&p->s, part);
        ds_put_cstr(&p->s, "<wbr/>");
        free(part);
    }
    put_html(&p->s, text);
}

static void
html_cell(struct page *p, const char *text)
{
    const struct column *c = &p->columns[p->at];
    bool last = p->at + 1 == p->n_columns;

    if (!p->at) {
        ds_put_cstr(&p->s, has_detail(p) ? "<tr class=\"has-detail\">" : "<tr>");
    }
    if (c->kind == COLUMN_DETAIL) {
        ds_put_format(&p->s, "</tr>\n<tr class=\"detail\"><td colspan=\"%zu\">", p->n_columns - 1);
    } else {
        ds_put_format(&p->s, "<td%s>", class_of(c->kind));
    }
    if (c->kind == COLUMN_ADDRESS) {
        put_address(p, text);
    } else {
        put_html(&p->s, text);
    }
    ds_put_cstr(&p->s, last ? "</td></tr>\n" : "</td>");
}

static void
html_list_begin(struct page *p)
{
    ds_put_cstr(&p->s, "<ul>\n");
}

static void
html_item(struct page *p, const char *text)
{
    put_element(p, "li", NULL, text);
}

static void
html_list_end(struct page *p)
{
    ds_put_cstr(&p->s, "</ul>\n");
}

static void
html_drawing(struct page *p, const struct ds *svg)
{
    ds_put_format(&p->s, "<figure>\n%s</figure>\n", ds_cstr_ro(svg));
}

static void
html_end(struct page *p)
{
    struct ds before = DS_EMPTY_INITIALIZER;

    end_section(p);
    ds_put_cstr(&before, "<p class=\"digest\">");
    put_html(&before, word(W_DIGEST, language_of(p)));
    ds_put_cstr(&before, " <code>");
    seal(&p->s, ds_cstr(&before), "</code></p></main></body></html>");
    ds_destroy(&before);
}

const struct page_writer html_writer = {
    .begin = html_begin,
    .end = html_end,
    .section = html_section,
    .heading = html_heading,
    .paragraph = html_paragraph,
    .facts_begin = html_facts_begin,
    .fact = html_fact,
    .facts_end = html_facts_end,
    .table_begin = html_table_begin,
    .cell = html_cell,
    .table_end = html_facts_end,
    .list_begin = html_list_begin,
    .item = html_item,
    .list_end = html_list_end,
    .drawing = html_drawing,
};
