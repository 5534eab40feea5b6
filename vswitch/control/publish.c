#include <config.h>

#include "control/publish.h"

#include <errno.h>
#include <stdlib.h>

#include "control/membership.h"
#include "control/snapshots.h"
#include "datapath/worker.h"
#include "timeval.h"
#include "util.h"

static int
compare_lists(const void *a_, const void *b_)
{
    const uint32_t *a = a_, *b = b_;

    return (*a > *b) - (*a < *b);
}

/* What a publication is built from; kept apart from what is in force until nothing can fail. */
struct build {
    struct policy *policy;
    struct acl_classmap *classmap;
    struct acl_classmap **vlan_classmaps;
    struct acl_table **tables; /* [n_tables], by scope and direction */
    size_t n_tables;
    struct place *places; /* [DP_MAX_PORTS]; NULL: all as before */
    bool tables_changed;  /* every desktop needs a new leaf */
    bool rules_changed;   /* tables with other rules, not merely with rows for more classes */
};

void
policy_destroy(struct policy *policy)
{
    if (policy) {
        acl_compiled_destroy(&policy->compiled);
        acl_policy_destroy(policy->parsed);
        state_policy_destroy(policy->text);
        free(policy);
    }
}

/* ---- classes and tables ---- */

/* Rows for classes that the tables were built without. */
static bool
extend_tables(struct build *b)
{
    const struct acl_compiled *compiled = &b->policy->compiled;

    b->tables = xcalloc(compiled->n_scopes * ACL_N_DIRECTIONS + 1, sizeof *b->tables);
    b->n_tables = compiled->n_scopes * ACL_N_DIRECTIONS;
    for (size_t i = 0; i < b->n_tables; i++) {
        b->tables[i] = acl_table_extend(
            compiled->scopes[i / ACL_N_DIRECTIONS].table[i % ACL_N_DIRECTIONS], compiled->classes);
        if (!b->tables[i]) {
            return false;
        }
    }
    b->tables_changed = true;
    return true;
}

static void
destroy_tables(struct build *b)
{
    for (size_t i = 0; i < b->n_tables; i++) {
        acl_table_destroy(b->tables[i]);
    }
    free(b->tables);
}

static struct acl_classmap *
build_classmap(const struct build *b, const struct desired *d, uint16_t vlan)
{
    const struct acl_policy *policy = b->policy->parsed;
    size_t n;
    struct acl_member *members = membership_of_addresses(policy, d, vlan, &n);
    struct acl_classmap *map = acl_classmap_build(b->policy->compiled.classes, policy, members, n);

    free(members);
    return map;
}

static void
destroy_vlan_classmaps(struct acl_classmap **maps)
{
    for (size_t i = 0; maps && i < VLAN_COUNT; i++) {
        acl_classmap_destroy(maps[i]);
    }
    free(maps);
}

/* One for each VLAN that a desktop is in. */
static bool
build_vlan_classmaps(struct build *b, const struct desired *d)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &d->ports) {
        const struct desired_port *port = node->data;

        if (port->role != PORT_DESKTOP || !port->vlan) {
            continue;
        }
        if (!b->vlan_classmaps) {
            b->vlan_classmaps = xcalloc(VLAN_COUNT, sizeof *b->vlan_classmaps);
        }
        if (b->vlan_classmaps[port->vlan]) {
            continue;
        }
        b->vlan_classmaps[port->vlan] = build_classmap(b, d, port->vlan);
        if (!b->vlan_classmaps[port->vlan]) {
            return false;
        }
    }
    return true;
}

