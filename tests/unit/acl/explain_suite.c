/* The nearest rule, and that what it says agrees with what the tables decide. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "acl/explain.h"
#include "acl/tunnel.h"
#include "suites.h"

static const char text[] =
    "version: 1\n"
    "groups:\n"
    "  desktops: { labels: { pool: sales } }\n"
    "  devs: { labels: { team: dev } }\n"
    "  servers: { cidrs: [10.0.0.0/24] }\n"
    "rules:\n"
    "  - { id: no, direction: egress, peer: 10.6.6.6, action: drop }\n"
    "  - { id: web, direction: egress, peer: servers, protocol: tcp, ports: [80, 443],"
    " action: allow }\n"
    "  - { id: ping, direction: egress, peer: servers, protocol: icmp, icmp: [8], action: allow }\n"
    "  - { id: git, direction: egress, peer: servers, protocol: tcp, ports: [22],"
    " applied_to: devs, action: allow }\n"
    "  - { id: help, direction: ingress, peer: servers, protocol: tcp, ports: [5900],"
    " action: allow }\n"
    "  - { id: udp, direction: egress, peer: servers, protocol: udp, ports: [4000-5000, 8472],"
    " action: allow }\n";
enum { DESKTOPS, DEVS, SERVERS };

static struct acl_policy *
parsed(const char *yaml)
{
    struct acl_error error = { .text = "" };
    struct acl_policy *policy = NULL;

    CU_ASSERT_EQUAL_FATAL(
        acl_policy_parse(&(struct acl_source){ yaml, strlen(yaml) }, 1, &policy, &error), 0);
    return policy;
}

static void
expect(const struct acl_policy *policy, const struct acl_question *q, const char *id,
       unsigned misses)
{
    uint32_t rule = UINT32_MAX;
    unsigned got = 0;

    CU_ASSERT_TRUE_FATAL(acl_explain_nearest(policy, q, &rule, &got));
    CU_ASSERT_STRING_EQUAL(policy->rules[rule].id, id);
    CU_ASSERT_EQUAL(got, misses);
}

static void
test_nearest(void)
{
    static const uint32_t port[] = { DESKTOPS }, servers[] = { SERVERS };
    struct acl_question q = { .port_groups = port,
                              .n_port_groups = 1,
                              .peer_groups = servers,
                              .n_peer_groups = 1,
                              .protocol = 6,
                              .service = 81 };
    struct acl_policy *policy = parsed(text);

    expect(policy, &q, "web", ACL_MISS_PORT);
    q.service = 22; /* "web" misses one, too, and comes first */
    expect(policy, &q, "web", ACL_MISS_PORT);
    q.service = 443;
    q.n_peer_groups = 0;
    expect(policy, &q, "web", ACL_MISS_PEER);
    q.n_peer_groups = 1;
    q.protocol = 17;
    expect(policy, &q, "web", ACL_MISS_PROTOCOL);
    q.service = 4789; /* VXLAN, in a range */
    expect(policy, &q, "udp", ACL_MISS_TUNNEL);
    q.protocol = 1;
    q.service = 13 << 8;
    expect(policy, &q, "ping", ACL_MISS_PORT);
    q.direction = ACL_INGRESS;
    q.service = 8 << 8;
    expect(policy, &q, "ping", ACL_MISS_DIRECTION);
    q.protocol = 6;
    q.service = 5901;
    expect(policy, &q, "help", ACL_MISS_PORT);
    q.direction = ACL_EGRESS;
    q.n_peer_groups = 0;
    q.protocol = 47;
    q.service = 0;
    expect(policy, &q, "web", ACL_MISS_PEER | ACL_MISS_PROTOCOL | ACL_MISS_PORT);
    acl_policy_destroy(policy);
}

/* What is about another service altogether is one thing away, as what is for another peer is. */
static void
test_service_is_one_thing(void)
{
    static const char yaml[] =
        "version: 1\n"
        "groups: { servers: { cidrs: [10.0.0.0/24] }, printers: { cidrs: [10.1.0.0/24] } }\n"
        "rules:\n"
        "  - { id: print, direction: ingress, peer: printers, protocol: tcp, ports: [9100],"
        " action: allow }\n"
        "  - { id: dns, direction: egress, peer: servers, protocol: udp, ports: [53],"
        " action: allow }\n"
        "  - { id: web, direction: egress, peer: servers, protocol: tcp, ports: [80],"
        " action: allow }\n";
    static const uint32_t servers[] = { 0 };
    struct acl_question q = {
        .peer_groups = servers, .n_peer_groups = 1, .protocol = 6, .service = 9100
    };
    struct acl_policy *policy = parsed(yaml);

    expect(policy, &q, "web", ACL_MISS_PORT);
    q.protocol = 17;
    q.service = 80; /* "dns" has the protocol, "web" has the port: the first of them */
    expect(policy, &q, "dns", ACL_MISS_PORT);
    q.protocol = 6;
    q.service = 53;
    expect(policy, &q, "dns", ACL_MISS_PROTOCOL);
    q.direction = ACL_INGRESS; /* "print" misses peer and port, "dns" direction and service */
    q.service = 443;
    expect(policy, &q, "print", ACL_MISS_PEER | ACL_MISS_PORT);
    q.protocol = 132;
    expect(policy, &q, "print", ACL_MISS_PEER | ACL_MISS_PROTOCOL | ACL_MISS_PORT);
    q.direction = ACL_EGRESS;
    q.protocol = 17;
    q.service = 81;
    CU_ASSERT_EQUAL(acl_explain_misses(&policy->rules[2], &q), ACL_MISS_PROTOCOL | ACL_MISS_PORT);
    q.n_peer_groups = 0; /* two things each, and "print" three */
    q.service = 9100;
    expect(policy, &q, "dns", ACL_MISS_PEER | ACL_MISS_PORT);
    acl_policy_destroy(policy);
}

