#include <config.h>

#include "acl/extent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- addresses ---- */

static bool
is_open(const struct acl_selector *s)
{
    return s->n_labels || s->n_ports;
}

/* What a selector selects for sure, or possibly. */
static bool
select_spans(const struct acl_extents *x, const struct acl_selector *s, bool possible,
             struct acl_spans *out)
{
    bool ok = true;

    *out = (struct acl_spans){ .n = 0 };
    if (possible && is_open(s)) {
        return acl_spans_append(out, &acl_spans_all);
    }
    for (size_t i = 0; i < s->n_prefixes && ok; i++) {
        ok = acl_spans_add_prefix(out, &s->prefixes[i]);
    }
    for (size_t i = 0; i < s->n_groups && ok; i++) {
        const struct acl_extent *e = &x->groups[s->groups[i]];

        ok = acl_spans_append(out, possible ? &e->possible : &e->sure);
    }
    acl_spans_normalise(out);
    return ok;
}

/* In for sure are those that 'in' has for sure and 'out' cannot have; the other way round for those
 * that may be in. */
static bool
measure(struct acl_extents *x, const struct acl_group *group, bool possible,
        struct acl_spans *result)
{
    struct acl_spans in, out = { .n = 0 };
    bool ok;

    if (group->is_set || x->spans <= 0) {
        return !possible || acl_spans_append(result, &acl_spans_all);
    }
    ok = select_spans(x, &group->in, possible, &in) &&
         select_spans(x, &group->out, !possible, &out) && acl_spans_subtract(&in, &out, result);
    x->spans -= (long) (in.n + out.n);
    acl_spans_destroy(&in);
    acl_spans_destroy(&out);
    return ok;
}

static bool
measure_group(struct acl_extents *x, uint32_t g)
{
    struct acl_extent *e = &x->groups[g];

    if (!measure(x, &x->policy->groups[g], false, &e->sure) ||
        !measure(x, &x->policy->groups[g], true, &e->possible)) {
        return false;
    }
    e->exact = acl_spans_equal(&e->sure, &e->possible);
    if (e->exact) {
        acl_spans_destroy(&e->possible);
        e->possible = e->sure;
    }
    return true;
}

/* ---- all groups ---- */

#define MAX_STEPS 10000000
#define MAX_SPANS 4000000 /* what is measured then may be anything */
#define MAX_INEXACT 2048  /* of more, pairs are not remembered */

static bool
number_groups(struct acl_extents *x)
{
    x->number = calloc(x->policy->n_groups + 1, sizeof *x->number);
    if (!x->number) {
        return false;
    }
    for (size_t g = 0; g < x->policy->n_groups; g++) {
        x->number[g] = (uint32_t) x->n_inexact;
        x->n_inexact += !x->groups[g].exact;
    }
    for (int i = 0; i < 2 && x->n_inexact <= MAX_INEXACT; i++) {
        x->memo[i] = calloc(x->n_inexact * x->n_inexact + 1, 1);
        if (!x->memo[i]) {
            return false;
        }
    }
    return true;
}

int
acl_extents_build(const struct acl_policy *policy, struct acl_extents *x)
{
    *x = (struct acl_extents){
        .policy = policy,
        .groups = calloc(policy->n_groups + 1, sizeof *x->groups),
        .steps = MAX_STEPS,
        .spans = MAX_SPANS,
    };
    if (!x->groups) {
        return ENOMEM;
    }
    for (size_t i = 0; i < policy->n_groups; i++) {
        if (!measure_group(x, policy->order[i])) {
            return ENOMEM;
        }
    }
    return number_groups(x) ? 0 : ENOMEM;
}

void
acl_extents_destroy(struct acl_extents *x)
{
    for (size_t g = 0; x->groups && g < x->policy->n_groups; g++) {
        if (!x->groups[g].exact) {
            acl_spans_destroy(&x->groups[g].possible);
        }
        acl_spans_destroy(&x->groups[g].sure);
    }
    free(x->groups);
    free(x->number);
    free(x->memo[0]);
    free(x->memo[1]);
    *x = (struct acl_extents){ .n_inexact = 0 };
}

/* ---- one group within another, by what they are made of ---- */

static bool selector_within(struct acl_extents *, const struct acl_selector *,
                            const struct acl_selector *, bool ports);

static bool
is_empty(const struct acl_selector *s, bool ports)
{
    return !s->n_labels && !s->n_ports && !s->n_groups && (ports || !s->n_prefixes);
}

static bool
has_label(const struct acl_selector *s, const struct acl_label *wanted)
{
    for (size_t i = 0; i < s->n_labels; i++) {
        if (!strcmp(s->labels[i].key, wanted->key) && !strcmp(s->labels[i].value, wanted->value)) {
            return true;
        }
    }
    return false;
}

/* The ports with all the labels of 's'. */
static bool
labels_within(struct acl_extents *x, const struct acl_selector *s, const struct acl_selector *t,
              bool ports)
{
    size_t found = 0;

    while (found < t->n_labels && has_label(s, &t->labels[found])) {
        found++;
    }
    if (t->n_labels && found == t->n_labels) {
        return true;
    }
    for (size_t i = 0; i < t->n_groups && x->steps-- > 0; i++) {
        const struct acl_group *g = &x->policy->groups[t->groups[i]];

        if (is_empty(&g->out, ports) && labels_within(x, s, &g->in, ports)) {
            return true;
        }
    }
    return false;
}

