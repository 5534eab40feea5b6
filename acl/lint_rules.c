/* Rules by which nothing is decided.
 *
 * First those that no packet gets to, for a rule in front, or several, matches all that they match.
 * A packet is decided by none of them, so all may go at once.  Then, from the last to the first,
 * those of the rest whose packets would be decided in the same way behind them, by rules that stay.
 * Those that are reported count as there and as not there, whichever makes it harder: so each may
 * go alone, and all together. */
#include <config.h>

#include "acl/lint_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TOGETHER 256 /* rules that cover one together */

/* A rule, as small as most comparisons need it: bounds of what it may match. */
struct bounds {
    acl_u128 peer_lo, peer_hi;
    uint32_t service_lo, service_hi;
    uint32_t rule;
};

/* Rules in front that cover one in all but one thing. */
struct partial {
    uint32_t rules[MAX_TOGETHER];
    size_t n;
};

struct walk {
    struct acl_lint *lint;
    struct bounds *bounds; /* of the rules of one direction */
    size_t n;
    bool *gone;               /* by position in 'bounds' */
    size_t past[ACL_N_TIERS]; /* a rule from here on may be passed by */
    struct partial by_services, by_peers;
};

static const struct acl_rule *
rule_at(const struct walk *w, size_t at)
{
    return &w->lint->policy->rules[w->bounds[at].rule];
}

static bool
denies(enum acl_action action)
{
    return action == ACL_DROP || action == ACL_REJECT;
}

/* ---- rules of one direction ---- */

static bool
collect(struct walk *w, enum acl_direction direction)
{
    const struct acl_matcher *m = &w->lint->matcher;
    const struct acl_policy *policy = w->lint->policy;

    w->n = 0;
    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct acl_spans *peers = &m->peer_lists[m->peers[i]].possible;
        const struct acl_spans *services = &m->service_lists[m->services[i]];

        /* What has no peer at all is another finding. */
        if (policy->rules[i].direction == direction && peers->n && services->n) {
            w->bounds[w->n] = (struct bounds){
                .peer_lo = peers->v[0].lo,
                .peer_hi = peers->v[peers->n - 1].hi,
                .service_lo = (uint32_t) services->v[0].lo,
                .service_hi = (uint32_t) services->v[services->n - 1].hi,
                .rule = (uint32_t) i,
            };
            w->gone[w->n++] = false;
        }
    }
    return w->n > 0;
}

static inline bool
bounds_meet(const struct bounds *a, const struct bounds *b)
{
    return a->service_lo <= b->service_hi && b->service_lo <= a->service_hi &&
           a->peer_lo <= b->peer_hi && b->peer_lo <= a->peer_hi;
}

static inline bool
bounds_contain(const struct bounds *a, const struct bounds *b)
{
    return a->service_lo <= b->service_lo && b->service_hi <= a->service_hi;
}

/* ---- covered by one in front ---- */

/* From where on rules of earlier tiers may be passed by, for packets that rule 'at' matches. */
static void
find_passes(struct walk *w, size_t at, const size_t *passes, size_t n_passes)
{
    for (int tier = 0; tier < ACL_N_TIERS; tier++) {
        w->past[tier] = w->n;
    }
    for (size_t i = 0; i < n_passes && passes[i] < at; i++) {
        enum acl_tier tier = rule_at(w, passes[i])->tier;

        if (tier < rule_at(w, at)->tier && w->past[tier] == w->n &&
            bounds_meet(&w->bounds[passes[i]], &w->bounds[at]) &&
            acl_may_meet(&w->lint->matcher, w->bounds[passes[i]].rule, w->bounds[at].rule)) {
            w->past[tier] = passes[i];
        }
    }
}

/* Whether what 'front' matches gets no further than to it. */
static bool
holds(const struct walk *w, size_t front, size_t at)
{
    const struct acl_rule *f = rule_at(w, front), *r = rule_at(w, at);

    if (f->audit) {
        return r->audit && front < w->past[f->tier];
    }
    return f->action == ACL_PASS ? f->tier == r->tier : front < w->past[f->tier];
}

