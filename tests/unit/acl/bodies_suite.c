/* The bodies of lookups (acl/lookup.h): whatever the instruction set, the same verdicts and
 * classes, bit for bit, and those of the first-match walk. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "acl/lookup.h"
#include "suites.h"

#define N_KEYS 333 /* five times as many as are looked up at once, and some */
#define DEFAULT_SLOT 77u

/* Rules over so many groups that most rows are nearly empty, and what they point to. */
struct setup {
    size_t n;
    struct acl_table_rule *rules;
    uint32_t (*groups)[2];
    struct acl_range (*ranges)[2];
    struct acl_classes *peer, *local;
};

static void
add_classes(struct acl_classes *classes, uint32_t n_groups)
{
    for (int i = 0; i < 60; i++) {
        uint32_t groups[4], n = 0;

        /* Group 0 is in nearly every class, and so in the base. */
        if (i % 16) {
            groups[n++] = 0;
        }
        for (uint32_t g = 1 + test_below(n_groups / 3); n < 4 && g < n_groups;
             g += 1 + test_below(n_groups / 3)) {
            groups[n++] = g;
        }
        acl_classes_intern(classes, groups, n);
    }
}

static struct acl_range
some_ports(void)
{
    uint16_t lo = (uint16_t) (test_below(50) * 1000 + 1);

    return (struct acl_range){ lo, (uint16_t) (lo + (test_below(3) ? 0 : test_below(9000))) };
}

/* Bits of 'fields' say which fields the rules use: local, sport, dport, protocol; 'many' that there
 * are more ports than can be multiplied. */
static void
set_rule(struct setup *s, size_t i, unsigned fields, bool many, uint32_t n_groups)
{
    struct acl_table_rule *rule = &s->rules[i];

    for (int j = 0; j < 2; j++) {
        s->groups[i][j] = test_below(3) ? test_below(n_groups) : 0;
        s->ranges[i][j] =
            many ? (struct acl_range){ (uint16_t) (i * 7), (uint16_t) (i * 7 + 5) } : some_ports();
    }
    *rule = (struct acl_table_rule){
        .peer_groups = &s->groups[i][0],
        /* With a local group, some rules name two, of which one may be in the base. */
        .n_peer_groups = test_below(30) ? 1 + (fields & 1 && !test_below(9)) : 0,
        .local_groups = &s->groups[i][1],
        .n_local_groups = fields & 1 && test_below(30),
        .sports = &s->ranges[i][0],
        .n_sports = fields & 2 && test_below(4),
        .dports = &s->ranges[i][1],
        .n_dports = fields & 4 && test_below(4),
        .protocol = fields & 8 && test_below(4) ? (test_below(2) ? 6 : 17) : ACL_PROTO_ANY,
        .action = (enum acl_action) test_below(3),
        .audit = !test_below(6),
        .slot = (uint32_t) test_random(),
    };
    if (i < s->n / 2 && !test_below(8)) {
        rule->action = ACL_PASS;
        rule->pass_to = (uint32_t) (s->n / 2);
    }
}

static void
setup(struct setup *s, size_t n, unsigned fields, bool many)
{
    uint32_t n_groups = (uint32_t) n / 20 + 5;

    *s = (struct setup){ .n = n,
                         .rules = calloc(n + 1, sizeof *s->rules),
                         .groups = calloc(n + 1, sizeof *s->groups),
                         .ranges = calloc(n + 1, sizeof *s->ranges),
                         .peer = acl_classes_create(),
                         .local = acl_classes_create() };
    add_classes(s->peer, n_groups);
    add_classes(s->local, n_groups);
    for (size_t i = 0; i < n; i++) {
        set_rule(s, i, fields, many, n_groups);
    }
}

static void
tear_down(struct setup *s)
{
    free(s->rules);
    free(s->groups);
    free(s->ranges);
    acl_classes_destroy(s->peer);
    acl_classes_destroy(s->local);
}

/* A few name classes that there are not. */
static void
draw_keys(const struct setup *s, struct acl_key *keys)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        size_t rule = test_below((uint32_t) s->n + 1);

        keys[i] = (struct acl_key){
            .peer_class = test_below((uint32_t) acl_classes_count(s->peer) + (i % 50 == 7)),
            .local_class = test_below((uint32_t) acl_classes_count(s->local) + (i % 50 == 8)),
            .sport = s->ranges[rule][0].lo,
            .dport = s->ranges[rule][1].hi,
            .protocol = test_below(2)   ? 6
                        : test_below(2) ? 17
                                        : (uint16_t) test_below(257),
        };
    }
}

static size_t
count_wrong(const struct setup *s, const struct acl_key *keys, const struct acl_verdict *verdicts)
{
    size_t wrong = 0, every = s->n > 10000 ? 8 : 1; /* the walk is slow */

    for (size_t i = 0; i < N_KEYS; i += every) {
        struct acl_verdict v;
        const struct acl_verdict *got = &verdicts[i];

        if (keys[i].peer_class >= acl_classes_count(s->peer)) {
            wrong += got->rule != ACL_RULE_DEFAULT || got->slot != DEFAULT_SLOT;
            continue;
        }
        if (keys[i].local_class >= acl_classes_count(s->local)) {
            continue; /* matters only where a rule uses it */
        }
        acl_oracle_lookup(s->rules, s->n, s->peer, s->local, DEFAULT_SLOT, &keys[i], &v);
        wrong += got->rule != v.rule || got->slot != v.slot || got->action != v.action ||
                 got->log != v.log || got->audited != v.audited || got->n_passed != v.n_passed ||
                 (v.audited && got->audit_rule != v.audit_rule) ||
                 (v.n_passed && got->passed_slot[0] != v.passed_slot[0]);
    }
    return wrong;
}

