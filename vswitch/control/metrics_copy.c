#include <config.h>

#include "control/metrics_copy.h"

#include <stdlib.h>

#include <rte_mempool.h>

#include "control/control.h"
#include "util.h"

/* ---- rules ---- */

static struct metrics_rules *
rules_ref(struct metrics_rules *rules)
{
    atomic_fetch_add(&rules->refs, 1);
    return rules;
}

static void
rules_unref(struct metrics_rules *rules)
{
    if (atomic_fetch_sub(&rules->refs, 1) == 1) {
        for (size_t i = 0; i < rules->n; i++) {
            free(rules->rules[i].id);
        }
        free(rules->rules);
        free(rules);
    }
}

static void
add_rule(struct metrics_rules *rules, const struct slots *slots, const char *id,
         enum acl_direction direction)
{
    struct metrics_rule *rule = &rules->rules[rules->n++];

    rule->id = xstrdup(id);
    rule->direction = direction;
    rule->slot = slots_account(slots, id, &rule->base);
}

static struct metrics_rules *
rules_create(const struct control *c)
{
    const struct policy *policy = c->publisher.policy;
    size_t n = policy ? policy->parsed->n_rules : 0, n_told = MIN(n, METRICS_RULES_MAX);
    struct metrics_rules *rules = xzalloc(sizeof *rules);

    atomic_init(&rules->refs, 1);
    rules->generation = policy ? policy->generation : 0;
    rules->n_left_out = n - n_told;
    rules->rules = xcalloc(n_told + ACL_N_DIRECTIONS, sizeof *rules->rules);
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        add_rule(rules, &c->slots, default_rule_id(i), i);
    }
    for (size_t i = 0; i < n_told; i++) {
        const struct acl_rule *rule = &policy->parsed->rules[i];

        add_rule(rules, &c->slots, rule->id, rule->direction);
    }
    return rules;
}

/* ---- ports ---- */

static void
copy_port(struct metrics_port *to, const struct desired_port *port)
{
    to->name = xstrdup(port->spec->name);
    to->id = port->id;
    to->desktop = port->role == PORT_DESKTOP;
    to->quarantined = port->quarantine != NULL;
    to->type = "";
    to->base = port->base;
    if (port->dp) {
        to->open = true;
        to->type = port->dp->ops->type;
        to->up = atomic_load_explicit(&port->dp->up, memory_order_relaxed);
        to->lost = port->dp->ops->lost ? port->dp->ops->lost(port->dp) : 0;
    }
}

static void
copy_ports(struct metrics_copy *m, const struct shash *ports)
{
    const struct shash_node **nodes = shash_sort(ports);

    m->n_ports = shash_count(ports);
    m->ports = xcalloc(m->n_ports, sizeof *m->ports);
    for (size_t i = 0; i < m->n_ports; i++) {
        copy_port(&m->ports[i], nodes[i]->data);
    }
    free(nodes);
}

/* ---- the copy ---- */

struct metrics_copy *
metrics_copy_create(const struct control *c, const struct metrics_copy *before)
{
    const struct policy *policy = c->publisher.policy;
    uint64_t policy_generation = policy ? policy->generation : 0;
    struct metrics_copy *m = xzalloc(sizeof *m);

    atomic_init(&m->refs, 1);
    copy_ports(m, &c->desired.ports);
    m->rules = before && before->rules->generation == policy_generation ? rules_ref(before->rules)
                                                                        : rules_create(c);
    m->generation = c->publisher.generation;
    if (policy) {
        m->policy_version = policy->text->version;
        m->policy_rules = policy->parsed->n_rules;
    }
    m->policy_unconfirmed = c->pending.confirm_by_s != 0;
    m->sessions_open = c->sessions.n_open;
    m->alarm = c->alarm != NULL;
    m->started_us = c->started_wall_us;
    m->buffers = c->eal.pool->size;
    m->buffers_in_use = rte_mempool_in_use_count(c->eal.pool);
    incidents_count(c->incidents, &m->incidents);
    return m;
}

struct metrics_copy *
metrics_copy_ref(struct metrics_copy *m)
{
    if (m) {
        atomic_fetch_add(&m->refs, 1);
    }
    return m;
}

void
metrics_copy_unref(struct metrics_copy *m)
{
    if (m && atomic_fetch_sub(&m->refs, 1) == 1) {
        for (size_t i = 0; i < m->n_ports; i++) {
            free(m->ports[i].name);
        }
        free(m->ports);
        rules_unref(m->rules);
        free(m);
    }
}