static void
test_applied_to(void)
{
    static const uint32_t port[] = { DESKTOPS }, servers[] = { SERVERS };
    struct acl_question q = { .port_groups = port,
                              .n_port_groups = 1,
                              .peer_groups = servers,
                              .n_peer_groups = 1,
                              .protocol = 6,
                              .service = 22 };
    struct acl_policy *policy = parsed(text);

    CU_ASSERT_EQUAL(acl_explain_misses(&policy->rules[3], &q), ACL_MISS_APPLIED_TO);
    q.service = 23;
    CU_ASSERT_EQUAL(acl_explain_misses(&policy->rules[3], &q), ACL_MISS_APPLIED_TO | ACL_MISS_PORT);
    acl_policy_destroy(policy);
}

static void
test_no_rule_allows(void)
{
    struct acl_question q = { .protocol = 6 };
    struct acl_policy *policy = parsed("version: 1\nrules:\n  - { id: no, direction: egress,"
                                       " peer: any, action: drop }\n");
    unsigned misses;
    uint32_t rule;

    CU_ASSERT_FALSE(acl_explain_nearest(policy, &q, &rule, &misses));
    acl_policy_destroy(policy);
}

/* The first rule that misses nothing is the one that the table finds, whatever is asked. */
static void
test_agrees_with_tables(void)
{
    static const uint32_t slots[] = { 0, 1, 2, 3, 4, 5 }, defaults[] = { 100, 101 };
    static const uint16_t services[] = { 22, 80, 443, 4500, 4789, 5900, 8472, 0x800, 0xd00 };
    static const uint8_t protocols[] = { 1, 6, 17, 47, 41 };
    struct acl_policy *policy = parsed(text);
    struct acl_compiled compiled;
    unsigned n_defaults = 0, n_found = 0;

    CU_ASSERT_EQUAL_FATAL(acl_compile(policy, slots, defaults, NULL, 0, &compiled), 0);
    srandom(1);
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t port[2], peer[4], class, first = 0;
        struct acl_question q = { .direction = random() % 2,
                                  .port_groups = port,
                                  .peer_groups = peer,
                                  .protocol = protocols[random() % 5],
                                  .service = services[random() % 9] };
        struct acl_key key = { .sport = 1,
                               .dport = q.service,
                               .protocol = acl_key_protocol(q.protocol, q.service) };
        struct acl_verdict v;
        size_t scope;

        for (uint32_t g = 0; g < 4; g++) {
            peer[q.n_peer_groups] = g;
            q.n_peer_groups += random() % 2;
        }
        port[q.n_port_groups] = DEVS;
        q.n_port_groups += random() % 2;
        class = acl_classes_intern(compiled.classes, peer, q.n_peer_groups);
        CU_ASSERT_EQUAL_FATAL(acl_compile_scope(policy, &compiled, port, q.n_port_groups, &scope),
                              0);
        if (i < 100) { /* every class has a row by then */
            continue;
        }
        struct acl_table *table =
            acl_table_extend(compiled.scopes[scope].table[q.direction], compiled.classes);
        key.peer_class = class;
        acl_table_lookup(table, &key, &v);
        acl_table_destroy(table);
        while (first < policy->n_rules && acl_explain_misses(&policy->rules[first], &q)) {
            first++;
        }
        CU_ASSERT_EQUAL(v.slot, first < policy->n_rules ? first : defaults[q.direction]);
        n_defaults += first == policy->n_rules;
        n_found += first < policy->n_rules;
    }
    CU_ASSERT(n_defaults > 1000 && n_found > 500);
    acl_compiled_destroy(&compiled);
    acl_policy_destroy(policy);
}

CU_TestInfo explain_tests[] = {
    { "the rule that misses least", test_nearest },
    { "a service is one thing", test_service_is_one_thing },
    { "applied to others", test_applied_to },
    { "no rule allows anything", test_no_rule_allows },
    { "agrees with the tables", test_agrees_with_tables },
    CU_TEST_INFO_NULL,
};
