/* How policies differ, and rules as text. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/diff.h"
#include "acl/format.h"
#include "suites.h"

#define V "version: 1\n"
#define R(ID, WHAT) "  - { id: " ID ", direction: egress, " WHAT " }\n"
#define WEB "protocol: tcp, ports: [80, 443]"

static struct acl_policy *
parse(const char *text)
{
    struct acl_source source = { text, strlen(text) };
    struct acl_error error = { .text = "" };
    struct acl_policy *policy;

    if (acl_policy_parse(&source, 1, &policy, &error)) {
        printf("%u:%u: %s\n%s\n", error.line, error.column, error.text, text);
        CU_FAIL_FATAL("the policy is refused");
    }
    return policy;
}

/* "changed rule a (action, log); moved rule b; " */
static char *
differences(const char *before, const char *after)
{
    struct acl_policy *a = parse(before), *b = parse(after);
    struct acl_text text = { .n = 0 };
    struct acl_diff diff;
    char *s;

    CU_ASSERT_EQUAL_FATAL(acl_diff(a, b, &diff), 0);
    CU_ASSERT_EQUAL(diff.same, !diff.n);
    for (size_t i = 0; i < diff.n; i++) {
        const struct acl_diff_entry *e = &diff.entries[i];

        CU_ASSERT(strstr(e->text, e->name) && !strchr(e->text, '\n'));
        CU_ASSERT(e->place.line > 0 && (e->kind == ACL_DIFF_CHANGED) == (e->n_fields > 0));
        acl_text_add(&text, "%s %s %s", acl_diff_kind_name(e->kind), e->what, e->name);
        for (size_t f = 0; f < e->n_fields; f++) {
            acl_text_add(&text, "%s%s", f ? " " : ":", e->fields[f].name);
        }
        acl_text_add(&text, "; ");
    }
    acl_diff_destroy(&diff);
    acl_policy_destroy(a);
    acl_policy_destroy(b);
    s = acl_text_take(&text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    return s;
}

static void
expect(const char *before, const char *after, const char *wanted)
{
    char *found = differences(before, after);

    CU_ASSERT_STRING_EQUAL(found, wanted);
    if (strcmp(found, wanted)) {
        printf("before\n%safter\n%s  found  %s\n  wanted %s\n", before, after, found, wanted);
    }
    free(found);
}

static void
test_same(void)
{
    expect(V, V "rules: []\n", "");
    expect(V "# so\nrules:\n" R("a", "peer: [10.0.0.0/24, '2001:DB8::'], " WEB ", action: allow"),
           V "tiers:\n  application:\n" R(
               "a", "action: allow, log: none, peer: [\"2001:db8:0::/128\", 10.0.0.0/24],"
                    " service: [tcp/443, tcp/80], mode: enforce"),
           "");
    expect(V "services: { w: [tcp/80-90, tcp/91] }\nrules:\n" R(
               "a", "peer: any, service: w, action: drop"),
           V "services: { w: [tcp/80-91] }\nrules:\n" R(
               "a", "peer: any, service: tcp/80-91, action: drop, log: incident"),
           "");
    expect(V "groups: { a: { cidrs: [10.0.0.0/25, 10.0.0.128/25], labels: { x: y, z: w } } "
             "}\npools: [{ group: a }]\n",
           V "groups: { a: { labels: { z: w, x: y }, cidrs: [10.0.0.0/24] } }\npools: [{ group: a, "
             "mode: enforce }]\n",
           "");
    /* the second never holds */
    expect(V "groups: { a: { ports: [p] } }\npools: [{ group: a }, { group: a, mode: audit }]\n",
           V "groups: { a: { ports: [p] } }\npools: [{ group: a }]\n", "");
}

static void
test_rules_changed(void)
{
#define G V "groups: { g: { labels: { x: y } }, h: { ports: [p] } }\n"
    static const struct {
        const char *what, *wanted;
    } examples[] = {
        { "peer: g, " WEB ", action: drop", "changed rule a:action; " },
        { "peer: g, " WEB ", action: allow, log: record", "changed rule a:log; " },
        { "peer: h, " WEB ", action: allow", "changed rule a:peer; " },
        { "peer: any, " WEB ", action: allow", "changed rule a:peer; " },
        { "peer: [g, 10.0.0.1], " WEB ", action: allow", "changed rule a:peer; " },
        { "peer: g, protocol: tcp, ports: [80], action: allow", "changed rule a:service; " },
        { "peer: g, " WEB ", applied_to: h, action: allow", "changed rule a:applied_to; " },
        { "peer: g, " WEB ", action: reject, mode: audit", "changed rule a:action log mode; " },
    };

    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        char after[512];
        const char *log = i == 0 ? ", log: none" : "";

        snprintf(after, sizeof after, G "rules:\n  - { id: a, direction: egress, %s%s }\n",
                 examples[i].what, log);
        expect(G "rules:\n" R("a", "peer: g, " WEB ", action: allow"), after, examples[i].wanted);
    }
    expect(V "rules:\n" R("a", "peer: any, action: allow"),
           V "tiers:\n  default:\n  - { id: a, direction: ingress, peer: any, action: allow }\n",
           "changed rule a:tier direction; ");
    /* an exact port names its tunnel, to those that allow */
    expect(V "rules:\n" R("a", "peer: any, service: [udp/4000-5000], action: allow"),
           V "rules:\n" R("a", "peer: any, service: [udp/4000-5000, udp/4789], action: allow"),
           "changed rule a:service; ");
    expect(V "rules:\n" R("a", "peer: any, service: [udp/4000-5000], action: drop"),
           V "rules:\n" R("a", "peer: any, service: [udp/4000-5000, udp/4789], action: drop"), "");
}

