#include <config.h>

#include <stdio.h>

#include "acl/compile.h"
#include "acl/tunnel.h"
#include "suites.h"

static const char text[] =
    "version: 1\n"
    "groups:\n"
    "  desktops: { labels: { pool: sales } }\n"
    "  servers: { cidrs: [10.0.0.0/24, '2001:db8::/64'] }\n"
    "  bad: { cidrs: [10.0.0.66] }\n"
    "rules:\n"
    "  - { id: bad, direction: egress, peer: bad, action: reject }\n"
    "  - { id: from, direction: ingress, peer: servers, protocol: udp, ports: [53],"
    " action: allow }\n"
    "  - { id: web, direction: egress, peer: servers, protocol: tcp, ports: [80, 443],"
    " action: allow }\n"
    "  - { id: ping, direction: egress, peer: any, protocol: icmp, icmp: [8], action: allow }\n";

struct fixture {
    struct acl_policy *policy;
    struct acl_compiled compiled;
    struct acl_classmap *map;
};

static bool
set_up(struct fixture *f)
{
    static const uint32_t slots[] = { 100, 101, 102, 103 }, defaults[] = { 7, 8 };
    struct acl_member members[16];
    struct acl_error error;
    size_t n = 0, scope;

    if (acl_policy_parse(&(struct acl_source){ text, sizeof text - 1 }, 1, &f->policy, &error)) {
        return false;
    }
    for (uint32_t g = 0; g < f->policy->n_groups; g++) {
        for (size_t i = 0; i < f->policy->groups[g].in.n_prefixes; i++) {
            members[n++] =
                (struct acl_member){ f->policy->groups[g].in.prefixes[i], ACL_RAW_IN(g) };
        }
    }
    /* the address of a desktop's port */
    members[n].group = ACL_RAW_IN(0);
    if (!acl_prefix_parse("10.0.1.5", &members[n++].prefix) ||
        acl_compile(f->policy, slots, defaults, members, n, &f->compiled) ||
        acl_compile_scope(f->policy, &f->compiled, NULL, 0, &scope)) {
        return false;
    }
    f->map = acl_classmap_build(f->compiled.classes, f->policy, members, n);
    return f->map != NULL;
}

static void
tear_down(struct fixture *f)
{
    acl_classmap_destroy(f->map);
    acl_compiled_destroy(&f->compiled);
    acl_policy_destroy(f->policy);
}

static struct acl_verdict
ask(const struct fixture *f, enum acl_direction direction, const char *peer, uint8_t protocol,
    uint16_t dport)
{
    struct acl_addr addr;
    struct acl_verdict verdict = { .rule = 12345 };
    struct acl_key key = { .protocol = protocol, .sport = 40000, .dport = dport };

    CU_ASSERT(acl_addr_parse(peer, &addr));
    key.peer_class = acl_classmap_lookup(f->map, &addr);
    acl_table_lookup(f->compiled.scopes[0].table[direction], &key, &verdict);
    return verdict;
}

static void
test_policy_decides(void)
{
    struct fixture f = { .map = NULL };
    struct acl_verdict v;

    CU_ASSERT_FATAL(set_up(&f));
    v = ask(&f, ACL_EGRESS, "10.0.0.1", 6, 443);
    CU_ASSERT(v.action == ACL_ALLOW && v.slot == 102 && v.rule == 1 && v.log == ACL_LOG_NONE);
    v = ask(&f, ACL_EGRESS, "2001:db8::77", 6, 80);
    CU_ASSERT(v.action == ACL_ALLOW && v.slot == 102);
    v = ask(&f, ACL_EGRESS, "10.0.0.66", 6, 443);
    CU_ASSERT(v.action == ACL_REJECT && v.slot == 100 && v.log == ACL_LOG_INCIDENT);
    v = ask(&f, ACL_EGRESS, "10.0.0.1", 6, 22);
    CU_ASSERT(v.action == ACL_DROP && v.slot == 7 && v.rule == ACL_RULE_DEFAULT);
    v = ask(&f, ACL_EGRESS, "10.0.0.1", 17, 443);
    CU_ASSERT(v.action == ACL_DROP && v.slot == 7);
    v = ask(&f, ACL_EGRESS, "10.0.1.5", 6, 443);
    CU_ASSERT(v.action == ACL_DROP && v.slot == 7);
    v = ask(&f, ACL_EGRESS, "192.0.2.1", 1, 8 << 8);
    CU_ASSERT(v.action == ACL_ALLOW && v.slot == 103);
    v = ask(&f, ACL_EGRESS, "192.0.2.1", 1, 0);
    CU_ASSERT(v.action == ACL_DROP && v.slot == 7);
    v = ask(&f, ACL_INGRESS, "10.0.0.1", 17, 53);
    CU_ASSERT(v.action == ACL_ALLOW && v.slot == 101 && v.rule == 0);
    v = ask(&f, ACL_INGRESS, "10.0.0.1", 6, 443);
    CU_ASSERT(v.action == ACL_DROP && v.slot == 8);
    tear_down(&f);
}

