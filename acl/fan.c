#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "acl/table_priv.h"

static const uint32_t *
groups_of(const struct acl_table_rule *rule, bool local, size_t *n)
{
    *n = local ? rule->n_local_groups : rule->n_peer_groups;
    return local ? rule->local_groups : rule->peer_groups;
}

static int
compare_edges(const void *a_, const void *b_)
{
    const struct acl_fan_edge *a = a_, *b = b_;

    if (a->group != b->group) {
        return a->group > b->group ? 1 : -1;
    }
    return (a->rule > b->rule) - (a->rule < b->rule);
}

bool
acl_fan_build(struct acl_fan *fan, const struct acl_table_rule *rules, size_t n, bool local)
{
    size_t total = 0, n_groups;

    for (size_t i = 0; i < n; i++) {
        groups_of(&rules[i], local, &n_groups);
        total += n_groups;
    }
    fan->n_edges = 0;
    fan->edges = malloc((total + 1) * sizeof *fan->edges);
    fan->any = calloc(acl_rows_words(n) + 1, sizeof *fan->any);
    if (!fan->edges || !fan->any) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t *groups = groups_of(&rules[i], local, &n_groups);

        for (size_t j = 0; j < n_groups; j++) {
            fan->edges[fan->n_edges++] = (struct acl_fan_edge){ groups[j], (uint32_t) i };
        }
        if (!n_groups) {
            acl_bit_set(fan->any, i);
        }
    }
    qsort(fan->edges, fan->n_edges, sizeof *fan->edges, compare_edges);
    return true;
}

void
acl_fan_destroy(struct acl_fan *fan)
{
    free(fan->edges);
    free(fan->any);
}

static size_t
first_edge(const struct acl_fan *fan, uint32_t group)
{
    size_t lo = 0, hi = fan->n_edges;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (fan->edges[mid].group < group) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

void
acl_fan_fill(const struct acl_fan *fan, size_t n_words, const uint32_t *groups, size_t n_groups,
             uint64_t *bits)
{
    memcpy(bits, fan->any, n_words * sizeof *bits);
    for (size_t i = 0; i < n_groups; i++) {
        for (size_t e = first_edge(fan, groups[i]);
             e < fan->n_edges && fan->edges[e].group == groups[i]; e++) {
            acl_bit_set(bits, fan->edges[e].rule);
        }
    }
}
