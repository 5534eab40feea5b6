/* What a policy leaves open for ports in quarantine. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "acl/diff.h"
#include "acl/lint.h"
#include "acl/tunnel.h"
#include "suites.h"

#define V "version: 1\n"
#define LISTS "quarantine:\n  lists:\n"
#define GROUPS "groups: { jump: { cidrs: [10.0.66.0/28] }, broker: { cidrs: [10.0.67.1] } }\n"
#define FORENSICS                                                                                  \
    "    forensics:\n"                                                                             \
    "      - { id: ssh, direction: ingress, peer: jump, protocol: tcp, ports: [22], action: "      \
    "allow }\n"                                                                                    \
    "      - { direction: egress, peer: any, service: dhcp }\n"
#define DISPLAY "    display:\n      - { direction: ingress, peer: [jump, broker], service: rdp }\n"
#define OTHER "    other: []\n"

static struct acl_policy *
parse(const char *text, struct acl_error *error)
{
    struct acl_source source = { text, strlen(text) };
    struct acl_policy *policy;

    return acl_policy_parse(&source, 1, &policy, error) ? NULL : policy;
}

static struct acl_policy *
parsed(const char *text)
{
    struct acl_error error;
    struct acl_policy *policy = parse(text, &error);

    if (!policy) {
        fprintf(stderr, "%s\n", error.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
    return policy;
}

static void
test_model(void)
{
    struct acl_policy *policy = parsed(V GROUPS LISTS FORENSICS DISPLAY OTHER);
    const struct acl_rule *r;
    uint32_t list;

    CU_ASSERT_EQUAL(policy->n_rules, 0); /* they are none of a tier's */
    CU_ASSERT_EQUAL_FATAL(policy->n_lists, 3);
    CU_ASSERT_TRUE(acl_list_find(policy, "display", &list));
    CU_ASSERT_EQUAL(list, 1);
    CU_ASSERT_FALSE(acl_list_find(policy, "displa", &list));
    CU_ASSERT_EQUAL_FATAL(policy->lists[0].n_rules, 2);
    CU_ASSERT_EQUAL(policy->lists[0].place.line, 5);
    CU_ASSERT_EQUAL(policy->lists[2].n_rules, 0);
    r = &policy->lists[0].rules[0];
    CU_ASSERT_STRING_EQUAL(r->id, "ssh");
    CU_ASSERT(r->direction == ACL_INGRESS && r->action == ACL_ALLOW && r->n_peers == 1);
    CU_ASSERT(r->services[0].protocol == 6 && r->services[0].ports[0].lo == 22);
    r = &policy->lists[0].rules[1];
    CU_ASSERT_STRING_EQUAL(r->id, "");
    CU_ASSERT(r->direction == ACL_EGRESS && r->action == ACL_ALLOW && !r->n_peers);
    CU_ASSERT_EQUAL(policy->lists[1].rules[0].n_peers, 2);
    acl_policy_destroy(policy);
}

#define RULE(TEXT) V LISTS "    l:\n      - { " TEXT " }\n"

