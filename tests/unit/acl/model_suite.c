/* What a policy means, from its text to verdicts by the production tables: groups made of groups,
 * exclusion, address sets, services, tiers, scopes, audit mode, pools, several sources. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "acl/services.h"
#include "suites.h"

#define MAX 32

/* A desktop of pool "sales", and one of pool "dev" and floor 2. */
static const struct acl_label sales[] = { { (char *) "pool", (char *) "sales" } };
static const struct acl_label dev[] = { { (char *) "pool", (char *) "dev" },
                                        { (char *) "floor", (char *) "2" } };
#define SALES_IP "10.0.1.1"
#define DEV_IP "10.0.2.1"

struct model {
    struct acl_policy *policy;
    struct acl_compiled compiled;
    struct acl_classmap *map;
    size_t sales, dev; /* scopes */
    const struct acl_pool *sales_pool, *dev_pool;
};

static size_t
place(struct model *m, const char *name, const struct acl_label *labels, size_t n,
      const struct acl_pool **pool)
{
    uint32_t raw[2 * MAX], groups[MAX];
    size_t n_raw, n_groups, scope = 99;

    acl_groups_of_port(m->policy, name, labels, n, raw, &n_raw);
    CU_ASSERT_TRUE(acl_groups_resolve(m->policy, raw, n_raw, groups, &n_groups));
    CU_ASSERT_EQUAL(acl_compile_scope(m->policy, &m->compiled, groups, n_groups, &scope), 0);
    *pool = acl_pool_of(m->policy, groups, n_groups);
    return scope;
}

static void
add(struct acl_member *members, size_t *n, const char *prefix, uint32_t raw)
{
    CU_ASSERT_TRUE(acl_prefix_parse(prefix, &members[*n].prefix));
    members[(*n)++].group = raw;
}

/* Addresses of prefixes and of the two desktops; the set "remote" has 10.7.0.0/24. */
static size_t
list_members(const struct model *m, struct acl_member *members)
{
    uint32_t raw[2 * MAX], set;
    size_t n = 0, n_raw;

    for (uint32_t g = 0; g < m->policy->n_groups; g++) {
        const struct acl_group *group = &m->policy->groups[g];

        for (size_t i = 0; i < group->in.n_prefixes; i++) {
            members[n++] = (struct acl_member){ group->in.prefixes[i], ACL_RAW_IN(g) };
        }
        for (size_t i = 0; i < group->out.n_prefixes; i++) {
            members[n++] = (struct acl_member){ group->out.prefixes[i], ACL_RAW_OUT(g) };
        }
    }
    acl_groups_of_port(m->policy, "d-sales", sales, 1, raw, &n_raw);
    for (size_t i = 0; i < n_raw; i++) {
        add(members, &n, SALES_IP, raw[i]);
    }
    acl_groups_of_port(m->policy, "d-dev", dev, 2, raw, &n_raw);
    for (size_t i = 0; i < n_raw; i++) {
        add(members, &n, DEV_IP, raw[i]);
    }
    if (acl_group_find(m->policy, "remote", &set)) {
        add(members, &n, "10.7.0.0/24", ACL_RAW_IN(set));
    }
    return n;
}

/* Rule i has slot 100 + i, the defaults 7 and 8. */
static void
open_sources(struct model *m, const char *const *texts, size_t n_texts)
{
    static const uint32_t defaults[] = { 7, 8 };
    struct acl_source sources[4];
    struct acl_member members[4 * MAX];
    struct acl_error error = { .text = "" };
    uint32_t slots[MAX];
    size_t n;

    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < n_texts; i++) {
        sources[i] = (struct acl_source){ texts[i], strlen(texts[i]) };
    }
    if (acl_policy_parse(sources, n_texts, &m->policy, &error)) {
        printf("%u:%u:%u: %s\n", error.source, error.line, error.column, error.text);
        CU_FAIL_FATAL("the policy is refused");
    }
    for (uint32_t i = 0; i < MAX; i++) {
        slots[i] = 100 + i;
    }
    n = list_members(m, members);
    CU_ASSERT_EQUAL_FATAL(acl_compile(m->policy, slots, defaults, members, n, &m->compiled), 0);
    m->map = acl_classmap_build(m->compiled.classes, m->policy, members, n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m->map);
    m->sales = place(m, "d-sales", sales, 1, &m->sales_pool);
    m->dev = place(m, "d-dev", dev, 2, &m->dev_pool);
}

static void
open_model(struct model *m, const char *text)
{
    open_sources(m, &text, 1);
}

static void
close_model(struct model *m)
{
    acl_classmap_destroy(m->map);
    acl_compiled_destroy(&m->compiled);
    acl_policy_destroy(m->policy);
}