static void
test_same_policy_same_tables(void)
{
    struct fixture a = { .map = NULL }, b = { .map = NULL };

    CU_ASSERT_FATAL(set_up(&a));
    CU_ASSERT_FATAL(set_up(&b));
    for (int d = 0; d < ACL_N_DIRECTIONS; d++) {
        CU_ASSERT_EQUAL(acl_table_digest(a.compiled.scopes[0].table[d]),
                        acl_table_digest(b.compiled.scopes[0].table[d]));
    }
    CU_ASSERT_NOT_EQUAL(acl_table_digest(a.compiled.scopes[0].table[ACL_EGRESS]),
                        acl_table_digest(a.compiled.scopes[0].table[ACL_INGRESS]));
    tear_down(&a);
    tear_down(&b);
}

/* The verdict of a policy with one rule, or with one and an allow for everything behind it. */
static int
tunnel_verdict(const char *rule, uint8_t protocol, uint16_t dport)
{
    static const uint32_t slots[] = { 1, 2 }, defaults[] = { 7, 8 };
    struct acl_policy *policy;
    struct acl_compiled compiled;
    struct acl_error error;
    struct acl_verdict verdict;
    struct acl_key key = { .protocol = acl_key_protocol(protocol, dport), .dport = dport };
    char yaml[512];
    size_t scope;
    int n = snprintf(yaml, sizeof yaml,
                     "version: 1\nrules:\n  - { id: a, direction: egress, peer: any, %s }\n"
                     "  - { id: b, direction: egress, peer: any, action: allow }\n",
                     rule);

    CU_ASSERT_EQUAL_FATAL(acl_policy_parse(&(struct acl_source){ yaml, n }, 1, &policy, &error), 0);
    CU_ASSERT_EQUAL_FATAL(acl_compile(policy, slots, defaults, NULL, 0, &compiled), 0);
    CU_ASSERT_EQUAL_FATAL(acl_compile_scope(policy, &compiled, NULL, 0, &scope), 0);
    acl_table_lookup(compiled.scopes[0].table[ACL_EGRESS], &key, &verdict);
    acl_compiled_destroy(&compiled);
    acl_policy_destroy(policy);
    return verdict.action == ACL_ALLOW ? (int) verdict.slot : 0;
}

static void
test_tunnels_are_named(void)
{
    const char *all_udp = "protocol: udp, action: allow";
    const char *range = "protocol: udp, ports: [4000-5000], action: allow";
    const char *vxlan = "protocol: udp, ports: [53, 4789], action: allow";
    const char *both = "protocol: udp, ports: [4789, 3000-5000, 8472, 1000], action: allow";
    const char *gre = "protocol: 47, action: allow";
    const char *no_udp = "protocol: udp, action: drop";

    CU_ASSERT_EQUAL(tunnel_verdict(gre, 6, 80), 2); /* any lets through what is no tunnel */
    CU_ASSERT_EQUAL(tunnel_verdict(gre, 47, 0), 1);
    CU_ASSERT_EQUAL(tunnel_verdict(gre, 41, 0), 0);
    CU_ASSERT_EQUAL(tunnel_verdict(all_udp, 17, 53), 1);
    CU_ASSERT_EQUAL(tunnel_verdict(all_udp, 17, 4789), 0);
    CU_ASSERT_EQUAL(tunnel_verdict(all_udp, 6, 4789), 2); /* TCP is none */
    CU_ASSERT_EQUAL(tunnel_verdict(range, 17, 4788), 1);
    CU_ASSERT_EQUAL(tunnel_verdict(range, 17, 4789), 0);
    CU_ASSERT_EQUAL(tunnel_verdict(vxlan, 17, 4789), 1);
    CU_ASSERT_EQUAL(tunnel_verdict(vxlan, 17, 3544), 0);
    /* An exact port does not name what the range beside it covers. */
    CU_ASSERT_EQUAL(tunnel_verdict(both, 17, 4789), 1);
    CU_ASSERT_EQUAL(tunnel_verdict(both, 17, 8472), 1);
    CU_ASSERT_EQUAL(tunnel_verdict(both, 17, 4788), 1);
    CU_ASSERT_EQUAL(tunnel_verdict(both, 17, 1000), 1);
    CU_ASSERT_EQUAL(tunnel_verdict(both, 17, 4790), 0);
    CU_ASSERT_EQUAL(tunnel_verdict(both, 17, 3544), 0);
    CU_ASSERT_EQUAL(tunnel_verdict(both, 6, 4789), 2);
    CU_ASSERT_EQUAL(tunnel_verdict(no_udp, 17, 4789), 0);
    CU_ASSERT_EQUAL(tunnel_verdict(no_udp, 17, 53), 0);
}

CU_TestInfo compile_tests[] = {
    { "a policy decides", test_policy_decides },
    { "tunnels pass by name only", test_tunnels_are_named },
    { "the same policy gives the same tables", test_same_policy_same_tables },
    CU_TEST_INFO_NULL,
};