static bool
port_within(struct acl_extents *x, const char *name, const struct acl_selector *t, bool ports)
{
    for (size_t i = 0; i < t->n_ports; i++) {
        if (!strcmp(t->ports[i], name)) {
            return true;
        }
    }
    for (size_t i = 0; i < t->n_groups && x->steps-- > 0; i++) {
        const struct acl_group *g = &x->policy->groups[t->groups[i]];

        if (is_empty(&g->out, ports) && port_within(x, name, &g->in, ports)) {
            return true;
        }
    }
    return false;
}

static bool
prefix_within(struct acl_extents *x, const struct acl_prefix *prefix, const struct acl_selector *t)
{
    struct acl_span v[2];
    const struct acl_spans spans = { v, acl_prefix_spans(prefix, v) };

    for (size_t i = 0; i < t->n_prefixes && x->steps-- > 0; i++) {
        struct acl_span w[2];
        const struct acl_spans other = { w, acl_prefix_spans(&t->prefixes[i], w) };

        if (acl_spans_contain(&other, &spans)) {
            return true;
        }
    }
    for (size_t i = 0; i < t->n_groups && x->steps-- > 0; i++) {
        if (acl_spans_contain(&x->groups[t->groups[i]].sure, &spans)) {
            return true;
        }
    }
    return false;
}

/* What group 'a' has in a selector's choice. */
static bool
group_in_selector(struct acl_extents *x, uint32_t a, const struct acl_selector *t, bool ports)
{
    const struct acl_group *group = &x->policy->groups[a];

    for (size_t i = 0; i < t->n_groups; i++) {
        if (acl_group_within(x, a, t->groups[i], ports)) {
            return true;
        }
    }
    return !group->is_set && selector_within(x, &group->in, t, ports);
}

/* Each part of 's' by itself in 't'. */
static bool
selector_within(struct acl_extents *x, const struct acl_selector *s, const struct acl_selector *t,
                bool ports)
{
    bool within = x->steps-- > 0 && (!s->n_labels || labels_within(x, s, t, ports));

    for (size_t i = 0; i < s->n_ports && within; i++) {
        within = port_within(x, s->ports[i], t, ports);
    }
    for (size_t i = 0; i < s->n_prefixes && within && !ports; i++) {
        within = prefix_within(x, &s->prefixes[i], t);
    }
    for (size_t i = 0; i < s->n_groups && within; i++) {
        within = group_in_selector(x, s->groups[i], t, ports);
    }
    return within;
}

/* 'a' is in what 'b' selects, and what 'b' leaves out 'a' leaves out as well.  The recursion ends:
 * each step goes to a group that one of the two is made of. */
static bool
made_within(struct acl_extents *x, uint32_t a, uint32_t b, bool ports)
{
    const struct acl_group *ga = &x->policy->groups[a], *gb = &x->policy->groups[b];

    return !gb->is_set && x->steps-- > 0 && group_in_selector(x, a, &gb->in, ports) &&
           selector_within(x, &gb->out, &ga->out, ports);
}

bool
acl_group_within(struct acl_extents *x, uint32_t a, uint32_t b, bool ports)
{
    const struct acl_extent *ea = &x->groups[a], *eb = &x->groups[b];
    uint8_t *memo = NULL;
    bool within;

    if (a == b || (!ports && acl_spans_contain(&eb->sure, &ea->possible))) {
        return true;
    }
    if (!ports && ea->exact && eb->exact) {
        return false;
    }
    if (x->memo[ports] && !ea->exact && !eb->exact) {
        memo = &x->memo[ports][x->number[a] * x->n_inexact + x->number[b]];
        if (*memo) {
            return *memo == 2;
        }
    }
    within = made_within(x, a, b, ports);
    if (memo) {
        *memo = within ? 2 : 1;
    }
    return within;
}

bool
acl_group_within_list(struct acl_extents *x, uint32_t a, const uint32_t *list, size_t n, bool ports)
{
    /* Only read. */
    const struct acl_selector all = { .groups = (uint32_t *) list, .n_groups = n };

    return group_in_selector(x, a, &all, ports);
}

/* ---- apart ---- */

static bool
is_label_group(const struct acl_group *g)
{
    return g->in.n_labels && !g->in.n_ports && !g->in.n_groups;
}

bool
acl_groups_apart(const struct acl_policy *policy, uint32_t a, uint32_t b)
{
    const struct acl_group *ga = &policy->groups[a], *gb = &policy->groups[b];

    if (!is_label_group(ga) || !is_label_group(gb)) {
        return false;
    }
    for (size_t i = 0; i < ga->in.n_labels; i++) {
        for (size_t j = 0; j < gb->in.n_labels; j++) {
            /* A port has one value for a key. */
            if (!strcmp(ga->in.labels[i].key, gb->in.labels[j].key) &&
                strcmp(ga->in.labels[i].value, gb->in.labels[j].value)) {
                return true;
            }
        }
    }
    return false;
}