/* Whether peers can be compared without a proof for each pair of groups. */
static bool
is_cheap(const struct acl_matcher *m, uint32_t f, uint32_t r)
{
    const struct acl_group_list *list = &m->peer_lists[m->peers[r]];

    return m->peer_memo || m->peers[f] == m->peers[r] ||
           acl_spans_equal(&list->sure, &list->possible);
}

static bool
covers(struct walk *w, size_t front, size_t at)
{
    struct acl_matcher *m = &w->lint->matcher;
    uint32_t f = w->bounds[front].rule, r = w->bounds[at].rule;
    bool peers, services;

    if (!acl_covers_scope(m, f, r)) {
        return false;
    }
    services = bounds_contain(&w->bounds[front], &w->bounds[at]) && acl_covers_services(m, f, r);
    peers = (services || is_cheap(m, f, r)) && acl_covers_peers(m, f, r);
    if (peers && !services && w->by_services.n < MAX_TOGETHER) {
        w->by_services.rules[w->by_services.n++] = f;
    }
    if (services && !peers && w->by_peers.n < MAX_TOGETHER) {
        w->by_peers.rules[w->by_peers.n++] = f;
    }
    return peers && services;
}

static bool
same_verdict(const struct acl_rule *a, const struct acl_rule *b)
{
    return a->action == b->action && a->log == b->log && a->audit == b->audit;
}

static const char *
does(const struct acl_rule *rule)
{
    static const char *const words[] = { [ACL_DROP] = "drops",
                                         [ACL_REJECT] = "rejects",
                                         [ACL_ALLOW] = "allows",
                                         [ACL_PASS] = "passes" };

    return rule->audit ? rule->action == ACL_DROP ? "would drop" : "would reject"
                       : words[rule->action];
}

static int
tell_same(struct walk *w, const struct acl_rule *f, const struct acl_rule *r)
{
    if (f->audit == r->audit && f->action == r->action) {
        return acl_lint_add(w->lint, ACL_LINT_DUPLICATE, r->id, &r->place, f,
                            "rule '%s' says the same as '%s' in front of it%s", r->id, f->id,
                            f->log == r->log ? "" : ", whose log class holds");
    }
    if (!f->audit && !r->audit &&
        ((f->action == ACL_ALLOW && denies(r->action)) ||
         (r->action == ACL_ALLOW && denies(f->action)))) {
        return acl_lint_add(w->lint, ACL_LINT_CONTRADICTORY, r->id, &r->place, f,
                            "rule '%s' %s what '%s' in front of it %s: the one in front holds",
                            r->id, does(r), f->id, does(f));
    }
    return acl_lint_add(w->lint, ACL_LINT_SHADOWED, r->id, &r->place, f,
                        "rule '%s' never decides: '%s' in front of it matches the same and %s it",
                        r->id, f->id, does(f));
}

static int
tell_covered(struct walk *w, size_t front, size_t at)
{
    const struct acl_rule *f = rule_at(w, front), *r = rule_at(w, at);
    bool same;
    int rc = acl_same_match(&w->lint->matcher, w->bounds[front].rule, w->bounds[at].rule, &same);

    if (rc || same) {
        return rc ? rc : tell_same(w, f, r);
    }
    if (same_verdict(f, r)) {
        return acl_lint_add(w->lint, ACL_LINT_REDUNDANT, r->id, &r->place, f,
                            "rule '%s' changes nothing: '%s' in front of it %s all that it matches",
                            r->id, f->id, does(f));
    }
    return acl_lint_add(w->lint, ACL_LINT_SHADOWED, r->id, &r->place, f,
                        "rule '%s' never decides: '%s' in front of it matches all that it matches "
                        "and %s it%s",
                        r->id, f->id, does(f),
                        f->action == r->action && f->audit == r->audit ? " with another log class"
                                                                       : "");
}