/* Of the lists of its quarantine those that the policy has. */
static bool
place_open(const struct build *b, const struct desired_port *port, struct place *place)
{
    uint32_t lists[QUARANTINE_LISTS_MAX];
    size_t n = 0;

    for (size_t i = 0; port->quarantine && i < port->quarantine->allow.n; i++) {
        if (n < QUARANTINE_LISTS_MAX &&
            acl_list_find(b->policy->parsed, port->quarantine->allow.names[i], &lists[n])) {
            n++;
        }
    }
    place->open = n > 0;
    if (!place->open) {
        return true;
    }
    qsort(lists, n, sizeof *lists, compare_lists);
    return !acl_compile_lists(b->policy->parsed, &b->policy->compiled, lists, n,
                              &place->open_scope);
}

static bool
place_port(const struct build *b, const struct desired_port *port)
{
    struct place *place = &b->places[port->id];
    size_t n;
    uint32_t *groups = membership_of_port(b->policy->parsed, port, &n);

    place->known = groups && !acl_compile_scope(b->policy->parsed, &b->policy->compiled, groups, n,
                                                &place->scope);
    place->pool = place->known ? acl_pool_of(b->policy->parsed, groups, n) : NULL;
    free(groups);
    return place->known && place_open(b, port, place);
}

/* Desktops that are new, or all of them when the policy is. */
static bool
place_ports(struct build *b, const struct desired *d)
{
    struct shash_node *node;

    b->places = xcalloc(DP_MAX_PORTS, sizeof *b->places);
    SHASH_FOR_EACH (node, &d->ports) {
        const struct desired_port *port = node->data;

        if (port->role == PORT_DESKTOP && (port->changed || b->rules_changed) &&
            !place_port(b, port)) {
            return false;
        }
    }
    return true;
}

static void
take_places(const struct build *b, const struct desired *d)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &d->ports) {
        struct desired_port *port = node->data;

        if (b->places && b->places[port->id].known) {
            port->scope = b->places[port->id].scope;
            port->pool = b->places[port->id].pool;
            port->open = b->places[port->id].open;
            port->open_scope = b->places[port->id].open_scope;
        }
    }
}

/* What the compiler has built is good as long as the members are those that it knew. */
static struct acl_classmap *
take_classmap(const struct publisher *p, const struct desired *d, struct policy *next)
{
    struct acl_classmap *map = NULL;

    if (next && !d->members_changed && next->members_version == p->members_version) {
        map = next->compiled.map;
        next->compiled.map = NULL;
    }
    return map;
}

static bool
build_members(struct build *b, const struct publisher *p, const struct desired *d,
              struct policy *next)
{
    b->classmap = take_classmap(p, d, next);
    b->classmap = b->classmap ? b->classmap : build_classmap(b, d, 0);
    return b->classmap && build_vlan_classmaps(b, d) &&
           (acl_classes_count(b->policy->compiled.classes) <= b->policy->n_rows ||
            extend_tables(b));
}

static void
destroy_build(struct build *b)
{
    free(b->places);
    destroy_tables(b);
    destroy_vlan_classmaps(b->vlan_classmaps);
    acl_classmap_destroy(b->classmap);
}

/* ---- publication ---- */

void
publisher_init(struct publisher *p)
{
    memset(p, 0, sizeof *p);
    p->snapshot = xzalloc(sizeof *p->snapshot);
    p->members_version = 1;
}

void
publisher_destroy(struct publisher *p)
{
    snapshot_free(p->snapshot, NULL);
    acl_classmap_destroy(p->classmap);
    destroy_vlan_classmaps(p->vlan_classmaps);
    policy_destroy(p->policy);
}

/* Of a table of 'next' that the policy in force has, too: connections that rest on it still do. */
static uint32_t
known_table_id(const struct policy *old, const struct policy *next, const struct acl_scope *scope,
               enum acl_direction direction)
{
    const struct acl_compiled_table new = { next->parsed, &next->compiled, scope };

    for (size_t i = 0; old && i < old->compiled.n_scopes; i++) {
        const struct acl_compiled_table known = { old->parsed, &old->compiled,
                                                  &old->compiled.scopes[i] };

        if (acl_compiled_same(&known, &new, direction)) {
            return known.scope->id[direction];
        }
    }
    return 0;
}

