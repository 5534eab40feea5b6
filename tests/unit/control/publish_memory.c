/* A build that fails leaves the old snapshot in force.
 *
 * The linker sends every allocation through here (--wrap, see automake.mk).  Those of acl/ can fail
 * in turn; those by Open vSwitch's allocators, which end the process rather than return, cannot. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "datapath/judge.h"
#include "datapath/worker.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "util.h"

/* Of the thread that publishes; no other allocates meanwhile. */
static long until_failure = -1; /* allocations that still succeed; negative: all */
static int exempt;              /* inside one that does not fail */

static bool
fails(void)
{
    return until_failure >= 0 && !exempt && until_failure-- == 0;
}

#define WRAP(NAME, PARAMETERS, ...)                                                                \
    void *__real_##NAME PARAMETERS;                                                                \
    void *__wrap_##NAME PARAMETERS;                                                                \
    void *__wrap_##NAME PARAMETERS                                                                 \
    {                                                                                              \
        return fails() ? NULL : __real_##NAME(__VA_ARGS__);                                        \
    }
WRAP(malloc, (size_t size), size)
WRAP(calloc, (size_t n, size_t size), n, size)
WRAP(realloc, (void *p, size_t size), p, size)
WRAP(reallocarray, (void *p, size_t n, size_t size), p, n, size)

#define SPARE(NAME, PARAMETERS, ...)                                                               \
    void *__real_##NAME PARAMETERS;                                                                \
    void *__wrap_##NAME PARAMETERS;                                                                \
    void *__wrap_##NAME PARAMETERS                                                                 \
    {                                                                                              \
        void *result;                                                                              \
                                                                                                   \
        exempt++;                                                                                  \
        result = __real_##NAME(__VA_ARGS__);                                                       \
        exempt--;                                                                                  \
        return result;                                                                             \
    }
SPARE(xzalloc, (size_t size), size)
SPARE(xcalloc, (size_t n, size_t size), n, size)
SPARE(x2nrealloc, (void *p, size_t *n, size_t size), p, n, size)

/* What must be as it was after a publication that failed. */
struct in_force {
    struct publisher p;
    struct acl_table *table[ACL_N_DIRECTIONS];
    size_t n_rows;
    uint32_t epoch;
};

static struct in_force
look(const struct fixture *f)
{
    return (struct in_force){ .p = f->p,
                              .table = { f->p.policy->compiled.scopes[0].table[ACL_EGRESS],
                                         f->p.policy->compiled.scopes[0].table[ACL_INGRESS] },
                              .n_rows = f->p.policy->n_rows,
                              .epoch = f->d.by_id[0]->epoch };
}

static void
expect_unchanged(const struct fixture *f, const struct in_force *b)
{
    CU_ASSERT_PTR_EQUAL(f->p.snapshot, b->p.snapshot);
    CU_ASSERT_PTR_EQUAL(atomic_load(&dp_snapshot_current), b->p.snapshot);
    CU_ASSERT_PTR_EQUAL(f->p.policy, b->p.policy);
    CU_ASSERT_PTR_EQUAL(f->p.classmap, b->p.classmap);
    CU_ASSERT_PTR_EQUAL(f->p.snapshot->classes, b->p.classmap);
    CU_ASSERT_EQUAL(f->p.generation, b->p.generation);
    CU_ASSERT_EQUAL(f->p.last_epoch, b->p.last_epoch);
    CU_ASSERT_EQUAL(f->p.last_table_id, b->p.last_table_id);
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        CU_ASSERT_PTR_EQUAL(f->p.policy->compiled.scopes[0].table[i], b->table[i]);
        CU_ASSERT_PTR_EQUAL(f->p.snapshot->ports[0]->table[i], b->table[i]);
        CU_ASSERT_EQUAL(f->p.snapshot->ports[0]->table_id[i], b->p.snapshot->ports[0]->table_id[i]);
    }
    CU_ASSERT_EQUAL(f->p.policy->n_rows, b->n_rows);
    CU_ASSERT_EQUAL(f->d.by_id[0]->epoch, b->epoch);
    CU_ASSERT_TRUE(f->d.members_changed); /* it is yet to be published */
}

/* Publishes with allocation 'n' failing, and then, if that was refused, once more.  Whether there
 * were fewer than that. */
static bool
publish_twice(struct fixture *f, struct policy *next, long n)
{
    struct in_force before = look(f);
    bool spared;
    int rc;

    until_failure = n;
    rc = publish(&f->p, &f->d, next);
    spared = until_failure >= 0;
    until_failure = -1;
    /* It may also succeed: giving back spare room may fail without harm. */
    CU_ASSERT(rc == ENOMEM || rc == 0);
    CU_ASSERT(!spared || rc == 0);
    if (rc) {
        expect_unchanged(f, &before);
        CU_ASSERT_TRUE(f->d.by_id[1]->changed);
        fixture_publish(f, next);
    }
    CU_ASSERT_EQUAL(f->p.snapshot->generation, before.p.generation + 1);
    return spared;
}

/* desk1 is published under a policy. */
static void
open_published(struct fixture *f)
{
    fixture_open(f);
    fixture_desktop(f, 1);
    fixture_publish(f, fixture_policy(f, POLICY(443)));
}

