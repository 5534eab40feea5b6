#include <config.h>

#include "acl/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/tunnel.h"

/* ---- rules of a table ---- */

/* How many rules of the table a part of a rule becomes: one for its tunnels each, beside the one
 * for everything else.  An exact port names that tunnel alone, not those that a range beside it
 * happens to cover. */
static size_t
count_table_rules(const struct acl_rule *rule, const struct acl_service *s)
{
    size_t n = 1;

    for (size_t i = 0; rule->action == ACL_ALLOW && s->n_ports > 1 && i < s->n_ports; i++) {
        n += acl_names_tunnel(s->protocol, &s->ports[i], 1);
    }
    return n;
}

static void
add(struct acl_flat *flat, const struct acl_table_rule *rule, uint32_t from)
{
    flat->rules[flat->n] = *rule;
    flat->rule[flat->n++] = from;
}

static void
add_service(struct acl_flat *flat, const struct acl_rule *rule, const struct acl_service *s,
            uint32_t slot, uint32_t from)
{
    bool split = count_table_rules(rule, s) > 1;
    struct acl_table_rule whole = {
        .peer_groups = rule->n_peers ? rule->peers : NULL,
        .n_peer_groups = rule->n_peers,
        .dports = s->ports,
        .n_dports = s->n_ports,
        .protocol = s->protocol,
        .no_tunnels = rule->action == ACL_ALLOW &&
                      (split || !acl_names_tunnel(s->protocol, s->ports, s->n_ports)),
        .audit = rule->audit,
        .action = rule->action,
        .log = rule->log,
        .slot = slot,
    };

    add(flat, &whole, from);
    whole.no_tunnels = false;
    whole.n_dports = 1;
    for (size_t i = 0; split && i < s->n_ports; i++) {
        whole.dports = &s->ports[i];
        if (acl_names_tunnel(s->protocol, whole.dports, 1)) {
            add(flat, &whole, from);
        }
    }
}

static bool
contains(const uint32_t *groups, size_t n, uint32_t group)
{
    for (size_t i = 0; i < n; i++) {
        if (groups[i] == group) {
            return true;
        }
    }
    return false;
}

static bool
is_applied(const struct acl_rule *rule, const uint32_t *scope, size_t n_scope)
{
    for (size_t i = 0; i < rule->n_applied_to; i++) {
        if (contains(scope, n_scope, rule->applied_to[i])) {
            return true;
        }
    }
    return !rule->n_applied_to;
}

/* Where a rule that passes goes on: the first of a later tier. */
static void
set_passes(const struct acl_policy *policy, struct acl_flat *flat)
{
    size_t next = flat->n;

    for (size_t i = flat->n; i-- > 0;) {
        const struct acl_rule *rule = &policy->rules[flat->rule[i]];

        if (i + 1 < flat->n && policy->rules[flat->rule[i + 1]].tier != rule->tier) {
            next = i + 1;
        }
        flat->rules[i].pass_to = rule->action == ACL_PASS ? (uint32_t) next : 0;
    }
}

static size_t
count_most(const struct acl_rule *rules, size_t n_rules)
{
    size_t n = 0;

    for (size_t i = 0; i < n_rules; i++) {
        for (size_t j = 0; j < rules[i].n_services; j++) {
            n += count_table_rules(&rules[i], &rules[i].services[j]);
        }
    }
    return n;
}

static int
flat_init(struct acl_flat *flat, size_t n_most)
{
    *flat = (struct acl_flat){ .rules = malloc(n_most * sizeof *flat->rules),
                               .rule = malloc(n_most * sizeof *flat->rule) };
    if (!flat->rules || !flat->rule) {
        acl_flat_destroy(flat);
        return ENOMEM;
    }
    return 0;
}

int
acl_flatten(const struct acl_policy *policy, const uint32_t *slots, const uint32_t *scope,
            size_t n_scope, enum acl_direction direction, struct acl_flat *flat)
{
    if (flat_init(flat, count_most(policy->rules, policy->n_rules) + 1)) {
        return ENOMEM;
    }
    for (size_t i = 0; i < policy->n_rules; i++) {
        const struct acl_rule *rule = &policy->rules[i];

        for (size_t j = 0; j < rule->n_services && rule->direction == direction &&
                           is_applied(rule, scope, n_scope);
             j++) {
            add_service(flat, rule, &rule->services[j], slots[i], (uint32_t) i);
        }
    }
    set_passes(policy, flat);
    return 0;
}

void
acl_flat_destroy(struct acl_flat *flat)
{
    free(flat->rules);
    free(flat->rule);
    *flat = (struct acl_flat){ .n = 0 };
}

