/* Hit slots: a rule keeps its counter for as long as its id is in the policy. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "control/slots.h"
#include "datapath/worker.h"
#include "openvswitch/dynamic-string.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "util.h"

/* A policy of rules with these ids; slots see no more of one. */
static struct acl_policy
policy_of(struct acl_rule *rules, size_t n, const char *const *ids)
{
    memset(rules, 0, n * sizeof *rules);
    for (size_t i = 0; i < n; i++) {
        rules[i].id = CONST_CAST(char *, ids[i]);
    }
    return (struct acl_policy){ .rules = rules, .n_rules = n };
}

#define IDS(...)                                                                                   \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* Slots of up to three rules; the caller's to compare. */
static void
assign(struct slots *s, size_t n, const char *const *ids, uint32_t got[3])
{
    struct acl_rule rules[3];
    struct acl_policy policy = policy_of(rules, n, ids);
    uint32_t *slots;

    CU_ASSERT_TRUE_FATAL(slots_assign(s, &policy, &slots));
    memcpy(got, slots, n * sizeof *slots);
    free(slots);
}

static void
retain(struct slots *s, size_t n, const char *const *ids)
{
    struct acl_rule rules[3];
    struct acl_policy policy = policy_of(rules, n, ids);

    slots_retain(s, &policy);
}

/* What a worker does for a packet that a rule with this slot judged. */
static void
hit(uint32_t slot, uint64_t packets, uint64_t bytes)
{
    struct ledger *ledger = dp_ledger(0);

    ledger_enter(ledger);
    ledger->rules[slot].packets += packets;
    ledger->rules[slot].bytes += bytes;
    ledger_leave(ledger);
}

/* By the slots, and by whoever has asked for the account. */
static void
expect_hits(const struct slots *s, const char *id, uint64_t packets, uint64_t bytes)
{
    int64_t last_s;
    struct ledger_rule_hits hits = slots_hits(s, id, &last_s), less;

    CU_ASSERT_EQUAL(hits.packets, packets);
    CU_ASSERT_EQUAL(hits.bytes, bytes);
    if (shash_find(&s->by_id, id)) {
        hits = slots_total(slots_account(s, id, &less));
        CU_ASSERT_EQUAL(hits.packets - less.packets, packets);
        CU_ASSERT_EQUAL(hits.bytes - less.bytes, bytes);
    }
}

