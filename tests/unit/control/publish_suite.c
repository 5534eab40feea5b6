/* Publishing: what a snapshot holds, what it shares with the one before, and what rises. */
#include <config.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/membership.h"
#include "datapath/worker.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "util.h"

static const struct port_leaf *
leaf_of(const struct fixture *f, const struct desired_port *port)
{
    return f->p.snapshot->ports[port->id];
}

static uint16_t
bound_port(const struct fixture *f, const char *text)
{
    const struct binding *b;
    struct acl_addr addr;

    CU_ASSERT_TRUE_FATAL(acl_addr_parse(text, &addr));
    b = snapshot_binding(f->p.snapshot, &addr, 0);
    return b ? b->port : DP_PORT_NONE;
}

static void
test_without_policy(void)
{
    struct fixture f;
    struct desired_port *desk, *up;
    const struct port_leaf *leaf;

    fixture_open(&f);
    desk = fixture_desktop(&f, 1);
    up = fixture_uplink(&f, 1);
    fixture_publish(&f, NULL);
    CU_ASSERT_PTR_EQUAL(atomic_load(&dp_snapshot_current), f.p.snapshot);
    CU_ASSERT_EQUAL(f.p.snapshot->generation, 1);
    CU_ASSERT_PTR_NULL(f.p.snapshot->classes);
    CU_ASSERT_EQUAL(f.p.snapshot->n_ports, 2);
    CU_ASSERT_EQUAL(f.p.snapshot->n_uplinks, 1);
    CU_ASSERT_EQUAL(f.p.snapshot->uplinks[0], up->id);

    leaf = leaf_of(&f, desk);
    CU_ASSERT_PTR_EQUAL(leaf->port, desk->dp);
    CU_ASSERT_EQUAL(leaf->id, desk->id);
    CU_ASSERT_EQUAL(leaf->role, PORT_DESKTOP);
    CU_ASSERT_FALSE(leaf->quarantined);
    CU_ASSERT_EQUAL(leaf->mac, UINT64_C(0x020000000001));
    CU_ASSERT_EQUAL_FATAL(leaf->n_addrs, 2);
    CU_ASSERT_PTR_NOT_EQUAL(leaf->addrs, desk->addrs); /* the leaf outlives the desired port */
    CU_ASSERT_EQUAL(memcmp(leaf->addrs, desk->addrs, 2 * sizeof *leaf->addrs), 0);
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        CU_ASSERT_PTR_NULL(leaf->table[i]); /* denies */
    }
    CU_ASSERT_EQUAL(leaf->storm_pps[STORM_BROADCAST], 500);
    CU_ASSERT_EQUAL(leaf_of(&f, up)->role, PORT_UPLINK);
    CU_ASSERT_EQUAL(leaf_of(&f, up)->storm_pps[STORM_BROADCAST], 5000);
    fixture_close(&f);
}

static void
test_bindings(void)
{
    struct fixture f;
    struct desired_port *ports[50];
    char text[32];

    fixture_open(&f);
    fixture_publish(&f, NULL); /* no port at all: a table, all of it free */
    CU_ASSERT_EQUAL(bound_port(&f, "10.0.0.1"), DP_PORT_NONE);
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
        ports[i] = fixture_desktop(&f, i + 1);
    }
    fixture_publish(&f, NULL);
    /* Two addresses each, and at most half full. */
    CU_ASSERT(f.p.snapshot->bindings_mask + 1 >= 4 * ARRAY_SIZE(ports));
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
        snprintf(text, sizeof text, "10.0.0.%u", i + 1);
        CU_ASSERT_EQUAL(bound_port(&f, text), ports[i]->id);
        snprintf(text, sizeof text, "fe80::ff:fe00:%x", i + 1);
        CU_ASSERT_EQUAL(bound_port(&f, text), ports[i]->id);
    }
    CU_ASSERT_EQUAL(bound_port(&f, "10.0.0.200"), DP_PORT_NONE);
    fixture_close(&f);
}

