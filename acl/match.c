#include <config.h>

#include "acl/match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of more lists than this the answers for pairs are not remembered. */
#define MAX_MEMO 2048

/* ---- the same list once ---- */

struct key {
    const void *bytes;
    size_t size;
    uint32_t rule;
};

static int
compare_keys(const void *a_, const void *b_)
{
    const struct key *a = a_, *b = b_;
    int order = a->size != b->size ? (a->size > b->size ? 1 : -1)
                : a->size          ? memcmp(a->bytes, b->bytes, a->size)
                                   : 0;

    return order ? order : (a->rule > b->rule) - (a->rule < b->rule);
}

/* Numbers the different ones; '*n' of them.  'first[i]' is the rule that number i is of first. */
static void
number(struct key *keys, size_t n_keys, uint32_t *ids, uint32_t *first, size_t *n)
{
    *n = 0;
    qsort(keys, n_keys, sizeof *keys, compare_keys);
    for (size_t i = 0; i < n_keys; i++) {
        if (!i || keys[i].size != keys[i - 1].size ||
            (keys[i].size && memcmp(keys[i].bytes, keys[i - 1].bytes, keys[i].size))) {
            first[(*n)++] = keys[i].rule;
        }
        ids[keys[i].rule] = (uint32_t) (*n - 1);
    }
}

/* What building needs for a while. */
struct scratch {
    struct acl_group_list *lists; /* of each rule */
    struct acl_spans *spans;
    struct key *keys;
    uint32_t *first;
};

static int
compare_groups(const void *a_, const void *b_)
{
    uint32_t a = *(const uint32_t *) a_, b = *(const uint32_t *) b_;

    return (a > b) - (a < b);
}

/* Sorted, each once. */
static bool
sort_groups(const uint32_t *groups, size_t n, struct acl_group_list *list)
{
    *list = (struct acl_group_list){ .n = 0 };
    if (!n) {
        return true;
    }
    list->groups = malloc(n * sizeof *list->groups);
    if (!list->groups) {
        return false;
    }
    memcpy(list->groups, groups, n * sizeof *groups);
    qsort(list->groups, n, sizeof *list->groups, compare_groups);
    for (size_t i = 0; i < n; i++) {
        if (!i || list->groups[i] != list->groups[list->n - 1]) {
            list->groups[list->n++] = list->groups[i];
        }
    }
    return true;
}

static bool
number_lists(struct acl_matcher *m, struct scratch *s, bool peers, uint32_t *ids,
             struct acl_group_list **lists, size_t *n)
{
    const struct acl_policy *policy = m->policy;
    bool ok = true;

    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct acl_rule *rule = &policy->rules[i];

        ok = ok && sort_groups(peers ? rule->peers : rule->applied_to,
                               peers ? rule->n_peers : rule->n_applied_to, &s->lists[i]);
        s->keys[i] =
            (struct key){ s->lists[i].groups, s->lists[i].n * sizeof(uint32_t), (uint32_t) i };
    }
    if (ok) {
        number(s->keys, policy->n_rules, ids, s->first, n);
        *lists = calloc(*n + 1, sizeof **lists);
        ok = *lists != NULL;
    }
    for (size_t i = 0; ok && i < *n; i++) {
        (*lists)[i] = s->lists[s->first[i]];
        s->lists[s->first[i]].groups = NULL;
    }
    for (size_t i = 0; i < policy->n_rules; i++) {
        free(s->lists[i].groups);
        s->lists[i] = (struct acl_group_list){ .n = 0 };
    }
    return ok;
}

static bool
number_services(struct acl_matcher *m, struct scratch *s)
{
    const struct acl_policy *policy = m->policy;
    bool ok = acl_tunnel_spans(&m->tunnels);

    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct acl_rule *rule = &policy->rules[i];

        ok = ok && acl_service_spans(rule->services, rule->n_services, rule->action, &m->tunnels,
                                     &s->spans[i]);
        s->keys[i] =
            (struct key){ s->spans[i].v, s->spans[i].n * sizeof(struct acl_span), (uint32_t) i };
    }
    if (ok) {
        number(s->keys, policy->n_rules, m->services, s->first, &m->n_services);
        m->service_lists = calloc(m->n_services + 1, sizeof *m->service_lists);
        ok = m->service_lists != NULL;
    }
    for (size_t i = 0; ok && i < m->n_services; i++) {
        m->service_lists[i] = s->spans[s->first[i]];
        s->spans[s->first[i]] = (struct acl_spans){ .n = 0 };
    }
    for (size_t i = 0; i < policy->n_rules; i++) {
        acl_spans_destroy(&s->spans[i]);
    }
    return ok;
}

