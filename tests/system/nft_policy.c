#include <config.h>

#include "tests/system/nft_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

const char *const end_names[N_ENDS] = { "d1", "d2", "up" };
const char *const end_pools[N_DESKS] = { "sales", "lab" };
const char *const desk_addrs[N_DESKS][2] = { { "10.64.0.1", "fd64::1" },
                                             { "10.64.0.2", "fd64::2" } };

/* What no rule may let through that does not name it (docs/policy.md, "Tunnels"). */
#define TUNNEL_PROTOCOLS "4, 41, 47, 94, 97, 115, 137"
static const uint16_t tunnel_ports[] = { 1701, 3544, 4754, 4789, 4790, 6081, 8472 };
#define N_TUNNEL_PORTS (sizeof tunnel_ports / sizeof tunnel_ports[0])

uint64_t
dice_roll(struct dice *d)
{
    d->state ^= d->state >> 12;
    d->state ^= d->state << 25;
    d->state ^= d->state >> 27;
    return d->state * UINT64_C(2685821657736338717);
}

uint32_t
dice_below(struct dice *d, uint32_t n)
{
    return (uint32_t) ((dice_roll(d) >> 32) * n >> 32);
}

/* ---- making one ---- */

/* From few networks, so that prefixes nest, touch and repeat. */
static struct cidr
random_cidr(struct dice *d)
{
    static const char *const nets[][5] = {
        { "10.0.0.0", "10.64.0.0", "172.16.0.0", "192.0.2.0", "255.255.255.0" },
        { "2001:db8::", "fd64::", "2001:db8:0:1::", "fe80::", "ffff:ffff::" },
    };
    struct cidr c = { .v6 = dice_below(d, 2) };
    unsigned bits = c.v6 ? 128 : 32;

    inet_pton(c.v6 ? AF_INET6 : AF_INET, nets[c.v6][dice_below(d, 5)], c.addr);
    for (unsigned i = bits / 16; i < bits / 8; i++) {
        c.addr[i] = (uint8_t) (c.addr[i] | (dice_below(d, 2) ? dice_roll(d) & 3 : 0));
    }
    c.len = (uint8_t) (dice_below(d, 12) ? dice_below(d, bits / 2 + 1) + bits / 2
                                         : dice_below(d, bits + 1));
    for (unsigned i = 0; i < bits; i++) {
        if (i >= c.len) {
            c.addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
        }
    }
    return c;
}

static void
random_group(struct dice *d, struct group *g)
{
    *g = (struct group){ .n = dice_below(d, MAX_CIDRS + 1), .by_label = dice_below(d, 2) };
    for (unsigned i = 0; i < g->n; i++) {
        g->cidr[i] = random_cidr(d);
    }
    for (unsigned i = 0; i < N_DESKS; i++) {
        g->has_desk[i] = !dice_below(d, 3) && !(g->by_label && i && g->has_desk[0]);
    }
}

static struct acl_range
random_ports(struct dice *d)
{
    static const uint16_t known[] = { 0, 22, 53, 80, 443, 1024, 8000, 65535 };
    uint32_t lo = dice_below(d, 3)   ? known[dice_below(d, 8)]
                  : dice_below(d, 2) ? tunnel_ports[dice_below(d, N_TUNNEL_PORTS)]
                                     : dice_below(d, 65536);
    uint32_t hi = lo + (dice_below(d, 2) ? 0 : dice_below(d, dice_below(d, 2) ? 100 : 65536));

    return (struct acl_range){ (uint16_t) lo, (uint16_t) (hi > 65535 ? 65535 : hi) };
}

static struct acl_range
random_icmp(struct dice *d, bool v6)
{
    static const uint8_t types[2][6] = { { 8, 0, 3, 11, 13, 255 }, { 128, 129, 1, 2, 144, 255 } };
    uint16_t type = (uint16_t) (types[v6][dice_below(d, 6)] << 8);
    uint16_t code = (uint16_t) dice_below(d, 5);

    return dice_below(d, 2) ? (struct acl_range){ type, type | 255 }
                            : (struct acl_range){ type | code, type | code };
}

static void
random_rule(struct dice *d, unsigned n_groups, struct rule *r)
{
    static const int protocols[] = { ACL_PROTO_ANY, 6, 6, 6, 17, 17, 17, 1, 58, 47, 41, 50, 132 };

    *r = (struct rule){
        .ingress = dice_below(d, 2),
        .allow = dice_below(d, 5) > 1,
        .group = dice_below(d, 5) && n_groups ? (int) dice_below(d, n_groups) : -1,
        .protocol = protocols[dice_below(d, sizeof protocols / sizeof protocols[0])],
    };
    if (dice_below(d, 5) &&
        (r->protocol == 6 || r->protocol == 17 || r->protocol == 1 || r->protocol == 58)) {
        bool ports = r->protocol == 6 || r->protocol == 17;

        r->n = 1 + dice_below(d, MAX_ENTRIES);
        for (unsigned i = 0; i < r->n; i++) {
            r->entry[i] = ports ? random_ports(d) : random_icmp(d, r->protocol == 58);
        }
    }
}