static struct acl_verdict
ask(const struct model *m, size_t scope, const char *peer, uint8_t protocol, uint16_t dport)
{
    struct acl_key key = { .protocol = protocol, .sport = 40000, .dport = dport };
    struct acl_verdict v;
    struct acl_addr addr;

    CU_ASSERT_TRUE(acl_addr_parse(peer, &addr));
    key.peer_class = acl_classmap_lookup(m->map, &addr);
    acl_table_lookup(m->compiled.scopes[scope].table[ACL_EGRESS], &key, &v);
    return v;
}

/* "allow", and the name of the rule; "default" for the default deny. */
static bool
says(const struct model *m, size_t scope, const char *peer, uint16_t dport, const char *rule)
{
    struct acl_verdict v = ask(m, scope, peer, 6, dport);

    return !strcmp(v.slot < 100 ? "default" : m->policy->rules[v.slot - 100].id, rule);
}

#define HEAD "version: 1\n"
#define GROUPS                                                                                     \
    "groups:\n"                                                                                    \
    "  sales: { labels: { pool: sales } }\n"                                                       \
    "  dev: { labels: { pool: dev } }\n"                                                           \
    "  inside: { groups: [everyone], cidrs: [10.9.0.0/16], except: { cidrs: [10.9.6.6],"           \
    " groups: [lab] } }\n"                                                                         \
    "  everyone: { groups: [sales, dev, remote] }\n"                                               \
    "  lab: { cidrs: [10.9.66.0/24], except: { cidrs: [10.9.66.1] } }\n"                           \
    "  but-dev: { groups: [everyone], except: { labels: { floor: '2' } } }\n"                      \
    "address_sets:\n  remote: { stale_after: 60 }\n"

static void
test_groups(void)
{
    struct model m;

    open_model(&m, HEAD GROUPS "rules:\n"
                               "  - { id: in, direction: egress, peer: inside, action: allow }\n");
    CU_ASSERT_TRUE(says(&m, m.sales, SALES_IP, 1, "in"));
    CU_ASSERT_TRUE(says(&m, m.sales, DEV_IP, 1, "in"));
    CU_ASSERT_TRUE(says(&m, m.sales, "10.7.0.9", 1, "in")); /* of the set */
    CU_ASSERT_TRUE(says(&m, m.sales, "10.7.1.9", 1, "default"));
    CU_ASSERT_TRUE(says(&m, m.sales, "10.9.1.1", 1, "in"));
    CU_ASSERT_TRUE(says(&m, m.sales, "10.9.6.6", 1, "default"));
    CU_ASSERT_TRUE(says(&m, m.sales, "10.9.66.2", 1, "default")); /* in the lab */
    CU_ASSERT_TRUE(says(&m, m.sales, "10.9.66.1", 1, "in"));      /* which has an exception */
    CU_ASSERT_TRUE(says(&m, m.sales, "10.1.1.1", 1, "default"));
    close_model(&m);
}

static void
test_exclusion_by_label(void)
{
    struct model m;

    open_model(&m, HEAD GROUPS
               "rules:\n"
               "  - { id: r, direction: egress, peer: [but-dev, 192.0.2.0/24], action: allow }\n");
    CU_ASSERT_TRUE(says(&m, m.sales, SALES_IP, 1, "r"));
    CU_ASSERT_TRUE(says(&m, m.sales, DEV_IP, 1, "default"));
    CU_ASSERT_TRUE(says(&m, m.sales, "192.0.2.200", 1, "r")); /* of the list */
    close_model(&m);
}

static void
test_services(void)
{
    struct model m;

    open_model(&m,
               HEAD "services:\n  erp: [tcp/8000-8100, udp/9, icmp/8]\n"
                    "rules:\n"
                    "  - { id: erp, direction: egress, peer: any, service: erp, action: allow }\n"
                    "  - { id: more, direction: egress, peer: any, service: [dns, tcp/77],"
                    " action: allow }\n");
    CU_ASSERT_EQUAL(ask(&m, 0, "10.1.1.1", 6, 8050).slot, 100);
    CU_ASSERT_EQUAL(ask(&m, 0, "10.1.1.1", 17, 9).slot, 100);
    CU_ASSERT_EQUAL(ask(&m, 0, "10.1.1.1", 17, 8050).slot, 7);
    CU_ASSERT_EQUAL(ask(&m, 0, "10.1.1.1", 1, 8 << 8).slot, 100);
    CU_ASSERT_EQUAL(ask(&m, 0, "10.1.1.1", 17, 53).slot, 101);
    CU_ASSERT_EQUAL(ask(&m, 0, "10.1.1.1", 6, 53).slot, 101);
    CU_ASSERT_EQUAL(ask(&m, 0, "10.1.1.1", 6, 77).slot, 101);
    CU_ASSERT_EQUAL(ask(&m, 0, "10.1.1.1", 17, 77).slot, 7);
    close_model(&m);
}

