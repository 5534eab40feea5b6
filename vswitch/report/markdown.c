/* The page as Markdown, with tables as GitHub and most others know them. */
#include <config.h>

#include <stdlib.h>

#include "report/page.h"
#include "report/seal.h"
#include "report/text.h"
#include "util.h"

static enum report_language
language_of(const struct page *p)
{
    return p->facts->language;
}

static void
markdown_paragraph(struct page *p, const char *text, bool aside OVS_UNUSED)
{
    put_markdown(&p->s, text);
    ds_put_cstr(&p->s, "\n\n");
}

static void
put_sentence(struct page *p, char *text)
{
    markdown_paragraph(p, text, false);
    free(text);
}

static void
markdown_fact(struct page *p, enum word name, const char *value)
{
    ds_put_cstr(&p->s, "- **");
    put_markdown(&p->s, word(name, language_of(p)));
    ds_put_cstr(&p->s, "**: ");
    put_markdown(&p->s, value);
    ds_put_char(&p->s, '\n');
}

static void
put_fact(struct page *p, enum word name, char *value)
{
    markdown_fact(p, name, value);
    free(value);
}

static void
put_title(struct page *p)
{
    const Fusuma__V1__Incident *i = p->facts->incident;
    char *title = say_title(p->facts);

    ds_put_cstr(&p->s, "# ");
    put_markdown(&p->s, title);
    ds_put_cstr(&p->s, "\n\n**");
    put_markdown(&p->s, word(W_GUIDE_SEVERITY, language_of(p)));
    ds_put_cstr(&p->s, ": ");
    put_markdown(&p->s, word(severity_word(i->severity), language_of(p)));
    ds_put_cstr(&p->s, "** / ");
    put_markdown(&p->s, word(kind_word(i->kind), language_of(p)));
    ds_put_cstr(&p->s, " / ");
    put_markdown(&p->s, word(i->closed ? W_CLOSED : W_OPEN, language_of(p)));
    if (i->quarantined) {
        ds_put_cstr(&p->s, " / ");
        put_markdown(&p->s, word(W_IN_QUARANTINE, language_of(p)));
    }
    ds_put_cstr(&p->s, "\n\n");
    free(title);
}

static void
markdown_facts_begin(struct page *p OVS_UNUSED)
{
}

static void
markdown_facts_end(struct page *p)
{
    ds_put_char(&p->s, '\n');
}

static void
markdown_begin(struct page *p)
{
    const struct facts *f = p->facts;
    enum word means = kind_means(f->incident->kind);
    char *grounds;

    put_title(p);
    put_sentence(p, say_summary(f));
    put_sentence(p, say_verdict(f));
    put_sentence(p, say_state(f));
    if (means != N_WORDS) {
        markdown_paragraph(p, word(means, f->language), false);
    }
    grounds = say_grounds(f);
    if (grounds[0]) {
        markdown_paragraph(p, grounds, false);
    }
    free(grounds);
    put_fact(p, W_N_TARGETS, facts_count(f, f->incident->distinct_targets, f->incident->n_targets));
    put_fact(p, W_N_SERVICES,
             facts_count(f, f->incident->distinct_services, f->incident->n_services));
    put_fact(p, W_N_PACKETS, number_text(f->incident->packets));
    put_fact(p, W_DURATION, facts_duration(f));
    markdown_facts_end(p);
    put_sentence(p, say_made_by(f));
}

static void
markdown_section(struct page *p, enum word title)
{
    ds_put_cstr(&p->s, "## ");
    markdown_paragraph(p, word(title, language_of(p)), false);
}

static void
markdown_heading(struct page *p, enum word title)
{
    ds_put_cstr(&p->s, "### ");
    markdown_paragraph(p, word(title, language_of(p)), false);
}

static void
markdown_table_begin(struct page *p)
{
    for (size_t i = 0; i < p->n_columns; i++) {
        ds_put_cstr(&p->s, "| ");
        put_markdown(&p->s, word(p->columns[i].heading, language_of(p)));
        ds_put_char(&p->s, ' ');
    }
    ds_put_cstr(&p->s, "|\n");
    for (size_t i = 0; i < p->n_columns; i++) {
        ds_put_cstr(&p->s, p->columns[i].kind == COLUMN_NUMBER ? "|--:" : "|---");
    }
    ds_put_cstr(&p->s, "|\n");
}

static void
markdown_cell(struct page *p, const char *text)
{
    ds_put_cstr(&p->s, "| ");
    put_markdown(&p->s, text);
    ds_put_cstr(&p->s, p->at + 1 == p->n_columns ? " |\n" : " ");
}

static void
markdown_item(struct page *p, const char *text)
{
    ds_put_cstr(&p->s, "- ");
    put_markdown(&p->s, text);
    ds_put_char(&p->s, '\n');
}

static void
markdown_end(struct page *p)
{
    struct ds before = DS_EMPTY_INITIALIZER;

    put_markdown(&before, word(W_DIGEST, language_of(p)));
    ds_put_char(&before, ' ');
    seal(&p->s, ds_cstr(&before), "");
    ds_destroy(&before);
}

const struct page_writer markdown_writer = {
    .begin = markdown_begin,
    .end = markdown_end,
    .section = markdown_section,
    .heading = markdown_heading,
    .paragraph = markdown_paragraph,
    .facts_begin = markdown_facts_begin,
    .fact = markdown_fact,
    .facts_end = markdown_facts_end,
    .table_begin = markdown_table_begin,
    .cell = markdown_cell,
    .table_end = markdown_facts_end,
    .list_begin = markdown_facts_begin,
    .item = markdown_item,
    .list_end = markdown_facts_end,
};
