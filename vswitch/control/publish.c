#include <config.h>

#include "control/publish.h"

#include <errno.h>
#include <stdlib.h>

#include "control/membership.h"
#include "datapath/worker.h"
#include "timeval.h"
#include "util.h"

static int
compare_lists(const void *a_, const void *b_)
{
    const uint32_t *a = a_, *b = b_;

    return (*a > *b) - (*a < *b);
}

/* Whose tables a desktop has. */
struct place {
    bool known;
    size_t scope;
    const struct acl_pool *pool;
    bool open; /* lists of its quarantine are there ... */
    size_t open_scope;
};

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

/* ---- leaves ---- */

static void
fill_tables(struct port_leaf *leaf, const struct policy *policy, const struct place *place)
{
    const struct acl_scope *scope = &policy->compiled.scopes[place->scope];
    const struct acl_scope *open =
        leaf->quarantined && place->open ? &policy->compiled.scopes[place->open_scope] : NULL;
    const struct acl_pool *pool = place->pool;

    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        leaf->table[i] = scope->table[i];
        leaf->table_id[i] = leaf->quarantined ? 0 : scope->id[i];
        if (open) {
            leaf->open[i] = open->table[i];
            leaf->table_id[i] = open->id[i];
        }
    }
    leaf->audits = pool && pool->audit;
    leaf->audits_default = pool && pool->audit_default;
    leaf->default_log = pool ? pool->default_log : ACL_LOG_INCIDENT;
}

/* 'policy' may be NULL. */
static struct port_leaf *
build_leaf(const struct desired_port *port, const struct policy *policy, const struct place *place)
{
    size_t trunks_size = port->trunks ? VLAN_COUNT / 8 : 0;
    struct port_leaf *leaf =
        xzalloc(sizeof *leaf + port->n_addrs * sizeof *port->addrs + trunks_size);
    struct acl_addr *addrs = (struct acl_addr *) (leaf + 1);
    uint64_t *trunks = (uint64_t *) (addrs + port->n_addrs);

    leaf->port = port->dp;
    leaf->id = port->id;
    leaf->worker = port->worker;
    leaf->role = port->role;
    leaf->quarantined = port->quarantine;
    leaf->resets = port->quarantine && port->quarantine->resets;
    leaf->learns = port->spec->learn;
    leaf->epoch = port->epoch;
    leaf->user_slot = port->user_slot;
    leaf->mac = port->mac;
    memcpy(leaf->storm_pps, port->limits.storm_pps, sizeof leaf->storm_pps);
    leaf->addrs = addrs;
    leaf->n_addrs = port->n_addrs;
    nullable_memcpy(addrs, port->addrs, port->n_addrs * sizeof *addrs);
    leaf->vlan = port->vlan;
    leaf->trunks = trunks_size ? trunks : NULL;
    nullable_memcpy(trunks, port->trunks, trunks_size);
    if (port->role == PORT_DESKTOP && policy) {
        fill_tables(leaf, policy, place);
    }
    return leaf;
}

static struct binding *
build_bindings(const struct snapshot *s, uint32_t *maskp)
{
    struct binding *bindings;
    size_t n = 0, size;

    for (size_t i = 0; i < s->n_ports; i++) {
        n += s->ports[s->port_ids[i]]->n_addrs;
    }
    size = MAX(4, ROUND_UP_POW2(2 * n + 2)); /* At most half full. */
    bindings = xcalloc(size, sizeof *bindings);
    for (size_t i = 0; i < size; i++) {
        bindings[i].port = DP_PORT_NONE;
    }
    for (size_t i = 0; i < s->n_ports; i++) {
        const struct port_leaf *leaf = s->ports[s->port_ids[i]];

        for (size_t j = 0; j < leaf->n_addrs; j++) {
            uint32_t slot = binding_hash(&leaf->addrs[j], leaf->vlan);

            while (bindings[slot & (size - 1)].port != DP_PORT_NONE) {
                slot++;
            }
            bindings[slot & (size - 1)] =
                (struct binding){ leaf->addrs[j], leaf->mac, leaf->id, leaf->vlan };
        }
    }
    *maskp = size - 1;
    return bindings;
}

