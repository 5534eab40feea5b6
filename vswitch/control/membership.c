#include <config.h>

#include "control/membership.h"

#include <stdlib.h>

#include "util.h"

struct members {
    struct acl_member *array;
    size_t n, allocated;
};

static void
add(struct members *m, const struct acl_prefix *prefix, uint32_t raw)
{
    if (m->n == m->allocated) {
        m->array = x2nrealloc(m->array, &m->allocated, sizeof *m->array);
    }
    m->array[m->n++] = (struct acl_member){ *prefix, raw };
}

static void
add_prefixes(struct members *m, const struct acl_selector *s, uint32_t raw)
{
    for (size_t i = 0; i < s->n_prefixes; i++) {
        add(m, &s->prefixes[i], raw);
    }
}

static void
add_port(struct members *m, const struct acl_policy *policy, const struct desired_port *port,
         uint32_t *raw)
{
    size_t n;

    acl_groups_of_port(policy, port->spec->name, port->labels, port->spec->n_labels, raw, &n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < port->n_addrs; j++) {
            add(m, &(struct acl_prefix){ port->addrs[j], 128 }, raw[i]);
        }
    }
}

struct acl_member *
membership_of_addresses(const struct acl_policy *policy, const struct desired *d, uint16_t vlan,
                        size_t *np)
{
    uint32_t *raw = xcalloc(2 * policy->n_selecting + 1, sizeof *raw);
    struct members m = { .n = 0 };
    struct shash_node *node;

    for (uint32_t g = 0; g < policy->n_groups; g++) {
        const struct acl_group *group = &policy->groups[g];
        const struct address_set *set = group->is_set ? sets_find(&d->sets, group->name) : NULL;

        add_prefixes(&m, &group->in, ACL_RAW_IN(g));
        add_prefixes(&m, &group->out, ACL_RAW_OUT(g));
        for (size_t i = 0; set && i < set->n; i++) {
            add(&m, &set->prefixes[i], ACL_RAW_IN(g));
        }
    }
    SHASH_FOR_EACH (node, &d->ports) {
        const struct desired_port *port = node->data;

        if (vlan == VLAN_NONE || vlan == port->vlan) {
            add_port(&m, policy, port, raw);
        }
    }
    free(raw);
    *np = m.n;
    return m.array;
}

/* Resolves raw memberships, sorted.  NULL: memory is short. */
static uint32_t *
resolve(const struct acl_policy *policy, const uint32_t *raw, size_t n_raw, size_t *n)
{
    uint32_t *groups = xcalloc(n_raw + policy->n_composed + 1, sizeof *groups);

    if (!acl_groups_resolve(policy, raw, n_raw, groups, n)) {
        free(groups);
        return NULL;
    }
    return groups;
}

uint32_t *
membership_of_port(const struct acl_policy *policy, const struct desired_port *port, size_t *n)
{
    uint32_t *raw = xcalloc(2 * policy->n_selecting + 1, sizeof *raw), *groups;
    size_t n_raw;

    acl_groups_of_port(policy, port->spec->name, port->labels, port->spec->n_labels, raw, &n_raw);
    groups = resolve(policy, raw, n_raw, n);
    free(raw);
    return groups;
}

uint32_t *
membership_of_address(const struct acl_policy *policy, const struct desired *d, uint16_t vlan,
                      const struct acl_addr *addr, size_t *n)
{
    uint32_t *raw = xcalloc(2 * policy->n_groups + 1, sizeof *raw), *groups;
    bool *in = xcalloc(2 * policy->n_groups + 1, sizeof *in);
    size_t n_raw = 0, n_members;
    struct acl_member *members = membership_of_addresses(policy, d, vlan, &n_members);

    for (size_t i = 0; i < n_members; i++) {
        if (acl_prefix_contains(&members[i].prefix, addr)) {
            in[members[i].group] = true;
        }
    }
    for (uint32_t i = 0; i < 2 * policy->n_groups; i++) {
        if (in[i]) {
            raw[n_raw++] = i;
        }
    }
    groups = resolve(policy, raw, n_raw, n);
    free(members);
    free(in);
    free(raw);
    return groups;
}
