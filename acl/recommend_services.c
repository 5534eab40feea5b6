/* Services by name where that says the same, for a reader, as the port that was seen. */
#include <config.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "acl/recommend_priv.h"
#include "acl/services.h"

#define MANY 64 /* ports in one range of a service that is put together from what was seen */

/* Those of the policy come first, then those that are shipped. */
struct named {
    const char *name;
    const struct acl_service *parts;
    size_t n_parts;
};

static size_t
count_named(const struct acl_recommender *r)
{
    return r->policy->n_services + r->shipped->n_rules;
}

static struct named
get_named(const struct acl_recommender *r, size_t i)
{
    const struct acl_policy *p = r->policy;
    const struct acl_rule *rule;

    if (i < p->n_services) {
        return (struct named){ p->services[i].name, p->services[i].parts, p->services[i].n_parts };
    }
    rule = &r->shipped->rules[i - p->n_services];
    return (struct named){ rule->id, rule->services, rule->n_services };
}

/* The shipped ones as the parser has them. */
static int
parse_shipped(struct acl_recommender *r)
{
    struct acl_text text = { .n = 0 };
    struct acl_error error;
    char *yaml;
    int rc;

    acl_text_add(&text, "version: 1\nrules:\n");
    for (size_t i = 0; i < acl_n_shipped_services; i++) {
        const char *name = acl_shipped_services[i].name;

        acl_text_add(&text,
                     "  - { id: %s, direction: egress, peer: any, service: %s, action: drop }\n",
                     name, name);
    }
    yaml = acl_text_take(&text);
    rc = yaml ? acl_policy_parse(&(struct acl_source){ yaml, strlen(yaml) }, 1, &r->shipped, &error)
              : ENOMEM;
    free(yaml);
    return rc;
}