/* ---- covered by several in front ---- */

static int
peers_together(struct walk *w, uint32_t r, bool *covered)
{
    struct acl_matcher *m = &w->lint->matcher;
    struct acl_group_list all = { .n = 0 };
    size_t n = 0;
    bool ok;

    for (size_t i = 0; i < w->by_peers.n; i++) {
        n += m->peer_lists[m->peers[w->by_peers.rules[i]]].n;
    }
    all.groups = malloc((n + 1) * sizeof *all.groups);
    ok = all.groups != NULL;
    for (size_t i = 0; i < w->by_peers.n && ok; i++) {
        const struct acl_group_list *list = &m->peer_lists[m->peers[w->by_peers.rules[i]]];

        memcpy(all.groups + all.n, list->groups, list->n * sizeof *list->groups);
        all.n += list->n;
        ok = acl_spans_append(&all.sure, &list->sure);
    }
    acl_spans_normalise(&all.sure);
    *covered = ok && acl_peers_within(m, r, &all);
    acl_spans_destroy(&all.sure);
    free(all.groups);
    return ok ? 0 : ENOMEM;
}

static int
services_together(struct walk *w, uint32_t r, bool *covered)
{
    const struct acl_matcher *m = &w->lint->matcher;
    struct acl_spans all = { .n = 0 };
    bool ok = true;

    for (size_t i = 0; i < w->by_services.n && ok; i++) {
        ok = acl_spans_append(&all, &m->service_lists[m->services[w->by_services.rules[i]]]);
    }
    acl_spans_normalise(&all);
    *covered = ok && acl_spans_contain(&all, &m->service_lists[m->services[r]]);
    acl_spans_destroy(&all);
    return ok ? 0 : ENOMEM;
}

static int
tell_together(struct walk *w, const struct partial *p, const struct acl_rule *r)
{
    const struct acl_rule *rules = w->lint->policy->rules, *other = &rules[p->rules[0]];
    bool same = true;

    for (size_t i = 0; i < p->n; i++) {
        same = same && same_verdict(&rules[p->rules[i]], r);
    }
    return acl_lint_add(
        w->lint, same ? ACL_LINT_REDUNDANT : ACL_LINT_SHADOWED, r->id, &r->place, other,
        "rule '%s' %s: '%s' and others in front of it match all that it matches%s", r->id,
        same ? "changes nothing" : "never decides", other->id, same ? ", and do the same" : "");
}

static int
lint_together(struct walk *w, size_t at)
{
    uint32_t r = w->bounds[at].rule;
    bool covered = false;
    int rc = w->by_services.n > 1 ? services_together(w, r, &covered) : 0;

    if (!rc && covered) {
        w->gone[at] = true;
        return tell_together(w, &w->by_services, rule_at(w, at));
    }
    rc = rc || w->by_peers.n < 2 ? rc : peers_together(w, r, &covered);
    if (!rc && covered) {
        w->gone[at] = true;
        rc = tell_together(w, &w->by_peers, rule_at(w, at));
    }
    return rc;
}

static int
lint_front(struct walk *w)
{
    size_t *passes = malloc((w->n + 1) * sizeof *passes), n_passes = 0;
    int rc = passes ? 0 : ENOMEM;

    for (size_t at = 0; at < w->n && !rc; at++) {
        w->by_services.n = w->by_peers.n = 0;
        find_passes(w, at, passes, n_passes);
        for (size_t front = 0; front < at && !w->gone[at] && !rc; front++) {
            if (bounds_meet(&w->bounds[front], &w->bounds[at]) && holds(w, front, at) &&
                covers(w, front, at)) {
                w->gone[at] = true;
                rc = tell_covered(w, front, at);
            }
        }
        if (!rc && !w->gone[at]) {
            rc = lint_together(w, at);
        }
        if (!rc && rule_at(w, at)->action == ACL_PASS) {
            passes[n_passes++] = at;
        }
    }
    free(passes);
    return rc;
}

