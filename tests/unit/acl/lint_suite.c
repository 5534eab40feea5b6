/* What lint says of policies, and what it must not say. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/lint.h"
#include "acl/spans.h"
#include "acl/text.h"
#include "acl/tunnel.h"
#include "suites.h"

#define HEAD                                                                                       \
    "version: 1\n"                                                                                 \
    "groups:\n"                                                                                    \
    "  sales: { labels: { pool: sales } }\n"                                                       \
    "  sales-2: { labels: { pool: sales, floor: '2' } }\n"                                         \
    "  dev: { labels: { pool: dev } }\n"                                                           \
    "  all: { groups: [sales, dev] }\n"                                                            \
    "  but-dev: { groups: [all], except: { groups: [dev] } }\n"                                    \
    "  lan: { cidrs: [10.0.0.0/16], except: { cidrs: [10.0.6.0/24] } }\n"                          \
    "  six: { cidrs: ['::/0'] }\n"                                                                 \
    "  mixed: { groups: [sales], cidrs: [10.0.0.0/16] }\n"                                         \
    "address_sets: { far: {}, near: {} }\n"

/* Rules as { ID, egress, WHAT }: what makes lint speak is in WHAT. */
#define R(ID, WHAT) "  - { id: " ID ", direction: egress, " WHAT " }\n"
#define IN(ID, WHAT) "  - { id: " ID ", direction: ingress, " WHAT " }\n"
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

/* "shadowed b a; redundant c -; ", of rules only unless 'all'. */
static char *
findings(const struct acl_policy *policy, const struct acl_lint_facts *facts, bool all)
{
    struct acl_text text = { .n = 0 };
    struct acl_finding *list;
    char *s;
    size_t n;

    CU_ASSERT_EQUAL_FATAL(acl_lint(policy, facts, &list, &n), 0);
    for (size_t i = 0; i < n; i++) {
        const struct acl_finding *f = &list[i];
        bool rule = f->kind >= ACL_LINT_CONTRADICTORY && f->kind <= ACL_LINT_REDUNDANT;

        CU_ASSERT(*f->text && !strchr(f->text, '\n'));
        CU_ASSERT(!rule || (f->place.line && strstr(f->text, f->name)));
        if (all || rule) {
            acl_text_add(&text, "%s %s %s; ", acl_finding_name(f->kind), f->name,
                         f->other ? f->other : "-");
        }
    }
    acl_findings_destroy(list, n);
    s = acl_text_take(&text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    return s;
}

static void
expect(const char *text, const char *wanted)
{
    const struct acl_lint_facts facts = { .n_connections = 0 };
    struct acl_policy *policy = parse(text);
    char *found = findings(policy, &facts, false);

    CU_ASSERT_STRING_EQUAL(found, wanted);
    if (strcmp(found, wanted)) {
        printf("%s  found  %s\n  wanted %s\n", text, found, wanted);
    }
    free(found);
    acl_policy_destroy(policy);
}

struct example {
    const char *rules, *wanted;
};

static void
expect_all(const struct example *examples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[4096];

        snprintf(text, sizeof text, HEAD "%s", examples[i].rules);
        expect(text, examples[i].wanted);
    }
}
#define EXPECT_ALL(EXAMPLES) expect_all(EXAMPLES, sizeof EXAMPLES / sizeof *(EXAMPLES))

