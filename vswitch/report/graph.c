/* Whom the suspect tried: it stands at the left or, with many targets, in the middle; targets stand
 * in columns, each with the line to it, and on that the services. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "report/page.h"
#include "report/text.h"
#include "util.h"

#define WIDTH 880
#define MARGIN 6
#define TITLE 26    /* height of a column's title */
#define ROW 40      /* a node of two lines, with the space to the next */
#define FLAT_ROW 28 /* ... of one */
#define LINE 16     /* of services, where there are several */
#define BEND 40     /* from a line to its target */
#define SUSPECT_W 168
#define SUSPECT_H 66
#define MAX_ROWS 20 /* a column */
#define FEW 5       /* so many targets stand in one column, with more services */
#define FEW_SERVICES 10

/* A column of targets. */
struct side {
    const Fusuma__V1__IncidentTarget *targets[MAX_ROWS];
    size_t n;
    uint64_t more; /* that have no place here */
    enum word title;
    uint64_t total; /* for the title; 0: there is none */
    bool left;      /* of the suspect */
    double height;
};

struct graph {
    const struct facts *f;
    struct side sides[2];
    size_t n_sides;
    size_t n_lines;   /* of services, at most */
    double middle;    /* of the suspect, from above */
    double suspect_x; /* its left edge */
    int node_w, label_w;
};

/* ---- what stands where ---- */

static size_t
lines_of(const struct graph *g, const Fusuma__V1__IncidentTarget *t)
{
    bool more = t->distinct_services > t->n_services || t->n_services > g->n_lines;

    return g->n_lines == 1 ? 1 : MAX(MIN(t->n_services, g->n_lines) + more, 1);
}

static double
row_height(const struct graph *g, const Fusuma__V1__IncidentTarget *t)
{
    double node = t->port[0] ? ROW : FLAT_ROW;

    return MAX(node, (double) lines_of(g, t) * LINE + 12);
}

static void
add_target(struct side *side, const Fusuma__V1__IncidentTarget *t)
{
    if (side->n < MAX_ROWS) {
        side->targets[side->n++] = t;
    }
}

/* Desktops of this switch to the left and others to the right. */
static void
fill_both(struct graph *g)
{
    const Fusuma__V1__Incident *i = g->f->incident;

    for (size_t k = 0; k < i->n_targets; k++) {
        add_target(&g->sides[!i->targets[k]->port[0]], i->targets[k]);
    }
    g->sides[0].title = W_GRAPH_DESKTOPS;
    g->sides[0].total = g->f->n_desktops;
    g->sides[1].title = W_GRAPH_OTHERS;
    g->sides[1].total = g->f->n_others;
    for (size_t k = 0; k < 2; k++) {
        g->sides[k].more = g->sides[k].total - MIN(g->sides[k].n, g->sides[k].total);
    }
}

/* Few of any sort in one column; many of one sort in two, the first half to the left. */
static void
fill_alike(struct graph *g)
{
    const Fusuma__V1__Incident *i = g->f->incident;
    size_t left = g->n_sides == 2 ? MIN((i->n_targets + 1) / 2, MAX_ROWS) : SIZE_MAX;
    struct side *last = &g->sides[g->n_sides - 1];

    for (size_t k = 0; k < i->n_targets; k++) {
        add_target(&g->sides[k >= left], i->targets[k]);
    }
    g->sides[0].title = !g->f->n_others    ? W_GRAPH_DESKTOPS
                        : g->f->n_desktops ? W_GRAPH_ALL
                                           : W_GRAPH_OTHERS;
    g->sides[0].total = g->f->n_desktops + g->f->n_others;
    last->more = g->sides[0].total - MIN(g->sides[0].n + g->sides[1].n, g->sides[0].total);
}

static void
measure(struct graph *g)
{
    double highest = SUSPECT_H + TITLE;

    for (size_t k = 0; k < g->n_sides; k++) {
        struct side *side = &g->sides[k];

        side->height = TITLE;
        for (size_t i = 0; i < side->n; i++) {
            side->height += row_height(g, side->targets[i]);
        }
        side->height += side->more ? FLAT_ROW : 0;
        highest = MAX(highest, side->height);
    }
    g->middle = (highest + TITLE) / 2;
}