/* Each can be used, and means something. */
static void
test_shipped_services(void)
{
    for (size_t i = 0; i < acl_n_shipped_services; i++) {
        struct model m;
        char text[256];

        snprintf(text, sizeof text,
                 HEAD
                 "rules: [{ id: a, direction: egress, peer: any, service: %s, action: allow }]\n",
                 acl_shipped_services[i].name);
        open_model(&m, text);
        CU_ASSERT_TRUE(m.policy->rules[0].n_services > 0);
        for (size_t j = 0; j < m.policy->rules[0].n_services; j++) {
            CU_ASSERT_EQUAL(m.policy->rules[0].services[j].n_ports, 1);
        }
        close_model(&m);
    }
}

#define TIERS                                                                                      \
    "tiers:\n"                                                                                     \
    "  default:\n    - { id: last, direction: egress, peer: any, service: https, action: allow "   \
    "}\n"                                                                                          \
    "  emergency:\n"                                                                               \
    "    - { id: cut, direction: egress, peer: 10.9.6.6, action: drop }\n"                         \
    "  infrastructure:\n"                                                                          \
    "    - { id: to-default, direction: egress, peer: any, service: https, action: pass }\n"       \
    "    - { id: dns, direction: egress, peer: any, service: [dns, https], action: allow }\n"      \
    "rules:\n"                                                                                     \
    "  - { id: app, direction: egress, peer: 10.9.0.0/16, action: allow }\n"                       \
    "  - { id: on, direction: egress, peer: any, service: https, action: pass }\n"                 \
    "  - { id: not, direction: egress, peer: any, action: drop }\n"

static void
test_tiers(void)
{
    struct acl_verdict v;
    struct model m;

    open_model(&m, HEAD TIERS);
    CU_ASSERT_STRING_EQUAL(m.policy->rules[0].id, "cut");
    CU_ASSERT_TRUE(says(&m, 0, "10.9.6.6", 443, "cut"));
    CU_ASSERT_TRUE(says(&m, 0, "10.9.1.1", 443, "app")); /* passed by the tier before it */
    CU_ASSERT_TRUE(says(&m, 0, "10.1.1.1", 53, "dns"));
    CU_ASSERT_TRUE(says(&m, 0, "10.1.1.1", 22, "not"));
    v = ask(&m, 0, "10.1.1.1", 6, 443);
    CU_ASSERT_STRING_EQUAL(m.policy->rules[v.slot - 100].id, "last");
    CU_ASSERT_EQUAL_FATAL(v.n_passed, 2);
    CU_ASSERT_STRING_EQUAL(m.policy->rules[v.passed_slot[0] - 100].id, "to-default");
    CU_ASSERT_STRING_EQUAL(m.policy->rules[v.passed_slot[1] - 100].id, "on");
    close_model(&m);
}

static void
test_audit(void)
{
    struct acl_verdict v;
    struct model m;

    open_model(&m, HEAD
               "rules:\n"
               "  - { id: soon, direction: egress, peer: 10.9.0.0/16, action: drop, mode: audit,"
               " log: record }\n"
               "  - { id: too, direction: egress, peer: any, action: reject, mode: audit }\n"
               "  - { id: web, direction: egress, peer: any, service: https, action: allow }\n");
    v = ask(&m, 0, "10.9.1.1", 6, 443);
    CU_ASSERT_EQUAL(v.action, ACL_ALLOW);
    CU_ASSERT_TRUE(v.audited && v.audit_slot == 100 && v.audit_log == ACL_LOG_RECORD);
    v = ask(&m, 0, "10.1.1.1", 6, 443);
    CU_ASSERT_TRUE(v.action == ACL_ALLOW && v.audited && v.audit_slot == 101);
    v = ask(&m, 0, "10.1.1.1", 6, 22); /* it lets nothing through by itself */
    CU_ASSERT_TRUE(v.action == ACL_DROP && v.slot == 7 && v.audited);
    CU_ASSERT_FALSE(acl_table_may_reach(m.compiled.scopes[0].table[ACL_INGRESS], 0));
    close_model(&m);
}

