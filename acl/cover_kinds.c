#include <config.h>

#include <stdlib.h>

#include "acl/cover_priv.h"

int
acl_turned_compare(const void *a_, const void *b_)
{
    const struct acl_turned *a = a_, *b = b_;

    if (a->a != b->a) {
        return a->a > b->a ? 1 : -1;
    }
    if (a->b != b->b) {
        return a->b > b->b ? 1 : -1;
    }
    return (a->c > b->c) - (a->c < b->c);
}

struct acl_turned
acl_turn(const uint32_t v[ACL_SIDES], int a, int b, int c, size_t from)
{
    return (struct acl_turned){ v[a], v[b], v[c], (uint32_t) from };
}

/* A value's triples, in what is sorted by it. */
struct run {
    const struct acl_turned *v;
    size_t n;
};

static int
compare_runs(const void *a_, const void *b_)
{
    const struct run *a = a_, *b = b_;

    if (a->n != b->n) {
        return a->n > b->n ? 1 : -1;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (a->v[i].b != b->v[i].b) {
            return a->v[i].b > b->v[i].b ? 1 : -1;
        }
        if (a->v[i].c != b->v[i].c) {
            return a->v[i].c > b->v[i].c ? 1 : -1;
        }
    }
    return 0;
}

/* By what they go with; those of one kind by their values. */
static int
compare_run_values(const void *a_, const void *b_)
{
    const struct run *a = a_, *b = b_;
    int order = compare_runs(a, b);

    return order ? order : (a->v->a > b->v->a) - (a->v->a < b->v->a);
}

static void
number_kinds(const struct run *runs, size_t n, struct acl_kinds *k)
{
    for (size_t i = 0; i < n; i++) {
        if (!i || compare_runs(&runs[i - 1], &runs[i])) {
            k->first[k->n++] = i;
        }
        k->values[i] = runs[i].v->a;
        for (size_t j = 0; j < runs[i].n; j++) {
            k->kind[runs[i].v[j].from] = (uint32_t) k->n - 1;
        }
    }
    k->first[k->n] = n;
}

bool
acl_kinds_find(const struct acl_triple *t, size_t n, int side, struct acl_kinds *k)
{
    struct acl_turned *sorted = malloc(n * sizeof *sorted);
    struct run *runs = malloc(n * sizeof *runs);
    size_t n_runs = 0;

    k->kind = malloc(n * sizeof *k->kind);
    k->values = malloc(n * sizeof *k->values);
    k->first = malloc((n + 1) * sizeof *k->first);
    if (sorted && runs && k->kind && k->values && k->first) {
        for (size_t i = 0; i < n; i++) {
            sorted[i] = acl_turn(t[i].v, side, (side + 1) % ACL_SIDES, (side + 2) % ACL_SIDES, i);
        }
        qsort(sorted, n, sizeof *sorted, acl_turned_compare);
        for (size_t i = 0; i < n; i++) {
            if (!i || sorted[i].a != sorted[i - 1].a) {
                runs[n_runs++] = (struct run){ &sorted[i], 0 };
            }
            runs[n_runs - 1].n++;
        }
        qsort(runs, n_runs, sizeof *runs, compare_run_values);
        number_kinds(runs, n_runs, k);
    }
    free(sorted);
    free(runs);
    return k->n > 0;
}

size_t
acl_kinds_count(const struct acl_kinds *k, const uint32_t *kinds, size_t n)
{
    size_t values = 0;

    for (size_t i = 0; i < n; i++) {
        values += k->first[kinds[i] + 1] - k->first[kinds[i]];
    }
    return values;
}

static int
compare_values(const void *a_, const void *b_)
{
    uint32_t a = *(const uint32_t *) a_, b = *(const uint32_t *) b_;

    return (a > b) - (a < b);
}

bool
acl_kinds_unfold(const struct acl_kinds *k, uint32_t **v, size_t *np)
{
    uint32_t *values;
    size_t n = acl_kinds_count(k, *v, *np);

    values = malloc(n * sizeof *values);
    if (!values) {
        return false;
    }
    n = 0;
    for (size_t i = 0; i < *np; i++) {
        for (size_t j = k->first[(*v)[i]]; j < k->first[(*v)[i] + 1]; j++) {
            values[n++] = k->values[j];
        }
    }
    qsort(values, n, sizeof *values, compare_values);
    free(*v);
    *v = values;
    *np = n;
    return true;
}
