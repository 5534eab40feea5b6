/* What a policy has in common with another one, of which it is an edited copy: rules in lines that
 * are the same.  They mean the same as long as what they name is there, but groups have other
 * numbers. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "acl/policy_priv.h"

struct acl_yaml_known
acl_like_known(const struct acl_policy *like, const struct acl_source *like_sources,
               uint32_t source)
{
    struct acl_yaml_known known = { .n = 0 };
    size_t first = 0;

    if (like) {
        while (first < like->n_items && like->items[first].source < source) {
            first++;
        }
        known = (struct acl_yaml_known){ .text = like_sources[source].text,
                                         .items = like->items + first,
                                         .first = first };
        while (first + known.n < like->n_items && like->items[first + known.n].source == source) {
            known.n++;
        }
    }
    return known;
}

/* ---- a rule again ---- */

/* The group that has the place of one of 'like'; EINVAL: there is none. */
static int
find_group(struct acl_policy_parser *parser, uint32_t like, struct acl_place place, uint32_t *group)
{
    const struct acl_group *was = &parser->like->groups[like];
    int rc = 0;

    if (parser->like_groups[like] == UINT32_MAX) {
        if (acl_find_group(parser, was->name, group)) {
            parser->like_groups[like] = *group;
        } else if (was->is_literal) {
            rc = acl_add_literal(parser, was->name, was->in.prefixes, place,
                                 &parser->like_groups[like]);
        } else {
            rc = EINVAL;
        }
    }
    *group = parser->like_groups[like];
    return rc;
}

static int
copy_groups(struct acl_policy_parser *parser, const struct acl_rule *rule, const uint32_t *from,
            size_t n, uint32_t **to)
{
    int rc = 0;

    if (!from) {
        *to = NULL;
        return 0;
    }
    *to = acl_arena_take(&parser->policy->arena, n * sizeof **to);
    if (!*to) {
        return ENOMEM;
    }
    for (size_t i = 0; i < n && !rc; i++) {
        rc = find_group(parser, from[i], rule->place, &(*to)[i]);
    }
    return rc;
}

static int
copy_services(struct acl_policy_parser *parser, struct acl_rule *rule)
{
    struct acl_arena *arena = &parser->policy->arena;
    const struct acl_service *from = rule->services;

    rule->services = acl_arena_take(arena, rule->n_services * sizeof *rule->services);
    if (!rule->services) {
        return ENOMEM;
    }
    memcpy(rule->services, from, rule->n_services * sizeof *from);
    for (size_t i = 0; i < rule->n_services; i++) {
        struct acl_service *s = &rule->services[i];

        if (s->n_ports) {
            s->ports = acl_arena_take(arena, s->n_ports * sizeof *s->ports);
            if (!s->ports) {
                return ENOMEM;
            }
            memcpy(s->ports, from[i].ports, s->n_ports * sizeof *s->ports);
        }
    }
    return 0;
}

int
acl_like_rule(struct acl_policy_parser *parser, const struct acl_yaml *node, struct acl_rule *rule)
{
    const struct acl_item *item = &parser->like->items[node->n];
    const struct acl_rule *was = &parser->like->rules[item->rule];
    int rc;

    if (was->tier != rule->tier) { /* tiers let rules do different things */
        return EINVAL;
    }
    *rule = *was;
    rule->place = (struct acl_place){ parser->source, node->line,
                                      was->place.column - item->column + node->column };
    rule->id = acl_arena_text(&parser->policy->arena, was->id);
    rc = rule->id ? copy_services(parser, rule) : ENOMEM;
    rc = rc ? rc : copy_groups(parser, rule, was->peers, was->n_peers, &rule->peers);
    return rc ? rc
              : copy_groups(parser, rule, was->applied_to, was->n_applied_to, &rule->applied_to);
}

/* ---- for the next time ---- */

/* A rule that names services of the policy's own may mean something else where they do. */
int
acl_like_note(struct acl_policy_parser *parser, const struct acl_yaml *node, uint32_t rule)
{
    if (!node->size || parser->policy->rules[rule].by_names) {
        return 0;
    }
    if (parser->n_items == parser->items_allocated) {
        size_t allocated = parser->items_allocated ? parser->items_allocated * 2 : 64;
        struct acl_item *items = reallocarray(parser->items, allocated, sizeof *items);

        if (!items) {
            return ENOMEM;
        }
        parser->items = items;
        parser->items_allocated = allocated;
    }
    parser->items[parser->n_items++] = (struct acl_item){
        .source = parser->source,
        .offset = (uint32_t) (node->text - parser->sources[parser->source].text),
        .size = node->size,
        .column = node->column,
        .rule = rule,
    };
    return 0;
}

static int
compare_items(const void *a_, const void *b_)
{
    const struct acl_item *a = a_, *b = b_;

    return a->source != b->source ? (a->source > b->source ? 1 : -1)
                                  : (a->offset > b->offset) - (a->offset < b->offset);
}

/* By tier they were read, which may not be the order of the text. */
int
acl_like_keep(struct acl_policy_parser *parser)
{
    struct acl_policy *policy = parser->policy;

    for (size_t i = 1; i < parser->n_items; i++) {
        if (compare_items(&parser->items[i - 1], &parser->items[i]) > 0) {
            qsort(parser->items, parser->n_items, sizeof *parser->items, compare_items);
            break;
        }
    }
    policy->items = acl_arena_take(&policy->arena, parser->n_items * sizeof *policy->items);
    if (!policy->items) {
        return ENOMEM;
    }
    if (parser->n_items) {
        memcpy(policy->items, parser->items, parser->n_items * sizeof *policy->items);
    }
    policy->n_items = parser->n_items;
    return 0;
}
