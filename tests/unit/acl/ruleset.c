#include <config.h>

#include "ruleset.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

/* A prefix of filter 'from'. */
struct prefix {
    uint32_t addr, mask;
    uint32_t from;
};

static int
compare_prefixes(const void *a_, const void *b_)
{
    const struct prefix *a = a_, *b = b_;

    if (a->addr != b->addr) {
        return a->addr > b->addr ? 1 : -1;
    }
    if (a->mask != b->mask) {
        return a->mask > b->mask ? 1 : -1;
    }
    return (a->from > b->from) - (a->from < b->from);
}

static void
add_member(struct ruleset_side *side, const struct prefix *prefix)
{
    side->members[side->n_members++] = (struct acl_member){
        .prefix = { .addr = acl_addr_from_v4(htonl(prefix->addr)),
                    .len = (uint8_t) (ACL_V4_LEN + __builtin_popcount(prefix->mask)) },
        .group = prefix->from,
    };
}

/* One group for each distinct prefix; its id is the first filter that has it. */
static bool
read_side(struct ruleset_side *side, const struct filters *filters, bool src)
{
    struct prefix *prefixes = malloc(filters->n * sizeof *prefixes);
    const struct prefix *first = prefixes;

    side->members = malloc(filters->n * sizeof *side->members);
    side->group = malloc(filters->n * sizeof *side->group);
    if (!prefixes || !side->members || !side->group) {
        free(prefixes);
        return false;
    }
    for (size_t i = 0; i < filters->n; i++) {
        const struct filter *f = &filters->filters[i];

        prefixes[i] =
            (struct prefix){ src ? f->src : f->dst, src ? f->src_mask : f->dst_mask, (uint32_t) i };
    }
    qsort(prefixes, filters->n, sizeof *prefixes, compare_prefixes);
    for (const struct prefix *p = prefixes; p < prefixes + filters->n; p++) {
        if (p == first || p->addr != first->addr || p->mask != first->mask) {
            first = p;
            add_member(side, p);
        }
        side->group[p->from] = first->from;
    }
    free(prefixes);
    return true;
}

static bool
read_rules(struct ruleset *set)
{
    set->rules = calloc(set->filters.n, sizeof *set->rules);
    for (size_t i = 0; set->rules && i < set->filters.n; i++) {
        const struct filter *f = &set->filters.filters[i];

        /* A prefix of length 0 is both a group like any other and "any": use either. */
        set->rules[i] = (struct acl_table_rule){
            .peer_groups = &set->src.group[i],
            .n_peer_groups = f->src_mask || i % 2,
            .local_groups = &set->dst.group[i],
            .n_local_groups = f->dst_mask || i % 2,
            .sports = &f->sport,
            .n_sports = 1,
            .dports = &f->dport,
            .n_dports = 1,
            .protocol = f->protocol_mask ? f->protocol : ACL_PROTO_ANY,
            .action = i % 3 ? ACL_ALLOW : ACL_REJECT,
            .log = ACL_LOG_RECORD,
            .slot = (uint32_t) (i * 7 + 1),
        };
    }
    return set->rules != NULL;
}

bool
ruleset_read(struct ruleset *set, const char *path)
{
    *set = (struct ruleset){ .rules = NULL };
    if (!filters_read(&set->filters, path)) {
        return false;
    }
    if (!read_side(&set->src, &set->filters, true) || !read_side(&set->dst, &set->filters, false) ||
        !read_rules(set)) {
        fprintf(stderr, "%s: out of memory\n", path);
        return false;
    }
    return true;
}

void
ruleset_destroy(struct ruleset *set)
{
    filters_destroy(&set->filters);
    free(set->rules);
    free(set->src.members);
    free(set->src.group);
    free(set->dst.members);
    free(set->dst.group);
}

bool
classifier_build(struct classifier *c, const struct ruleset *set)
{
    *c = (struct classifier){ .src_classes = acl_classes_create(),
                              .dst_classes = acl_classes_create() };
    if (!c->src_classes || !c->dst_classes) {
        return false;
    }
    c->src = acl_classmap_build(c->src_classes, NULL, set->src.members, set->src.n_members);
    c->dst = acl_classmap_build(c->dst_classes, NULL, set->dst.members, set->dst.n_members);
    if (!c->src || !c->dst) {
        return false;
    }
    c->table = acl_table_build(set->rules, set->filters.n, c->src_classes, c->dst_classes,
                               RULESET_DEFAULT_SLOT);
    return c->table != NULL;
}

void
classifier_destroy(struct classifier *c)
{
    acl_table_destroy(c->table);
    acl_classmap_destroy(c->src);
    acl_classmap_destroy(c->dst);
    if (c->src_classes) {
        acl_classes_destroy(c->src_classes);
    }
    if (c->dst_classes) {
        acl_classes_destroy(c->dst_classes);
    }
}