static void
test_kept_by_id(void)
{
    struct slots s;
    uint32_t first[3], then[3];

    slots_init(&s);
    assign(&s, 3, IDS("a", "b", "c"), first);
    for (int i = 0; i < 3; i++) {
        /* The first ones are those of the default denies. */
        CU_ASSERT(first[i] > DEFAULT_SLOT(ACL_INGRESS) && first[i] < N_RULE_SLOTS);
    }
    CU_ASSERT(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
    assign(&s, 3, IDS("c", "new", "a"), then);
    CU_ASSERT_EQUAL(then[0], first[2]);
    CU_ASSERT_EQUAL(then[2], first[0]);
    /* "b" may still be in force, and keeps its own. */
    CU_ASSERT(then[1] != first[0] && then[1] != first[1] && then[1] != first[2]);
    slots_destroy(&s);
}

static void
test_retain(void)
{
    struct slots s;
    uint32_t first[3], then[3];

    slots_init(&s);
    assign(&s, 3, IDS("a", "b", "c"), first);
    retain(&s, 2, IDS("c", "a"));
    assign(&s, 3, IDS("a", "b", "c"), then);
    CU_ASSERT_EQUAL(then[0], first[0]);
    CU_ASSERT_EQUAL(then[2], first[2]);
    CU_ASSERT_NOT_EQUAL(then[1], first[1]); /* it went to the end of the free ones */
    slots_retain(&s, NULL);
    CU_ASSERT_TRUE(shash_is_empty(&s.by_id));
    CU_ASSERT_EQUAL(s.n_free, N_RULE_SLOTS - ACL_N_DIRECTIONS);
    slots_destroy(&s);
}

static void
test_hits(void)
{
    struct slots s;
    uint32_t slot[3];

    slots_init(&s);
    assign(&s, 2, IDS("a", "b"), slot);
    expect_hits(&s, "a", 0, 0);
    hit(slot[0], 3, 180);
    hit(slot[1], 1, 60);
    expect_hits(&s, "a", 3, 180);
    expect_hits(&s, "b", 1, 60);
    expect_hits(&s, "nobody", 0, 0);
    /* They survive an update. */
    assign(&s, 2, IDS("x", "a"), slot);
    retain(&s, 2, IDS("x", "a"));
    expect_hits(&s, "a", 3, 180);
    expect_hits(&s, "b", 0, 0);
    slots_destroy(&s);
}

/* Slots are used in turn: after a round each is a rule's second, and counts from 0 again. */
static void
test_used_again(void)
{
    struct slots s;
    uint32_t first[3], slot[3];
    unsigned rounds = 0;

    slots_init(&s);
    assign(&s, 1, IDS("a"), first);
    hit(first[0], 5, 500);
    do {
        slots_retain(&s, NULL);
        assign(&s, 1, IDS("b"), slot);
        rounds++;
    } while (slot[0] != first[0] && rounds < 2 * N_RULE_SLOTS);
    CU_ASSERT_EQUAL(rounds, N_RULE_SLOTS - ACL_N_DIRECTIONS);
    CU_ASSERT(slots_total(slot[0]).packets >= 5);
    expect_hits(&s, "b", 0, 0);
    hit(slot[0], 2, 120);
    expect_hits(&s, "b", 2, 120);
    slots_destroy(&s);
}

/* ---- over restarts ---- */

static void
expect_changes(struct slots *s, int64_t now_s, bool all, const char *want)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct slots_changes c;

    slots_take_changes(s, now_s, all, &c);
    for (size_t i = 0; i < c.n_gone; i++) {
        ds_put_format(&text, "-%s ", c.gone[i]);
    }
    for (size_t i = 0; i < c.n_rows; i++) {
        /* What the default denies have counted is the whole program's. */
        if (strncmp(c.rows[i].id, "default-", 8)) {
            ds_put_format(&text, "%s=%d/%d@%d ", c.rows[i].id, (int) c.rows[i].packets,
                          (int) c.rows[i].bytes, (int) c.rows[i].last_s);
        }
    }
    expect_text(ds_cstr(&text), want);
    ds_destroy(&text);
    slots_changes_destroy(&c);
}

static void
keep(struct slots *s, const char *id, uint64_t packets, uint64_t bytes, int64_t last_s)
{
    struct state_hits row = {
        .id = CONST_CAST(char *, id), .packets = packets, .bytes = bytes, .last_s = last_s
    };

    slots_keep(s, &row);
}

static int64_t
last_hit(const struct slots *s, const char *id)
{
    int64_t last_s;

    slots_hits(s, id, &last_s);
    return last_s;
}

static void
test_restart(void)
{
    struct slots s;
    uint32_t slot[3];

    slots_init(&s);
    keep(&s, "a", 10, 1000, 77);
    keep(&s, "old", 3, 300, 66);
    assign(&s, 2, IDS("a", "b"), slot);
    expect_hits(&s, "a", 10, 1000);
    CU_ASSERT_EQUAL(last_hit(&s, "a"), 77);
    CU_ASSERT_EQUAL(last_hit(&s, "b"), 0);
    retain(&s, 2, IDS("a", "b"));
    expect_changes(&s, 100, false, "-old "); /* it is in no policy; the others have not moved */
    hit(slot[0], 2, 120);
    expect_changes(&s, 101, false, "a=12/1120@101 ");
    expect_changes(&s, 102, false, "");
    CU_ASSERT_EQUAL(last_hit(&s, "a"), 101);
    expect_changes(&s, 103, true, "a=12/1120@101 "); /* the last was not stored */
    hit(slot[1], 1, 60);
    slots_look(&s, 104);
    expect_changes(&s, 110, false, "b=1/60@104 ");
    retain(&s, 1, IDS("a"));
    assign(&s, 2, IDS("a", "b"), slot); /* another rule of the name */
    hit(slot[1], 5, 5);
    expect_changes(&s, 111, false, "-b b=5/5@111 ");
    slots_destroy(&s);
}

