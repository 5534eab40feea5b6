#include <config.h>

#include "acl/trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/tunnel.h"

/* ---- who is in which group ---- */

struct members {
    struct acl_member *v;
    size_t n, allocated;
    bool failed;
};

static void
add(struct members *m, const struct acl_prefix *prefix, uint32_t raw)
{
    if (m->n == m->allocated && !m->failed) {
        size_t allocated = m->allocated ? 2 * m->allocated : 64;
        struct acl_member *v = reallocarray(m->v, allocated, sizeof *v);

        if (v) {
            m->v = v;
            m->allocated = allocated;
        } else {
            m->failed = true;
        }
    }
    if (!m->failed) {
        m->v[m->n++] = (struct acl_member){ *prefix, raw };
    }
}

static const struct acl_site_set *
find_set(const struct acl_site *site, const char *name)
{
    for (size_t i = 0; i < site->n_sets; i++) {
        if (!strcmp(site->sets[i].name, name)) {
            return &site->sets[i];
        }
    }
    return NULL;
}

static void
add_group(struct members *m, const struct acl_site *site, const struct acl_policy *policy,
          uint32_t g)
{
    const struct acl_group *group = &policy->groups[g];
    const struct acl_site_set *set = group->is_set ? find_set(site, group->name) : NULL;

    for (size_t i = 0; i < group->in.n_prefixes; i++) {
        add(m, &group->in.prefixes[i], ACL_RAW_IN(g));
    }
    for (size_t i = 0; i < group->out.n_prefixes; i++) {
        add(m, &group->out.prefixes[i], ACL_RAW_OUT(g));
    }
    for (size_t i = 0; set && i < set->n; i++) {
        add(m, &set->prefixes[i], ACL_RAW_IN(g));
    }
}

/* Raw memberships of addresses in 'vlan'. */
static struct members
members_of(const struct acl_site *site, const struct acl_policy *policy, uint16_t vlan)
{
    uint32_t *raw = calloc(2 * policy->n_groups + 1, sizeof *raw);
    struct members m = { .failed = !raw };

    for (uint32_t g = 0; g < policy->n_groups; g++) {
        add_group(&m, site, policy, g);
    }
    for (size_t i = 0; i < site->n_ports && raw; i++) {
        const struct acl_site_port *port = &site->ports[i];
        size_t n = 0;

        if (port->vlan == vlan) {
            acl_groups_of_port(policy, port->name, port->labels, port->n_labels, raw, &n);
        }
        for (size_t j = 0; j < n * port->n_addrs; j++) {
            add(&m, &(struct acl_prefix){ port->addrs[j % port->n_addrs], 128 },
                raw[j / port->n_addrs]);
        }
    }
    free(raw);
    return m;
}

uint32_t
acl_site_desktop(const struct acl_site *site, const struct acl_addr *addr, uint16_t vlan)
{
    for (size_t i = 0; i < site->n_ports; i++) {
        const struct acl_site_port *port = &site->ports[i];

        for (size_t j = 0; j < port->n_addrs && port->is_desktop && port->vlan == vlan; j++) {
            if (acl_addr_equals(&port->addrs[j], addr)) {
                return (uint32_t) i;
            }
        }
    }
    return ACL_NO_PORT;
}

/* ---- addresses of groups ---- */

void
acl_site_spans_destroy(struct acl_spans *spans, size_t n)
{
    for (size_t i = 0; spans && i < n; i++) {
        acl_spans_destroy(&spans[i]);
    }
    free(spans);
}

static bool
add_groups(struct acl_spans *to, const struct acl_selector *s, const struct acl_spans *spans)
{
    bool ok = true;

    for (size_t i = 0; i < s->n_groups && ok; i++) {
        ok = acl_spans_append(to, &spans[s->groups[i]]);
    }
    acl_spans_normalise(to);
    return ok;
}

/* 'raw' has what the selectors of the groups say by themselves. */
static bool
resolve(const struct acl_policy *policy, struct acl_spans *raw, struct acl_spans *spans)
{
    bool ok = true;

    for (size_t i = 0; i < policy->n_groups && ok; i++) {
        uint32_t g = policy->order[i];
        const struct acl_group *group = &policy->groups[g];

        ok = add_groups(&raw[ACL_RAW_IN(g)], &group->in, spans) &&
             add_groups(&raw[ACL_RAW_OUT(g)], &group->out, spans) &&
             acl_spans_subtract(&raw[ACL_RAW_IN(g)], &raw[ACL_RAW_OUT(g)], &spans[g]);
    }
    return ok;
}

int
acl_site_spans(const struct acl_site *site, const struct acl_policy *policy, uint16_t vlan,
               struct acl_spans **spansp)
{
    struct acl_spans *raw = calloc(2 * policy->n_groups + 1, sizeof *raw);
    struct acl_spans *spans = calloc(policy->n_groups + 1, sizeof *spans);
    struct members m = members_of(site, policy, vlan);
    bool ok = raw && spans && !m.failed;

    for (size_t i = 0; i < m.n && ok; i++) {
        ok = acl_spans_add_prefix(&raw[m.v[i].group], &m.v[i].prefix);
    }
    ok = ok && resolve(policy, raw, spans);
    free(m.v);
    acl_site_spans_destroy(raw, 2 * policy->n_groups);
    if (!ok) {
        acl_site_spans_destroy(spans, policy->n_groups);
    }
    *spansp = ok ? spans : NULL;
    return ok ? 0 : ENOMEM;
}

/* ---- trials ---- */

