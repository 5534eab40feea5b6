/* The attempts by time as bars, and below them what was done. */
#include <config.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "report/page.h"
#include "report/text.h"
#include "util.h"

#define WIDTH 880
#define LEFT 80   /* where time begins */
#define RIGHT 864 /* ... and ends, or 'later' does */
#define TOP 14
#define BAR_HEIGHT 96
#define AXIS (TOP + BAR_HEIGHT)
#define ACTIONS (AXIS + 50) /* middle of the marks */
#define RADIUS 10
#define STEP (2 * RADIUS + 3) /* between marks that would overlap */
#define MAX_MARKS 24
#define N_BARS 72
#define N_TICKS 5
#define NS_PER_S INT64_C(1000000000)

struct timeline {
    const struct facts *f;
    int64_t from, to; /* of the axis, ns */
    int right;        /* where 'to' is */
    uint64_t bars[N_BARS], highest;
};

/* A target for each bar's worth, unless there are too few to show anything. */
static bool
counts_targets(const struct facts *f)
{
    return f->incident->n_targets >= 8 || !f->report->n_records;
}

char *
say_timeline(const struct facts *f)
{
    bool targets = counts_targets(f);
    uint64_t missing = targets ? f->incident->distinct_targets : f->report->records_left_out;
    char *number = number_text(f->incident->n_targets), *left_out = number_text(missing), *more;
    char *text = xstrdup(word(targets ? W_TIMELINE_TARGETS : W_TIMELINE_RECORDS, f->language));

    if (targets ? missing > f->incident->n_targets : missing > 0) {
        char *first = text;

        more = phrase(f->language, targets ? W_TIMELINE_LISTED : W_TIMELINE_LEFT_OUT,
                      targets ? number : left_out);
        text = xasprintf("%s%s%s", first, word(W_SENTENCE_GAP, f->language), more);
        free(more);
        free(first);
    }
    free(number);
    free(left_out);
    return text;
}

/* ---- the axis ---- */

static const Fusuma__V1__IncidentAction *
action(const struct timeline *t, size_t i)
{
    return t->f->incident->actions[i];
}

static size_t
n_marks(const struct timeline *t)
{
    return MIN(t->f->incident->n_actions, MAX_MARKS);
}

/* What was done soon after the last attempt is on the axis, too; what came long after is not, for
 * the attempts would become a line. */
static void
set_axis(struct timeline *t)
{
    const Fusuma__V1__Incident *i = t->f->incident;
    int64_t first = time_ns(i->first_seen), last = MAX(time_ns(i->last_seen), first);
    int64_t span = MAX(last - first, NS_PER_S), end = last, later = 0;

    for (size_t k = 0; k < n_marks(t); k++) {
        int64_t at = time_ns(action(t, k)->time);

        if (at <= last + span) {
            end = MAX(end, at);
        } else {
            later++;
        }
    }
    span = MAX(end - first, NS_PER_S);
    t->from = first - span / 40;
    t->to = first + span + span / 40;
    t->right = later ? RIGHT - MIN(16 + (int) later * STEP, 330) : RIGHT;
}

static double
x_of(const struct timeline *t, int64_t at)
{
    double part = (double) (at - t->from) / (double) (t->to - t->from);

    return LEFT + (t->right - LEFT) * MIN(MAX(part, 0), 1);
}

/* As fine as the span needs. */
static void
put_tick_text(struct ds *s, const struct timeline *t, int64_t at)
{
    int64_t span = t->to - t->from;
    time_t seconds = at / NS_PER_S;
    char text[32];
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) ||
        !strftime(text, sizeof text, span > 86400 * NS_PER_S ? "%m-%d %H:%M" : "%H:%M:%S", &tm)) {
        return;
    }
    ds_put_cstr(s, text);
    if (span < 20 * NS_PER_S) {
        ds_put_format(s, ".%d", (int) (at % NS_PER_S / (NS_PER_S / 10)));
    }
}

static void
draw_axis(struct ds *s, const struct timeline *t)
{
    ds_put_format(s, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, AXIS, t->right);
    for (int i = 0; i <= N_TICKS; i++) {
        int64_t at = t->from + (t->to - t->from) / N_TICKS * i;
        double x = x_of(t, at);

        ds_put_format(s,
                      "<path class=\"tick\" d=\"M%.1f %dv5\"/><text class=\"soft\" x=\"%.1f\" "
                      "y=\"%d\" font-size=\"12\" text-anchor=\"%s\">",
                      x, AXIS, x, AXIS + 19, i ? i == N_TICKS ? "end" : "middle" : "start");
        put_tick_text(s, t, at);
        ds_put_cstr(s, "</text>\n");
    }
}

/* ---- the bars ---- */

static void
count(struct timeline *t, const Google__Protobuf__Timestamp *at, uint64_t n)
{
    double part = (double) (time_ns(at) - t->from) / (double) (t->to - t->from);
    int bar = (int) (part * N_BARS);

    if (time_ns(at) && bar >= 0 && bar < N_BARS) {
        t->bars[bar] += n;
        t->highest = MAX(t->highest, t->bars[bar]);
    }
}