static void
lay_out(struct graph *g)
{
    const Fusuma__V1__Incident *i = g->f->incident;
    bool both = g->f->n_desktops && g->f->n_others && i->n_targets > FEW;

    g->n_sides = i->n_targets > FEW ? 2 : 1;
    g->n_lines = g->n_sides == 1 ? FEW_SERVICES : 1;
    g->node_w = g->n_sides == 1 ? 250 : 188;
    g->label_w = g->n_sides == 1 ? 240 : 106;
    g->suspect_x = g->n_sides == 1 ? MARGIN : (WIDTH - SUSPECT_W) / 2.0;
    g->sides[0].left = g->n_sides == 2;
    if (both) {
        fill_both(g);
    } else {
        fill_alike(g);
    }
    measure(g);
}

/* ---- drawing ---- */

static void
put_text(struct ds *s, double x, double y, const char *attributes, const char *text, int columns)
{
    ds_put_format(s, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
    put_svg(s, text, columns);
    ds_put_cstr(s, "</text>\n");
}

static void
put_box(struct ds *s, double x, double y, double w, double h, const char *class)
{
    ds_put_format(s,
                  "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                  "rx=\"6\"/>\n",
                  class, x, y, w, h);
}

/* Where the nodes of a side begin. */
static double
node_x(const struct graph *g, const struct side *side)
{
    return side->left ? MARGIN : WIDTH - MARGIN - g->node_w;
}

/* Of line 'i' of the services: it leaves the suspect, runs level below its label, and ends at the
 * target. */
static void
draw_edge(struct ds *s, const struct graph *g, const struct side *side, double y, double level)
{
    int sign = side->left ? -1 : 1;
    double from = side->left ? g->suspect_x : g->suspect_x + SUSPECT_W;
    double to = side->left ? MARGIN + g->node_w : WIDTH - MARGIN - g->node_w;
    double near = to - sign * (level == y ? 0 : BEND), bend = to - sign * (g->label_w + BEND / 2);

    ds_put_format(s, "<path class=\"edge\" d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1fH%.1f", from,
                  g->middle, (from + bend) / 2, g->middle, (from + bend) / 2, level, bend, level,
                  near);
    if (level != y) {
        ds_put_format(s, "C%.1f %.1f %.1f %.1f %.1f %.1f", (near + to) / 2, level, (near + to) / 2,
                      y, to, y);
    }
    ds_put_cstr(s, "\"/>\n");
}

static void
draw_edges(struct ds *s, const struct graph *g, const struct side *side,
           const Fusuma__V1__IncidentTarget *t, double y)
{
    size_t n = lines_of(g, t);

    for (size_t i = 0; i < n; i++) {
        draw_edge(s, g, side, y, y + ((double) i - ((double) n - 1) / 2) * LINE);
    }
}

static void
draw_node(struct ds *s, const struct graph *g, const struct side *side,
          const Fusuma__V1__IncidentTarget *t, double y)
{
    double x = node_x(g, side), h = (t->port[0] ? ROW : FLAT_ROW) - 6;
    int columns = g->node_w / 8;
    char *second;

    put_box(s, x, y - h / 2, g->node_w, h, t->port[0] ? "node" : "node other");
    if (!t->port[0]) {
        put_text(s, x + 10, y + 4.5, "font-size=\"13\"", t->address, columns);
        return;
    }
    second = xasprintf("%s%s%s", t->address, t->user[0] ? " · " : "", t->user);
    put_text(s, x + 10, y - 2.5, "font-size=\"13\" class=\"strong\"", t->port, columns);
    put_text(s, x + 10, y + 12, "font-size=\"11.5\" class=\"soft\"", second, columns + 4);
    free(second);
}

/* All on one line. */
static char *
one_label(const struct graph *g, const Fusuma__V1__IncidentTarget *t, size_t columns)
{
    uint64_t all = MAX(t->distinct_services, t->n_services);
    size_t left_out, room = all > 2 ? columns - MIN(columns, 8) : columns;
    char *list = telling_services(t->services, t->n_services, room, &left_out), *number, *rest;

    all = all - t->n_services + left_out;
    if (!all) {
        return list;
    }
    number = number_text(all);
    rest = phrase(g->f->language, W_MORE_SERVICES, number);
    free(number);
    number = xasprintf("%s %s", list, rest);
    free(list);
    free(rest);
    return number;
}

/* What stands on line 'i' of the services; NULL after the last.  The caller frees it. */
static char *
label(const struct graph *g, const Fusuma__V1__IncidentTarget *t, size_t i, size_t columns)
{
    size_t shown = MIN(t->n_services, g->n_lines);
    uint64_t more = MAX(t->distinct_services, t->n_services) - shown;
    char *number, *text;

    if (g->n_lines == 1) {
        return i || !t->n_services ? NULL : one_label(g, t, columns);
    } else if (i < shown) {
        return xstrdup(t->services[i]);
    } else if (i > shown || !more) {
        return NULL;
    }
    number = number_text(more);
    text = phrase(g->f->language, W_MORE_SERVICES, number);
    free(number);
    return text;
}

static void
draw_labels(struct ds *s, const struct graph *g, const struct side *side,
            const Fusuma__V1__IncidentTarget *t, double y)
{
    double edge = side->left ? MARGIN + g->node_w : WIDTH - MARGIN - g->node_w;
    double x = edge + (side->left ? 8 : -8);
    double top = y - ((double) lines_of(g, t) - 1) * LINE / 2 + 4;
    int columns = g->label_w / 6;
    char *text;

    for (size_t i = 0; (text = label(g, t, i, columns)); i++) {
        if (g->n_sides == 1) {
            put_text(s, edge - BEND - (g->label_w - BEND) / 2.0, top + (double) i * LINE,
                     "font-size=\"11.5\" class=\"halo\" text-anchor=\"middle\"", text, columns);
        } else {
            put_text(s, x, top + (double) i * LINE,
                     side->left ? "font-size=\"11.5\" class=\"halo\""
                                : "font-size=\"11.5\" class=\"halo\" text-anchor=\"end\"",
                     text, columns);
        }
        free(text);
    }
}

static void
draw_title(struct ds *s, const struct graph *g, const struct side *side, double y)
{
    char *number = number_text(side->total);
    char *text = phrase(g->f->language, side->title, number);

    put_text(s, node_x(g, side), y - 8, "font-size=\"12.5\" class=\"soft strong\"", text, 60);
    free(text);
    free(number);
}

static void
draw_more(struct ds *s, const struct graph *g, const struct side *side, double y)
{
    char *number = number_text(side->more);
    char *text = phrase(g->f->language, W_AND_MORE, number);

    put_text(s, node_x(g, side) + 10, y + 14, "font-size=\"13\" class=\"soft\"", text, 40);
    free(text);
    free(number);
}

static void
draw_side(struct ds *s, const struct graph *g, const struct side *side, bool edges)
{
    double top = TITLE + g->middle - TITLE / 2.0 - side->height / 2, y = top;

    for (size_t i = 0; i < side->n; i++) {
        double height = row_height(g, side->targets[i]), middle = y + height / 2;

        if (edges) {
            draw_edges(s, g, side, side->targets[i], middle);
        } else {
            draw_node(s, g, side, side->targets[i], middle);
            draw_labels(s, g, side, side->targets[i], middle);
        }
        y += height;
    }
    if (!edges) {
        if (side->total) {
            draw_title(s, g, side, top);
        }
        if (side->more) {
            draw_more(s, g, side, y);
        }
    }
}

static void
draw_suspect(struct ds *s, const struct graph *g)
{
    const Fusuma__V1__Incident *i = g->f->incident;
    double x = g->suspect_x + SUSPECT_W / 2.0;

    put_box(s, g->suspect_x, g->middle - SUSPECT_H / 2.0, SUSPECT_W, SUSPECT_H, "suspect");
    put_text(s, x, g->middle - 13, "font-size=\"15\" class=\"strong\" text-anchor=\"middle\"",
             i->port, 19);
    put_text(s, x, g->middle + 5, "font-size=\"12\" text-anchor=\"middle\"", i->user, 26);
    put_text(s, x, g->middle + 22, "font-size=\"12\" class=\"soft\" text-anchor=\"middle\"",
             i->n_addresses ? i->addresses[0] : i->mac, 26);
}

void
draw_graph(struct ds *s, const struct facts *f)
{
    struct graph g = { .f = f };

    lay_out(&g);
    ds_put_format(s, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"", WIDTH,
                  2 * g.middle - TITLE + 8);
    put_html(s, word(W_GRAPH, f->language));
    ds_put_cstr(s, "\">\n");
    for (int edges = 1; edges >= 0; edges--) {
        for (size_t k = 0; k < g.n_sides; k++) {
            draw_side(s, &g, &g.sides[k], edges);
        }
    }
    draw_suspect(s, &g);
    ds_put_cstr(s, "</svg>\n");
}
