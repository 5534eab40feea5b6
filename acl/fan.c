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

/* Counts the edges of each group g in first[g + 1]. */
static bool
count(struct acl_fan *fan, const struct acl_table_rule *rules, size_t n, bool local)
{
    size_t n_groups;

    for (size_t i = 0; i < n; i++) {
        const uint32_t *groups = groups_of(&rules[i], local, &n_groups);

        fan->n_edges += n_groups;
        for (size_t j = 0; j < n_groups; j++) {
            fan->n_groups = groups[j] >= fan->n_groups ? (size_t) groups[j] + 1 : fan->n_groups;
        }
    }
    fan->first = calloc(fan->n_groups + 2, sizeof *fan->first);
    fan->rules = malloc((fan->n_edges + 1) * sizeof *fan->rules);
    if (!fan->first || !fan->rules) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t *groups = groups_of(&rules[i], local, &n_groups);

        for (size_t j = 0; j < n_groups; j++) {
            fan->first[groups[j] + 1]++;
        }
    }
    return true;
}

bool
acl_fan_build(struct acl_fan *fan, const struct acl_table_rule *rules, size_t n, bool local)
{
    size_t n_groups;

    *fan = (struct acl_fan){ .n_edges = 0 };
    if (!acl_bits_init(&fan->any, n) || !count(fan, rules, n, local)) {
        return false;
    }
    for (size_t g = 0; g < fan->n_groups; g++) {
        fan->first[g + 1] += fan->first[g];
    }
    /* Each edge where its group's next one belongs, which moves first[g] to first[g + 1]... */
    for (size_t i = 0; i < n; i++) {
        const uint32_t *groups = groups_of(&rules[i], local, &n_groups);

        for (size_t j = 0; j < n_groups; j++) {
            fan->rules[fan->first[groups[j]]++] = (uint32_t) i;
        }
        if (!n_groups) {
            acl_bits_set(&fan->any, i);
        }
    }
    /* ... and so all of them by one place. */
    memmove(fan->first + 1, fan->first, fan->n_groups * sizeof *fan->first);
    fan->first[0] = 0;
    return true;
}

void
acl_fan_destroy(struct acl_fan *fan)
{
    free(fan->first);
    free(fan->rules);
    acl_bits_destroy(&fan->any);
}

size_t
acl_fan_bytes(const struct acl_fan *fan)
{
    return (fan->n_groups + 2) * sizeof *fan->first + fan->n_edges * sizeof *fan->rules +
           (fan->any.n_words + fan->any.n_summary) * sizeof *fan->any.words;
}

static const uint32_t *
rules_of(const struct acl_fan *fan, uint32_t group, size_t *n)
{
    *n = group < fan->n_groups ? fan->first[group + 1] - fan->first[group] : 0;
    return *n ? fan->rules + fan->first[group] : NULL;
}

void
acl_fan_fill(const struct acl_fan *fan, const uint32_t *groups, size_t n_groups,
             struct acl_bits *bits)
{
    for (size_t i = 0; i < n_groups; i++) {
        size_t n;
        const uint32_t *rules = rules_of(fan, groups[i], &n);

        for (size_t j = 0; j < n; j++) {
            acl_bits_set(bits, rules[j]);
        }
    }
}

void
acl_fan_undo(const struct acl_fan *fan, const uint32_t *groups, size_t n_groups,
             struct acl_bits *bits)
{
    for (size_t i = 0; i < n_groups; i++) {
        size_t n;
        const uint32_t *rules = rules_of(fan, groups[i], &n);

        for (size_t j = 0; j < n; j++) {
            acl_bits_put_word(bits, rules[j] / 64, fan->any.words[rules[j] / 64]);
        }
    }
}
