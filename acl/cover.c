#include <config.h>

#include "acl/cover_priv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct work {
    size_t n;                         /* of the triples as kinds, each once */
    struct acl_turned *by[ACL_SIDES]; /* sorted by the two other sides, then by this one (c) */
    struct acl_kinds kinds[ACL_SIDES];
    uint32_t *place;              /* of each given triple: in by[0] */
    uint32_t *count;              /* of each in by[0]: boxes that have it */
    uint32_t *side[2][ACL_SIDES]; /* boxes while they grow */
    size_t n_side[2][ACL_SIDES];
    struct acl_box *boxes; /* of kinds */
    size_t n_boxes, allocated;
};

/* The triples as kinds, sorted for each side. */
static bool
sort_kinds(struct work *w, size_t n)
{
    struct acl_turned *all = malloc(n * sizeof *all);

    w->place = malloc(n * sizeof *w->place);
    for (int s = 0; s < ACL_SIDES; s++) {
        w->by[s] = malloc(n * sizeof *w->by[s]);
    }
    if (!all || !w->place || !w->by[0] || !w->by[1] || !w->by[2]) {
        free(all);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        all[i] = (struct acl_turned){ w->kinds[1].kind[i], w->kinds[2].kind[i], w->kinds[0].kind[i],
                                      (uint32_t) i };
    }
    qsort(all, n, sizeof *all, acl_turned_compare);
    for (size_t i = 0; i < n; i++) {
        if (!i || acl_turned_compare(&all[i - 1], &all[i])) {
            w->by[0][w->n++] = all[i];
        }
        w->place[all[i].from] = (uint32_t) w->n - 1;
    }
    free(all);
    for (size_t i = 0; i < w->n; i++) {
        const struct acl_turned *t = &w->by[0][i];
        const uint32_t v[ACL_SIDES] = { t->c, t->a, t->b };

        w->by[1][i] = acl_turn(v, 2, 0, 1, i);
        w->by[2][i] = acl_turn(v, 0, 1, 2, i);
    }
    qsort(w->by[1], w->n, sizeof *w->by[1], acl_turned_compare);
    qsort(w->by[2], w->n, sizeof *w->by[2], acl_turned_compare);
    return true;
}

/* ---- growing a box ---- */

