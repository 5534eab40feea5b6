#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "suites.h"

#define N_GROUPS 40
#define DEFAULT_SLOT 99999u

/* Rules and what they point to. */
struct rules {
    struct acl_table_rule rule[5000];
    uint32_t groups[5000][4];
    struct acl_range ranges[5000][4];
};

static void
add_random_class(struct acl_classes *classes)
{
    uint32_t groups[N_GROUPS];
    size_t n = 0;

    for (uint32_t g = 0; g < N_GROUPS; g++) {
        if (!test_below(8)) {
            groups[n++] = g;
        }
    }
    acl_classes_intern(classes, groups, n);
}

static struct acl_range
random_range(void)
{
    static const uint16_t edges[] = { 0, 1, 80, 255, 256, 1023, 1024, 65534, 65535 };
    uint16_t a = test_below(2) ? edges[test_below(9)] : (uint16_t) test_random();
    uint16_t b = test_below(2) ? a : (uint16_t) test_random();

    return (struct acl_range){ a < b ? a : b, a < b ? b : a };
}

/* Some are in audit mode, and some of all but the last quarter pass to the next one. */
static void
decide_nothing(struct acl_table_rule *rule, size_t i, size_t n)
{
    size_t quarter = (n + 3) / 4;

    if (!test_below(8)) {
        rule->audit = true;
    } else if (i / quarter < ACL_N_TIERS - 1 && !test_below(4)) {
        rule->action = ACL_PASS;
        rule->pass_to =
            (uint32_t) ((i / quarter + 1) * quarter < n ? (i / quarter + 1) * quarter : n);
    }
}

static bool
same_verdict(const struct acl_verdict *a, const struct acl_verdict *b)
{
    return a->rule == b->rule && a->slot == b->slot && a->action == b->action && a->log == b->log &&
           a->audited == b->audited && a->n_passed == b->n_passed &&
           !memcmp(a->passed_slot, b->passed_slot, a->n_passed * sizeof a->passed_slot[0]) &&
           (!a->audited || (a->audit_rule == b->audit_rule && a->audit_slot == b->audit_slot &&
                            a->audit_log == b->audit_log));
}

/* Bits of 'fields' say which fields the rules use: peer, local, sport, dport, protocol. */
static void
make_rules(struct rules *rules, size_t n, unsigned fields)
{
    for (size_t i = 0; i < n; i++) {
        struct acl_table_rule *rule = &rules->rule[i];

        for (int j = 0; j < 4; j++) {
            rules->groups[i][j] = test_below(N_GROUPS);
            rules->ranges[i][j] = random_range();
        }
        *rule = (struct acl_table_rule){
            .peer_groups = &rules->groups[i][0],
            .n_peer_groups = fields & 1 ? test_below(3) : 0,
            .local_groups = &rules->groups[i][2],
            .n_local_groups = fields & 2 ? test_below(3) : 0,
            .sports = &rules->ranges[i][0],
            .n_sports = fields & 4 ? test_below(3) : 0,
            .dports = &rules->ranges[i][2],
            .n_dports = fields & 8 ? test_below(3) : 0,
            .protocol = fields & 16 && test_below(4) ? (int) test_below(256) : ACL_PROTO_ANY,
            .action = (enum acl_action) test_below(3),
            .log = (enum acl_log) test_below(3),
            .slot = (uint32_t) test_random(),
        };
        decide_nothing(rule, i, n);
    }
}

static size_t
count_differences(const struct acl_table *table, const struct rules *rules, size_t n,
                  const struct acl_classes *peer, const struct acl_classes *local, size_t headers)
{
    size_t different = 0;

    for (size_t i = 0; i < headers; i++) {
        const struct acl_table_rule *rule = n ? &rules->rule[test_below((uint32_t) n)] : NULL;
        struct acl_range range =
            rule ? rules->ranges[rule - rules->rule][test_below(4)] : (struct acl_range){ 0, 0 };
        struct acl_key key = {
            .peer_class = test_below((uint32_t) acl_classes_count(peer)),
            .local_class = test_below((uint32_t) acl_classes_count(local)),
            .sport = test_below(2) ? range.lo : (uint16_t) (range.hi + test_below(2)),
            .dport = test_below(2) ? range.hi : (uint16_t) (range.lo - test_below(2)),
            .protocol = rule && rule->protocol >= 0 ? (uint8_t) rule->protocol : 6,
        };
        struct acl_verdict a, b;

        acl_table_lookup(table, &key, &a);
        acl_oracle_lookup(rules->rule, n, peer, local, DEFAULT_SLOT, &key, &b);
        different += !same_verdict(&a, &b);
    }
    return different;
}