static void
test_mistakes(void)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *part;
    } mistakes[] = {
        { V "quarantine: {}\n", 2, "quarantine lacks 'lists'" },
        { V "quarantine: { list: {} }\n", 2, "unknown key 'list' in quarantine" },
        { V "quarantine: { lists: [] }\n", 2, "must be a mapping" },
        { V LISTS "    l: {}\n", 4, "must be a list" },
        { V LISTS "    'a b': []\n", 4, "bad name of a quarantine's list 'a b'" },
        { V LISTS "    l: []\n    l: []\n", 5, "" },
        { RULE("peer: any"), 5, "lacks 'direction'" },
        { RULE("direction: egress"), 5, "lacks 'peer'" },
        { RULE("direction: egress, peer: none"), 5, "unknown group 'none'" },
        { RULE("direction: egress, peer: any, action: drop"), 5, "'drop' in a quarantine's list" },
        { RULE("direction: egress, peer: any, action: pass"), 5, "'pass' in a quarantine's list" },
        { RULE("direction: egress, peer: any, applied_to: x"), 5, "unknown key 'applied_to'" },
        { RULE("direction: egress, peer: any, log: none"), 5, "unknown key 'log'" },
        { RULE("direction: egress, peer: any, mode: audit"), 5, "unknown key 'mode'" },
        { RULE("direction: both, peer: any"), 5, "bad direction 'both'" },
        { RULE("direction: egress, peer: any, ports: [80]"), 5, "'ports' needs protocol" },
        { V LISTS "    l:\n      - rule\n", 5, "must be a mapping" },
    };

    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct acl_error error;
        struct acl_policy *policy = parse(mistakes[i].text, &error);
        bool good =
            !policy && error.line == mistakes[i].line && strstr(error.text, mistakes[i].part);

        CU_ASSERT_TRUE(good);
        if (!good) {
            fprintf(stderr, "%s    line %u: %s\n", mistakes[i].text, error.line,
                    policy ? "accepted" : error.text);
            acl_policy_destroy(policy);
        }
    }
}

static void
test_two_sources(void)
{
    static const char a[] = V LISTS "    a: []\n", b[] = V LISTS "    b: []\n";
    struct acl_source good[] = { { a, sizeof a - 1 }, { b, sizeof b - 1 } };
    struct acl_source bad[] = { { a, sizeof a - 1 }, { a, sizeof a - 1 } };
    struct acl_policy *policy;
    struct acl_error error;

    CU_ASSERT_EQUAL_FATAL(acl_policy_parse(good, 2, &policy, &error), 0);
    CU_ASSERT_EQUAL(policy->n_lists, 2);
    CU_ASSERT_EQUAL(policy->lists[1].place.source, 1);
    acl_policy_destroy(policy);
    CU_ASSERT_NOT_EQUAL(acl_policy_parse(bad, 2, &policy, &error), 0);
    CU_ASSERT(error.source == 1 && error.line == 4 && strstr(error.text, "'a' is there already"));
}

/* A line that is a rule of the policy that it is like, and here one of a list. */
static void
test_like(void)
{
#define LINE                                                                                       \
    "  - { id: ssh, direction: ingress, peer: any, protocol: tcp, ports: [22], action: allow }\n"
    static const char before[] = V "rules:\n" LINE, after[] = V "quarantine:\n lists:\n  l:\n" LINE;
    struct acl_source like = { before, sizeof before - 1 }, source = { after, sizeof after - 1 };
    struct acl_policy *was = parsed(before), *policy;
    struct acl_error error;

    CU_ASSERT_EQUAL_FATAL(acl_policy_parse_like(&source, 1, was, &like, &policy, &error), 0);
    CU_ASSERT_EQUAL(policy->n_rules, 0);
    CU_ASSERT_EQUAL_FATAL(policy->n_lists, 1);
    CU_ASSERT_EQUAL(policy->lists[0].rules[0].services[0].ports[0].lo, 22);
    acl_policy_destroy(policy);
    acl_policy_destroy(was);
}

/* ---- tables ---- */

static const uint32_t defaults[] = { 0, 1 };

static enum acl_action
verdict(const struct acl_scope *scope, const struct acl_classmap *map, enum acl_direction direction,
        const char *peer, int protocol, uint16_t dport)
{
    struct acl_addr a;
    struct acl_key key = { .dport = dport, .protocol = acl_key_protocol(protocol, dport) };
    struct acl_verdict v;

    CU_ASSERT_TRUE(acl_addr_parse(peer, &a));
    key.peer_class = acl_classmap_lookup(map, &a);
    acl_table_lookup(scope->table[direction], &key, &v);
    return v.action;
}

static void
compile(const struct acl_policy *policy, struct acl_compiled *compiled)
{
    struct acl_member members[16];
    size_t n = 0;

    for (uint32_t g = 0; g < policy->n_groups; g++) {
        for (size_t i = 0; i < policy->groups[g].in.n_prefixes; i++) {
            members[n++] = (struct acl_member){ policy->groups[g].in.prefixes[i], ACL_RAW_IN(g) };
        }
    }
    CU_ASSERT_EQUAL_FATAL(acl_compile(policy, defaults, defaults, members, n, compiled), 0);
}