/* ---- addresses of peers ---- */

static bool
unite(const struct acl_matcher *m, const struct acl_group_list *list, bool possible,
      struct acl_spans *out)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct acl_extent *e = &m->extents.groups[list->groups[i]];

        if (!acl_spans_append(out, possible ? &e->possible : &e->sure)) {
            return false;
        }
    }
    acl_spans_normalise(out);
    return true;
}

static bool
measure_peers(struct acl_matcher *m, struct acl_group_list *list)
{
    bool exact = true;

    if (!list->n) {
        list->sure = list->possible = acl_spans_all;
        return true;
    }
    if (list->n == 1) {
        list->sure = m->extents.groups[list->groups[0]].sure;
        list->possible = m->extents.groups[list->groups[0]].possible;
        return true;
    }
    for (size_t i = 0; i < list->n; i++) {
        exact = exact && m->extents.groups[list->groups[i]].exact;
    }
    list->own_sure = true;
    list->own_possible = !exact;
    if (!unite(m, list, false, &list->sure) || (!exact && !unite(m, list, true, &list->possible))) {
        return false;
    }
    if (exact) {
        list->possible = list->sure;
    }
    return true;
}

/* ---- all rules ---- */

static bool
build(struct acl_matcher *m, struct scratch *s)
{
    if (!number_lists(m, s, false, m->scope, &m->scope_lists, &m->n_scopes) ||
        !number_lists(m, s, true, m->peers, &m->peer_lists, &m->n_peers) ||
        !number_services(m, s)) {
        return false;
    }
    for (size_t i = 0; i < m->n_peers; i++) {
        if (!measure_peers(m, &m->peer_lists[i])) {
            return false;
        }
    }
    if (m->n_scopes <= MAX_MEMO) {
        m->scope_memo = calloc(m->n_scopes * m->n_scopes + 1, 1);
    }
    if (m->n_peers <= MAX_MEMO) {
        m->peer_memo = calloc(m->n_peers * m->n_peers + 1, 1);
    }
    return (m->scope_memo || m->n_scopes > MAX_MEMO) && (m->peer_memo || m->n_peers > MAX_MEMO);
}

int
acl_matcher_build(const struct acl_policy *policy, struct acl_matcher *m)
{
    size_t n = policy->n_rules + 1;
    struct scratch s = {
        .lists = calloc(n, sizeof *s.lists),
        .spans = calloc(n, sizeof *s.spans),
        .keys = calloc(n, sizeof *s.keys),
        .first = calloc(n, sizeof *s.first),
    };
    bool ok;

    *m = (struct acl_matcher){
        .policy = policy,
        .scope = calloc(n, sizeof *m->scope),
        .peers = calloc(n, sizeof *m->peers),
        .services = calloc(n, sizeof *m->services),
    };
    ok = !acl_extents_build(policy, &m->extents);
    ok = ok && s.lists && s.spans && s.keys && s.first && m->scope && m->peers && m->services &&
         build(m, &s);
    free(s.lists);
    free(s.spans);
    free(s.keys);
    free(s.first);
    return ok ? 0 : ENOMEM;
}

static void
lists_destroy(struct acl_group_list *lists, size_t n)
{
    for (size_t i = 0; lists && i < n; i++) {
        free(lists[i].groups);
        if (lists[i].own_sure) {
            acl_spans_destroy(&lists[i].sure);
        }
        if (lists[i].own_possible) {
            acl_spans_destroy(&lists[i].possible);
        }
    }
    free(lists);
}

void
acl_matcher_destroy(struct acl_matcher *m)
{
    lists_destroy(m->scope_lists, m->n_scopes);
    lists_destroy(m->peer_lists, m->n_peers);
    for (size_t i = 0; m->service_lists && i < m->n_services; i++) {
        acl_spans_destroy(&m->service_lists[i]);
    }
    free(m->service_lists);
    free(m->scope);
    free(m->peers);
    free(m->services);
    free(m->scope_memo);
    free(m->peer_memo);
    acl_spans_destroy(&m->tunnels);
    acl_extents_destroy(&m->extents);
    *m = (struct acl_matcher){ .n_scopes = 0 };
}