/* desk9 is of a combination of groups that is new: the tables are extended. */
static bool
ports_with_failure(long n)
{
    struct fixture f;
    bool spared;

    open_published(&f);
    fixture_desktop(&f, 9);
    spared = publish_twice(&f, NULL, n);
    CU_ASSERT_EQUAL(fixture_verdict(&f, f.p.snapshot->ports[0], ACL_INGRESS, "10.0.0.9", 5900),
                    ACL_ALLOW);
    fixture_close(&f);
    return spared;
}

static bool
policy_with_failure(long n)
{
    struct fixture f;
    struct policy *next;
    bool spared;

    open_published(&f);
    next = fixture_policy(&f, POLICY(8443));
    fixture_desktop(&f, 9); /* after it was compiled: it is extended */
    spared = publish_twice(&f, next, n);
    CU_ASSERT_PTR_EQUAL(f.p.policy, next);
    CU_ASSERT_EQUAL(fixture_verdict(&f, f.p.snapshot->ports[0], ACL_EGRESS, "10.9.0.1", 8443),
                    ACL_ALLOW);
    fixture_close(&f);
    return spared;
}

static enum drop_reason
judged(const struct snapshot *s, uint16_t from, const char *dst, uint16_t service)
{
    struct judge_query q = { .from = s->ports[from], .protocol = 6, .service = service };
    struct judgement j;

    CU_ASSERT_TRUE_FATAL(acl_addr_parse("10.0.0.1", &q.src));
    CU_ASSERT_TRUE_FATAL(acl_addr_parse(dst, &q.dst));
    judge(s, &q, &j);
    return j.reason;
}

/* It judges as the next policy would, ports that came after it was compiled included, and nothing
 * that is in force has changed. */
static void
expect_preview(const struct fixture *f, const struct policy *next)
{
    const struct port_leaf *in_force = f->p.snapshot->ports[0], *leaf;
    struct preview preview;

    CU_ASSERT_EQUAL_FATAL(preview_create(&f->p, &f->d, CONST_CAST(struct policy *, next), &preview),
                          0);
    leaf = preview.snapshot->ports[0];
    CU_ASSERT_EQUAL(preview.snapshot->generation, f->p.generation + 1);
    CU_ASSERT_EQUAL(preview.snapshot->n_ports, f->p.snapshot->n_ports + 1u);
    CU_ASSERT_EQUAL(judged(preview.snapshot, 0, "10.9.0.1", 8443), DROP_NONE);
    CU_ASSERT_EQUAL(judged(preview.snapshot, 0, "10.9.0.1", 443), DROP_EGRESS_DEFAULT);
    CU_ASSERT_EQUAL(judged(f->p.snapshot, 0, "10.9.0.1", 443), DROP_NONE);
    CU_ASSERT_EQUAL(leaf->epoch, in_force->epoch);
    CU_ASSERT_PTR_NOT_NULL(snapshot_binding(preview.snapshot, &f->d.by_id[1]->addrs[0], 0));
    preview_destroy(&preview);
}

static bool
preview_with_failure(long n)
{
    struct fixture f;
    struct in_force before;
    struct preview preview;
    struct policy *next;
    bool spared;
    int rc;

    open_published(&f);
    next = fixture_policy(&f, POLICY(8443));
    fixture_desktop(&f, 9);
    before = look(&f);
    until_failure = n;
    rc = preview_create(&f.p, &f.d, next, &preview);
    spared = until_failure >= 0;
    until_failure = -1;
    CU_ASSERT(rc == ENOMEM || rc == 0);
    CU_ASSERT(!spared || rc == 0);
    if (!rc) {
        preview_destroy(&preview);
    }
    expect_preview(&f, next); /* after a failure, too */
    expect_unchanged(&f, &before);
    policy_destroy(next);
    fixture_close(&f);
    return spared;
}

static void
each_in_turn(bool (*with_failure)(long n))
{
    bool spared = false;
    long n;

    for (n = 0; !spared && n < 1000; n++) {
        spared = with_failure(n);
    }
    CU_ASSERT(spared && n > 10);
}

static void
test_ports(void)
{
    each_in_turn(ports_with_failure);
}

static void
test_policy(void)
{
    each_in_turn(policy_with_failure);
}

static void
test_preview(void)
{
    each_in_turn(preview_with_failure);
}

/* A quarantine needs no memory of acl/, and so cannot fail like this. */
static void
test_quarantine(void)
{
    struct fixture f;

    open_published(&f);
    fixture_cut_off(&f, f.d.by_id[0], 0, NULL);
    until_failure = 0;
    CU_ASSERT_EQUAL(publish(&f.p, &f.d, NULL), 0);
    until_failure = -1;
    CU_ASSERT_TRUE(f.p.snapshot->ports[0]->quarantined);
    fixture_close(&f);
}

CU_SuiteInfo
publish_memory_suite(void)
{
    static CU_TestInfo tests[] = {
        { "ports: every allocation fails once", test_ports },
        { "a policy: every allocation fails once", test_policy },
        { "a preview: every allocation fails once", test_preview },
        { "a quarantine needs none", test_quarantine },
        CU_TEST_INFO_NULL,
    };

    return (
        CU_SuiteInfo){ "publishing without memory", switch_init, switch_exit, NULL, NULL, tests };
}