static void
test_port_that_is_not_open(void)
{
    struct fixture f;
    struct desired_port *port;

    fixture_open(&f);
    port = fixture_desktop(&f, 1);
    fixture_desktop(&f, 2);
    port->dp = NULL;
    fixture_publish(&f, NULL);
    CU_ASSERT_EQUAL(f.p.snapshot->n_ports, 1);
    CU_ASSERT_PTR_NULL(leaf_of(&f, port));
    CU_ASSERT_EQUAL(bound_port(&f, "10.0.0.1"), DP_PORT_NONE);
    CU_ASSERT_TRUE(port->changed); /* it is published when it opens */
    fixture_close(&f);
}

static void
test_tables_are_shared(void)
{
    struct fixture f;
    struct desired_port *desk[3], *up;
    const struct port_leaf *first;

    fixture_open(&f);
    for (unsigned i = 0; i < 3; i++) {
        desk[i] = fixture_desktop(&f, i + 1);
    }
    up = fixture_uplink(&f, 1);
    fixture_publish(&f, fixture_policy(&f, POLICY(443)));
    CU_ASSERT_EQUAL(f.p.policy->generation, f.p.snapshot->generation);
    first = leaf_of(&f, desk[0]);
    CU_ASSERT_NOT_EQUAL(first->table_id[ACL_EGRESS], first->table_id[ACL_INGRESS]);
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        CU_ASSERT_PTR_EQUAL(first->table[i], f.p.policy->compiled.scopes[0].table[i]);
        CU_ASSERT_NOT_EQUAL(first->table_id[i], 0);
        for (int j = 1; j < 3; j++) {
            CU_ASSERT_PTR_EQUAL(leaf_of(&f, desk[j])->table[i], first->table[i]);
            CU_ASSERT_EQUAL(leaf_of(&f, desk[j])->table_id[i], first->table_id[i]);
        }
        CU_ASSERT_PTR_NULL(leaf_of(&f, up)->table[i]); /* uplinks have no firewall */
    }
    CU_ASSERT_EQUAL(fixture_verdict(&f, first, ACL_EGRESS, "10.9.1.1", 443), ACL_ALLOW);
    CU_ASSERT_EQUAL(fixture_verdict(&f, first, ACL_EGRESS, "10.0.0.2", 443), ACL_DROP);
    fixture_close(&f);
}

/* What a snapshot had, to be held against the next one.  Pointers are only compared. */
struct before {
    const struct port_leaf *leaf[4];
    uint32_t epoch[4];
    const struct acl_classmap *classes;
    const struct acl_table *table[ACL_N_DIRECTIONS];
    uint32_t table_id[ACL_N_DIRECTIONS];
    uint64_t generation;
};

static struct before
look(const struct fixture *f)
{
    struct before b = { .classes = f->p.snapshot->classes,
                        .generation = f->p.snapshot->generation };

    for (int i = 0; i < 4; i++) {
        b.leaf[i] = f->p.snapshot->ports[i];
        b.epoch[i] = b.leaf[i] ? b.leaf[i]->epoch : 0;
    }
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        b.table[i] = f->p.policy->compiled.scopes[0].table[i];
        b.table_id[i] = f->p.policy->compiled.scopes[0].id[i];
    }
    return b;
}

/* Desktops 0 to 2 and uplink 3, under a policy. */
static void
open_four(struct fixture *f)
{
    fixture_open(f);
    for (unsigned i = 0; i < 3; i++) {
        fixture_desktop(f, i + 1);
    }
    fixture_uplink(f, 1);
    fixture_publish(f, fixture_policy(f, POLICY(443)));
}

static void
expect_same_tables(const struct fixture *f, const struct before *b)
{
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        CU_ASSERT_PTR_EQUAL(f->p.policy->compiled.scopes[0].table[i], b->table[i]);
        CU_ASSERT_EQUAL(f->p.policy->compiled.scopes[0].id[i], b->table_id[i]);
    }
}