void
policy_random(struct dice *d, struct random_policy *p)
{
    p->n_groups = dice_below(d, MAX_GROUPS + 1);
    p->n_rules = 1 + dice_below(d, MAX_RULES);
    for (unsigned i = 0; i < p->n_groups; i++) {
        random_group(d, &p->group[i]);
    }
    for (unsigned i = 0; i < p->n_rules; i++) {
        random_rule(d, p->n_groups, &p->rule[i]);
    }
}

/* ---- YAML ---- */

static const char *
cidr_text(const struct cidr *c, char text[INET6_ADDRSTRLEN])
{
    return inet_ntop(c->v6 ? AF_INET6 : AF_INET, c->addr, text, INET6_ADDRSTRLEN);
}

static void
write_yaml_group(const struct group *g, unsigned i, FILE *f)
{
    char text[INET6_ADDRSTRLEN];
    const char *comma = "";

    fprintf(f, "  g%u: { ", i);
    if (g->n) {
        fprintf(f, "cidrs: [");
        for (unsigned c = 0; c < g->n; c++) {
            fprintf(f, "%s\"%s/%u\"", c ? ", " : "", cidr_text(&g->cidr[c], text), g->cidr[c].len);
        }
        fprintf(f, "]");
        comma = ", ";
    }
    if (g->by_label) {
        for (unsigned e = 0; e < N_DESKS; e++) {
            if (g->has_desk[e]) {
                fprintf(f, "%slabels: { pool: %s }", comma, end_pools[e]);
            }
        }
    } else if (g->has_desk[D1] || g->has_desk[D2]) {
        fprintf(f, "%sports: [%s%s%s]", comma, g->has_desk[D1] ? end_names[D1] : "",
                g->has_desk[D1] && g->has_desk[D2] ? ", " : "",
                g->has_desk[D2] ? end_names[D2] : "");
    }
    fprintf(f, " }\n");
}

static void
write_yaml_service(const struct rule *r, FILE *f)
{
    bool icmp = r->protocol == IPPROTO_ICMP || r->protocol == IPPROTO_ICMPV6;

    if (r->protocol != ACL_PROTO_ANY) {
        fprintf(f, ", protocol: %d", r->protocol);
    }
    for (unsigned i = 0; i < r->n; i++) {
        struct acl_range e = r->entry[i];

        fprintf(f, "%s", i ? ", " : icmp ? ", icmp: [" : ", ports: [");
        if (!icmp) {
            fprintf(f, e.lo == e.hi ? "%u" : "%u-%u", e.lo, e.hi);
        } else {
            fprintf(f, e.lo == e.hi ? "%u/%u" : "%u", e.lo >> 8, e.lo & 255);
        }
    }
    fprintf(f, r->n ? "]" : "");
}

void
policy_write_yaml(const struct random_policy *p, FILE *f)
{
    fprintf(f, "version: 1\n");
    if (p->n_groups) {
        fprintf(f, "groups:\n");
    }
    for (unsigned i = 0; i < p->n_groups; i++) {
        write_yaml_group(&p->group[i], i, f);
    }
    fprintf(f, "rules:\n");
    for (unsigned i = 0; i < p->n_rules; i++) {
        const struct rule *r = &p->rule[i];

        fprintf(f, "  - { id: r%u, direction: %s, action: %s, ", i,
                r->ingress ? "ingress" : "egress", r->allow ? "allow" : "drop");
        if (r->group < 0) {
            fprintf(f, "peer: any");
        } else {
            fprintf(f, "peer: g%d", r->group);
        }
        write_yaml_service(r, f);
        fprintf(f, " }\n");
    }
}

/* ---- nftables ---- */

static unsigned
count_of(const struct group *g, bool v6)
{
    unsigned n = (g->has_desk[D1] ? 1 : 0) + (g->has_desk[D2] ? 1 : 0);

    for (unsigned i = 0; i < g->n; i++) {
        n += g->cidr[i].v6 == v6;
    }
    return n;
}

static void
write_address_set(const struct group *g, unsigned i, bool v6, FILE *f)
{
    char text[INET6_ADDRSTRLEN];
    const char *comma = "";

    fprintf(f, "set g%uv%d { type ipv%d_addr; flags interval; auto-merge; elements = { ", i,
            v6 ? 6 : 4, v6 ? 6 : 4);
    for (unsigned c = 0; c < g->n; c++) {
        if (g->cidr[c].v6 == v6) {
            fprintf(f, "%s%s/%u", comma, cidr_text(&g->cidr[c], text), g->cidr[c].len);
            comma = ", ";
        }
    }
    for (unsigned e = 0; e < N_DESKS; e++) {
        if (g->has_desk[e]) {
            fprintf(f, "%s%s", comma, desk_addrs[e][v6]);
            comma = ", ";
        }
    }
    fprintf(f, " } }\n");
}