/* Whether what is denied to the port is let through where it was not, or the other way round. */
static bool
mode_changed(const struct port_leaf *old, const struct desired_port *port)
{
    bool audits = port->pool && port->pool->audit;
    bool audits_default = port->pool && port->pool->audit_default;

    return old && port->role == PORT_DESKTOP &&
           (old->audits != audits || old->audits_default != audits_default);
}

static void
add_leaf(struct snapshot *s, uint16_t id, const struct port_leaf *leaf)
{
    s->ports[id] = leaf;
    s->port_ids[s->n_ports++] = id;
    if (leaf->role == PORT_UPLINK) {
        s->uplinks[s->n_uplinks++] = id;
    }
}

static void
put_decoys(struct snapshot *s, const struct policy *policy)
{
    if (policy) {
        s->decoys = policy->parsed->detection.decoys;
        s->n_decoys = policy->parsed->detection.n_decoys;
    }
}

static struct snapshot *
build_snapshot(struct publisher *p, const struct desired *d, bool tables_changed)
{
    struct snapshot *s = xzalloc(sizeof *s);

    s->generation = ++p->generation;
    s->classes = p->classmap;
    s->vlan_classes = (const struct acl_classmap *const *) p->vlan_classmaps;
    for (uint16_t id = 0; id < DP_MAX_PORTS; id++) {
        struct desired_port *port = d->by_id[id];
        const struct port_leaf *old = p->snapshot->ports[id];
        struct place place;

        if (!port || !port->dp) {
            continue;
        }
        if (port->changed || (tables_changed && mode_changed(old, port))) {
            port->epoch = ++p->last_epoch;
            port->generation = s->generation;
        }
        place = (struct place){ true, port->scope, port->pool, port->open, port->open_scope };
        add_leaf(s, id,
                 port->changed || port->restamped || !old ||
                         (tables_changed && port->role == PORT_DESKTOP)
                     ? build_leaf(port, p->policy, &place)
                     : old);
        port->changed = port->restamped = false;
    }
    s->bindings = build_bindings(s, &s->bindings_mask);
    put_decoys(s, p->policy);
    return s;
}

/* Frees 'old' and those of its leaves that 'new' does not share. */
static void
free_snapshot(struct snapshot *old, const struct snapshot *new)
{
    for (size_t i = 0; i < old->n_ports; i++) {
        uint16_t id = old->port_ids[i];

        if (!new || new->ports[id] != old->ports[id]) {
            free(CONST_CAST(struct port_leaf *, old->ports[id]));
        }
    }
    free(CONST_CAST(struct binding *, old->bindings));
    free(old);
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
    free_snapshot(p->snapshot, NULL);
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
    p->snapshot = build_snapshot(p, d, b.tables_changed);
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

    free_snapshot(old, p->snapshot);
    destroy_build(&b);
    policy_destroy(old_policy);
    return 0;
}

/* ---- what would be published ---- */

static struct snapshot *
preview_snapshot(const struct publisher *p, const struct desired *d, const struct build *b)
{
    struct snapshot *s = xzalloc(sizeof *s);

    s->generation = p->generation + 1;
    s->classes = b->classmap;
    s->vlan_classes = (const struct acl_classmap *const *) b->vlan_classmaps;
    for (uint16_t id = 0; id < DP_MAX_PORTS; id++) {
        const struct desired_port *port = d->by_id[id];

        if (port && port->dp) {
            add_leaf(s, id, build_leaf(port, b->policy, &b->places[id]));
        }
    }
    s->bindings = build_bindings(s, &s->bindings_mask);
    put_decoys(s, b->policy);
    return s;
}

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
    preview->snapshot = preview_snapshot(p, d, &b);
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
    free_snapshot(preview->snapshot, NULL);
    acl_classmap_destroy(preview->classmap);
    destroy_vlan_classmaps(preview->vlan_classmaps);
}