static void
test_quarantine_copies_one_leaf(void)
{
    struct fixture f;
    struct desired_port *port;
    const struct port_leaf *leaf;
    struct before b;

    open_four(&f);
    b = look(&f);
    port = f.d.by_id[1];
    fixture_cut_off(&f, port, 0, NULL);
    fixture_publish(&f, NULL);
    leaf = f.p.snapshot->ports[1];
    CU_ASSERT_PTR_NOT_EQUAL(leaf, b.leaf[1]);
    CU_ASSERT_TRUE(leaf->quarantined);
    CU_ASSERT_TRUE(leaf->epoch > b.epoch[0] && leaf->epoch > b.epoch[1]);
    CU_ASSERT_EQUAL(port->epoch, leaf->epoch);
    CU_ASSERT_EQUAL(port->generation, b.generation + 1);
    CU_ASSERT_FALSE(port->changed);
    CU_ASSERT_EQUAL(f.p.snapshot->generation, b.generation + 1);
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->ports[0], b.leaf[0]);
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->ports[2], b.leaf[2]);
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->ports[3], b.leaf[3]);
    CU_ASSERT_EQUAL(f.p.snapshot->ports[0]->epoch, b.epoch[0]);
    CU_ASSERT_EQUAL(f.d.by_id[0]->generation, b.generation);
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->classes, b.classes);
    expect_same_tables(&f, &b);
    fixture_close(&f);
}

static _Atomic bool let_go;

static void *
let_go_later(void *aux OVS_UNUSED)
{
    usleep(50000); /* a publication that does not wait is over by then */
    atomic_store(&let_go, true);
    switch_let_worker_go();
    return NULL;
}

/* What is replaced is freed: not before the worker that polls by it has let it go. */
static void
test_waits_for_the_worker(void)
{
    struct fixture f;
    pthread_t thread;

    open_four(&f);
    fixture_cut_off(&f, f.d.by_id[0], 0, NULL);
    switch_hold_worker();
    atomic_store(&let_go, false);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, let_go_later, NULL), 0);
    fixture_publish(&f, NULL);
    CU_ASSERT_TRUE(atomic_load(&let_go));
    pthread_join(thread, NULL);
    fixture_close(&f);
}

static void
test_nothing_changed(void)
{
    struct fixture f;
    struct before b;

    open_four(&f);
    b = look(&f);
    fixture_publish(&f, NULL);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_PTR_EQUAL(f.p.snapshot->ports[i], b.leaf[i]);
    }
    CU_ASSERT_EQUAL(f.p.snapshot->generation, b.generation + 1);
    CU_ASSERT_EQUAL(f.p.policy->generation, b.generation); /* in which it came into force */
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->classes, b.classes);
    expect_same_tables(&f, &b);
    fixture_close(&f);
}

/* One more desktop of a group: the class map is built anew, the tables stay. */
static void
test_member_of_a_known_class(void)
{
    struct fixture f;
    struct before b;
    struct acl_addr addr;

    open_four(&f);
    CU_ASSERT_TRUE(acl_addr_parse("10.0.0.4", &addr));
    CU_ASSERT_EQUAL(acl_classmap_lookup(f.p.snapshot->classes, &addr), ACL_CLASS_NONE);
    b = look(&f);
    fixture_desktop(&f, 4);
    fixture_publish(&f, NULL);
    CU_ASSERT_PTR_NOT_EQUAL(f.p.snapshot->classes, b.classes);
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->classes, f.p.classmap);
    CU_ASSERT_NOT_EQUAL(acl_classmap_lookup(f.p.snapshot->classes, &addr), ACL_CLASS_NONE);
    expect_same_tables(&f, &b);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_PTR_EQUAL(f.p.snapshot->ports[i], b.leaf[i]);
    }
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->ports[4]->table[ACL_EGRESS], b.table[ACL_EGRESS]);
    CU_ASSERT_FALSE(f.d.members_changed);
    fixture_close(&f);
}

/* A combination of groups that nobody had: rows are added to the tables, which stay the same rules;
 * nobody's connections need be judged anew for that. */