/* The rules of a quarantine's lists, one list behind the other. */
static int
flatten_lists(const struct acl_policy *policy, const uint32_t *lists, size_t n_lists,
              enum acl_direction direction, struct acl_flat *flat)
{
    size_t n_most = 1;

    for (size_t i = 0; i < n_lists; i++) {
        n_most += count_most(policy->lists[lists[i]].rules, policy->lists[lists[i]].n_rules);
    }
    if (flat_init(flat, n_most)) {
        return ENOMEM;
    }
    for (size_t i = 0; i < n_lists; i++) {
        const struct acl_list *list = &policy->lists[lists[i]];

        for (size_t j = 0; j < list->n_rules; j++) {
            const struct acl_rule *rule = &list->rules[j];

            for (size_t k = 0; k < rule->n_services && rule->direction == direction; k++) {
                add_service(flat, rule, &rule->services[k], UINT32_MAX, (uint32_t) j);
            }
        }
    }
    return 0;
}

static int
flatten_scope(const struct acl_policy *policy, const struct acl_compiled *compiled,
              const struct acl_scope *scope, enum acl_direction direction, struct acl_flat *flat)
{
    return scope->n_lists ? flatten_lists(policy, scope->lists, scope->n_lists, direction, flat)
                          : acl_flatten(policy, compiled->slots, scope->groups, scope->n_groups,
                                        direction, flat);
}

/* ---- scopes ---- */

static int
compare_groups(const void *a_, const void *b_)
{
    uint32_t a = *(const uint32_t *) a_, b = *(const uint32_t *) b_;

    return (a > b) - (a < b);
}

static bool
find_scope_groups(const struct acl_policy *policy, struct acl_compiled *compiled)
{
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < policy->n_rules; i++) {
        n += policy->rules[i].n_applied_to;
    }
    compiled->scope_groups = malloc((n + 1) * sizeof *compiled->scope_groups);
    if (!compiled->scope_groups) {
        return false;
    }
    n = 0;
    for (size_t i = 0; i < policy->n_rules; i++) {
        for (size_t j = 0; j < policy->rules[i].n_applied_to; j++) {
            compiled->scope_groups[n++] = policy->rules[i].applied_to[j];
        }
    }
    qsort(compiled->scope_groups, n, sizeof *compiled->scope_groups, compare_groups);
    for (size_t i = 0; i < n; i++) {
        if (!kept || compiled->scope_groups[kept - 1] != compiled->scope_groups[i]) {
            compiled->scope_groups[kept++] = compiled->scope_groups[i];
        }
    }
    compiled->n_scope_groups = kept;
    return true;
}

static void
scope_destroy(struct acl_scope *scope)
{
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        acl_table_destroy(scope->table[i]);
    }
    free(scope->groups);
    free(scope->lists);
}

static bool
build_table(const struct acl_policy *policy, const struct acl_compiled *compiled,
            struct acl_scope *scope, enum acl_direction direction)
{
    struct acl_flat flat;

    if (flatten_scope(policy, compiled, scope, direction, &flat)) {
        return false;
    }
    scope->table[direction] = acl_table_build(flat.rules, flat.n, compiled->classes, NULL,
                                              compiled->default_slots[direction]);
    acl_flat_destroy(&flat);
    return scope->table[direction] != NULL;
}

static bool
same_groups(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
    return n_a == n_b && (!n_a || !memcmp(a, b, n_a * sizeof *a));
}

/* Takes 'scope', which has no tables yet. */
static int
take_scope(const struct acl_policy *policy, struct acl_compiled *compiled, struct acl_scope *scope,
           size_t *index)
{
    struct acl_scope *scopes;

    for (*index = 0; *index < compiled->n_scopes; ++*index) {
        const struct acl_scope *known = &compiled->scopes[*index];

        if (same_groups(known->groups, known->n_groups, scope->groups, scope->n_groups) &&
            same_groups(known->lists, known->n_lists, scope->lists, scope->n_lists)) {
            scope_destroy(scope);
            return 0;
        }
    }
    scopes = reallocarray(compiled->scopes, compiled->n_scopes + 1, sizeof *scopes);
    if (scopes) {
        compiled->scopes = scopes;
    }
    if (!scopes || !build_table(policy, compiled, scope, ACL_EGRESS) ||
        !build_table(policy, compiled, scope, ACL_INGRESS)) {
        scope_destroy(scope);
        return ENOMEM;
    }
    scopes[compiled->n_scopes++] = *scope;
    return 0;
}

int
acl_compile_scope(const struct acl_policy *policy, struct acl_compiled *compiled,
                  const uint32_t *groups, size_t n_groups, size_t *index)
{
    struct acl_scope scope = { .groups = malloc((n_groups + 1) * sizeof *scope.groups) };

    if (!scope.groups) {
        return ENOMEM;
    }
    for (size_t i = 0; i < n_groups; i++) {
        if (contains(compiled->scope_groups, compiled->n_scope_groups, groups[i])) {
            scope.groups[scope.n_groups++] = groups[i];
        }
    }
    return take_scope(policy, compiled, &scope, index);
}