static void
test_order(void)
{
#define A R("a", "peer: any, action: drop")
#define B R("b", "peer: any, action: allow")
#define C R("c", "peer: any, action: reject")
#define D "  - { id: d, direction: ingress, peer: any, action: drop }\n"
    expect(V "rules:\n" A B C, V "rules:\n" B C A, "moved rule a; ");
    expect(V "rules:\n" A B C, V "rules:\n" C A B, "moved rule c; ");
    expect(V "rules:\n" A B C D, V "rules:\n" D A B C, ""); /* another direction */
    expect(V "rules:\n" A B, V "rules:\n" A C B, "added rule c; ");
    expect(V "rules:\n" A C B, V "rules:\n" B A, "removed rule c; moved rule b; ");
    expect(V "tiers:\n  default:\n" A "rules:\n" B, V "rules:\n" B "tiers:\n  default:\n" A, "");
    expect(
        V "groups: { g: { ports: [p] }, h: { ports: [q] } }\npools: [{ group: g }, { group: h }]\n",
        V "groups: { g: { ports: [p] }, h: { ports: [q] } }\npools: [{ group: h }, { group: g }]\n",
        "moved pool h; ");
}

static void
test_detection(void)
{
    expect(V "detection: { worm: { networks: 4 } }\n", V, ""); /* the default */
    expect(V, V "detection: { worm: { networks: 5 } }\n", "changed detection detection:worm; ");
    expect(V, V "detection: { quarantine: { severity: high } }\n",
           "changed detection detection:quarantine; ");
}

static void
test_things(void)
{
    expect(V "groups: { a: { labels: { x: y } }, b: {}, c: { groups: [a], except: { cidrs: "
             "[10.0.0.1] } } }\n",
           V "groups: { a: { labels: { x: z }, ports: [p] }, d: {}, c: { groups: [d], except: { "
             "cidrs: [10.0.0.2] } } }\n",
           "removed group b; changed group a:labels ports; added group d; "
           "changed group c:groups except.cidrs; ");
    expect(V "address_sets: { s: {}, t: {} }\n",
           V "address_sets: { s: { stale_after: 5 } }\ngroups: { t: {} }\n",
           "removed address set t; changed address set s:stale_after; added group t; ");
    expect(V "services: { a: tcp/1, b: tcp/2 }\n", V "services: { b: tcp/3, c: tcp/4 }\n",
           "removed service a; changed service b:parts; added service c; ");
    expect(V "services: { a: udp/4000-5000 }\n", V "services: { a: [udp/4000-5000, udp/4789] }\n",
           "changed service a:parts; ");
    expect(V "groups: { g: { ports: [p] }, h: { ports: [q] } }\npools: [{ group: g }]\n",
           V "groups: { g: { ports: [p] }, h: { ports: [q] } }\npools: [{ group: g, default: "
             "audit, log: none }, { group: h }]\n",
           "changed pool g:default log; added pool h; ");
}