static void
test_member_of_a_new_class(void)
{
    struct fixture f;
    struct before b;
    const struct port_leaf *desk;

    open_four(&f);
    b = look(&f);
    CU_ASSERT_EQUAL(fixture_verdict(&f, b.leaf[0], ACL_INGRESS, "10.0.0.9", 5900), ACL_DROP);
    fixture_desktop(&f, 9);
    fixture_publish(&f, NULL);
    desk = f.p.snapshot->ports[0];
    CU_ASSERT_EQUAL(fixture_verdict(&f, desk, ACL_INGRESS, "10.0.0.9", 5900), ACL_ALLOW);
    CU_ASSERT_EQUAL(fixture_verdict(&f, desk, ACL_INGRESS, "10.0.0.2", 5900), ACL_DROP);
    CU_ASSERT_EQUAL(fixture_verdict(&f, desk, ACL_EGRESS, "10.9.0.1", 443), ACL_ALLOW);
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        CU_ASSERT_PTR_NOT_EQUAL(f.p.policy->compiled.scopes[0].table[i], b.table[i]);
        CU_ASSERT_EQUAL(f.p.policy->compiled.scopes[0].id[i], b.table_id[i]);
        for (int j = 0; j < 3; j++) {
            const struct port_leaf *leaf = f.p.snapshot->ports[j];

            CU_ASSERT_PTR_EQUAL(leaf->table[i], f.p.policy->compiled.scopes[0].table[i]);
            CU_ASSERT_EQUAL(leaf->table_id[i], b.table_id[i]);
            CU_ASSERT_EQUAL(leaf->epoch, b.epoch[j]);
        }
    }
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->ports[3], b.leaf[3]); /* the uplink has no table */
    CU_ASSERT_EQUAL(f.p.policy->n_rows, acl_classes_count(f.p.policy->compiled.classes));
    fixture_close(&f);
}

static void
test_next_policy(void)
{
    struct fixture f;
    struct before b;

    open_four(&f);
    b = look(&f);
    fixture_publish(&f, fixture_policy(&f, POLICY(8443)));
    CU_ASSERT(f.p.policy->compiled.scopes[0].id[ACL_EGRESS] > b.table_id[ACL_EGRESS]);
    CU_ASSERT(f.p.policy->compiled.scopes[0].id[ACL_EGRESS] > b.table_id[ACL_INGRESS]);
    /* What it does not change need not be judged anew. */
    CU_ASSERT_EQUAL(f.p.policy->compiled.scopes[0].id[ACL_INGRESS], b.table_id[ACL_INGRESS]);
    for (int i = 0; i < 3; i++) {
        const struct port_leaf *leaf = f.p.snapshot->ports[i];

        CU_ASSERT_EQUAL(leaf->table_id[ACL_EGRESS], f.p.policy->compiled.scopes[0].id[ACL_EGRESS]);
        CU_ASSERT_EQUAL(leaf->table_id[ACL_INGRESS],
                        f.p.policy->compiled.scopes[0].id[ACL_INGRESS]);
        CU_ASSERT_EQUAL(leaf->epoch, b.epoch[i]); /* of the port, which did not change */
        CU_ASSERT_EQUAL(fixture_verdict(&f, leaf, ACL_EGRESS, "10.9.0.1", 443), ACL_DROP);
        CU_ASSERT_EQUAL(fixture_verdict(&f, leaf, ACL_EGRESS, "10.9.0.1", 8443), ACL_ALLOW);
    }
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->ports[3], b.leaf[3]);
    CU_ASSERT_EQUAL(f.p.policy->generation, b.generation + 1);
    fixture_close(&f);
}

/* A policy is read, compiled and published from the beginning; what it says is as before. */
static void
test_same_policy_again(void)
{
    struct fixture f;
    struct before b;

    open_four(&f);
    b = look(&f);
    fixture_publish(&f, fixture_policy(&f, POLICY(443)));
    for (int i = 0; i < ACL_N_DIRECTIONS; i++) {
        CU_ASSERT_PTR_NOT_EQUAL(f.p.policy->compiled.scopes[0].table[i], b.table[i]);
        CU_ASSERT_EQUAL(f.p.policy->compiled.scopes[0].id[i], b.table_id[i]);
        for (int j = 0; j < 3; j++) {
            CU_ASSERT_EQUAL(f.p.snapshot->ports[j]->table_id[i], b.table_id[i]);
            CU_ASSERT_EQUAL(f.p.snapshot->ports[j]->epoch, b.epoch[j]);
        }
    }
    fixture_close(&f);
}

