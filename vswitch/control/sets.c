#include <config.h>

#include "control/sets.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

void
sets_init(struct sets *s)
{
    shash_init(&s->by_name);
}

void
sets_destroy(struct sets *s)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &s->by_name) {
        set_destroy(node->data);
    }
    shash_destroy(&s->by_name);
}

struct address_set *
sets_find(const struct sets *s, const char *name)
{
    return shash_find_data(&s->by_name, name);
}

static int
compare_prefixes(const void *a_, const void *b_)
{
    const struct acl_prefix *a = a_, *b = b_;
    int order = memcmp(a->addr.b, b->addr.b, sizeof a->addr.b);

    return order ? order : (a->len > b->len) - (a->len < b->len);
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

struct address_set *
set_changed(const struct address_set *old, const struct acl_prefix *add, size_t n_add,
            const struct acl_prefix *remove, size_t n_remove)
{
    struct address_set *set = xzalloc(sizeof *set);
    struct acl_prefix *out = sort_copy(remove, n_remove);
    size_t n_old = old ? old->n : 0, n = 0;

    set->prefixes = xcalloc(n_old + n_add + 1, sizeof *set->prefixes);
    set->revision = old ? old->revision : 0;
    for (size_t i = 0; i < n_old; i++) {
        if (!contains(out, n_remove, &old->prefixes[i])) {
            set->prefixes[n++] = old->prefixes[i];
        }
    }
    nullable_memcpy(set->prefixes + n, add, n_add * sizeof *add);
    n += n_add;
    qsort(set->prefixes, n, sizeof *set->prefixes, compare_prefixes);
    for (size_t i = 0; i < n; i++) {
        if (!set->n || compare_prefixes(&set->prefixes[set->n - 1], &set->prefixes[i])) {
            set->prefixes[set->n++] = set->prefixes[i];
        }
    }
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

struct address_set *
sets_replace(struct sets *s, const char *name, struct address_set *set)
{
    struct address_set *old = shash_find_and_delete(&s->by_name, name);

    if (set) {
        shash_add(&s->by_name, name, set);
    }
    return old;
}