static void
test_texts(void)
{
    struct acl_policy *a = parse(V "rules:\n" R("a", "peer: any, " WEB ", action: drop") B);
    struct acl_policy *b =
        parse(V "rules:\n" B R("a", "peer: 10.0.0.1, " WEB ", action: allow, log: incident") C);
    struct acl_diff diff;

    CU_ASSERT_EQUAL_FATAL(acl_diff(a, b, &diff), 0);
    CU_ASSERT_EQUAL_FATAL(diff.n, 3);
    CU_ASSERT_STRING_EQUAL(diff.entries[1].text,
                           "rule 'a': peer any -> [10.0.0.1/32], action drop -> allow");
    CU_ASSERT_STRING_EQUAL(diff.entries[1].fields[1].name, "action");
    CU_ASSERT_STRING_EQUAL(diff.entries[1].fields[1].before, "drop");
    CU_ASSERT_STRING_EQUAL(diff.entries[1].fields[1].after, "allow");
    CU_ASSERT_STRING_EQUAL(diff.entries[0].text,
                           "rule 'b' moved: it was behind 'a', and is in front");
    CU_ASSERT_STRING_EQUAL(diff.entries[2].text,
                           "rule 'c' added behind 'a' in tier application: "
                           "{ id: c, direction: egress, peer: any, action: reject }");
    acl_diff_destroy(&diff);
    acl_policy_destroy(a);
    acl_policy_destroy(b);
}

/* ---- rules as text ---- */

static void
test_rule_text(void)
{
    static const char *const rules[] = {
        "{ id: a, direction: egress, peer: any, action: allow }",
        "{ id: a, direction: ingress, applied_to: [g, \"-h\"], peer: [g, s, 10.0.0.0/24, "
        "\"2001:db8::/64\", \"::/0\"], protocol: tcp, ports: [80, 8000-8100], action: reject, log: "
        "none }",
        "{ id: \"-\", direction: egress, peer: [\".\"], protocol: icmp, icmp: [8, 3/4], action: "
        "drop, mode: audit }",
        "{ id: 1.5, direction: egress, peer: [null], protocol: 47, action: pass, log: record }",
        "{ id: true, direction: egress, peer: any, service: [udp/53, tcp, icmp, icmpv6/128, 47, "
        "any, "
        "udp/1-9], action: allow }",
        "{ id: a, direction: egress, peer: any, protocol: udp, ports: [4789, 4000-5000], action: "
        "allow, log: incident }",
    };
    char policy_text[1024];

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct acl_policy *policy;
        char *text = NULL;

        snprintf(policy_text, sizeof policy_text,
                 V "groups: { g: { ports: [p] }, \"-h\": { ports: [q] }, '.': {}, null: {} }\n"
                   "address_sets: { s: {} }\nrules:\n  - %s\n",
                 rules[i]);
        policy = parse(policy_text);
        CU_ASSERT_EQUAL_FATAL(acl_rule_text(policy, &policy->rules[0], &text), 0);
        CU_ASSERT_STRING_EQUAL(text, rules[i]);
        free(text);
        acl_policy_destroy(policy);
    }
}

static void
test_protocols_are_no_names(void)
{
    static const char *const names[] = { "tcp", "any", "47", "icmpv6" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct acl_policy *policy;
        struct acl_error error;
        char text[128];

        snprintf(text, sizeof text, V "services: { '%s': tcp/1 }\n", names[i]);
        CU_ASSERT_NOT_EQUAL(
            acl_policy_parse(&(struct acl_source){ text, strlen(text) }, 1, &policy, &error), 0);
        CU_ASSERT(error.line == 2 && error.column == 13 && strstr(error.text, "is a protocol"));
    }
}

CU_TestInfo diff_tests[] = {
    { "detection", test_detection },
    { "the same in other words", test_same },
    { "rules that changed", test_rules_changed },
    { "order", test_order },
    { "groups, sets, services, pools", test_things },
    { "texts for people", test_texts },
    { "rules as YAML", test_rule_text },
    { "no service is called like a protocol", test_protocols_are_no_names },
    CU_TEST_INFO_NULL,
};