static void
write_port_set(const struct rule *r, unsigned i, FILE *f)
{
    fprintf(f, "set p%u { type inet_service; flags interval; auto-merge; elements = { ", i);
    for (unsigned e = 0; e < r->n; e++) {
        fprintf(f, r->entry[e].lo == r->entry[e].hi ? "%s%u" : "%s%u-%u", e ? ", " : "",
                r->entry[e].lo, r->entry[e].hi);
    }
    fprintf(f, " } }\n");
}

static void
write_unnamed_tunnels(const struct rule *r, FILE *f)
{
    const char *comma = "";

    for (size_t t = 0; t < N_TUNNEL_PORTS; t++) {
        bool named = false;

        for (unsigned e = 0; e < r->n; e++) {
            named |= r->entry[e].lo == tunnel_ports[t] && r->entry[e].hi == tunnel_ports[t];
        }
        if (!named) {
            fprintf(f, "%s%u", comma, tunnel_ports[t]);
            comma = ", ";
        }
    }
}

/* The rules that a rule is, for one family's peers ('peer' is how they match). */
static void
write_nft_rule(const struct rule *r, unsigned i, const char *peer, const char *action, FILE *f)
{
    bool udp_tunnels = r->allow && r->protocol == IPPROTO_UDP;

    if (r->protocol == ACL_PROTO_ANY && r->allow) {
        fprintf(f, "%s meta l4proto 17 udp dport != { ", peer);
        write_unnamed_tunnels(r, f);
        fprintf(f, " } %s\n%s meta l4proto != { 17, " TUNNEL_PROTOCOLS " } %s\n", action, peer,
                action);
    } else if (r->protocol == ACL_PROTO_ANY) {
        fprintf(f, "%s %s\n", peer, action);
    } else if (r->n && (r->protocol == IPPROTO_ICMP || r->protocol == IPPROTO_ICMPV6)) {
        const char *name = r->protocol == IPPROTO_ICMP ? "icmp" : "icmpv6";

        for (unsigned e = 0; e < r->n; e++) {
            fprintf(f, "%s %s type %d ", peer, name, r->entry[e].lo >> 8);
            if (r->entry[e].lo == r->entry[e].hi) {
                fprintf(f, "%s code %d ", name, r->entry[e].lo & 255);
            }
            fprintf(f, "%s\n", action);
        }
    } else {
        fprintf(f, "%s meta l4proto %d ", peer, r->protocol);
        if (r->n) {
            fprintf(f, "%s dport @p%u ", r->protocol == IPPROTO_TCP ? "tcp" : "udp", i);
        }
        if (udp_tunnels) {
            fprintf(f, "udp dport != { ");
            write_unnamed_tunnels(r, f);
            fprintf(f, " } ");
        }
        fprintf(f, "%s\n", action);
    }
}

static void
write_chain(const struct random_policy *p, bool ingress, int turned, FILE *f)
{
    fprintf(f, "chain %s {\n", ingress ? "ingress" : "egress");
    for (unsigned i = 0; i < p->n_rules; i++) {
        const struct rule *r = &p->rule[i];
        bool allow = r->allow != ((int) i == turned);
        const char *action = allow ? "return" : "counter name \"denied\" drop";

        if (r->ingress != ingress) {
            continue;
        }
        if (r->group < 0) {
            write_nft_rule(r, i, "", action, f);
            continue;
        }
        for (int v6 = 0; v6 < 2; v6++) {
            char peer[64];

            snprintf(peer, sizeof peer, "%s %s @g%dv%d", v6 ? "ip6" : "ip",
                     ingress ? "saddr" : "daddr", r->group, v6 ? 6 : 4);
            if (count_of(&p->group[r->group], v6)) {
                write_nft_rule(r, i, peer, action, f);
            }
        }
    }
    fprintf(f, "counter name \"denied\" drop\n}\n");
}

void
policy_write_nft(const struct random_policy *p, int turned, FILE *f)
{
    fprintf(f, "table bridge fusuma\ndelete table bridge fusuma\ntable bridge fusuma {\n"
               "counter passed { }\ncounter denied { }\n");
    for (unsigned i = 0; i < p->n_groups; i++) {
        for (int v6 = 0; v6 < 2; v6++) {
            if (count_of(&p->group[i], v6)) {
                write_address_set(&p->group[i], i, v6, f);
            }
        }
    }
    for (unsigned i = 0; i < p->n_rules; i++) {
        const struct rule *r = &p->rule[i];

        if (r->n && (r->protocol == IPPROTO_TCP || r->protocol == IPPROTO_UDP)) {
            write_port_set(r, i, f);
        }
    }
    write_chain(p, false, turned, f);
    write_chain(p, true, turned, f);
    fprintf(f,
            "chain forward {\ntype filter hook forward priority 0; policy accept;\n"
            "ether type %#x accept\n"
            "iifname { \"sw-d1\", \"sw-d2\" } jump egress\n"
            "oifname { \"sw-d1\", \"sw-d2\" } jump ingress\n"
            "counter name \"passed\" accept\n}\n}\n",
            SENTINEL_TYPE);
}
