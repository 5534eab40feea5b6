#include <config.h>

#include "control/sets.h"

#include <stdlib.h>
#include <string.h>

#include "timeval.h"
#include "util.h"

/* ---- all of them ---- */

void
sets_init(struct sets *s)
{
    shash_init(&s->by_name);
    sset_init(&s->stale);
}

void
sets_destroy(struct sets *s)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &s->by_name) {
        set_destroy(node->data);
    }
    shash_destroy(&s->by_name);
    sset_destroy(&s->stale);
}

struct address_set *
sets_find(const struct sets *s, const char *name)
{
    return shash_find_data(&s->by_name, name);
}

size_t
sets_count_prefixes(const struct sets *s)
{
    struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH (node, &s->by_name) {
        n += ((const struct address_set *) node->data)->n;
    }
    return n;
}

struct address_set *
sets_replace(struct sets *s, const char *name, struct address_set *set)
{
    struct address_set *old = shash_find_and_delete(&s->by_name, name);

    if (set) {
        shash_add(&s->by_name, name, set);
    }
    return old;
}

const struct acl_group *
sets_group(const struct acl_policy *policy, const char *name)
{
    uint32_t i;

    return policy && acl_group_find(policy, name, &i) && policy->groups[i].is_set
               ? &policy->groups[i]
               : NULL;
}

/* ---- what is in one ---- */

static int
compare_prefixes(const void *a_, const void *b_)
{
    return acl_prefix_compare(a_, b_);
}

static struct acl_prefix *
sort_copy(const struct acl_prefix *prefixes, size_t n)
{
    struct acl_prefix *copy = xcalloc(n + 1, sizeof *copy);

    nullable_memcpy(copy, prefixes, n * sizeof *copy);
    qsort(copy, n, sizeof *copy, compare_prefixes);
    return copy;
}

static bool
contains(const struct acl_prefix *sorted, size_t n, const struct acl_prefix *p)
{
    return bsearch(p, sorted, n, sizeof *sorted, compare_prefixes) != NULL;
}

static void
append(struct address_set *set, const struct acl_prefix *p)
{
    if (!set->n || acl_prefix_compare(&set->prefixes[set->n - 1], p)) {
        set->prefixes[set->n++] = *p;
    }
}

/* What is there is sorted, what comes is made so, and both are merged. */
struct address_set *
set_changed(const struct address_set *old, const struct acl_prefix *add, size_t n_add,
            const struct acl_prefix *remove, size_t n_remove)
{
    struct address_set *set = xzalloc(sizeof *set);
    struct acl_prefix *out = sort_copy(remove, n_remove), *in = sort_copy(add, n_add);
    size_t n_old = old ? old->n : 0, i = 0, j = 0;

    set->prefixes = xcalloc(n_old + n_add + 1, sizeof *set->prefixes);
    set->revision = old ? old->revision : 0;
    while (i < n_old || j < n_add) {
        bool is_old =
            j == n_add || (i < n_old && acl_prefix_compare(&old->prefixes[i], &in[j]) <= 0);
        const struct acl_prefix *p = is_old ? &old->prefixes[i++] : &in[j++];

        if (!is_old || !contains(out, n_remove, p)) {
            append(set, p);
        }
    }
    free(in);
    free(out);
    return set;
}

void
set_destroy(struct address_set *set)
{
    if (set) {
        free(set->prefixes);
        free(set);
    }
}

struct acl_prefix *
set_minus(const struct address_set *a, const struct address_set *b, size_t *n)
{
    struct acl_prefix *out = xcalloc((a ? a->n : 0) + 1, sizeof *out);

    *n = 0;
    for (size_t i = 0, j = 0; a && i < a->n; i++) {
        while (b && j < b->n && acl_prefix_compare(&b->prefixes[j], &a->prefixes[i]) < 0) {
            j++;
        }
        if (!b || j == b->n || acl_prefix_compare(&b->prefixes[j], &a->prefixes[i])) {
            out[(*n)++] = a->prefixes[i];
        }
    }
    return out;
}

char *
prefix_text(const struct acl_prefix *p)
{
    char text[ACL_ADDR_STRLEN];

    acl_addr_format(&p->addr, text);
    return xasprintf("%s/%d", text, p->len - (acl_addr_is_v4(&p->addr) ? ACL_V4_LEN : 0));
}

/* ---- how old it is ---- */

/* The time makes a revision that no set of this name had before, one that was deleted included. */
void
set_touch(struct address_set *set, bool changed)
{
    set->changed_us = time_wall_usec();
    set->fresh_ms = time_msec();
    if (changed) {
        set->revision = MAX(set->revision + 1, (uint64_t) set->changed_us);
    }
}

void
set_restore(struct address_set *set, uint64_t revision, int64_t changed_us)
{
    set->changed_us = changed_us;
    set->fresh_ms = time_msec() - llabs(time_wall_usec() - changed_us) / 1000;
    set->revision = revision;
}

uint64_t
set_age_s(const struct address_set *set)
{
    return (time_msec() - set->fresh_ms) / 1000;
}

bool
set_is_stale(const struct address_set *set, const struct acl_group *group)
{
    return group && group->stale_after && (!set || set_age_s(set) >= group->stale_after);
}