/* ---- questions ---- */

/* Each group of 'b' in those of 'a'; peers may also be in their addresses together. */
static bool
list_within(struct acl_extents *x, const struct acl_group_list *a, const struct acl_group_list *b,
            bool ports)
{
    for (size_t i = 0; i < b->n; i++) {
        if ((ports || !acl_spans_contain(&a->sure, &x->groups[b->groups[i]].possible)) &&
            !acl_group_within_list(x, b->groups[i], a->groups, a->n, ports)) {
            return false;
        }
    }
    return b->n > 0;
}

bool
acl_covers_scope(struct acl_matcher *m, uint32_t a, uint32_t b)
{
    uint32_t sa = m->scope[a], sb = m->scope[b];
    const struct acl_group_list *la = &m->scope_lists[sa], *lb = &m->scope_lists[sb];
    uint8_t *memo = m->scope_memo ? &m->scope_memo[sa * m->n_scopes + sb] : NULL;
    bool covers;

    if (sa == sb || !la->n) {
        return true;
    }
    if (memo && *memo) {
        return *memo == 2;
    }
    covers = list_within(&m->extents, la, lb, true);
    if (memo) {
        *memo = covers ? 2 : 1;
    }
    return covers;
}

bool
acl_covers_peers(struct acl_matcher *m, uint32_t a, uint32_t b)
{
    uint32_t pa = m->peers[a], pb = m->peers[b];
    const struct acl_group_list *la = &m->peer_lists[pa];
    uint8_t *memo = m->peer_memo ? &m->peer_memo[pa * m->n_peers + pb] : NULL;
    bool covers;

    if (pa == pb || !la->n) {
        return true;
    }
    if (memo && *memo) {
        return *memo == 2;
    }
    covers = acl_peers_within(m, b, la);
    if (memo) {
        *memo = covers ? 2 : 1;
    }
    return covers;
}

bool
acl_peers_within(struct acl_matcher *m, uint32_t rule, const struct acl_group_list *list)
{
    const struct acl_group_list *peers = &m->peer_lists[m->peers[rule]];

    return acl_spans_contain(&list->sure, &peers->possible) ||
           list_within(&m->extents, list, peers, false);
}

bool
acl_covers_services(const struct acl_matcher *m, uint32_t a, uint32_t b)
{
    return m->services[a] == m->services[b] ||
           acl_spans_contain(&m->service_lists[m->services[a]], &m->service_lists[m->services[b]]);
}

/* Whether the desktops of the two are others, by their labels. */
static bool
scopes_apart(const struct acl_matcher *m, uint32_t a, uint32_t b)
{
    const struct acl_group_list *la = &m->scope_lists[m->scope[a]];
    const struct acl_group_list *lb = &m->scope_lists[m->scope[b]];

    for (size_t i = 0; i < la->n; i++) {
        for (size_t j = 0; j < lb->n; j++) {
            if (!acl_groups_apart(m->policy, la->groups[i], lb->groups[j])) {
                return false;
            }
        }
    }
    return la->n && lb->n;
}

bool
acl_may_meet(const struct acl_matcher *m, uint32_t a, uint32_t b)
{
    return acl_spans_meet(&m->service_lists[m->services[a]], &m->service_lists[m->services[b]]) &&
           acl_spans_meet(&m->peer_lists[m->peers[a]].possible,
                          &m->peer_lists[m->peers[b]].possible) &&
           !scopes_apart(m, a, b);
}

int
acl_same_match(struct acl_matcher *m, uint32_t a, uint32_t b, bool *same)
{
    const struct acl_rule *ra = &m->policy->rules[a], *rb = &m->policy->rules[b];
    struct acl_spans spans;

    *same = false;
    if (!acl_covers_scope(m, a, b) || !acl_covers_scope(m, b, a) || !acl_covers_peers(m, a, b) ||
        !acl_covers_peers(m, b, a)) {
        return 0;
    }
    /* Tunnels are not what the author sees: "any" is "any", whatever the action. */
    if (!acl_service_spans(rb->services, rb->n_services, ra->action, &m->tunnels, &spans)) {
        return ENOMEM;
    }
    *same = acl_spans_equal(&spans, &m->service_lists[m->services[a]]);
    acl_spans_destroy(&spans);
    return 0;
}
