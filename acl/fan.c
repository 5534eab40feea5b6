#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "acl/hash.h"
#include "acl/table_priv.h"

/* Counts the edges of each group g in first[g + 1]. */
static bool
count(struct acl_fan *fan, const struct acl_table_rule *rules, size_t n, bool local)
{
    size_t n_groups;

    for (size_t i = 0; i < n; i++) {
        const uint32_t *groups = acl_groups_of(&rules[i], local, &n_groups);

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
        const uint32_t *groups = acl_groups_of(&rules[i], local, &n_groups);

        for (size_t j = 0; j < n_groups; j++) {
            fan->first[groups[j] + 1]++;
        }
    }
    return true;
}

static const uint32_t *
rules_of(const struct acl_fan *fan, uint32_t group, size_t *n)
{
    *n = group < fan->n_groups ? fan->first[group + 1] - fan->first[group] : 0;
    return *n ? fan->rules + fan->first[group] : NULL;
}

static void
set_all(const struct acl_fan *fan, uint32_t group, struct acl_bits *bits)
{
    size_t n;
    const uint32_t *rules = rules_of(fan, group, &n);

    for (size_t i = 0; i < n; i++) {
        acl_bits_set(bits, rules[i]);
    }
}

/* Groups that are in most classes belong to the base. */
static bool
choose_base(struct acl_fan *fan, const struct acl_classes *classes)
{
    size_t n_classes = acl_classes_count(classes);
    uint32_t *members = acl_order_count_members(classes, fan->n_groups);

    fan->in_base = calloc(fan->n_groups + 1, sizeof *fan->in_base);
    fan->bases = malloc((fan->n_groups + 1) * sizeof *fan->bases);
    if (!members || !fan->in_base || !fan->bases) {
        free(members);
        return false;
    }
    acl_bits_copy(&fan->base, &fan->any);
    for (size_t g = 0; g < fan->n_groups; g++) {
        if (members[g] > n_classes / 2 && fan->first[g + 1] > fan->first[g]) {
            fan->in_base[g] = true;
            fan->bases[fan->n_bases++] = (uint32_t) g;
            set_all(fan, (uint32_t) g, &fan->base);
        }
    }
    acl_bits_set_top(&fan->base);
    free(members);
    return true;
}

bool
acl_fan_build(struct acl_fan *fan, const struct acl_table_rule *rules, size_t n, bool local,
              const struct acl_classes *classes)
{
    size_t n_groups;

    *fan = (struct acl_fan){ .n_edges = 0 };
    if (!acl_bits_init(&fan->any, n) || !acl_bits_init(&fan->base, n) ||
        !count(fan, rules, n, local)) {
        return false;
    }
    for (size_t g = 0; g < fan->n_groups; g++) {
        fan->first[g + 1] += fan->first[g];
    }
    /* Each edge where its group's next one belongs, which moves first[g] to first[g + 1]... */
    for (size_t i = 0; i < n; i++) {
        const uint32_t *groups = acl_groups_of(&rules[i], local, &n_groups);

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
    if (!choose_base(fan, classes)) {
        return false;
    }
    fan->bases_alone = true;
    for (size_t i = 0; i < n; i++) {
        const uint32_t *groups = acl_groups_of(&rules[i], local, &n_groups);

        for (size_t j = 0; n_groups > 1 && j < n_groups; j++) {
            fan->bases_alone &= !fan->in_base[groups[j]];
        }
    }
    return true;
}

void
acl_fan_destroy(struct acl_fan *fan)
{
    free(fan->first);
    free(fan->rules);
    free(fan->in_base);
    free(fan->bases);
    acl_bits_destroy(&fan->any);
    acl_bits_destroy(&fan->base);
}

size_t
acl_fan_bytes(const struct acl_fan *fan)
{
    return (fan->n_groups + 2) * (sizeof *fan->first + sizeof *fan->in_base + sizeof *fan->bases) +
           fan->n_edges * sizeof *fan->rules +
           (fan->any.n_allocated + fan->base.n_allocated) * sizeof *fan->any.words;
}

uint64_t
acl_fan_digest(const struct acl_fan *fan, const uint32_t *groups, size_t n, uint64_t digest)
{
    for (size_t i = 0; i < n; i++) {
        if (groups[i] < fan->n_groups && fan->first[groups[i]] < fan->first[groups[i] + 1]) {
            digest = acl_hash_mix(digest, groups[i]);
        }
    }
    return acl_hash_mix(digest, UINT32_MAX); /* which is no group: here the class ends */
}

/* The rules of the groups of the base that are not among 'groups', which are sorted: they are in
 * the base for nothing.  False: a rule may be there for another group of its, and it is not so
 * easy. */
static bool
take_back(const struct acl_fan *fan, const uint32_t *groups, size_t n, struct acl_bits *difference)
{
    size_t next = 0;

    for (size_t i = 0; i < fan->n_bases; i++) {
        while (next < n && groups[next] < fan->bases[i]) {
            next++;
        }
        if (next < n && groups[next] == fan->bases[i]) {
            continue;
        }
        if (!fan->bases_alone) {
            return false;
        }
        set_all(fan, fan->bases[i], difference);
    }
    return true;
}

void
acl_fan_fill(const struct acl_fan *fan, const uint32_t *groups, size_t n_groups,
             struct acl_bits *difference, struct acl_bits *scratch)
{
    if (!take_back(fan, groups, n_groups, difference)) {
        acl_bits_copy(scratch, &fan->any);
        for (size_t i = 0; i < n_groups; i++) {
            set_all(fan, groups[i], scratch);
        }
        acl_bits_xor(difference, scratch, &fan->base);
        return;
    }
    for (size_t i = 0; i < n_groups; i++) {
        size_t n;
        const uint32_t *rules = rules_of(fan, groups[i], &n);

        for (size_t j = 0; n && !fan->in_base[groups[i]] && j < n; j++) {
            if (!acl_bits_has(&fan->base, rules[j])) {
                acl_bits_set(difference, rules[j]);
            }
        }
    }
}
