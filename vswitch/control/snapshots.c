#include <config.h>

#include "control/snapshots.h"

#include <stdlib.h>

#include "control/publish.h"
#include "datapath/worker.h"
#include "util.h"

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
    leaf->capture = port->capture;
    leaf->snaplen = port->snaplen;
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
    s->captures |= leaf->capture != CAPTURE_OFF;
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

struct snapshot *
snapshot_build(struct publisher *p, const struct desired *d, bool tables_changed)
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

struct snapshot *
snapshot_preview(const struct publisher *p, const struct desired *d, const struct policy *policy,
                 const struct place *places, const struct acl_classmap *classmap,
                 struct acl_classmap *const *vlan_classmaps)
{
    struct snapshot *s = xzalloc(sizeof *s);

    s->generation = p->generation + 1;
    s->classes = classmap;
    s->vlan_classes = (const struct acl_classmap *const *) vlan_classmaps;
    for (uint16_t id = 0; id < DP_MAX_PORTS; id++) {
        const struct desired_port *port = d->by_id[id];

        if (port && port->dp) {
            add_leaf(s, id, build_leaf(port, policy, &places[id]));
        }
    }
    s->bindings = build_bindings(s, &s->bindings_mask);
    put_decoys(s, policy);
    return s;
}

void
snapshot_free(struct snapshot *old, const struct snapshot *new)
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