static bool
is_icmp(int protocol)
{
    return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* One port, or one type of ICMP. */
static bool
is_single(const struct acl_service *part)
{
    const struct acl_range *range = part->ports;

    return part->n_ports == 1 && (range->lo == range->hi ||
                                  (is_icmp(part->protocol) && range->lo >> 8 == range->hi >> 8));
}

/* Whether all of it is one port, whatever the protocol, or ICMP. */
static bool
is_one_thing(const struct named *s)
{
    for (size_t i = 0; i < s->n_parts; i++) {
        if (!is_single(&s->parts[i]) ||
            is_icmp(s->parts[i].protocol) != is_icmp(s->parts[0].protocol) ||
            (!is_icmp(s->parts[i].protocol) && s->parts[i].ports->lo != s->parts[0].ports->lo)) {
            return false;
        }
    }
    return s->n_parts > 0;
}

static bool
accepts(const struct acl_service *part, const struct acl_need *need)
{
    return part->protocol == need->protocol && part->n_ports == 1 &&
           part->ports->lo <= need->service && need->service <= part->ports->hi;
}

/* Whether nothing but what denies the rest, or the default, denies this part. */
static bool
may_come_along(const struct acl_recommender *r, const struct acl_need *need,
               const struct acl_service *part)
{
    struct acl_trial_query q = { .port = need->port,
                                 .direction = need->direction,
                                 .peer = need->peer,
                                 .protocol = (uint8_t) part->protocol,
                                 .service = part->ports->lo };
    uint32_t rule;

    return accepts(part, need) || acl_trial_allows(&r->trial, &q, &rule) || rule == need->rule ||
           rule == ACL_RULE_DEFAULT;
}

static uint32_t
unit_of(const struct acl_recommender *r, const struct acl_need *need)
{
    for (size_t i = 0; i < count_named(r); i++) {
        struct named s = get_named(r, i);
        bool found = false, free = is_one_thing(&s);

        for (size_t j = 0; j < s.n_parts && free; j++) {
            found |= accepts(&s.parts[j], need);
        }
        for (size_t j = 0; j < s.n_parts && free && found; j++) {
            free = may_come_along(r, need, &s.parts[j]);
        }
        if (free && found) {
            return ACL_UNIT_NAMED | (uint32_t) i;
        }
    }
    return (uint32_t) need->protocol << 16 | need->service;
}

int
acl_recommend_units(struct acl_recommender *r)
{
    int rc = parse_shipped(r);

    for (size_t i = 0; i < r->n_needs && !rc; i++) {
        r->needs[i].unit = unit_of(r, &r->needs[i]);
    }
    return rc;
}

/* ---- of a rule ---- */

void
acl_text_exact(struct acl_text *text, uint8_t protocol, uint16_t service)
{
    switch (protocol) {
    case IPPROTO_TCP:
        acl_text_add(text, "tcp/%u", service);
        break;
    case IPPROTO_UDP:
        acl_text_add(text, "udp/%u", service);
        break;
    case IPPROTO_ICMP:
        acl_text_add(text, "icmp/%u/%u", service >> 8, service & 0xff);
        break;
    case IPPROTO_ICMPV6:
        acl_text_add(text, "icmpv6/%u/%u", service >> 8, service & 0xff);
        break;
    default:
        acl_text_add(text, "%u", protocol);
    }
}

static bool
has_unit(const struct acl_box *box, uint32_t unit)
{
    size_t lo = 0, hi = box->n[2];

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (box->v[2][mid] < unit) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < box->n[2] && box->v[2][lo] == unit;
}

/* Whether each of its ports is among the rule's. */
static bool
is_whole(const struct acl_box *box, const struct named *s)
{
    for (size_t i = 0; i < s->n_parts; i++) {
        const struct acl_service *part = &s->parts[i];

        if (part->n_ports != 1 || part->ports->hi - part->ports->lo >= MANY ||
            is_icmp(part->protocol)) {
            return false;
        }
        for (uint32_t port = part->ports->lo; port <= part->ports->hi; port++) {
            if (!has_unit(box, (uint32_t) part->protocol << 16 | port)) {
                return false;
            }
        }
    }
    return s->n_parts > 0;
}

static bool
is_part_of(uint32_t unit, const struct named *s)
{
    struct acl_need need = { .protocol = (uint8_t) (unit >> 16), .service = (uint16_t) unit };

    for (size_t i = 0; i < s->n_parts; i++) {
        if (accepts(&s->parts[i], &need)) {
            return true;
        }
    }
    return false;
}

/* A name for several ports, all of which are the rule's; else the port itself. */
static void
add_exact(const struct acl_recommender *r, const struct acl_box *box, uint32_t unit,
          struct acl_strings *to)
{
    struct acl_text text = { .n = 0 };

    for (size_t i = 0; i < count_named(r); i++) {
        struct named s = get_named(r, i);

        if (is_part_of(unit, &s) && is_whole(box, &s)) {
            for (size_t j = 0; j < to->n; j++) {
                if (!strcmp(to->v[j], s.name)) {
                    return;
                }
            }
            acl_strings_add(to, s.name);
            return;
        }
    }
    acl_text_exact(&text, (uint8_t) (unit >> 16), (uint16_t) unit);
    acl_strings_take(to, acl_text_take(&text));
}

/* "dns: udp/53 was seen": where its name says more than that. */
static void
tell_seen(struct acl_recommender *r, size_t rule, uint32_t unit, const struct named *s)
{
    struct acl_text *about = &r->rules[rule].about;
    bool seen[16] = { false }, all = true;
    const char *between = "";

    for (size_t i = 0; i < r->n_needs; i++) {
        for (size_t j = 0; j < s->n_parts && j < 16; j++) {
            seen[j] |= r->needs[i].rule_id == rule && r->needs[i].unit == unit &&
                       accepts(&s->parts[j], &r->needs[i]);
        }
    }
    for (size_t j = 0; j < s->n_parts && j < 16; j++) {
        all = all && seen[j];
    }
    if (all || is_icmp(s->parts[0].protocol)) {
        return;
    }
    acl_text_add(about, "Of %s only ", s->name);
    for (size_t j = 0; j < s->n_parts && j < 16; j++) {
        if (seen[j]) {
            acl_text_add(about, "%s", between);
            acl_text_exact(about, (uint8_t) s->parts[j].protocol, s->parts[j].ports->lo);
            between = " and ";
        }
    }
    acl_text_add(about, " was seen.\n");
}

int
acl_recommend_services(struct acl_recommender *r, struct acl_rule_draft *rule)
{
    for (size_t i = 0; i < rule->box.n[2]; i++) {
        uint32_t unit = rule->box.v[2][i];

        if (unit & ACL_UNIT_NAMED) {
            struct named s = get_named(r, unit & ~ACL_UNIT_NAMED);

            acl_strings_add(&rule->services, s.name);
            tell_seen(r, (size_t) (rule - r->rules), unit, &s);
        } else {
            add_exact(r, &rule->box, unit, &rule->services);
        }
    }
    return rule->services.failed || rule->about.failed ? ENOMEM : 0;
}
