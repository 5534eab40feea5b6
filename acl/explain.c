#include <config.h>

#include "acl/explain.h"

#include "acl/tunnel.h"

static bool
meet(const uint32_t *wanted, size_t n_wanted, const uint32_t *groups, size_t n_groups)
{
    for (size_t i = 0; i < n_wanted; i++) {
        for (size_t j = 0; j < n_groups; j++) {
            if (wanted[i] == groups[j]) {
                return true;
            }
        }
    }
    return !n_wanted;
}

/* Ports mean the same in TCP and in UDP, and nothing to others. */
static bool
compares_ports(int a, int b)
{
    return a == b || ((a == 6 || a == 17) && (b == 6 || b == 17));
}

static bool
accepts_port(const struct acl_service *s, const struct acl_question *q)
{
    for (size_t i = 0; i < s->n_ports && compares_ports(s->protocol, q->protocol); i++) {
        if (q->service >= s->ports[i].lo && q->service <= s->ports[i].hi) {
            return true;
        }
    }
    return !s->n_ports;
}

/* Whether it lets a tunnel through by its name. */
static bool
names(const struct acl_service *s, const struct acl_question *q)
{
    if (acl_key_protocol(q->protocol, q->service) != ACL_UDP_TUNNEL) {
        return acl_names_tunnel(s->protocol, NULL, 0);
    }
    for (size_t i = 0; i < s->n_ports; i++) {
        if (s->ports[i].lo == q->service && s->ports[i].hi == q->service) {
            return s->protocol == 17;
        }
    }
    return false;
}

static unsigned
misses_of_service(const struct acl_rule *rule, const struct acl_service *s,
                  const struct acl_question *q)
{
    unsigned misses = 0;

    if (s->protocol != ACL_PROTO_ANY && s->protocol != q->protocol) {
        misses |= ACL_MISS_PROTOCOL;
    }
    if (!accepts_port(s, q)) {
        misses |= ACL_MISS_PORT;
    }
    if (!misses && rule->action == ACL_ALLOW &&
        acl_is_tunnel(acl_key_protocol(q->protocol, q->service)) && !names(s, q)) {
        misses |= ACL_MISS_TUNNEL;
    }
    return misses;
}

/* How far off: protocol and port are one thing, the service, but where all else is equal who has
 * the port right is nearer. */
static unsigned
distance(unsigned misses)
{
    const unsigned service = ACL_MISS_PROTOCOL | ACL_MISS_PORT;
    bool both = (misses & service) == service;

    return 2 * ((unsigned) __builtin_popcount(misses) - both) + both;
}

unsigned
acl_explain_misses(const struct acl_rule *rule, const struct acl_question *q)
{
    unsigned misses = 0, service = 0;

    if (rule->direction != q->direction) {
        misses |= ACL_MISS_DIRECTION;
    }
    if (!meet(rule->applied_to, rule->n_applied_to, q->port_groups, q->n_port_groups)) {
        misses |= ACL_MISS_APPLIED_TO;
    }
    if (!meet(rule->peers, rule->n_peers, q->peer_groups, q->n_peer_groups)) {
        misses |= ACL_MISS_PEER;
    }
    if (rule->audit) {
        misses |= ACL_MISS_MODE;
    }
    for (size_t i = 0; i < rule->n_services; i++) {
        unsigned m = misses_of_service(rule, &rule->services[i], q);

        if (!i || distance(m) < distance(service)) {
            service = m;
        }
    }
    return misses | service;
}

bool
acl_explain_nearest(const struct acl_policy *policy, const struct acl_question *q, uint32_t *rule,
                    unsigned *misses)
{
    bool found = false;

    for (size_t i = 0; i < policy->n_rules; i++) {
        unsigned m;

        if (policy->rules[i].action != ACL_ALLOW) {
            continue;
        }
        m = acl_explain_misses(&policy->rules[i], q);
        if (!found || distance(m) < distance(*misses)) {
            *rule = (uint32_t) i;
            *misses = m;
            found = true;
        }
    }
    return found;
}

const char *
acl_miss_name(unsigned bit)
{
    switch (bit) {
    case ACL_MISS_DIRECTION:
        return "direction";
    case ACL_MISS_APPLIED_TO:
        return "applied_to";
    case ACL_MISS_PEER:
        return "peer";
    case ACL_MISS_PROTOCOL:
        return "protocol";
    case ACL_MISS_PORT:
        return "ports";
    case ACL_MISS_TUNNEL:
        return "tunnel";
    default:
        return "mode";
    }
}