/* The tables stay; what they deny is let through from now on, or no more. */
static void
test_mode_of_a_pool(void)
{
    static const char *const modes[] = { "default: audit", "mode: audit", "mode: enforce" };
    struct fixture f;
    struct before b;

    open_four(&f);
    for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
        char *yaml = xasprintf("%spools:\n  - { group: sales, %s }\n", POLICY(443), modes[m]);

        b = look(&f);
        fixture_publish(&f, fixture_policy(&f, yaml));
        for (int j = 0; j < 3; j++) {
            const struct port_leaf *leaf = f.p.snapshot->ports[j];

            CU_ASSERT_EQUAL(leaf->table_id[ACL_EGRESS], b.table_id[ACL_EGRESS]);
            CU_ASSERT_EQUAL(leaf->audits, m == 1);
            CU_ASSERT_EQUAL(leaf->audits_default, m < 2);
            CU_ASSERT(leaf->epoch > b.epoch[j]); /* connections are judged again */
            CU_ASSERT_EQUAL(f.d.by_id[j]->epoch, leaf->epoch);
        }
        CU_ASSERT_EQUAL(f.p.snapshot->ports[3]->epoch, b.epoch[3]); /* the uplink's */
        free(yaml);
    }
    fixture_close(&f);
}

/* Numbers of classes say nothing by themselves: where they mean other groups than before, what was
 * judged by them is judged again, be the rules as they were. */
static void
test_other_classes(void)
{
    struct fixture f;
    struct before b;

    open_four(&f);
    b = look(&f);
    fixture_desktop(&f, 9); /* of a combination of groups that is new */
    fixture_publish(&f, NULL);
    CU_ASSERT_EQUAL(f.p.policy->compiled.scopes[0].id[ACL_EGRESS], b.table_id[ACL_EGRESS]);
    fixture_delete(&f, f.d.by_id[4]);
    fixture_publish(&f, fixture_policy(&f, POLICY(443)));
    CU_ASSERT_NOT_EQUAL(f.p.policy->compiled.scopes[0].id[ACL_EGRESS], b.table_id[ACL_EGRESS]);
    fixture_close(&f);
}

/* The compiler's map of who is in which group is taken, unless somebody came or went since. */
static void
test_map_of_the_compiler(void)
{
    struct fixture f;
    struct policy *policy;
    const struct acl_classmap *map;

    open_four(&f);
    policy = fixture_policy(&f, POLICY(443));
    policy->members_version = f.p.members_version;
    map = policy->compiled.map;
    CU_ASSERT_PTR_NOT_NULL(map);
    fixture_publish(&f, policy);
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->classes, map);
    CU_ASSERT_PTR_NULL(f.p.policy->compiled.map);

    for (int late = 0; late < 2; late++) { /* before it is published, or with it */
        policy = fixture_policy(&f, POLICY(8443));
        policy->members_version = f.p.members_version;
        map = policy->compiled.map;
        fixture_desktop(&f, 4 + late);
        if (!late) {
            fixture_publish(&f, NULL);
        }
        fixture_publish(&f, policy);
        CU_ASSERT_PTR_NOT_EQUAL(f.p.snapshot->classes, map);
        CU_ASSERT_PTR_NULL(f.p.policy->compiled.map);
    }
    fixture_close(&f);
}

/* Ports come and go while a policy is compiled: it is put in force on those of now. */
static void
test_policy_for_the_ports_of_now(void)
{
    struct fixture f;
    struct policy *policy;

    fixture_open(&f);
    fixture_desktop(&f, 1);
    policy = fixture_policy(&f, POLICY(443));
    fixture_desktop(&f, 9);
    fixture_publish(&f, policy);
    CU_ASSERT_EQUAL(fixture_verdict(&f, f.p.snapshot->ports[0], ACL_INGRESS, "10.0.0.9", 5900),
                    ACL_ALLOW);
    CU_ASSERT_PTR_EQUAL(f.p.snapshot->ports[0]->table[ACL_INGRESS],
                        f.p.snapshot->ports[1]->table[ACL_INGRESS]);
    fixture_close(&f);
}