/* ---- the same without it ---- */

/* A pool whose default is audited does not deny; one may log it otherwise. */
static bool
default_is_the_same(const struct acl_policy *policy, const struct acl_rule *r)
{
    for (size_t i = 0; i < policy->n_pools; i++) {
        const struct acl_pool *pool = &policy->pools[i];

        if (pool->default_log != ACL_LOG_INCIDENT || (pool->audit_default && !pool->audit)) {
            return false;
        }
    }
    return r->action == ACL_DROP && r->log == ACL_LOG_INCIDENT;
}

/* The first rule behind that may meet it and would not do the same to all that it matches; 'same'
 * is the one that covers it, if any. */
static size_t
find_behind(struct walk *w, size_t at, size_t *same)
{
    struct acl_matcher *m = &w->lint->matcher;
    const struct acl_rule *r = rule_at(w, at);
    uint32_t rule = w->bounds[at].rule;
    size_t i;

    *same = w->n;
    for (i = at + 1; i < w->n; i++) {
        const struct acl_rule *s = rule_at(w, i);
        uint32_t behind = w->bounds[i].rule;

        if (r->action == ACL_PASS && s->tier != r->tier) {
            return w->n;
        }
        if (!bounds_meet(&w->bounds[i], &w->bounds[at]) || !acl_may_meet(m, behind, rule)) {
            continue;
        }
        if (r->action == ACL_PASS || !same_verdict(s, r)) {
            break;
        }
        if (!w->gone[i] && acl_covers_scope(m, behind, rule) &&
            acl_covers_services(m, behind, rule) && acl_covers_peers(m, behind, rule)) {
            *same = i;
            break;
        }
    }
    return i;
}

static int
lint_behind(struct walk *w, size_t at)
{
    const struct acl_rule *r = rule_at(w, at), *s;
    size_t same, end = find_behind(w, at, &same);

    if (same < w->n) {
        s = rule_at(w, same);
        w->gone[at] = true;
        return acl_lint_add(w->lint, ACL_LINT_REDUNDANT, r->id, &r->place, s,
                            "rule '%s' changes nothing: '%s' behind it %s all that it matches",
                            r->id, s->id, does(s));
    }
    if (end < w->n) {
        return 0;
    }
    if (r->action == ACL_PASS) {
        w->gone[at] = true;
        return acl_lint_add(w->lint, ACL_LINT_REDUNDANT, r->id, &r->place, NULL,
                            "rule '%s' changes nothing: no rule behind it in tier '%s' matches "
                            "what it passes",
                            r->id, acl_tier_name(r->tier));
    }
    if (!default_is_the_same(w->lint->policy, r)) {
        return 0;
    }
    w->gone[at] = true;
    return acl_lint_add(w->lint, ACL_LINT_REDUNDANT, r->id, &r->place, NULL,
                        "rule '%s' changes nothing: what it drops would be dropped by default",
                        r->id);
}

static int
lint_direction(struct walk *w, enum acl_direction direction)
{
    int rc = collect(w, direction) ? lint_front(w) : 0;

    for (size_t at = w->n; at-- > 0 && !rc;) {
        if (!w->gone[at] && !rule_at(w, at)->audit) {
            rc = lint_behind(w, at);
        }
    }
    return rc;
}

int
acl_lint_rules(struct acl_lint *lint)
{
    size_t n = lint->policy->n_rules + 1;
    struct walk w = {
        .lint = lint,
        .bounds = malloc(n * sizeof *w.bounds),
        .gone = malloc(n * sizeof *w.gone),
    };
    int rc = w.bounds && w.gone ? 0 : ENOMEM;

    for (int d = 0; d < ACL_N_DIRECTIONS && !rc; d++) {
        rc = lint_direction(&w, (enum acl_direction) d);
    }
    free(w.bounds);
    free(w.gone);
    return rc;
}