static void
check_random(struct rules *rules, size_t n, unsigned fields, size_t headers)
{
    struct acl_classes *peer = acl_classes_create(), *local = acl_classes_create();
    struct acl_table *table, *extended, *whole;

    for (int i = 0; i < 30; i++) {
        add_random_class(peer);
        add_random_class(local);
    }
    make_rules(rules, n, fields);
    table = acl_table_build(rules->rule, n, peer, local, DEFAULT_SLOT);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    CU_ASSERT_EQUAL(acl_table_n_rules(table), n);
    CU_ASSERT_EQUAL(count_differences(table, rules, n, peer, local, headers), 0);

    for (int i = 0; i < 30; i++) {
        add_random_class(peer);
    }
    extended = acl_table_extend(table, peer);
    whole = acl_table_build(rules->rule, n, peer, local, DEFAULT_SLOT);
    CU_ASSERT_PTR_NOT_NULL_FATAL(extended);
    CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
    CU_ASSERT_EQUAL(acl_table_digest(extended), acl_table_digest(whole));
    CU_ASSERT_NOT_EQUAL(acl_table_digest(extended), acl_table_digest(table));
    acl_table_destroy(table); /* the extended one holds what they share */
    CU_ASSERT_EQUAL(count_differences(extended, rules, n, peer, local, headers), 0);
    for (uint32_t class = 0; class < acl_classes_count(peer); class ++) {
        CU_ASSERT_EQUAL(acl_table_may_reach(extended, class), acl_table_may_reach(whole, class));
    }
    acl_table_destroy(whole);
    acl_table_destroy(extended);
    acl_classes_destroy(peer);
    acl_classes_destroy(local);
}

static void
test_random_tables(void)
{
    static const size_t sizes[] = { 1, 2, 63, 64, 65, 127, 128, 1000 };
    struct rules *rules = malloc(sizeof *rules);

    for (unsigned fields = 0; fields < 32; fields++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            check_random(rules, sizes[i], fields, 200);
        }
    }
    free(rules);
}

/* More than 64 words, so that there are several summary words. */
static void
test_large_tables(void)
{
    struct rules *rules = malloc(sizeof *rules);

    check_random(rules, 4096, 31, 1000);
    check_random(rules, 4097, 31, 1000);
    check_random(rules, 5000, 25, 1000);
    free(rules);
}