static void
test_delete_and_reuse(void)
{
    struct fixture f;
    struct before b;
    struct desired_port *port;

    open_four(&f);
    fixture_delete(&f, f.d.by_id[1]);
    CU_ASSERT_PTR_NULL(f.p.snapshot->ports[1]);
    CU_ASSERT_EQUAL(f.p.snapshot->n_ports, 3);
    CU_ASSERT_EQUAL(bound_port(&f, "10.0.0.2"), DP_PORT_NONE);
    CU_ASSERT_EQUAL(bound_port(&f, "10.0.0.3"), 2);

    /* The same number for another port, without a snapshot in between. */
    b = look(&f);
    port = f.d.by_id[2];
    desired_remove(&f.d, port);
    f.d.next_id = 2;
    CU_ASSERT_EQUAL(fixture_desktop(&f, 5)->id, 2);
    fixture_publish(&f, NULL);
    desired_port_destroy(port);
    CU_ASSERT_PTR_NOT_EQUAL(f.p.snapshot->ports[2], b.leaf[2]);
    CU_ASSERT(f.p.snapshot->ports[2]->epoch > b.epoch[2]);
    CU_ASSERT_EQUAL(f.p.snapshot->ports[2]->mac, UINT64_C(0x020000000005));
    CU_ASSERT_EQUAL(bound_port(&f, "10.0.0.3"), DP_PORT_NONE);
    CU_ASSERT_EQUAL(bound_port(&f, "10.0.0.5"), 2);
    fixture_close(&f);
}

static bool
is_member(const struct acl_member *members, size_t n, const char *prefix, uint32_t group)
{
    struct acl_prefix want;

    CU_ASSERT_TRUE_FATAL(acl_prefix_parse(prefix, &want));
    for (size_t i = 0; i < n; i++) {
        if (members[i].group == group && members[i].prefix.len == want.len &&
            acl_addr_equals(&members[i].prefix.addr, &want.addr)) {
            return true;
        }
    }
    return false;
}

static void
test_members(void)
{
    enum { SALES = ACL_RAW_IN(0), HELPDESK = ACL_RAW_IN(1), SERVERS = ACL_RAW_IN(2) };
    struct fixture f;
    struct policy *policy;
    struct acl_member *members;
    size_t n;

    fixture_open(&f);
    policy = fixture_policy(&f, POLICY(443));
    members = membership_of_addresses(policy->parsed, &f.d, VLAN_NONE, &n);
    CU_ASSERT_EQUAL(n, 1); /* no port yet, only the prefix */
    CU_ASSERT_TRUE(is_member(members, n, "10.9.0.0/16", SERVERS));
    free(members);

    fixture_desktop(&f, 1);
    fixture_desktop(&f, 9);
    fixture_uplink(&f, 1);
    members = membership_of_addresses(policy->parsed, &f.d, VLAN_NONE, &n);
    CU_ASSERT_EQUAL(n, 1 + 3 * 2); /* two addresses each */
    CU_ASSERT_TRUE(is_member(members, n, "10.0.0.1", SALES));
    CU_ASSERT_TRUE(is_member(members, n, "fe80::ff:fe00:1", SALES));
    CU_ASSERT_TRUE(is_member(members, n, "10.0.0.9", SALES));
    CU_ASSERT_TRUE(is_member(members, n, "10.0.0.9", HELPDESK));
    CU_ASSERT_FALSE(is_member(members, n, "10.0.0.1", HELPDESK));
    free(members);
    policy_destroy(policy);
    policy_destroy(NULL);
    fixture_close(&f);
}

CU_SuiteInfo
publish_suite(void)
{
    static CU_TestInfo tests[] = {
        { "without a policy", test_without_policy },
        { "bindings", test_bindings },
        { "a port that is not open", test_port_that_is_not_open },
        { "desktops share the tables", test_tables_are_shared },
        { "a quarantine copies one leaf", test_quarantine_copies_one_leaf },
        { "it waits for the worker", test_waits_for_the_worker },
        { "nothing changed: all is shared", test_nothing_changed },
        { "a member of a known class", test_member_of_a_known_class },
        { "a member of a new class", test_member_of_a_new_class },
        { "the next policy", test_next_policy },
        { "the same policy again", test_same_policy_again },
        { "the mode of a pool", test_mode_of_a_pool },
        { "other classes under the same rules", test_other_classes },
        { "the compiler's class map", test_map_of_the_compiler },
        { "a policy for the ports of now", test_policy_for_the_ports_of_now },
        { "ports go, numbers are used again", test_delete_and_reuse },
        { "members of groups", test_members },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "publishing", switch_init, switch_exit, NULL, NULL, tests };
}