static void
number_tables(struct publisher *p, const struct policy *old)
{
    for (size_t i = 0; i < p->policy->compiled.n_scopes; i++) {
        struct acl_scope *scope = &p->policy->compiled.scopes[i];

        for (int j = 0; j < ACL_N_DIRECTIONS; j++) {
            if (!scope->id[j]) {
                scope->id[j] = known_table_id(old, p->policy, scope, j);
            }
            if (!scope->id[j]) {
                scope->id[j] = ++p->last_table_id;
            }
        }
    }
}

/* Swaps the tables that 'b' has extended into the policy. */
static void
take_tables(struct build *b, struct policy *policy)
{
    policy->n_rows = acl_classes_count(policy->compiled.classes);
    for (size_t i = 0; i < b->n_tables; i++) {
        struct acl_table **table =
            &policy->compiled.scopes[i / ACL_N_DIRECTIONS].table[i % ACL_N_DIRECTIONS];
        struct acl_table *old = *table;

        *table = b->tables[i];
        b->tables[i] = old;
    }
}

/* Swaps the parts of 'b' into 'p'; 'b' then holds what they replaced. */
static void
take_over(struct publisher *p, struct build *b, struct policy *next)
{
    const struct policy *old_policy = next ? p->policy : NULL;

    if (b->classmap) {
        struct acl_classmap *old = p->classmap, **old_of_vlans = p->vlan_classmaps;

        p->classmap = b->classmap;
        p->vlan_classmaps = b->vlan_classmaps;
        b->classmap = old;
        b->vlan_classmaps = old_of_vlans;
    }
    if (next) {
        p->policy = next;
    }
    if (!p->policy) {
        return;
    }
    take_tables(b, p->policy);
    number_tables(p, old_policy);
}

int
publish(struct publisher *p, struct desired *d, struct policy *next)
{
    struct build b = { .policy = next ? next : p->policy,
                       .tables_changed = next != NULL,
                       .rules_changed = next != NULL };
    struct policy *old_policy = next ? p->policy : NULL;
    struct snapshot *old = p->snapshot;

    if (b.policy && (((next || d->members_changed) && !build_members(&b, p, d, next)) ||
                     ((next || d->members_changed || d->lists_changed) && !place_ports(&b, d)))) {
        destroy_build(&b);
        return ENOMEM;
    }
    take_over(p, &b, next);
    take_places(&b, d);
    p->snapshot = snapshot_build(p, d, b.tables_changed);
    p->members_version += d->members_changed;
    d->members_changed = d->lists_changed = false;
    if (next) {
        next->generation = p->generation;
        acl_classmap_destroy(next->compiled.map); /* it was of other members */
        next->compiled.map = NULL;
    }

    dp_publish(p->snapshot);
    dp_synchronize();
    p->in_force_us = time_usec();

    snapshot_free(old, p->snapshot);
    destroy_build(&b);
    policy_destroy(old_policy);
    return 0;
}

/* ---- what would be published ---- */

int
preview_create(const struct publisher *p, const struct desired *d, struct policy *next,
               struct preview *preview)
{
    struct build b = { .policy = next, .rules_changed = true };

    if (!build_members(&b, p, d, next) || !place_ports(&b, d)) {
        destroy_build(&b);
        return ENOMEM;
    }
    take_tables(&b, next);
    preview->snapshot = snapshot_preview(p, d, next, b.places, b.classmap, b.vlan_classmaps);
    preview->classmap = b.classmap;
    preview->vlan_classmaps = b.vlan_classmaps;
    b.classmap = NULL;
    b.vlan_classmaps = NULL;
    destroy_build(&b);
    return 0;
}

void
preview_destroy(struct preview *preview)
{
    snapshot_free(preview->snapshot, NULL);
    acl_classmap_destroy(preview->classmap);
    destroy_vlan_classmaps(preview->vlan_classmaps);
}