static void
test_tables(void)
{
    struct acl_policy *policy = parsed(V GROUPS LISTS FORENSICS DISPLAY OTHER);
    struct acl_compiled c;
    const uint32_t one[] = { 0 }, two[] = { 0, 1 }, none[] = { 2 };
    size_t i, j;

    compile(policy, &c);
    CU_ASSERT_EQUAL_FATAL(acl_compile_lists(policy, &c, one, 1, &i), 0);
    CU_ASSERT_EQUAL(verdict(&c.scopes[i], c.map, ACL_INGRESS, "10.0.66.3", 6, 22), ACL_ALLOW);
    CU_ASSERT_EQUAL(verdict(&c.scopes[i], c.map, ACL_INGRESS, "10.0.67.1", 6, 22), ACL_DROP);
    CU_ASSERT_EQUAL(verdict(&c.scopes[i], c.map, ACL_EGRESS, "10.0.66.3", 6, 22), ACL_DROP);
    CU_ASSERT_EQUAL(verdict(&c.scopes[i], c.map, ACL_INGRESS, "10.0.66.3", 6, 3389), ACL_DROP);
    CU_ASSERT_EQUAL(verdict(&c.scopes[i], c.map, ACL_EGRESS, "10.9.9.9", 17, 67), ACL_ALLOW);
    CU_ASSERT_EQUAL_FATAL(acl_compile_lists(policy, &c, two, 2, &i), 0);
    CU_ASSERT_EQUAL(verdict(&c.scopes[i], c.map, ACL_INGRESS, "10.0.66.3", 6, 22), ACL_ALLOW);
    CU_ASSERT_EQUAL(verdict(&c.scopes[i], c.map, ACL_INGRESS, "10.0.67.1", 6, 3389), ACL_ALLOW);
    CU_ASSERT_EQUAL_FATAL(acl_compile_lists(policy, &c, none, 1, &i), 0);
    CU_ASSERT_EQUAL(verdict(&c.scopes[i], c.map, ACL_INGRESS, "10.0.66.3", 6, 22), ACL_DROP);
    CU_ASSERT_EQUAL(c.n_scopes, 3);
    CU_ASSERT_EQUAL(acl_compile_lists(policy, &c, two, 2, &j), 0); /* shared */
    CU_ASSERT_EQUAL(j, 1);
    CU_ASSERT_EQUAL(acl_compile_scope(policy, &c, NULL, 0, &j), 0); /* no quarantine's */
    CU_ASSERT_EQUAL(c.n_scopes, 4);
    acl_compiled_destroy(&c);
    acl_policy_destroy(policy);
}

/* What rests on a list's table still does when a policy comes that has the same one. */
static void
test_same(void)
{
    struct acl_policy *a = parsed(V GROUPS LISTS FORENSICS),
                      *b = parsed(V GROUPS "rules: [{ id: a, direction: egress, peer: any, action: "
                                           "allow }]\n" LISTS FORENSICS),
                      *d = parsed(V GROUPS LISTS DISPLAY);
    const uint32_t list[] = { 0 };
    struct acl_compiled of_a, of_b, of_d;
    size_t i;

    compile(a, &of_a);
    compile(b, &of_b);
    compile(d, &of_d);
    CU_ASSERT_EQUAL(acl_compile_lists(a, &of_a, list, 1, &i), 0);
    CU_ASSERT_EQUAL(acl_compile_lists(b, &of_b, list, 1, &i), 0);
    CU_ASSERT_EQUAL(acl_compile_lists(d, &of_d, list, 1, &i), 0);
    {
        const struct acl_compiled_table x = { a, &of_a, of_a.scopes },
                                        y = { b, &of_b, of_b.scopes },
                                        z = { d, &of_d, of_d.scopes };

        CU_ASSERT_TRUE(acl_compiled_same(&x, &y, ACL_INGRESS));
        CU_ASSERT_TRUE(acl_compiled_same(&x, &y, ACL_EGRESS));
        CU_ASSERT_FALSE(acl_compiled_same(&x, &z, ACL_INGRESS));
    }
    acl_compiled_destroy(&of_a);
    acl_compiled_destroy(&of_b);
    acl_compiled_destroy(&of_d);
    acl_policy_destroy(a);
    acl_policy_destroy(b);
    acl_policy_destroy(d);
}

