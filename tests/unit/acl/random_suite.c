/* Lint, diff and rules as text, held against the production tables: random policies of a few
 * groups, and a grid of packets over all that these tell apart.  What lint would take away changes
 * no verdict, one by one and all at once; and no two policies of which a verdict differs are the
 * same to diff. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "acl/diff.h"
#include "acl/format.h"
#include "acl/lint.h"
#include "acl/tunnel.h"
#include "suites.h"

#define MAX_RULES 12
#define MAX_GROUPS 64

static const char *const peers[] = {
    "any",
    "any",
    "lan",
    "low",
    "high",
    "hole",
    "x",
    "y",
    "x-a",
    "both",
    "but-x",
    "mixed",
    "far",
    "six",
    "empty",
    "'::/0'",
    "0.0.0.0/0",
    "10.0.0.0/25",
    "10.0.0.128/25",
    "10.0.0.7",
    "[low, high]",
    "[x, y]",
    "[far, x]",
    "[0.0.0.0/0, six]",
};
static const char *const scopes[] = { "x", "y", "x-a", "both", "but-x", "mixed", "[x, y]" };
static const char *const services[] = {
    "protocol: any",
    "protocol: tcp",
    "protocol: tcp, ports: [80]",
    "protocol: tcp, ports: [80-90]",
    "protocol: tcp, ports: [0-79, 81-65535]",
    "protocol: udp",
    "protocol: udp, ports: [4789]",
    "protocol: udp, ports: [4000-5000]",
    "protocol: udp, ports: [4000-5000, 4789]",
    "protocol: icmp",
    "protocol: icmp, icmp: [8]",
    "protocol: icmp, icmp: [8/0]",
    "protocol: 47",
    "service: [tcp, udp]",
    "service: [tcp/80, 47]",
};
#define PICK(LIST) (LIST[test_below(sizeof(LIST) / sizeof *(LIST))])

static const char head[] =
    "version: 1\n"
    "groups:\n"
    "  lan: { cidrs: [10.0.0.0/24] }\n"
    "  low: { cidrs: [10.0.0.0/25] }\n"
    "  high: { groups: [lan], except: { groups: [low] } }\n"
    "  hole: { groups: [lan], except: { cidrs: [10.0.0.7] } }\n"
    "  x: { labels: { k: x } }\n"
    "  y: { labels: { k: y } }\n"
    "  x-a: { labels: { k: x, f: a } }\n"
    "  both: { groups: [x, y] }\n"
    "  but-x: { groups: [both], except: { groups: [x-a] } }\n"
    "  mixed: { groups: [x], cidrs: [10.0.0.0/25], except: { cidrs: [10.0.0.7] } }\n"
    "  six: { cidrs: ['::/0'] }\n"
    "  empty: { cidrs: [10.9.9.9], except: { cidrs: [10.9.9.0/24] } }\n"
    "address_sets: { far: {} }\n";
static const char *const pools[] = { "", "", "pools: [{ group: x, default: audit }]\n",
                                     "pools: [{ group: both, mode: audit }]\n",
                                     "pools: [{ group: y, log: record }]\n" };

/* A rule as its parts, so that it can be changed and put together again. */
struct draft_rule {
    char match[160]; /* peer, service and applied_to */
    char text[256];  /* of the flow mapping, behind the id */
    unsigned id;
    int tier;
};

struct draft {
    struct draft_rule rules[MAX_RULES];
    size_t n;
    const char *pool;
};

static void
draft_match(struct draft_rule *rule)
{
    int n = snprintf(rule->match, sizeof rule->match, "peer: %s, %s", PICK(peers), PICK(services));

    if (!test_below(3)) {
        snprintf(rule->match + n, sizeof rule->match - (size_t) n, ", applied_to: %s",
                 PICK(scopes));
    }
}

static void
draft_rule(struct draft *d, size_t i, unsigned id)
{
    static const char *const actions[] = { "allow", "allow", "drop", "drop", "reject", "pass" };
    static const char *const logs[] = { "", "", "", ", log: record", ", log: none" };
    struct draft_rule rule = { .id = id, .tier = (int) test_below(3) + 1 };
    const char *action = PICK(actions);

    if (rule.tier == ACL_DEFAULT && !strcmp(action, "pass")) {
        action = "drop";
    }
    /* Now and then the match of the rule in front, which chance would not make often. */
    if (!i || test_below(4)) {
        draft_match(&rule);
    } else {
        memcpy(rule.match, d->rules[i - 1].match, sizeof rule.match);
    }
    snprintf(rule.text, sizeof rule.text, "direction: egress, %s, action: %s%s%s", rule.match,
             action, PICK(logs),
             (*action == 'd' || *action == 'r') && !test_below(4) ? ", mode: audit" : "");
    d->rules[i] = rule;
}