static bool
build_map(struct acl_trial *t, size_t port)
{
    const struct acl_site *site = t->site;
    struct members m;

    for (size_t i = 0; i < port; i++) {
        if (t->ports[i].map && site->ports[i].vlan == site->ports[port].vlan) {
            t->ports[port].map = t->ports[i].map;
            return true;
        }
    }
    m = members_of(site, t->policy, site->ports[port].vlan);
    t->ports[port].map =
        m.failed ? NULL : acl_classmap_build(t->compiled.classes, t->policy, m.v, m.n);
    t->ports[port].owns_map = true;
    free(m.v);
    return t->ports[port].map != NULL;
}

static bool
find_groups(struct acl_trial *t, size_t port)
{
    const struct acl_site_port *p = &t->site->ports[port];
    uint32_t *raw = calloc(2 * t->policy->n_groups + 1, sizeof *raw);
    size_t n;
    bool ok;

    t->ports[port].groups = calloc(t->policy->n_groups + 1, sizeof *raw);
    if (!raw || !t->ports[port].groups) {
        free(raw);
        return false;
    }
    acl_groups_of_port(t->policy, p->name, p->labels, p->n_labels, raw, &n);
    ok = acl_groups_resolve(t->policy, raw, n, t->ports[port].groups, &t->ports[port].n_groups);
    free(raw);
    return ok;
}

/* Maps first: tables have rows for the classes that there are when they are built. */
static bool
build_ports(struct acl_trial *t)
{
    bool ok = true;

    for (size_t i = 0; i < t->site->n_ports && ok; i++) {
        ok = !t->site->ports[i].is_desktop || (find_groups(t, i) && build_map(t, i));
    }
    for (size_t i = 0; i < t->site->n_ports && ok; i++) {
        struct acl_trial_port *p = &t->ports[i];

        ok = !p->map ||
             !acl_compile_scope(t->policy, &t->compiled, p->groups, p->n_groups, &p->scope);
    }
    return ok;
}

int
acl_trial_open(struct acl_trial *t, const struct acl_policy *policy, const struct acl_site *site)
{
    const uint32_t defaults[] = { ACL_RULE_DEFAULT, ACL_RULE_DEFAULT };
    uint32_t *slots = malloc((policy->n_rules + 1) * sizeof *slots);
    int error = ENOMEM;

    *t = (struct acl_trial){ .policy = policy,
                             .site = site,
                             .ports = calloc(site->n_ports + 1, sizeof *t->ports) };
    for (size_t i = 0; slots && i < policy->n_rules; i++) {
        slots[i] = (uint32_t) i;
    }
    if (slots && t->ports) {
        error = acl_compile(policy, slots, defaults, NULL, 0, &t->compiled);
    }
    free(slots);
    return !error && build_ports(t) ? 0 : ENOMEM;
}

void
acl_trial_close(struct acl_trial *t)
{
    for (size_t i = 0; t->ports && i < t->site->n_ports; i++) {
        if (t->ports[i].owns_map) {
            acl_classmap_destroy(t->ports[i].map);
        }
        free(t->ports[i].groups);
    }
    free(t->ports);
    acl_compiled_destroy(&t->compiled);
    *t = (struct acl_trial){ .ports = NULL };
}

static bool
ask(const struct acl_trial *t, const struct acl_trial_query *q, const struct acl_scope *scope,
    uint32_t *rule)
{
    struct acl_key key = { .peer_class = acl_classmap_lookup(t->ports[q->port].map, &q->peer),
                           .dport = q->service,
                           .protocol = acl_key_protocol(q->protocol, q->service) };
    struct acl_verdict v;

    acl_table_lookup(scope->table[q->direction], &key, &v);
    *rule = v.audited ? v.audit_slot : v.slot;
    return v.action == ACL_ALLOW && !v.audited;
}

bool
acl_trial_allows(const struct acl_trial *t, const struct acl_trial_query *q, uint32_t *rule)
{
    return ask(t, q, &t->compiled.scopes[t->ports[q->port].scope], rule);
}

int
acl_trial_allows_without(const struct acl_trial *t, const struct acl_trial_query *q,
                         uint32_t without, bool *allows)
{
    const struct acl_trial_port *port = &t->ports[q->port];
    struct acl_compiled compiled = t->compiled;
    struct acl_policy policy = *t->policy;
    size_t scope;
    uint32_t rule;
    int error;

    policy.rules = malloc(policy.n_rules * sizeof *policy.rules);
    if (!policy.rules) {
        return ENOMEM;
    }
    policy.n_rules--;
    memcpy(policy.rules, t->policy->rules, without * sizeof *policy.rules);
    memcpy(policy.rules + without, t->policy->rules + without + 1,
           (policy.n_rules - without) * sizeof *policy.rules);
    compiled.scopes = NULL;
    compiled.n_scopes = 0;
    error = acl_compile_scope(&policy, &compiled, port->groups, port->n_groups, &scope);
    if (!error) {
        *allows = ask(t, q, &compiled.scopes[scope], &rule);
    }
    free(policy.rules);
    /* What is the trial's stays. */
    compiled.slots = NULL;
    compiled.scope_groups = NULL;
    compiled.classes = NULL;
    compiled.map = NULL;
    acl_compiled_destroy(&compiled);
    return error;
}

const uint32_t *
acl_trial_groups(const struct acl_trial *t, uint32_t port, const struct acl_addr *addr, size_t *n)
{
    return acl_classes_groups(t->compiled.classes, acl_classmap_lookup(t->ports[port].map, addr),
                              n);
}
