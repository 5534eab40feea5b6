/* A page that is written once and comes out as HTML or as Markdown. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H 1

#include "openvswitch/dynamic-string.h"
#include "report/facts.h"

enum column_kind {
    COLUMN_TEXT,
    COLUMN_LABEL,   /* a few words, which should not be broken apart */
    COLUMN_CODE,    /* in letters of one width */
    COLUMN_ADDRESS, /* ... broken at colons only */
    COLUMN_TIME,    /* ... never broken */
    COLUMN_NUMBER,  /* flush right */
    COLUMN_DETAIL,  /* the last one: in HTML a line of its own below the row */
};

struct column {
    enum word heading;
    enum column_kind kind;
};

struct page {
    struct ds s;
    const struct page_writer *writer;
    const struct facts *facts;
    const struct column *columns; /* of the table that is being written */
    size_t n_columns, at;         /* the cell that is next */
    bool in_section;
};

/* Texts are as they came, not cleaned or escaped. */
struct page_writer {
    /* Up to the summary, it included. */
    void (*begin)(struct page *);
    void (*end)(struct page *);
    void (*section)(struct page *, enum word title);
    void (*heading)(struct page *, enum word title); /* inside of a section */
    /* 'aside': of less weight than the rest. */
    void (*paragraph)(struct page *, const char *text, bool aside);
    /* A name and its value; several in a row belong together, between these two. */
    void (*facts_begin)(struct page *);
    void (*fact)(struct page *, enum word name, const char *value);
    void (*facts_end)(struct page *);
    void (*table_begin)(struct page *);
    void (*cell)(struct page *, const char *text);
    void (*table_end)(struct page *);
    /* Sentences, one a line. */
    void (*list_begin)(struct page *);
    void (*item)(struct page *, const char *text);
    void (*list_end)(struct page *);
    /* Puts a drawing, which is SVG; NULL: this writer has none. */
    void (*drawing)(struct page *, const struct ds *svg);
};
extern const struct page_writer html_writer, markdown_writer;

/* Everything that there is to say (document.c). */
void document_write(struct page *);

/* The stylesheet (style.c). */
extern const char report_style[];

/* Drawings, appended as SVG (timeline.c, graph.c). */
void draw_timeline(struct ds *, const struct facts *);
void draw_graph(struct ds *, const struct facts *);
/* What the timeline counts, and what it does not.  The caller frees it. */
char *say_timeline(const struct facts *);

/* "IPv4, ttl 128, TCP 49832 > 445 SYN" and "45000034 ...", of a packet's first bytes, whatever they
 * are (packet.c).  The caller frees it. */
char *packet_text(const uint8_t *bytes, size_t n);

#endif