/* Each rule accepts one port only, so that every rule in turn must be found, the last ones too. */
static void
test_every_rule_is_found(void)
{
    struct rules *rules = malloc(sizeof *rules);
    struct acl_classes *peer = acl_classes_create();
    size_t n = 4999, wrong = 0;
    struct acl_table *table;

    for (size_t i = 0; i < n; i++) {
        rules->ranges[i][0] = (struct acl_range){ (uint16_t) (i * 13), (uint16_t) (i * 13 + 12) };
        rules->rule[i] = (struct acl_table_rule){ .dports = rules->ranges[i],
                                                  .n_dports = 1,
                                                  .protocol = 6,
                                                  .action = ACL_ALLOW,
                                                  .slot = (uint32_t) i + 5 };
    }
    table = acl_table_build(rules->rule, n, peer, NULL, DEFAULT_SLOT);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    for (uint32_t port = 0; port <= UINT16_MAX; port++) {
        struct acl_key key = { .dport = (uint16_t) port, .protocol = 6 };
        struct acl_verdict v;

        acl_table_lookup(table, &key, &v);
        wrong += v.rule != (port < n * 13 ? port / 13 : ACL_RULE_DEFAULT);
        wrong += v.slot != (port < n * 13 ? port / 13 + 5 : DEFAULT_SLOT);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    acl_table_destroy(table);
    acl_classes_destroy(peer);
    free(rules);
}

static void
test_denies_by_default(void)
{
    struct acl_classes *peer = acl_classes_create();
    const struct acl_table_rule all = { .protocol = ACL_PROTO_ANY, .action = ACL_ALLOW };
    struct acl_table *none = acl_table_build(NULL, 0, peer, NULL, 3);
    struct acl_table *table = acl_table_build(&all, 1, peer, NULL, 3);
    struct acl_key key = { .peer_class = ACL_CLASS_NONE, .protocol = 6 };
    struct acl_verdict v;

    CU_ASSERT_PTR_NOT_NULL_FATAL(none);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    acl_table_lookup(none, &key, &v);
    CU_ASSERT(v.rule == ACL_RULE_DEFAULT && v.slot == 3);
    CU_ASSERT(v.action == ACL_DROP && v.log == ACL_LOG_INCIDENT);
    CU_ASSERT(!acl_table_may_reach(none, ACL_CLASS_NONE));
    acl_table_lookup(table, &key, &v);
    CU_ASSERT(v.rule == 0 && v.action == ACL_ALLOW);
    key.peer_class = 1; /* interned by nobody */
    acl_table_lookup(table, &key, &v);
    CU_ASSERT(v.rule == ACL_RULE_DEFAULT && v.action == ACL_DROP);
    CU_ASSERT(!acl_table_may_reach(table, 1));
    CU_ASSERT(!acl_table_may_reach(table, ACL_CLASS_INVALID));
    acl_table_destroy(none);
    acl_table_destroy(table);
    acl_table_destroy(NULL);
    acl_classes_destroy(peer);
}

static void
test_may_reach(void)
{
    struct acl_classes *peer = acl_classes_create();
    const uint32_t g[] = { 0, 1, 2 };
    const struct acl_range web = { 80, 80 };
    uint32_t a = acl_classes_intern(peer, &g[0], 1), b = acl_classes_intern(peer, &g[1], 1);
    uint32_t c = acl_classes_intern(peer, &g[2], 1);
    const struct acl_table_rule rules[] = {
        /* some of a is denied, all of b, and then the web is open to a and b */
        { .peer_groups = &g[0], .n_peer_groups = 1, .protocol = 6, .action = ACL_DROP },
        { .peer_groups = &g[1],
          .n_peer_groups = 1,
          .protocol = ACL_PROTO_ANY,
          .action = ACL_REJECT },
        { .peer_groups = g,
          .n_peer_groups = 2,
          .dports = &web,
          .n_dports = 1,
          .protocol = 6,
          .action = ACL_ALLOW },
    };
    struct acl_table *table = acl_table_build(rules, 3, peer, NULL, 0);

    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    CU_ASSERT(acl_table_may_reach(table, a));
    CU_ASSERT(!acl_table_may_reach(table, b));
    CU_ASSERT(!acl_table_may_reach(table, c));
    CU_ASSERT(!acl_table_may_reach(table, ACL_CLASS_NONE));
    acl_table_destroy(table);
    acl_classes_destroy(peer);
}

static void
test_digest(void)
{
    struct acl_classes *peer = acl_classes_create();
    struct acl_table_rule rule = { .protocol = 6, .action = ACL_ALLOW, .slot = 1 };
    struct acl_table *a = acl_table_build(&rule, 1, peer, NULL, 0);
    struct acl_table *same = acl_table_build(&rule, 1, peer, NULL, 0), *other;

    CU_ASSERT_EQUAL(acl_table_digest(a), acl_table_digest(same));
    CU_ASSERT(acl_table_bytes(a) > 0);
    rule.slot = 2;
    other = acl_table_build(&rule, 1, peer, NULL, 0);
    CU_ASSERT_NOT_EQUAL(acl_table_digest(a), acl_table_digest(other));
    acl_table_destroy(a);
    acl_table_destroy(same);
    acl_table_destroy(other);
    acl_classes_destroy(peer);
}

CU_TestInfo table_tests[] = {
    { "random tables and extensions against the oracle", test_random_tables },
    { "tables of several summary words", test_large_tables },
    { "every rule is found", test_every_rule_is_found },
    { "deny by default, also for unknown classes", test_denies_by_default },
    { "which peers may be reached", test_may_reach },
    { "digests", test_digest },
    CU_TEST_INFO_NULL,
};