static void
test_kinds(void)
{
    static const struct example examples[] = {
        { "rules:\n" R("a", "peer: lan, action: drop")
              R("b", "peer: 10.0.1.0/24, " WEB ", action: allow"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: lan, action: reject")
              R("b", "peer: 10.0.1.0/24, " WEB ", action: allow"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: lan, " WEB ", action: allow")
              R("b", "peer: lan, protocol: tcp, ports: [443, 80], action: drop"),
          "contradictory b a; " },
        { "rules:\n" R("a", "peer: 10.0.0.0/24, action: reject")
              R("b", "peer: 10.0.0.0/24, action: allow"),
          "contradictory b a; " },
        { "rules:\n" R("a", "peer: lan, " WEB ", action: allow")
              R("b", "peer: lan, service: [tcp/80, tcp/443], action: allow"),
          "duplicate b a; " },
        { "rules:\n" R("a", "peer: lan, action: drop, log: none") R("b", "peer: lan, action: drop"),
          "duplicate b a; " },
        { "rules:\n" R("a", "peer: lan, action: drop, log: none")
              R("b", "peer: 10.0.0.1, action: drop"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: lan, action: drop, log: none")
              R("b", "peer: lan, action: reject, log: none"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: lan, action: allow")
              R("b", "peer: 10.0.0.1, " WEB ", action: allow"),
          "redundant b a; " },
        { "rules:\n" R("a", "peer: 10.0.0.1, " WEB ", action: allow")
              R("b", "peer: lan, action: allow"),
          "redundant a b; " },
        { "rules:\n" R("a", "peer: any, action: drop"), "redundant a -; " },
        { "tiers:\n  infrastructure:\n" R("a", "peer: 10.0.0.1, action: pass") "rules:\n" R(
              "b", "peer: lan, action: allow"),
          "redundant a -; " },
        { "rules:\n" R("a", "peer: 10.0.0.1, action: drop, log: none")
              R("b", "peer: 10.0.0.0/24, action: drop, log: none"),
          "redundant a b; " },
    };

    EXPECT_ALL(examples);
}

static void
test_near_misses(void)
{
    static const struct example examples[] = {
        /* one port, one address, one bit more */
        { "rules:\n" R("a", "peer: lan, protocol: tcp, ports: [80-442], action: reject")
              R("b", "peer: lan, " WEB ", action: allow"),
          "" },
        { "rules:\n" R("a", "peer: lan, action: reject") R("b", "peer: 10.0.6.0/23, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: lan, action: reject") R("b", "peer: 10.0.6.7, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: 0.0.0.0/0, action: reject") R("b", "peer: any, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: six, action: reject") R("b", "peer: 10.0.0.1, action: allow"),
          "" },
        /* the other direction */
        { "rules:\n" R("a", "peer: any, action: reject") IN("b", "peer: any, action: allow"), "" },
        /* ICMP: a code is not a type, a type not the protocol */
        { "rules:\n" R("a", "peer: any, protocol: icmp, icmp: [3/4], action: reject")
              R("b", "peer: any, protocol: icmp, icmp: [3], action: allow"),
          "" },
        { "rules:\n" R("a", "peer: any, protocol: icmp, action: reject")
              R("b", "peer: any, protocol: icmpv6, action: allow"),
          "" },
        /* tunnels are not meant by "any" */
        { "rules:\n" R("a", "peer: any, action: allow")
              R("b", "peer: any, protocol: 47, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: any, protocol: udp, action: allow")
              R("b", "peer: any, protocol: udp, ports: [4789], action: allow"),
          "" },
        { "rules:\n" R("a", "peer: any, action: allow") R("b", "peer: any, action: reject"), "" },
        /* desktops may have any address, and so may sets */
        { "rules:\n" R("a", "peer: lan, action: reject") R("b", "peer: sales, action: allow"), "" },
        { "rules:\n" R("a", "peer: far, action: reject") R("b", "peer: near, action: allow"), "" },
        { "rules:\n" R("a", "peer: but-dev, action: reject") R("b", "peer: sales, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: sales-2, action: reject") R("b", "peer: sales, action: allow"),
          "" },
        /* default deny: logged otherwise, rejected, or needed behind a rule */
        { "rules:\n" R("a", "peer: any, action: drop, log: none"), "" },
        { "rules:\n" R("a", "peer: any, action: reject"), "" },
        { "rules:\n" R("a", "peer: 10.0.0.1, action: drop") R("b", "peer: lan, action: allow"),
          "" },
        { "pools: [{ group: sales, default: audit }]\nrules:\n" R("a", "peer: any, action: drop"),
          "" },
        { "pools: [{ group: sales, log: none }]\nrules:\n" R("a", "peer: any, action: drop"), "" },
        /* a rule in between */
        { "rules:\n" R("a", "peer: 10.0.0.1, action: allow")
              R("b", "peer: 10.0.0.0/24, action: reject") R("c", "peer: lan, action: allow"),
          "" },
        /* would change who decides if 'a' went */
        { "rules:\n" R("a", "peer: 10.0.0.1, " WEB ", action: allow")
              R("b", "peer: 10.0.0.1, " WEB ", action: reject") R("c", "peer: lan, action: allow"),
          "contradictory b a; " },
    };

    EXPECT_ALL(examples);
}

static void
test_groups_and_scopes(void)
{
    static const struct example examples[] = {
        { "rules:\n" R("a", "peer: sales, action: reject") R("b", "peer: sales-2, action: allow"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: all, action: reject")
              R("b", "peer: [sales, dev], action: allow"),
          "contradictory b a; " },
        { "rules:\n" R("a", "peer: mixed, action: reject")
              R("b", "peer: [10.0.0.1, sales], action: allow"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: all, action: reject") R("b", "peer: but-dev, action: allow"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: [far, near], action: reject")
              R("b", "peer: near, action: allow"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: [0.0.0.0/0, six], action: reject")
              R("b", "peer: sales, action: allow"),
          "shadowed b a; " },
        /* applied_to */
        { "rules:\n" R("a", "peer: lan, applied_to: sales, action: reject")
              R("b", "peer: lan, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: lan, applied_to: sales, action: reject")
              R("b", "peer: lan, applied_to: dev, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: lan, action: reject")
              R("b", "peer: lan, applied_to: dev, action: allow"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: lan, applied_to: sales, action: reject")
              R("b", "peer: lan, applied_to: sales-2, action: allow"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: lan, applied_to: [sales, dev], action: reject")
              R("b", "peer: lan, applied_to: all, action: allow"),
          "contradictory b a; " },
        /* whoever is in the CIDR is not of the desktops for that */
        { "rules:\n" R("a", "peer: lan, applied_to: sales-2, action: reject")
              R("b", "peer: lan, applied_to: mixed, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: lan, applied_to: mixed, action: reject")
              R("b", "peer: lan, applied_to: sales, action: allow"),
          "contradictory b a; " },
        /* others' rules do not stand between */
        { "rules:\n" R("a", "peer: 10.0.0.1, applied_to: sales, action: allow")
              R("x", "peer: lan, applied_to: dev, action: reject")
                  R("b", "peer: lan, applied_to: sales, action: allow"),
          "redundant a b; " },
    };

    EXPECT_ALL(examples);
}

static void
test_tiers_and_modes(void)
{
    static const struct example examples[] = {
        { "tiers:\n  emergency:\n" R("a", "peer: lan, action: reject") "rules:\n" R(
              "b", "peer: lan, action: allow"),
          "contradictory b a; " },
        { "tiers:\n  emergency:\n" R("p", "peer: 10.0.0.1, action: pass")
              R("a", "peer: lan, action: reject") "rules:\n" R("b", "peer: lan, action: allow"),
          "" },
        { "tiers:\n  emergency:\n" R("p", "peer: 10.0.6.1, action: pass")
              R("a", "peer: lan, action: reject") "rules:\n" R("b", "peer: lan, action: allow"),
          "redundant p -; contradictory b a; " },
        /* 'a' comes before what passes */
        { "tiers:\n  emergency:\n" R("a", "peer: 10.0.0.1, action: reject")
              R("p", "peer: 10.0.0.0/24, action: pass")
                  R("c", "peer: lan, action: reject") "rules:\n" R("b",
                                                                   "peer: 10.0.0.1, action: allow"),
          "contradictory b a; " },
        { "tiers:\n  emergency:\n" R("p", "peer: lan, action: pass")
              R("a", "peer: 10.0.0.1, action: allow"),
          "shadowed a p; " },
        { "tiers:\n  emergency:\n" R("p", "peer: lan, action: pass")
              R("q", "peer: lan, action: pass") R("d", "peer: any, action: reject") "rules:\n" R(
                  "a", "peer: 10.0.0.1, action: allow"),
          "duplicate q p; " },
        /* audit: it decides nothing, and tells only what comes to it */
        { "rules:\n" R("a", "peer: lan, action: drop, mode: audit")
              R("b", "peer: lan, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: lan, action: drop, mode: audit")
              R("b", "peer: lan, action: drop, log: none"),
          "" },
        { "rules:\n" R("a", "peer: lan, action: allow")
              R("b", "peer: 10.0.0.1, " WEB ", action: drop, mode: audit"),
          "shadowed b a; " },
        { "rules:\n" R("a", "peer: lan, action: drop, mode: audit")
              R("b", "peer: lan, action: drop, mode: audit") R("c", "peer: any, action: allow"),
          "duplicate b a; " },
        { "rules:\n" R("a", "peer: lan, action: drop, mode: audit") R(
              "b", "peer: 10.0.0.1, action: drop, mode: audit") R("c", "peer: any, action: allow"),
          "redundant b a; " },
        { "rules:\n" R("a", "peer: 10.0.0.1, action: allow")
              R("b", "peer: 10.0.0.0/24, action: drop, mode: audit")
                  R("c", "peer: any, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: any, action: drop")
              R("b", "peer: any, action: drop, mode: audit"),
          "shadowed b a; " },
        { "rules:\n" R("b", "peer: any, action: drop, mode: audit"), "" },
    };

    EXPECT_ALL(examples);
}

static void
test_together(void)
{
    static const struct example examples[] = {
        { "rules:\n" R("a", "peer: 10.0.0.0/25, action: reject")
              R("b", "peer: 10.0.0.128/25, action: reject")
                  R("c", "peer: 10.0.0.0/24, action: allow"),
          "shadowed c a; " },
        { "rules:\n" R("a", "peer: 10.0.0.0/25, action: reject")
              R("b", "peer: 10.0.0.129/32, action: reject")
                  R("c", "peer: 10.0.0.0/24, action: allow"),
          "" },
        { "rules:\n" R("a", "peer: lan, protocol: tcp, ports: [0-79], action: reject")
              R("b", "peer: lan, protocol: tcp, ports: [80-90], action: reject")
                  R("c", "peer: lan, protocol: tcp, ports: [70-85], action: reject"),
          "redundant c a; " },
        { "rules:\n" R("a", "peer: lan, protocol: tcp, ports: [0-79], action: reject")
              R("b", "peer: lan, protocol: tcp, ports: [81-90], action: reject")
                  R("c", "peer: lan, protocol: tcp, ports: [70-85], action: reject"),
          "" },
        { "rules:\n" R("a", "peer: sales, action: reject") R("b", "peer: dev, action: reject")
              R("c", "peer: [sales, dev], action: allow"),
          "shadowed c a; " },
        { "rules:\n" R("a", "peer: sales, action: reject") R("b", "peer: lan, action: reject")
              R("c", "peer: [sales, dev], action: allow"),
          "" },
        { "rules:\n" R("a", "peer: 10.0.0.0/25, applied_to: dev, action: reject")
              R("b", "peer: 10.0.0.128/25, action: reject")
                  R("c", "peer: 10.0.0.0/24, action: allow"),
          "" },
    };

    EXPECT_ALL(examples);
}

/* ---- names, and what is cut ---- */

static void
expect_facts(const char *text, const struct acl_lint_facts *facts, const char *wanted)
{
    struct acl_policy *policy = parse(text);
    char *found = findings(policy, facts, true);

    CU_ASSERT_STRING_EQUAL(found, wanted);
    if (strcmp(found, wanted)) {
        printf("%s  found  %s\n  wanted %s\n", text, found, wanted);
    }
    free(found);
    acl_policy_destroy(policy);
}

#define V "version: 1\n"
#define BASICS                                                                                     \
    R("dhcp", "peer: any, service: dhcp, action: allow")                                           \
    R("dns", "peer: any, service: dns, action: allow")

static void
test_names(void)
{
    static const bool members[] = { false, true, false };
    struct acl_lint_facts facts = { .has_members = NULL };

    expect_facts(V "groups: { a: {}, b: { groups: [c] }, c: { labels: { x: y } } }\n"
                   "address_sets: { s: {} }\n"
                   "services: { used: tcp/1, other: tcp/2 }\n"
                   "rules:\n" BASICS R("r", "peer: b, service: used, action: allow"),
                 &facts, "unused-group a -; unused-group s -; unused-service other -; ");
    expect_facts(V "groups: { a: {}, b: { cidrs: [10.0.0.1], except: { cidrs: [10.0.0.0/24] } } }\n"
                   "rules:\n" BASICS R("r", "peer: [a, b], action: allow"),
                 &facts, "empty-group a -; empty-group b -; ");
    facts.has_members = members; /* s, a, b */
    expect_facts(
        V "address_sets: { s: {} }\n"
          "groups: { a: { labels: { x: y } }, b: { labels: { x: z } } }\n"
          "rules:\n" BASICS R("r", "peer: [s, a, b, 10.0.0.1], action: allow"),
        &(struct acl_lint_facts){ .has_members = (const bool[]){ false, true, false, false } },
        "empty-group s -; empty-group b -; ");
    expect_facts(V
                 "groups: { a: { labels: { x: y } }, b: { labels: { x: z } } }\n"
                 "pools: [{ group: a }, { group: b }]\n"
                 "rules:\n" R("d", "peer: any, applied_to: a, service: [dns, dhcp], action: allow"),
                 &(struct acl_lint_facts){ .n_connections = 0 }, "no-rules-for b -; ");
}

static void
test_dhcp_and_dns(void)
{
    const struct acl_lint_facts facts = { .n_connections = 0 };

    expect_facts(V, &facts, "cuts-dhcp dhcp -; cuts-dns dns -; ");
    expect_facts(V "rules:\n" BASICS, &facts, "");
    expect_facts(V "rules:\n" R("a", "peer: 10.0.0.1, action: allow"), &facts, "");
    expect_facts(V "rules:\n" IN("a", "peer: any, action: allow"), &facts,
                 "cuts-dhcp dhcp -; cuts-dns dns -; ");
    expect_facts(V "rules:\n" R("d", "peer: any, protocol: udp, ports: [67, 547], action: reject")
                     R("a", "peer: any, action: allow"),
                 &facts, "cuts-dhcp dhcp -; ");
    expect_facts(
        V "rules:\n" R("d", "peer: 10.0.0.0/24, protocol: udp, ports: [67, 547], action: reject")
            R("a", "peer: any, action: allow"),
        &facts, "");
    expect_facts(V "rules:\n" R("d", "peer: any, service: dns, action: reject, mode: audit")
                     R("a", "peer: any, action: allow"),
                 &facts, "");
    expect_facts(V "groups: { g: { labels: { x: y } } }\npools: [{ group: g, mode: audit }]\n"
                   "rules:\n" R("d", "peer: any, action: reject"),
                 &facts, "");
    expect_facts(V "groups: { g: { labels: { x: y } } }\npools: [{ group: g, default: audit }]\n"
                   "rules:\n" R("d", "peer: any, service: dns, action: reject"),
                 &facts, "cuts-dns dns -; ");
}

/* The groups that are named, separated by spaces. */
static struct acl_question
asked(const struct acl_policy *policy, const char *port, const char *peer, uint32_t groups[2][4])
{
    struct acl_question q = {
        .direction = ACL_EGRESS,
        .protocol = 6,
        .service = 8443,
        .port_groups = groups[0],
        .peer_groups = groups[1],
    };

    for (uint32_t g = 0; g < policy->n_groups; g++) {
        const char *name = policy->groups[g].name;

        if (strstr(port, name)) {
            groups[0][q.n_port_groups++] = g;
        }
        if (strstr(peer, name) || !strcmp(name, "10.0.0.5")) {
            groups[1][q.n_peer_groups++] = g;
        }
    }
    return q;
}

/* Of a client in 'sales' whose switch is 10.0.0.5, in 'lan'. */
static void
expect_cut(const char *before, const char *after, bool cut)
{
    uint32_t old_groups[2][4], new_groups[2][4];
    struct acl_policy *old = parse(before), *new = parse(after);
    struct acl_lint_connection c = {
        .before = asked(old, "sales", "lan", old_groups),
        .after = asked(new, "sales", "lan", new_groups),
        .name = "10.1.0.7",
        .what = "the client",
    };
    struct acl_lint_facts facts = { .connections = &c, .n_connections = 1, .before = old };
    char *found = findings(new, &facts, true);

    CU_ASSERT_EQUAL(strstr(found, "cuts-controller 10.1.0.7 -;") != NULL, cut);
    free(found);
    acl_policy_destroy(old);
    acl_policy_destroy(new);
}

static void
test_cuts(void)
{
    static const char open[] = HEAD "rules:\n" R("a", "peer: lan, action: allow");

    expect_cut(open, open, false);
    expect_cut(V, V, false);
    expect_cut(open, V, true);
    expect_cut(open, HEAD "rules:\n" R("a", "peer: lan, " WEB ", action: allow"), true);
    expect_cut(open, HEAD "rules:\n" R("a", "peer: sales, action: allow"), true);
    expect_cut(open, HEAD "rules:\n" R("a", "peer: lan, applied_to: dev, action: allow"), true);
    expect_cut(open, HEAD "rules:\n" R("a", "peer: lan, applied_to: sales, action: allow"), false);
    expect_cut(open,
               HEAD "rules:\n" R("d", "peer: 10.0.0.5, action: reject")
                   R("a", "peer: lan, action: allow"),
               true);
    expect_cut(open,
               HEAD "rules:\n" R("d", "peer: 10.0.0.5, applied_to: dev, action: reject")
                   R("a", "peer: lan, action: allow"),
               false);
    expect_cut(
        open,
        HEAD "tiers:\n  emergency:\n" R("p", "peer: lan, action: pass")
            R("d", "peer: 10.0.0.5, action: reject") "rules:\n" R("a", "peer: lan, action: allow"),
        false);
    expect_cut(open,
               HEAD "tiers:\n  emergency:\n" R("p", "peer: lan, action: pass")
                   R("a", "peer: 10.0.0.5, action: allow"),
               true);
    /* A rule in audit mode denies nothing, and so do pools. */
    expect_cut(open,
               HEAD "rules:\n" R("d", "peer: any, action: drop, mode: audit")
                   R("a", "peer: lan, action: allow"),
               false);
    expect_cut(open,
               HEAD
               "pools: [{ group: sales, mode: audit }]\nrules:\n" R("d", "peer: any, action: drop"),
               false);
    expect_cut(open, HEAD "pools: [{ group: sales, default: audit }]\n", false);
    expect_cut(open,
               HEAD "pools: [{ group: sales, default: audit }]\nrules:\n" R(
                   "d", "peer: any, action: drop"),
               true);
    expect_cut(open, HEAD "pools: [{ group: dev, mode: audit }]\n", true);
}

/* Every place and the order of findings. */
static void
test_places(void)
{
    static const char text[] = HEAD "rules:\n" BASICS R("x", "peer: lan, action: allow")
        R("y", "peer: lan, action: drop") R("z", "peer: 10.0.0.1, action: allow");
    const struct acl_lint_facts facts = { .n_connections = 0 };
    struct acl_policy *policy = parse(text);
    struct acl_finding *list;
    unsigned line = 0;
    size_t n;

    CU_ASSERT_EQUAL_FATAL(acl_lint(policy, &facts, &list, &n), 0);
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT(list[i].place.line >= line);
        line = list[i].place.line;
    }
    CU_ASSERT_FATAL(n >= 1);
    CU_ASSERT_STRING_EQUAL(list[n - 1].name, "z");
    CU_ASSERT_EQUAL(list[n - 1].place.column, 11);
    CU_ASSERT_EQUAL(list[n - 1].place.line, list[n - 1].other_place.line + 2);
    CU_ASSERT_EQUAL(list[n - 1].severity, ACL_NOTE);
    acl_findings_destroy(list, n);
    acl_policy_destroy(policy);
}

/* ---- spans, against sets of bits ---- */

static uint64_t
random_spans(struct acl_spans *spans)
{
    uint64_t bits = 0;

    *spans = (struct acl_spans){ .n = 0 };
    for (uint32_t i = test_below(6); i-- > 0;) {
        uint32_t lo = test_below(64), hi = lo + test_below(64 - lo);

        CU_ASSERT_TRUE(acl_spans_add(spans, lo, hi));
        for (uint32_t b = lo; b <= hi; b++) {
            bits |= UINT64_C(1) << b;
        }
    }
    acl_spans_normalise(spans);
    return bits;
}

static uint64_t
bits_of(const struct acl_spans *spans)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < spans->n; i++) {
        CU_ASSERT(!i || spans->v[i].lo > spans->v[i - 1].hi + 1);
        for (acl_u128 b = spans->v[i].lo; b <= spans->v[i].hi; b++) {
            bits |= UINT64_C(1) << (unsigned) b;
        }
    }
    return bits;
}

static void
test_spans(void)
{
    for (int i = 0; i < 20000; i++) {
        struct acl_spans a, b, rest;
        uint64_t x = random_spans(&a), y = random_spans(&b);

        CU_ASSERT_EQUAL(bits_of(&a), x);
        CU_ASSERT_EQUAL(acl_spans_contain(&a, &b), !(y & ~x));
        CU_ASSERT_EQUAL(acl_spans_meet(&a, &b), (x & y) != 0);
        CU_ASSERT_EQUAL(acl_spans_equal(&a, &b), x == y);
        CU_ASSERT_TRUE(acl_spans_subtract(&a, &b, &rest));
        CU_ASSERT_EQUAL(bits_of(&rest), x & ~y);
        acl_spans_destroy(&a);
        acl_spans_destroy(&b);
        acl_spans_destroy(&rest);
    }
}

CU_TestInfo lint_tests[] = {
    { "spans are sets", test_spans },
    { "every kind of rule that decides nothing", test_kinds },
    { "near misses", test_near_misses },
    { "groups, and rules for some desktops", test_groups_and_scopes },
    { "tiers and audit mode", test_tiers_and_modes },
    { "several rules cover one", test_together },
    { "groups, services and pools", test_names },
    { "DHCP and DNS", test_dhcp_and_dns },
    { "what is cut", test_cuts },
    { "places and order", test_places },
    CU_TEST_INFO_NULL,
};