int
acl_compile_lists(const struct acl_policy *policy, struct acl_compiled *compiled,
                  const uint32_t *lists, size_t n_lists, size_t *index)
{
    struct acl_scope scope = { .lists = malloc((n_lists + 1) * sizeof *scope.lists),
                               .n_lists = n_lists };

    if (!scope.lists) {
        return ENOMEM;
    }
    memcpy(scope.lists, lists, n_lists * sizeof *lists);
    return take_scope(policy, compiled, &scope, index);
}

/* ---- the same again ---- */

static bool
same_ranges(const struct acl_range *a, size_t n_a, const struct acl_range *b, size_t n_b)
{
    return n_a == n_b && (!n_a || !memcmp(a, b, n_a * sizeof *a));
}

/* A port's rules have neither local groups nor source ports. */
static bool
same_rule(const struct acl_table_rule *a, const struct acl_table_rule *b)
{
    return same_groups(a->peer_groups, a->n_peer_groups, b->peer_groups, b->n_peer_groups) &&
           same_ranges(a->dports, a->n_dports, b->dports, b->n_dports) &&
           a->protocol == b->protocol && a->no_tunnels == b->no_tunnels && a->audit == b->audit &&
           a->pass_to == b->pass_to && a->action == b->action && a->log == b->log &&
           a->slot == b->slot;
}

static bool
same_rules(const struct acl_flat *a, const struct acl_flat *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (!same_rule(&a->rules[i], &b->rules[i])) {
            return false;
        }
    }
    return a->n == b->n;
}

static bool
same_classes(const struct acl_classes *a, const struct acl_classes *b)
{
    size_t n = acl_classes_count(a);

    for (uint32_t i = 0; n == acl_classes_count(b) && i < n; i++) {
        size_t n_a, n_b;
        const uint32_t *groups_a = acl_classes_groups(a, i, &n_a);
        const uint32_t *groups_b = acl_classes_groups(b, i, &n_b);

        if (!same_groups(groups_a, n_a, groups_b, n_b)) {
            return false;
        }
    }
    return n == acl_classes_count(b);
}

bool
acl_compiled_same(const struct acl_compiled_table *a, const struct acl_compiled_table *b,
                  enum acl_direction direction)
{
    const struct acl_scope *scope_a = a->scope, *scope_b = b->scope;
    struct acl_flat flat_a = { .n = 0 }, flat_b = { .n = 0 };
    bool same = false;

    /* Different ones nearly always end here. */
    if (acl_table_digest(scope_a->table[direction]) ==
            acl_table_digest(scope_b->table[direction]) &&
        a->compiled->default_slots[direction] == b->compiled->default_slots[direction] &&
        same_classes(a->compiled->classes, b->compiled->classes) &&
        !flatten_scope(a->policy, a->compiled, scope_a, direction, &flat_a) &&
        !flatten_scope(b->policy, b->compiled, scope_b, direction, &flat_b)) {
        same = same_rules(&flat_a, &flat_b);
    }
    acl_flat_destroy(&flat_a);
    acl_flat_destroy(&flat_b);
    return same;
}

/* ---- all of it ---- */

int
acl_compile(const struct acl_policy *policy, const uint32_t *slots,
            const uint32_t default_slots[ACL_N_DIRECTIONS], const struct acl_member *members,
            size_t n_members, struct acl_compiled *compiled)
{
    *compiled = (struct acl_compiled){
        .classes = acl_classes_create(),
        .slots = malloc((policy->n_rules + 1) * sizeof *compiled->slots),
        .default_slots = { default_slots[ACL_EGRESS], default_slots[ACL_INGRESS] },
    };
    if (compiled->classes && compiled->slots && find_scope_groups(policy, compiled)) {
        if (policy->n_rules) {
            memcpy(compiled->slots, slots, policy->n_rules * sizeof *slots);
        }
        compiled->map = acl_classmap_build(compiled->classes, policy, members, n_members);
    }
    if (!compiled->map) {
        acl_compiled_destroy(compiled);
        return ENOMEM;
    }
    return 0;
}

void
acl_compiled_destroy(struct acl_compiled *compiled)
{
    if (compiled) {
        for (size_t i = 0; i < compiled->n_scopes; i++) {
            scope_destroy(&compiled->scopes[i]);
        }
        free(compiled->scopes);
        free(compiled->scope_groups);
        free(compiled->slots);
        acl_classmap_destroy(compiled->map);
        acl_classes_destroy(compiled->classes);
        *compiled = (struct acl_compiled){ .classes = NULL };
    }
}
