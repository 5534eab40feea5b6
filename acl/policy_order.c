/* The order in which groups are resolved: each after those that it is made of. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "acl/policy_priv.h"

enum mark { UNSEEN, OPEN, DONE };

struct walk {
    struct acl_policy_parser *parser;
    uint8_t *marks;
    size_t n;
};

static int visit(struct walk *, uint32_t group, unsigned depth);

static int
visit_all(struct walk *w, const struct acl_selector *s, unsigned depth)
{
    int rc = 0;

    for (size_t i = 0; i < s->n_groups && !rc; i++) {
        rc = visit(w, s->groups[i], depth);
    }
    return rc;
}

#define MAX_NESTING 32

/* Those that it is made of are done. */
static bool
has_ports(const struct acl_policy *policy, const struct acl_selector *in)
{
    for (size_t i = 0; i < in->n_groups; i++) {
        if (policy->groups[in->groups[i]].has_ports) {
            return true;
        }
    }
    return in->n_labels || in->n_ports;
}

/* Depth first; as deep as groups nest, which is bounded. */
static int
visit(struct walk *w, uint32_t group, unsigned depth)
{
    struct acl_policy *policy = w->parser->policy;
    const struct acl_group *g = &policy->groups[group];
    int rc;

    if (w->marks[group] == DONE) {
        return 0;
    }
    w->parser->error->source = g->place.source;
    if (w->marks[group] == OPEN) {
        return acl_error_set(w->parser->error, g->place.line, g->place.column,
                             "group '%.64s' is made of itself", g->name);
    }
    if (depth == MAX_NESTING) {
        return acl_error_set(w->parser->error, g->place.line, g->place.column,
                             "group '%.64s' is nested deeper than %d groups", g->name, MAX_NESTING);
    }
    w->marks[group] = OPEN;
    rc = visit_all(w, &g->in, depth + 1);
    rc = rc ? rc : visit_all(w, &g->out, depth + 1);
    if (!rc) {
        policy->groups[group].has_ports = has_ports(policy, &g->in);
        w->marks[group] = DONE;
        policy->order[w->n++] = group;
        if (g->in.n_groups || g->out.n_groups) {
            policy->composed[policy->n_composed++] = group;
        }
    }
    return rc;
}

static bool
selects_ports(const struct acl_selector *s)
{
    return s->n_labels || s->n_ports;
}

static int
list_selecting(struct acl_policy *policy)
{
    policy->selecting =
        acl_arena_zeroed(&policy->arena, policy->n_groups, sizeof *policy->selecting);
    if (!policy->selecting) {
        return ENOMEM;
    }
    for (uint32_t g = 0; g < policy->n_groups; g++) {
        if (selects_ports(&policy->groups[g].in) || selects_ports(&policy->groups[g].out)) {
            policy->selecting[policy->n_selecting++] = g;
        }
    }
    return 0;
}

int
acl_order_groups(struct acl_policy_parser *parser)
{
    struct acl_policy *policy = parser->policy;
    struct walk w = { .parser = parser, .marks = calloc(policy->n_groups + 1, 1) };
    int rc = 0;

    policy->order = acl_arena_zeroed(&policy->arena, policy->n_groups, sizeof *policy->order);
    policy->composed = acl_arena_zeroed(&policy->arena, policy->n_groups, sizeof *policy->composed);
    if (!w.marks || !policy->order || !policy->composed) {
        rc = ENOMEM;
    }
    rc = rc ? rc : list_selecting(policy);
    for (uint32_t g = 0; g < policy->n_groups && !rc; g++) {
        rc = visit(&w, g, 0);
    }
    free(w.marks);
    return rc;
}