static void
test_restart_defaults(void)
{
    struct slots s;
    int64_t last_s;
    uint64_t before;

    slots_init(&s);
    keep(&s, "default-egress", 1000, 2000, 55);
    before = slots_hits(&s, "default-egress", &last_s).packets;
    CU_ASSERT_TRUE(before >= 1000);
    slots_look(&s, 199);
    CU_ASSERT_EQUAL(last_hit(&s, "default-egress"), 55);
    hit(DEFAULT_SLOT(ACL_EGRESS), 1, 60);
    slots_look(&s, 200);
    CU_ASSERT_EQUAL(slots_hits(&s, "default-egress", &last_s).packets, before + 1);
    CU_ASSERT_EQUAL(last_s, 200);
    slots_destroy(&s);
}

/* Rules "r0" and so on, the caller's to free. */
static struct acl_rule *
many_rules(size_t n)
{
    struct acl_rule *rules = xcalloc(n, sizeof *rules);

    for (size_t i = 0; i < n; i++) {
        rules[i].id = xasprintf("r%zu", i);
    }
    return rules;
}

static void
test_too_many(void)
{
    const size_t most = N_RULE_SLOTS - ACL_N_DIRECTIONS;
    struct acl_rule *rules = many_rules(most + 1);
    struct acl_policy policy = { .rules = rules, .n_rules = most + 1 };
    uint32_t *slots = (uint32_t *) rules;
    bool *seen = xcalloc(N_RULE_SLOTS, sizeof *seen);
    struct slots s;

    slots_init(&s);
    CU_ASSERT_FALSE(slots_assign(&s, &policy, &slots));
    CU_ASSERT_PTR_NULL(slots);
    CU_ASSERT_TRUE(shash_is_empty(&s.by_id));
    CU_ASSERT_EQUAL(s.n_free, most);

    policy.n_rules = most;
    CU_ASSERT_TRUE_FATAL(slots_assign(&s, &policy, &slots));
    for (size_t i = 0; i < most; i++) {
        CU_ASSERT(slots[i] < N_RULE_SLOTS && !seen[slots[i]]);
        seen[slots[i]] = true;
    }
    free(slots);
    CU_ASSERT_TRUE(slots_assign(&s, &policy, &slots)); /* the same ones need no more */
    free(slots);
    slots_destroy(&s);
    for (size_t i = 0; i <= most; i++) {
        free(rules[i].id);
    }
    free(rules);
    free(seen);
}

static void
test_defaults(void)
{
    expect_text(default_rule_id(ACL_EGRESS), "default-egress");
    expect_text(default_rule_id(ACL_INGRESS), "default-ingress");
    CU_ASSERT_NOT_EQUAL(DEFAULT_SLOT(ACL_EGRESS), DEFAULT_SLOT(ACL_INGRESS));
}

CU_SuiteInfo
slots_suite(void)
{
    static CU_TestInfo tests[] = {
        { "a slot is kept by id", test_kept_by_id },
        { "rules that are gone free theirs", test_retain },
        { "hits survive an update", test_hits },
        { "a slot that is used again counts from 0", test_used_again },
        { "too many rules", test_too_many },
        { "hits go on after a restart", test_restart },
        { "of the default denies, too", test_restart_defaults },
        { "default rules", test_defaults },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "hit slots", switch_init, switch_exit, NULL, NULL, tests };
}