/* Not a byte may differ, of those that are not written either. */
static void
check_table(size_t n, unsigned fields, bool many)
{
    static struct acl_verdict first[N_KEYS], verdicts[N_KEYS];
    struct acl_key keys[N_KEYS];
    struct acl_table *table;
    struct setup s;

    setup(&s, n, fields, many);
    draw_keys(&s, keys);
    table = acl_table_build(s.rules, n, s.peer, s.local, DEFAULT_SLOT);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    CU_ASSERT_TRUE(acl_body_use("scalar"));
    memset(first, 0xa5, sizeof first);
    acl_table_lookup_bulk(table, keys, N_KEYS, first);
    CU_ASSERT_EQUAL(count_wrong(&s, keys, first), 0);
    for (const char *const *name = acl_body_names; *name; name++) {
        if (!acl_body_use(*name)) {
            continue;
        }
        memset(verdicts, 0xa5, sizeof verdicts);
        acl_table_lookup_bulk(table, keys, N_KEYS, verdicts);
        CU_ASSERT_EQUAL(memcmp(first, verdicts, sizeof first), 0);
        memset(verdicts, 0xa5, sizeof verdicts);
        for (size_t i = 0; i < N_KEYS; i++) {
            acl_table_lookup(table, &keys[i], &verdicts[i]);
        }
        CU_ASSERT_EQUAL(memcmp(first, verdicts, sizeof first), 0);
    }
    CU_ASSERT_TRUE(acl_body_use(NULL));
    acl_table_destroy(table);
    tear_down(&s);
}

/* Around each size at which rows take another form. */
static void
test_tables(void)
{
    static const size_t sizes[] = { 1, 64, 512, 513, 1024, 1025, 4096, 4097, 16384, 16385, 40000 };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (unsigned fields = 0; fields<16; fields += sizes[i]> 10000 ? 5 : 1) {
            check_table(sizes[i], fields, false);
        }
        if (sizes[i] < 10000) {
            check_table(sizes[i], 15, true);
        }
    }
}

static void
draw_members(struct acl_member *members, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t ip = (uint32_t) test_random();

        members[i] = (struct acl_member){ .prefix = { .addr = acl_addr_from_v4(ip), .len = 128 },
                                          .group = test_below(20) };
        if (i % 64 == 1) {
            members[i].prefix.addr.b[0] = 0x20;
        } else if (i < 2) {
            members[i].prefix.addr = acl_addr_from_v4(i ? UINT32_MAX : 0);
        }
    }
}

static void
check_map(size_t n)
{
    struct acl_member *members = calloc(n + 1, sizeof *members);
    uint32_t first[N_KEYS], classes[N_KEYS];
    struct acl_classes *interned = acl_classes_create();
    struct acl_addr addrs[N_KEYS];
    struct acl_classmap *map;

    draw_members(members, n);
    map = acl_classmap_build(interned, NULL, members, n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(map);
    for (size_t i = 0; i < N_KEYS; i++) {
        addrs[i] = n && i % 4 ? members[test_below((uint32_t) n)].prefix.addr
                              : acl_addr_from_v4((uint32_t) test_random());
        addrs[i] = i == 5 ? acl_addr_from_v4(UINT32_MAX) : addrs[i];
    }
    CU_ASSERT_TRUE(acl_body_use("scalar"));
    acl_classmap_lookup_bulk(map, addrs, sizeof *addrs, N_KEYS, first, sizeof *first);
    for (const char *const *name = acl_body_names; *name; name++) {
        size_t wrong = 0;

        if (!acl_body_use(*name)) {
            continue;
        }
        acl_classmap_lookup_bulk(map, addrs, sizeof *addrs, N_KEYS, classes, sizeof *classes);
        CU_ASSERT_EQUAL(memcmp(first, classes, sizeof first), 0);
        for (size_t i = 0; i < N_KEYS; i++) {
            wrong += acl_classmap_lookup(map, &addrs[i]) != first[i];
        }
        CU_ASSERT_EQUAL(wrong, 0);
    }
    CU_ASSERT_TRUE(acl_body_use(NULL));
    acl_classmap_destroy(map);
    acl_classes_destroy(interned);
    free(members);
}

/* Trees of every depth up to four levels; that the classes are right is for classes_suite.c. */
static void
test_maps(void)
{
    static const size_t sizes[] = { 0, 1, 31, 32, 33, 500, 530, 8000, 9000, 150000 };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_map(sizes[i]);
    }
}

static void
test_choice(void)
{
    CU_ASSERT_FALSE(acl_body_use("abacus"));
    CU_ASSERT_TRUE(acl_body_use("scalar"));
    CU_ASSERT_STRING_EQUAL(acl_body()->name, "scalar");
    for (const char *const *name = acl_body_names; *name; name++) {
        if (acl_body_use(*name)) {
            CU_ASSERT_STRING_EQUAL(acl_body()->name, *name);
        } else {
            printf("(skipped: this CPU does not run the %s body) ", *name);
        }
    }
    CU_ASSERT_TRUE(acl_body_use(NULL));
}

CU_TestInfo bodies_tests[] = {
    { "a body is chosen", test_choice },
    { "tables, by every body", test_tables },
    { "class maps, by every body", test_maps },
    CU_TEST_INFO_NULL,
};