static void
count_all(struct timeline *t)
{
    if (counts_targets(t->f)) {
        for (size_t i = 0; i < t->f->incident->n_targets; i++) {
            count(t, t->f->incident->targets[i]->first_seen, 1);
        }
        return;
    }
    for (size_t i = 0; i < t->f->report->n_records; i++) {
        count(t, t->f->report->records[i]->time, t->f->report->records[i]->count);
    }
}

static void
draw_bars(struct ds *s, const struct timeline *t)
{
    double step = (double) (t->right - LEFT) / N_BARS;
    char *highest = number_text(t->highest);

    for (int i = 0; i < N_BARS; i++) {
        /* What is there is seen, beside a bar of thousands, too. */
        double height =
            t->bars[i] ? MAX((double) t->bars[i] / t->highest * (BAR_HEIGHT - 4), 2) : 0;

        if (t->bars[i]) {
            ds_put_format(s,
                          "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                          "height=\"%.1f\"><title>%" PRIu64 "</title></rect>\n",
                          LEFT + i * step + 0.5, AXIS - height, step - 1, height, t->bars[i]);
        }
    }
    ds_put_format(s,
                  "<text class=\"soft\" x=\"%d\" y=\"%d\" font-size=\"12\" text-anchor=\"end\">"
                  "%s</text>\n<text class=\"soft\" x=\"%d\" y=\"%d\" font-size=\"12\" "
                  "text-anchor=\"end\">0</text>\n",
                  LEFT - 8, TOP + 8, highest, LEFT - 8, AXIS + 3);
    free(highest);
}

/* ---- what was done ---- */

/* Marks stand where their time is, or as near to it as those before them let them. */
static void
place(const struct timeline *t, double x[MAX_MARKS])
{
    size_t n = n_marks(t);
    double least = LEFT + RADIUS;

    for (size_t i = 0; i < n; i++) {
        int64_t at = time_ns(action(t, i)->time);
        double own = at > t->to ? t->right + 8 + RADIUS : x_of(t, at);

        x[i] = MAX(own, least);
        least = x[i] + STEP;
    }
    /* Too many at the end push those before them back. */
    for (size_t i = n, most = RIGHT; i-- > 0; most = x[i] - STEP) {
        x[i] = MIN(x[i], most - (i + 1 == n ? RADIUS : 0));
    }
}

static void
draw_marks(struct ds *s, const struct timeline *t)
{
    double x[MAX_MARKS];

    place(t, x);
    for (size_t i = 0; i < n_marks(t); i++) {
        int64_t at = time_ns(action(t, i)->time);

        if (at >= t->from && at <= t->to) {
            ds_put_format(s, "<path class=\"tick\" d=\"M%.1f %dL%.1f %d\"/>\n", x_of(t, at),
                          AXIS + 24, x[i], ACTIONS - RADIUS);
        }
        ds_put_format(s,
                      "<circle class=\"mark\" cx=\"%.1f\" cy=\"%d\" r=\"%d\"/>"
                      "<text x=\"%.1f\" y=\"%d\" font-size=\"12\" class=\"strong\" "
                      "text-anchor=\"middle\">%zu</text>\n",
                      x[i], ACTIONS, RADIUS, x[i], ACTIONS + 4, i + 1);
    }
}

static void
draw_later(struct ds *s, const struct timeline *t)
{
    if (t->right == RIGHT) {
        return;
    }
    ds_put_format(s,
                  "<rect class=\"zone\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
                  "<text class=\"soft\" x=\"%d\" y=\"%d\" font-size=\"12\" "
                  "text-anchor=\"middle\">",
                  t->right + 4, TOP, WIDTH - t->right - 8, ACTIONS + RADIUS + 6 - TOP,
                  (t->right + WIDTH) / 2 - 2, TOP + 18);
    put_html(s, word(W_LATER, t->f->language));
    ds_put_cstr(s, "</text>\n");
}

void
draw_timeline(struct ds *s, const struct facts *f)
{
    struct timeline t = { .f = f };

    set_axis(&t);
    count_all(&t);
    ds_put_format(s, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
                  n_marks(&t) ? ACTIONS + RADIUS + 8 : AXIS + 28);
    put_html(s, word(W_TIMELINE, f->language));
    ds_put_cstr(s, "\">\n");
    draw_later(s, &t);
    draw_bars(s, &t);
    draw_axis(s, &t);
    if (n_marks(&t)) {
        ds_put_format(s,
                      "<text class=\"soft\" x=\"%d\" y=\"%d\" font-size=\"12\" "
                      "text-anchor=\"end\">",
                      LEFT - 8, ACTIONS + 4);
        put_html(s, word(W_ACTIONS_LANE, f->language));
        ds_put_cstr(s, "</text>\n");
        draw_marks(s, &t);
    }
    ds_put_cstr(s, "</svg>\n");
}