static void
test_scopes_and_pools(void)
{
    struct model m;

    open_model(&m, HEAD GROUPS
               "pools:\n"
               "  - { group: dev, default: audit, log: record }\n"
               "  - { group: everyone, mode: audit }\n"
               "rules:\n"
               "  - { id: all, direction: egress, peer: any, service: dns, action: allow }\n"
               "  - { id: git, direction: egress, peer: any, service: ssh, applied_to: dev,"
               " action: allow }\n"
               "  - { id: crm, direction: egress, peer: any, service: https,"
               " applied_to: [sales, but-dev], action: allow }\n");
    CU_ASSERT_EQUAL(m.compiled.n_scopes, 2);
    CU_ASSERT_TRUE(says(&m, m.sales, "10.1.1.1", 53, "all"));
    CU_ASSERT_TRUE(says(&m, m.dev, "10.1.1.1", 53, "all"));
    CU_ASSERT_TRUE(says(&m, m.sales, "10.1.1.1", 22, "default"));
    CU_ASSERT_TRUE(says(&m, m.dev, "10.1.1.1", 22, "git"));
    CU_ASSERT_TRUE(says(&m, m.sales, "10.1.1.1", 443, "crm"));
    CU_ASSERT_TRUE(says(&m, m.dev, "10.1.1.1", 443, "default"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(m.dev_pool);
    CU_ASSERT_TRUE(!m.dev_pool->audit && m.dev_pool->audit_default);
    CU_ASSERT_EQUAL(m.dev_pool->default_log, ACL_LOG_RECORD);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m.sales_pool);
    CU_ASSERT_TRUE(m.sales_pool->audit && m.sales_pool->audit_default);
    close_model(&m);
}

static void
test_no_scopes(void)
{
    struct model m;

    open_model(&m, HEAD "rules:\n"
                        "  - { id: a, direction: egress, peer: any, action: allow }\n");
    CU_ASSERT_EQUAL(m.compiled.n_scopes, 1);
    CU_ASSERT_EQUAL(m.sales, m.dev);
    CU_ASSERT_PTR_NULL(m.sales_pool);
    close_model(&m);
}

/* What one defines the others may use; tiers come first, then sources in their order. */
static void
test_sources(void)
{
    static const char *const texts[] = {
        HEAD "rules:\n"
             "  - { id: mine, direction: egress, peer: servers, service: erp, action: allow }\n",
        HEAD
        "groups: { servers: { cidrs: [10.9.0.0/16] } }\n"
        "services: { erp: tcp/8000 }\n"
        "tiers: { emergency: [{ id: first, direction: egress, peer: 10.9.0.1, action: drop }] }\n"
        "rules: [{ id: theirs, direction: egress, peer: any, action: drop }]\n",
    };
    struct model m;

    open_sources(&m, texts, 2);
    CU_ASSERT_STRING_EQUAL(m.policy->rules[0].id, "first");
    CU_ASSERT_STRING_EQUAL(m.policy->rules[1].id, "mine");
    CU_ASSERT_STRING_EQUAL(m.policy->rules[2].id, "theirs");
    CU_ASSERT_TRUE(m.policy->rules[1].place.source == 0 && m.policy->rules[2].place.source == 1);
    CU_ASSERT_TRUE(says(&m, 0, "10.9.0.1", 8000, "first"));
    CU_ASSERT_TRUE(says(&m, 0, "10.9.0.2", 8000, "mine"));
    CU_ASSERT_TRUE(says(&m, 0, "10.9.0.2", 8001, "theirs"));
    close_model(&m);
}

static void
test_mistakes_in_sources(void)
{
    static const char first[] = HEAD "groups: { a: {} }\nrules: [{ id: r, direction: egress, "
                                     "peer: any, action: drop }]\n";
    static const struct {
        const char *text;
        unsigned line;
        const char *part;
    } second[] = {
        { HEAD "groups: { a: {} }\n", 2, "'a' is there already (in another text, line 2)" },
        { HEAD "rules: [{ id: r, direction: egress, peer: any, action: drop }]\n", 2,
          "duplicate rule id 'r' (first in another text, on line 3)" },
        { HEAD "rules: [{ id: s, direction: egress, peer: b, action: drop }]\n", 2,
          "unknown group 'b'" },
    };

    for (size_t i = 0; i < sizeof second / sizeof *second; i++) {
        struct acl_source sources[] = { { first, sizeof first - 1 },
                                        { second[i].text, strlen(second[i].text) } };
        struct acl_policy *policy;
        struct acl_error error;

        CU_ASSERT_EQUAL(acl_policy_parse(sources, 2, &policy, &error), EINVAL);
        CU_ASSERT_EQUAL(error.source, 1);
        CU_ASSERT_EQUAL(error.line, second[i].line);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.text, second[i].part));
        if (!strstr(error.text, second[i].part)) {
            printf("got '%s'\n", error.text);
        }
    }
}

CU_TestInfo model_tests[] = {
    { "groups made of groups, with exceptions", test_groups },
    { "an exception by label", test_exclusion_by_label },
    { "services", test_services },
    { "shipped services", test_shipped_services },
    { "tiers, and what passes to the next", test_tiers },
    { "rules in audit mode decide nothing", test_audit },
    { "rules for some desktops, and pools", test_scopes_and_pools },
    { "one table where no rule is for some", test_no_scopes },
    { "several sources are one policy", test_sources },
    { "mistakes, each in its source", test_mistakes_in_sources },
    CU_TEST_INFO_NULL,
};