static void
draft(struct draft *d)
{
    d->n = test_below(MAX_RULES - 2) + 1;
    d->pool = PICK(pools);
    for (size_t i = 0; i < d->n; i++) {
        draft_rule(d, i, (unsigned) i);
    }
}

/* Without the rules whose ids are in 'gone'. */
static struct acl_policy *
build(const struct draft *d, const bool *gone)
{
    struct acl_text text = { .n = 0 };
    struct acl_policy *policy = NULL;
    struct acl_error error = { .text = "" };
    char *s;

    acl_text_add(&text, "%s%stiers:\n", head, d->pool);
    for (int tier = 0; tier < ACL_N_TIERS; tier++) {
        acl_text_add(&text, "  %s: [\n", acl_tier_name((enum acl_tier) tier));
        for (size_t i = 0; i < d->n; i++) {
            if (d->rules[i].tier == tier && !(gone && gone[d->rules[i].id])) {
                acl_text_add(&text, "    { id: r%u, %s },\n", d->rules[i].id, d->rules[i].text);
            }
        }
        acl_text_add(&text, "    ]\n");
    }
    s = acl_text_take(&text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    if (acl_policy_parse(&(struct acl_source){ s, strlen(s) }, 1, &policy, &error)) {
        printf("%u:%u: %s\n%s", error.line, error.column, error.text, s);
        CU_FAIL_FATAL("the policy is refused");
    }
    free(s);
    return policy;
}

/* ---- verdicts ---- */

/* Desktops by their labels; the addresses of some are in the LAN. */
static const struct desktop {
    struct acl_label labels[2];
    size_t n;
    const char *address;
} desktops[] = {
    { { { (char *) "k", (char *) "x" } }, 1, "10.0.0.9" },
    { { { (char *) "k", (char *) "x" }, { (char *) "f", (char *) "a" } }, 2, "10.0.0.200" },
    { { { (char *) "k", (char *) "y" } }, 1, "10.1.0.1" },
    { { { (char *) "f", (char *) "a" } }, 1, "2001:db8::9" },
};
#define N_DESKTOPS (sizeof desktops / sizeof *desktops)
static const char *const addresses[] = { "10.0.0.1",   "10.0.0.7",    "10.0.0.9",   "10.0.0.200",
                                         "10.0.0.201", "10.1.0.1",    "10.2.0.1",   "10.0.0.8",
                                         "10.9.9.9",   "2001:db8::9", "2001:db8::1" };
#define N_ADDRESSES (sizeof addresses / sizeof *addresses)
static const struct {
    uint8_t protocol;
    uint16_t port;
} packets[] = { { 6, 80 },    { 6, 85 },    { 6, 443 },   { 17, 4789 }, { 17, 4500 }, { 17, 53 },
                { 1, 0x800 }, { 1, 0x801 }, { 1, 0x300 }, { 47, 0 },    { 50, 0 } };
#define N_PACKETS (sizeof packets / sizeof *packets)
#define N_OUTCOMES (N_DESKTOPS * N_ADDRESSES * N_PACKETS)

static void
add_member(struct acl_member *members, size_t *n, const char *prefix, uint32_t raw)
{
    CU_ASSERT_TRUE(acl_prefix_parse(prefix, &members[*n].prefix));
    members[(*n)++].group = raw;
}

static size_t
list_members(const struct acl_policy *policy, struct acl_member *members)
{
    uint32_t raw[2 * MAX_GROUPS], set;
    size_t n = 0, n_raw;

    for (uint32_t g = 0; g < policy->n_groups; g++) {
        const struct acl_group *group = &policy->groups[g];

        for (size_t i = 0; i < group->in.n_prefixes; i++) {
            members[n++] = (struct acl_member){ group->in.prefixes[i], ACL_RAW_IN(g) };
        }
        for (size_t i = 0; i < group->out.n_prefixes; i++) {
            members[n++] = (struct acl_member){ group->out.prefixes[i], ACL_RAW_OUT(g) };
        }
    }
    for (size_t d = 0; d < N_DESKTOPS; d++) {
        acl_groups_of_port(policy, "p", desktops[d].labels, desktops[d].n, raw, &n_raw);
        for (size_t i = 0; i < n_raw; i++) {
            add_member(members, &n, desktops[d].address, raw[i]);
        }
    }
    CU_ASSERT_TRUE_FATAL(acl_group_find(policy, "far", &set));
    add_member(members, &n, "10.2.0.1", ACL_RAW_IN(set));
    add_member(members, &n, "10.0.0.8", ACL_RAW_IN(set));
    return n;
}

/* What is done: by the verdict, and by the pool (as the datapath's judge has it). */
static uint16_t
outcome(const struct acl_table *table, const struct acl_key *key, const struct acl_pool *pool)
{
    bool denies, told = pool && pool->audit;
    struct acl_verdict v;

    acl_table_lookup(table, key, &v);
    denies = v.action != ACL_ALLOW;
    if (v.rule == ACL_RULE_DEFAULT) {
        v.log = (uint8_t) (pool ? pool->default_log : ACL_LOG_INCIDENT);
        told = told || (pool && pool->audit_default);
    }
    return (uint16_t) (v.action | v.log << 4 | (denies && told) << 8 | v.audited << 9 |
                       (v.audited ? v.audit_log : 0) << 10);
}

static void
judge_desktop(const struct acl_policy *policy, struct acl_compiled *compiled,
              const struct acl_classmap *map, const struct desktop *desktop, uint16_t *outcomes)
{
    uint32_t raw[2 * MAX_GROUPS], groups[MAX_GROUPS];
    size_t n_raw, n_groups, scope;

    acl_groups_of_port(policy, "p", desktop->labels, desktop->n, raw, &n_raw);
    CU_ASSERT_TRUE(acl_groups_resolve(policy, raw, n_raw, groups, &n_groups));
    CU_ASSERT_EQUAL_FATAL(acl_compile_scope(policy, compiled, groups, n_groups, &scope), 0);
    for (size_t i = 0; i < N_ADDRESSES * N_PACKETS; i++) {
        uint16_t port = packets[i % N_PACKETS].port;
        struct acl_key key = { .dport = port };
        struct acl_addr addr;

        key.protocol = acl_key_protocol(packets[i % N_PACKETS].protocol, port);
        acl_addr_parse(addresses[i / N_PACKETS], &addr);
        key.peer_class = acl_classmap_lookup(map, &addr);
        outcomes[i] = outcome(compiled->scopes[scope].table[ACL_EGRESS], &key,
                              acl_pool_of(policy, groups, n_groups));
    }
}

static void
judge(const struct acl_policy *policy, uint16_t outcomes[N_OUTCOMES])
{
    static const uint32_t slots[MAX_RULES], defaults[ACL_N_DIRECTIONS];
    struct acl_member members[256];
    struct acl_compiled compiled;
    struct acl_classmap *map;
    size_t n = list_members(policy, members);

    CU_ASSERT_EQUAL_FATAL(acl_compile(policy, slots, defaults, members, n, &compiled), 0);
    map = acl_classmap_build(compiled.classes, policy, members, n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(map);
    for (size_t d = 0; d < N_DESKTOPS; d++) {
        judge_desktop(policy, &compiled, map, &desktops[d], outcomes + d * N_ADDRESSES * N_PACKETS);
    }
    acl_classmap_destroy(map);
    acl_compiled_destroy(&compiled);
}

/* ---- lint ---- */

/* Whether the policy without these rules judges alike; says which one does not. */
static bool
may_go(const struct draft *d, const bool *gone, const uint16_t *wanted, const char *what)
{
    struct acl_policy *policy = build(d, gone);
    uint16_t outcomes[N_OUTCOMES];
    bool alike;

    judge(policy, outcomes);
    acl_policy_destroy(policy);
    alike = !memcmp(outcomes, wanted, sizeof outcomes);
    if (!alike) {
        printf("%s\n%s", what, d->pool);
        for (size_t i = 0; i < d->n; i++) {
            printf("  %-15s r%u %s\n", acl_tier_name((enum acl_tier) d->rules[i].tier),
                   d->rules[i].id, d->rules[i].text);
        }
    }
    return alike;
}

static bool
check_lint(const struct draft *d, size_t seen[ACL_N_FINDINGS])
{
    const struct acl_lint_facts facts = { .n_connections = 0 };
    struct acl_policy *policy = build(d, NULL);
    bool all[MAX_RULES + 1] = { false }, ok = true;
    uint16_t wanted[N_OUTCOMES];
    struct acl_finding *list;
    size_t n;

    judge(policy, wanted);
    CU_ASSERT_EQUAL_FATAL(acl_lint(policy, &facts, &list, &n), 0);
    for (size_t i = 0; i < n && ok; i++) {
        bool one[MAX_RULES + 1] = { false };
        unsigned r = (unsigned) atoi(list[i].name + 1);

        seen[list[i].kind]++;
        if (list[i].kind >= ACL_LINT_CONTRADICTORY && list[i].kind <= ACL_LINT_REDUNDANT) {
            CU_ASSERT_FALSE(all[r]); /* one finding for each */
            all[r] = one[r] = true;
            ok = may_go(d, one, wanted, list[i].text);
        }
    }
    ok = ok && may_go(d, all, wanted, "all that is reported together");
    acl_findings_destroy(list, n);
    acl_policy_destroy(policy);
    return ok;
}

static void
test_lint_is_true(void)
{
    size_t seen[ACL_N_FINDINGS] = { 0 };
    bool ok = true;

    for (int i = 0; i < 2000 && ok; i++) {
        struct draft d;

        draft(&d);
        ok = check_lint(&d, seen);
    }
    CU_ASSERT_TRUE(ok);
    for (int kind = ACL_LINT_CONTRADICTORY; kind <= ACL_LINT_REDUNDANT; kind++) {
        CU_ASSERT(seen[kind] > 50);
    }
}

/* ---- diff ---- */

static void
mutate(struct draft *d)
{
    size_t i = test_below((uint32_t) d->n), j = test_below((uint32_t) d->n);
    struct draft_rule rule = d->rules[i];

    switch (test_below(5)) {
    case 0: /* another rule of that id */
        draft_rule(d, i, rule.id);
        break;
    case 1: /* moved */
        d->rules[i] = d->rules[j];
        d->rules[j] = rule;
        break;
    case 2: /* taken away */
        d->rules[i] = d->rules[--d->n];
        break;
    case 3:
        draft_rule(d, d->n++, MAX_RULES);
        break;
    default:
        d->pool = PICK(pools);
    }
}

static bool
is_same(const struct acl_policy *a, const struct acl_policy *b)
{
    struct acl_diff diff;
    bool same;

    CU_ASSERT_EQUAL_FATAL(acl_diff(a, b, &diff), 0);
    same = diff.same;
    acl_diff_destroy(&diff);
    return same;
}

static void
test_diff_misses_nothing(void)
{
    size_t n_differ = 0, n_same = 0;

    for (int i = 0; i < 1500; i++) {
        uint16_t before[N_OUTCOMES], after[N_OUTCOMES];
        struct acl_policy *a, *b;
        struct draft d;
        bool same;

        draft(&d);
        a = build(&d, NULL);
        mutate(&d);
        b = build(&d, NULL);
        judge(a, before);
        judge(b, after);
        same = is_same(a, b);
        n_same += same;
        if (memcmp(before, after, sizeof before)) {
            CU_ASSERT_FALSE(same);
            n_differ++;
        }
        CU_ASSERT_TRUE(is_same(a, a));
        acl_policy_destroy(a);
        acl_policy_destroy(b);
    }
    CU_ASSERT(n_differ > 200 && n_same > 50);
}

/* ---- rules as text ---- */

/* Puts what the policy's rule says as text in the place of the draft's. */
static void
rewrite(struct draft *d, const struct acl_policy *policy, const struct acl_rule *rule)
{
    unsigned id = (unsigned) atoi(rule->id + 1);
    char *text, *rest;
    size_t at = 0;

    CU_ASSERT_EQUAL_FATAL(acl_rule_text(policy, rule, &text), 0);
    while (d->rules[at].id != id) {
        at++;
    }
    rest = strchr(text, ',') + 2; /* behind "{ id: r1, ", and without " }" */
    snprintf(d->rules[at].text, sizeof d->rules[at].text, "%.*s", (int) strlen(rest) - 2, rest);
    free(text);
}

static void
test_text_and_back(void)
{
    for (int i = 0; i < 500; i++) {
        struct acl_policy *a, *b;
        struct draft d;

        draft(&d);
        a = build(&d, NULL);
        for (size_t r = 0; r < a->n_rules; r++) {
            rewrite(&d, a, &a->rules[r]);
        }
        b = build(&d, NULL);
        CU_ASSERT_TRUE(is_same(a, b));
        acl_policy_destroy(a);
        acl_policy_destroy(b);
    }
}

CU_TestInfo random_tests[] = {
    { "what lint takes away changes no verdict", test_lint_is_true },
    { "no change of a verdict without a difference", test_diff_misses_nothing },
    { "rules to text and back", test_text_and_back },
    CU_TEST_INFO_NULL,
};