/* Where side 's' of this triple is, or would be, in what is sorted for it. */
static size_t
locate(const struct work *w, int s, uint32_t a, uint32_t b, uint32_t c)
{
    const struct acl_turned key = { a, b, c, 0 };
    size_t lo = 0, hi = w->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (acl_turned_compare(&w->by[s][mid], &key) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static bool
holds(const struct work *w, int s, uint32_t a, uint32_t b, uint32_t c)
{
    size_t at = locate(w, s, a, b, c);

    return at < w->n && w->by[s][at].a == a && w->by[s][at].b == b && w->by[s][at].c == c;
}

/* Widens side 's' of box 'which' as far as the two others allow. */
static void
widen(struct work *w, int which, int s)
{
    uint32_t *const *side = w->side[which];
    const size_t *n = w->n_side[which];
    int a = (s + 1) % ACL_SIDES, b = (s + 2) % ACL_SIDES;
    size_t more = 0;

    for (size_t i = locate(w, s, side[a][0], side[b][0], 0);
         i < w->n && w->by[s][i].a == side[a][0] && w->by[s][i].b == side[b][0]; i++) {
        bool fits = true;

        for (size_t j = 1; j < n[a] * n[b] && fits; j++) {
            fits = holds(w, s, side[a][j % n[a]], side[b][j / n[a]], w->by[s][i].c);
        }
        if (fits) {
            side[s][more++] = w->by[s][i].c;
        }
    }
    w->n_side[which][s] = more;
}

#define FOR_EACH_IN_BOX(WORK, SIDE, N, AT)                                                         \
    for (size_t x_ = 0, AT; x_ < (N)[0] * (N)[1] * (N)[2] &&                                       \
                            (AT = locate(WORK, 0, (SIDE)[1][x_ / (N)[0] % (N)[1]],                 \
                                         (SIDE)[2][x_ / (N)[0] / (N)[1]], (SIDE)[0][x_ % (N)[0]]), \
                            true);                                                                 \
         x_++)

static size_t
count_new(const struct work *w, int which)
{
    size_t n = 0;

    FOR_EACH_IN_BOX(w, w->side[which], w->n_side[which], at)
    {
        n += !w->count[at];
    }
    return n;
}

static void
grow(struct work *w, int which, const struct acl_turned *seed, const int order[ACL_SIDES])
{
    const uint32_t v[ACL_SIDES] = { seed->c, seed->a, seed->b };

    for (int s = 0; s < ACL_SIDES; s++) {
        w->side[which][s][0] = v[s];
        w->n_side[which][s] = 1;
    }
    for (int i = 0; i < ACL_SIDES; i++) {
        widen(w, which, order[i]);
    }
}

/* The best box with this triple; which of the two it is in. */
static int
grow_best(struct work *w, const struct acl_turned *seed)
{
    static const int orders[][ACL_SIDES] = { { 2, 0, 1 }, { 2, 1, 0 }, { 0, 2, 1 },
                                             { 0, 1, 2 }, { 1, 2, 0 }, { 1, 0, 2 } };
    size_t best = 0;
    int at = 0;

    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        size_t n;

        grow(w, !at, seed, orders[i]);
        n = count_new(w, !at);
        if (n > best) {
            best = n;
            at = !at;
        }
    }
    return at;
}

static void
box_free(struct acl_box *box)
{
    for (int s = 0; s < ACL_SIDES; s++) {
        free(box->v[s]);
    }
}

static bool
keep(struct work *w, int which)
{
    struct acl_box box = { .witness = 0 };
    bool ok = true;

    if (w->n_boxes == w->allocated) {
        size_t allocated = w->allocated ? 2 * w->allocated : 16;
        struct acl_box *boxes = reallocarray(w->boxes, allocated, sizeof *boxes);

        if (!boxes) {
            return false;
        }
        w->boxes = boxes;
        w->allocated = allocated;
    }
    for (int s = 0; s < ACL_SIDES; s++) {
        box.n[s] = w->n_side[which][s];
        box.v[s] = malloc(box.n[s] * sizeof *box.v[s]);
        ok = ok && box.v[s];
        if (box.v[s]) {
            memcpy(box.v[s], w->side[which][s], box.n[s] * sizeof *box.v[s]);
        }
    }
    if (!ok) {
        box_free(&box);
        return false;
    }
    w->boxes[w->n_boxes++] = box;
    FOR_EACH_IN_BOX(w, box.v, box.n, at)
    {
        w->count[at]++;
    }
    return true;
}

/* ---- the cover ---- */

/* A triple, and how many others agree with it in two sides: how many ways there are to widen it. */
struct seed {
    size_t ties;
    uint32_t at;
};

static int
compare_seeds(const void *a_, const void *b_)
{
    const struct seed *a = a_, *b = b_;

    if (a->ties != b->ties) {
        return a->ties > b->ties ? 1 : -1;
    }
    return (a->at > b->at) - (a->at < b->at);
}

static struct seed *
make_seeds(const struct work *w)
{
    struct seed *seeds = calloc(w->n, sizeof *seeds);

    for (int s = 0; s < ACL_SIDES && seeds; s++) {
        for (size_t i = 0, n; i < w->n; i += n) {
            const struct acl_turned *t = &w->by[s][i];

            for (n = 1; i + n < w->n && t[n].a == t->a && t[n].b == t->b; n++) {
            }
            for (size_t j = 0; j < n; j++) {
                seeds[s ? t[j].from : i + j].ties += n;
            }
        }
    }
    for (size_t i = 0; i < w->n && seeds; i++) {
        seeds[i].at = (uint32_t) i;
    }
    if (seeds) {
        qsort(seeds, w->n, sizeof *seeds, compare_seeds);
    }
    return seeds;
}

static bool
cover(struct work *w)
{
    struct seed *seeds = make_seeds(w);
    bool ok = seeds != NULL;

    for (size_t i = 0; i < w->n && ok; i++) {
        if (!w->count[seeds[i].at]) {
            ok = keep(w, grow_best(w, &w->by[0][seeds[i].at]));
        }
    }
    free(seeds);
    return ok;
}

static bool
is_needless(const struct work *w, const struct acl_box *box)
{
    FOR_EACH_IN_BOX(w, box->v, box->n, at)
    {
        if (w->count[at] < 2) {
            return false;
        }
    }
    return true;
}

/* The later ones were chosen for less. */
static void
drop_needless(struct work *w)
{
    for (size_t i = w->n_boxes; i-- > 0;) {
        struct acl_box *box = &w->boxes[i];

        if (is_needless(w, box)) {
            FOR_EACH_IN_BOX(w, box->v, box->n, at)
            {
                w->count[at]--;
            }
            box_free(box);
            memmove(box, box + 1, (--w->n_boxes - i) * sizeof *box);
        }
    }
}

/* ---- tidying ---- */

static int
compare_sizes(const void *a_, const void *b_)
{
    const struct acl_box *a = a_, *b = b_;

    return (a->size < b->size) - (a->size > b->size);
}

static void
sort_boxes(struct work *w)
{
    for (size_t b = 0; b < w->n_boxes; b++) {
        struct acl_box *box = &w->boxes[b];

        box->size = 1;
        for (int s = 0; s < ACL_SIDES; s++) {
            box->size *= acl_kinds_count(&w->kinds[s], box->v[s], box->n[s]);
        }
    }
    qsort(w->boxes, w->n_boxes, sizeof *w->boxes, compare_sizes);
}

/* Takes a value of a side out if others have all that goes with it.  False: it stays. */
static bool
give_up(struct work *w, struct acl_box *box, int s, size_t i)
{
    struct acl_box slice = *box;

    slice.v[s] = &box->v[s][i];
    slice.n[s] = 1;
    if (!is_needless(w, &slice)) {
        return false;
    }
    FOR_EACH_IN_BOX(w, slice.v, slice.n, at)
    {
        w->count[at]--;
    }
    memmove(&box->v[s][i], &box->v[s][i + 1], (--box->n[s] - i) * sizeof *box->v[s]);
    return true;
}

/* What is said twice is said by the larger box alone. */
static void
shrink(struct work *w)
{
    for (size_t b = w->n_boxes; b-- > 0;) {
        for (int s = ACL_SIDES; s-- > 0;) {
            for (size_t i = 0; i < w->boxes[b].n[s];) {
                i += !give_up(w, &w->boxes[b], s, i);
            }
        }
    }
}

/* ---- back to what was given ---- */

static void
find_owners(struct work *w, size_t n, uint32_t *owner, uint32_t *first)
{
    for (size_t i = 0; i < w->n; i++) {
        first[i] = UINT32_MAX;
    }
    for (size_t b = 0; b < w->n_boxes; b++) {
        FOR_EACH_IN_BOX(w, w->boxes[b].v, w->boxes[b].n, at)
        {
            first[at] = first[at] == UINT32_MAX ? (uint32_t) b : first[at];
        }
    }
    for (size_t i = 0; i < n; i++) {
        owner[i] = first[w->place[i]];
        if (w->count[w->place[i]] == 1) {
            w->boxes[owner[i]].witness = (uint32_t) i;
        }
    }
}

static bool
finish(struct work *w, size_t n, struct acl_cover *out)
{
    uint32_t *first = malloc(w->n * sizeof *first);
    bool ok;

    out->owner = malloc(n * sizeof *out->owner);
    ok = first && out->owner;
    if (ok) {
        find_owners(w, n, out->owner, first);
    }
    free(first);
    for (size_t b = 0; b < w->n_boxes && ok; b++) {
        for (int s = 0; s < ACL_SIDES && ok; s++) {
            ok = acl_kinds_unfold(&w->kinds[s], &w->boxes[b].v[s], &w->boxes[b].n[s]);
        }
    }
    out->boxes = w->boxes;
    out->n = w->n_boxes;
    w->boxes = NULL;
    return ok;
}

static bool
prepare(struct work *w, const struct acl_triple *t, size_t n)
{
    bool ok = true;

    for (int s = 0; s < ACL_SIDES && ok; s++) {
        ok = acl_kinds_find(t, n, s, &w->kinds[s]);
    }
    ok = ok && sort_kinds(w, n);
    for (int s = 0; s < ACL_SIDES && ok; s++) {
        w->side[0][s] = malloc(w->kinds[s].n * sizeof *w->side[0][s]);
        w->side[1][s] = malloc(w->kinds[s].n * sizeof *w->side[1][s]);
        ok = w->side[0][s] && w->side[1][s];
    }
    w->count = ok ? calloc(w->n + 1, sizeof *w->count) : NULL;
    return w->count != NULL;
}

static void
work_free(struct work *w)
{
    for (int s = 0; s < ACL_SIDES; s++) {
        free(w->by[s]);
        free(w->kinds[s].kind);
        free(w->kinds[s].values);
        free(w->kinds[s].first);
        free(w->side[0][s]);
        free(w->side[1][s]);
    }
    for (size_t i = 0; i < w->n_boxes && w->boxes; i++) {
        box_free(&w->boxes[i]);
    }
    free(w->boxes);
    free(w->place);
    free(w->count);
}

int
acl_cover_build(const struct acl_triple *t, size_t n, struct acl_cover *out)
{
    struct work w = { .n = 0 };
    bool ok = true;

    *out = (struct acl_cover){ .n = 0 };
    if (n) {
        ok = prepare(&w, t, n) && cover(&w);
        if (ok) {
            drop_needless(&w);
            sort_boxes(&w);
            shrink(&w);
            ok = finish(&w, n, out);
        }
        work_free(&w);
    }
    if (!ok) {
        acl_cover_destroy(out);
    }
    return ok ? 0 : ENOMEM;
}

void
acl_cover_destroy(struct acl_cover *cover)
{
    for (size_t i = 0; i < cover->n; i++) {
        box_free(&cover->boxes[i]);
    }
    free(cover->boxes);
    free(cover->owner);
    *cover = (struct acl_cover){ .n = 0 };
}