/* ---- what is said of them ---- */

static void
expect_diff(const char *before, const char *after, const char *wanted)
{
    struct acl_policy *a = parsed(before), *b = parsed(after);
    struct acl_diff diff;
    char got[1024] = "";

    CU_ASSERT_EQUAL_FATAL(acl_diff(a, b, &diff), 0);
    for (size_t i = 0; i < diff.n; i++) {
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s; ", diff.entries[i].text);
    }
    CU_ASSERT_STRING_EQUAL(got, wanted);
    if (strcmp(got, wanted)) {
        fprintf(stderr, "got %s\nwant %s\n", got, wanted);
    }
    acl_diff_destroy(&diff);
    acl_policy_destroy(a);
    acl_policy_destroy(b);
}

static void
test_diff(void)
{
    static const char one[] = V LISTS
        "    l:\n      - { direction: egress, peer: 10.0.0.0/8, protocol: tcp, ports: [443] }\n"
        "      - { direction: ingress, peer: any }\n";
    static const char turned[] =
        V LISTS "    l:\n      - { id: x, direction: ingress, peer: any, action: allow }\n"
                "      - { direction: egress, peer: 10.0.0.0/8, service: tcp/443 }\n";

    expect_diff(one, one, "");
    expect_diff(one, turned, ""); /* they have no order, and names mean nothing */
    expect_diff(V, V LISTS "    l: []\n", "quarantine list 'l' added; ");
    expect_diff(
        V LISTS "    l: [{ direction: ingress, peer: any }]\n", V,
        "quarantine list 'l' removed: rules [{ direction: ingress, peer: any, service: [any] }]"
        "; ");
    expect_diff(
        V LISTS "    l: []\n", V LISTS "    l: [{ direction: ingress, peer: any }]\n",
        "quarantine list 'l': rules [] -> [{ direction: ingress, peer: any, service: [any] }]"
        "; ");
}

static void
test_lint(void)
{
    struct acl_policy *policy = parsed(V GROUPS LISTS FORENSICS DISPLAY);
    const struct acl_lint_open open[] = { { "forensics", "port 'd1'" }, { "gone", "VM 'v2'" } };
    const struct acl_lint_facts facts = { .open = open, .n_open = 2 };
    struct acl_finding *findings;
    size_t n, found = 0;

    CU_ASSERT_EQUAL_FATAL(acl_lint(policy, &facts, &findings, &n), 0);
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_NOT_EQUAL(findings[i].kind, ACL_LINT_UNUSED_GROUP); /* lists use them */
        if (findings[i].kind == ACL_LINT_QUARANTINE_LIST) {
            CU_ASSERT_STRING_EQUAL(findings[i].name, "gone");
            CU_ASSERT_PTR_NOT_NULL(strstr(findings[i].text, "VM 'v2'"));
            CU_ASSERT_EQUAL(findings[i].severity, ACL_WARNING);
            found++;
        }
    }
    CU_ASSERT_EQUAL(found, 1);
    acl_findings_destroy(findings, n);
    acl_policy_destroy(policy);
}

CU_TestInfo lists_tests[] = {
    { "lists as they are written", test_model },
    { "mistakes in lists", test_mistakes },
    { "lists of several texts", test_two_sources },
    { "a rule that became a list's", test_like },
    { "lists as tables", test_tables },
    { "the same list in another policy", test_same },
    { "differences of lists", test_diff },
    { "what is strange about lists", test_lint },
    CU_TEST_INFO_NULL,
};
