#include <config.h>

#include "acl/format.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

const char *
acl_direction_name(enum acl_direction direction)
{
    return direction == ACL_EGRESS ? "egress" : "ingress";
}

const char *
acl_log_name(enum acl_log log)
{
    static const char *const names[] = {
        [ACL_LOG_INCIDENT] = "incident", [ACL_LOG_RECORD] = "record", [ACL_LOG_NONE] = "none"
    };

    return names[log];
}

/* ---- values ---- */

/* Names have nothing in them that YAML would take for more, but for "-" in front; IPv6 has ":". */
static void
add_name(struct acl_text *text, const char *name)
{
    bool plain = *name != '-' && *name != '.' && !strchr(name, ':');

    acl_text_add(text, plain ? "%s" : "\"%s\"", name);
}

void
acl_text_groups(struct acl_text *text, const struct acl_policy *policy, const uint32_t *groups,
                size_t n)
{
    acl_text_add(text, n ? "[" : "any");
    for (size_t i = 0; i < n; i++) {
        acl_text_add(text, i ? ", " : "");
        add_name(text, policy->groups[groups[i]].name);
    }
    acl_text_add(text, n ? "]" : "");
}

void
acl_text_prefix(struct acl_text *text, const struct acl_prefix *prefix)
{
    bool v4 = prefix->len >= ACL_V4_LEN && acl_addr_is_v4(&prefix->addr);
    char address[ACL_ADDR_STRLEN];

    acl_text_add(text, "%s/%u", acl_addr_format(&prefix->addr, address),
                 prefix->len - (v4 ? ACL_V4_LEN : 0));
}

static bool
is_icmp(int protocol)
{
    return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static void
add_protocol(struct acl_text *text, int protocol)
{
    switch (protocol) {
    case ACL_PROTO_ANY:
        acl_text_add(text, "any");
        break;
    case IPPROTO_TCP:
        acl_text_add(text, "tcp");
        break;
    case IPPROTO_UDP:
        acl_text_add(text, "udp");
        break;
    case IPPROTO_ICMP:
        acl_text_add(text, "icmp");
        break;
    case IPPROTO_ICMPV6:
        acl_text_add(text, "icmpv6");
        break;
    default:
        acl_text_add(text, "%d", protocol);
    }
}

/* "80-90"; of ICMP "8", or "3/4" for a single code. */
static void
add_range(struct acl_text *text, int protocol, const struct acl_range *range)
{
    if (is_icmp(protocol)) {
        acl_text_add(text, range->lo == range->hi ? "%u/%u" : "%u", range->lo >> 8,
                     range->lo & 0xff);
    } else {
        acl_text_add(text, range->lo == range->hi ? "%u" : "%u-%u", range->lo, range->hi);
    }
}

void
acl_text_services(struct acl_text *text, const struct acl_service *parts, size_t n)
{
    acl_text_add(text, "[");
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;

        do {
            acl_text_add(text, i || j ? ", " : "");
            add_protocol(text, parts[i].protocol);
            if (parts[i].n_ports) {
                acl_text_add(text, "/");
                add_range(text, parts[i].protocol, &parts[i].ports[j]);
            }
        } while (++j < parts[i].n_ports);
    }
    acl_text_add(text, "]");
}

/* ---- rules ---- */

/* Where there is one part, as most people write it. */
static void
add_service(struct acl_text *text, const struct acl_rule *rule)
{
    const struct acl_service *part = &rule->services[0];

    if (rule->n_services > 1) {
        acl_text_add(text, ", service: ");
        acl_text_services(text, rule->services, rule->n_services);
        return;
    }
    if (part->protocol != ACL_PROTO_ANY) {
        acl_text_add(text, ", protocol: ");
        add_protocol(text, part->protocol);
    }
    for (size_t i = 0; i < part->n_ports; i++) {
        acl_text_add(text, i ? ", " : is_icmp(part->protocol) ? ", icmp: [" : ", ports: [");
        add_range(text, part->protocol, &part->ports[i]);
    }
    acl_text_add(text, part->n_ports ? "]" : "");
}

int
acl_rule_text(const struct acl_policy *policy, const struct acl_rule *rule, char **textp)
{
    bool denies = rule->action == ACL_DROP || rule->action == ACL_REJECT;
    struct acl_text text = { .n = 0 };

    acl_text_add(&text, "{ id: ");
    add_name(&text, rule->id);
    acl_text_add(&text, ", direction: %s", acl_direction_name(rule->direction));
    if (rule->n_applied_to) {
        acl_text_add(&text, ", applied_to: ");
        acl_text_groups(&text, policy, rule->applied_to, rule->n_applied_to);
    }
    acl_text_add(&text, ", peer: ");
    acl_text_groups(&text, policy, rule->peers, rule->n_peers);
    add_service(&text, rule);
    acl_text_add(&text, ", action: %s", acl_action_name(rule->action));
    if (rule->log != (denies ? ACL_LOG_INCIDENT : ACL_LOG_NONE)) {
        acl_text_add(&text, ", log: %s", acl_log_name(rule->log));
    }
    acl_text_add(&text, rule->audit ? ", mode: audit }" : " }");
    *textp = acl_text_take(&text);
    return *textp ? 0 : ENOMEM;
}
