#include <config.h>

#include "control/publish.h"

#include <errno.h>
#include <stdlib.h>

#include "datapath/worker.h"
#include "util.h"

/* What a publication is built from; kept apart from what is in force until nothing can fail. */
struct build {
    const struct policy *policy;
    struct acl_classmap *classmap;
    struct acl_classmap **vlan_classmaps;
    struct acl_table *table[ACL_N_DIRECTIONS];
    bool tables_changed; /* every desktop needs a new leaf */
    bool rules_changed;  /* tables with other rules, not merely with rows for more classes */
};

void
policy_destroy(struct policy *policy)
{
    if (policy) {
        acl_compiled_destroy(&policy->compiled);
        acl_policy_destroy(policy->parsed);
        free(policy->yaml);
        free(policy);
    }
}

/* ---- classes and tables ---- */

struct acl_member *
policy_members(const struct acl_policy *policy, const struct desired *d, uint16_t vlan, size_t *np)
{
    struct acl_member *members = NULL;
    size_t n = 0, allocated = 0;
    struct shash_node *node;

    for (uint32_t g = 0; g < policy->n_groups; g++) {
        const struct acl_group *group = &policy->groups[g];

        for (size_t i = 0; i < group->n_prefixes; i++) {
            members = n < allocated ? members : x2nrealloc(members, &allocated, sizeof *members);
            members[n++] = (struct acl_member){ group->prefixes[i], g };
        }
        SHASH_FOR_EACH (node, &d->ports) {
            const struct desired_port *port = node->data;

            if ((vlan != VLAN_NONE && vlan != port->vlan) ||
                !acl_group_selects_port(group, node->name, port->labels, port->spec->n_labels)) {
                continue;
            }
            for (size_t i = 0; i < port->n_addrs; i++) {
                members =
                    n < allocated ? members : x2nrealloc(members, &allocated, sizeof *members);
                members[n++] = (struct acl_member){ { port->addrs[i], 128 }, g };
            }
        }
    }
    *np = n;
    return members;
}

/* Rows for classes that the tables were built without. */
static bool
extend_tables(struct build *b)
{
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        b->table[i] = acl_table_extend(b->policy->compiled.table[i], b->policy->compiled.classes);
        if (!b->table[i]) {
            while (i-- > 0) {
                acl_table_destroy(b->table[i]);
            }
            return false;
        }
    }
    b->tables_changed = true;
    return true;
}

static struct acl_classmap *
build_classmap(const struct build *b, const struct desired *d, uint16_t vlan)
{
    size_t n;
    struct acl_member *members = policy_members(b->policy->parsed, d, vlan, &n);
    struct acl_classmap *map = acl_classmap_build(b->policy->compiled.classes, members, n);

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

static bool
build_policy(struct build *b, const struct desired *d)
{
    b->classmap = build_classmap(b, d, 0);
    if (!b->classmap || !build_vlan_classmaps(b, d) ||
        (acl_classes_count(b->policy->compiled.classes) > b->policy->n_rows && !extend_tables(b))) {
        destroy_vlan_classmaps(b->vlan_classmaps);
        acl_classmap_destroy(b->classmap);
        return false;
    }
    return true;
}

/* ---- leaves ---- */

static struct port_leaf *
build_leaf(const struct publisher *p, const struct desired_port *port)
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
    leaf->quarantined = port->quarantined;
    leaf->learns = port->spec->learn;
    leaf->epoch = port->epoch;
    leaf->mac = port->mac;
    memcpy(leaf->storm_pps, port->limits.storm_pps, sizeof leaf->storm_pps);
    leaf->addrs = addrs;
    leaf->n_addrs = port->n_addrs;
    nullable_memcpy(addrs, port->addrs, port->n_addrs * sizeof *addrs);
    leaf->vlan = port->vlan;
    leaf->trunks = trunks_size ? trunks : NULL;
    nullable_memcpy(trunks, port->trunks, trunks_size);
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        if (port->role == PORT_DESKTOP && p->policy) {
            leaf->table[i] = p->policy->compiled.table[i];
            leaf->table_id[i] = p->table_id[i];
        }
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

        if (!port || !port->dp) {
            continue;
        }
        if (port->changed) {
            port->epoch = ++p->last_epoch;
            port->generation = s->generation;
        }
        s->ports[id] = port->changed || !old || (tables_changed && port->role == PORT_DESKTOP)
                           ? build_leaf(p, port)
                           : old;
        port->changed = false;
        s->port_ids[s->n_ports++] = id;
        if (port->role == PORT_UPLINK) {
            s->uplinks[s->n_uplinks++] = id;
        }
    }
    s->bindings = build_bindings(s, &s->bindings_mask);
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
}

void
publisher_destroy(struct publisher *p)
{
    free_snapshot(p->snapshot, NULL);
    acl_classmap_destroy(p->classmap);
    destroy_vlan_classmaps(p->vlan_classmaps);
    policy_destroy(p->policy);
}

/* Swaps the parts of 'b' into 'p'; 'b' then holds what they replaced. */
static void
take_over(struct publisher *p, struct build *b, struct policy *next)
{
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
    if (p->policy) {
        p->policy->n_rows = acl_classes_count(p->policy->compiled.classes);
    }
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        if (b->table[i]) {
            struct acl_table *old = p->policy->compiled.table[i];

            p->policy->compiled.table[i] = b->table[i];
            b->table[i] = old;
        }
        if (b->rules_changed) {
            p->table_id[i] = ++p->last_table_id;
        }
    }
}

int
publish(struct publisher *p, struct desired *d, struct policy *next)
{
    struct build b = { .policy = next ? next : p->policy,
                       .tables_changed = next != NULL,
                       .rules_changed = next != NULL };
    struct policy *old_policy = next ? p->policy : NULL;
    struct snapshot *old = p->snapshot;

    if (b.policy && (next || d->members_changed) && !build_policy(&b, d)) {
        return ENOMEM;
    }
    take_over(p, &b, next);
    p->snapshot = build_snapshot(p, d, b.tables_changed);
    d->members_changed = false;
    if (next) {
        next->generation = p->generation;
    }

    dp_publish(p->snapshot);
    dp_synchronize();

    free_snapshot(old, p->snapshot);
    acl_classmap_destroy(b.classmap);
    destroy_vlan_classmaps(b.vlan_classmaps);
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        acl_table_destroy(b.table[i]);
    }
    policy_destroy(old_policy);
    return 0;
}
