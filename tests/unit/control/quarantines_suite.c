/* Whom a quarantine holds, and what a port's leaf is then. */
#include <config.h>

#include <stdlib.h>

#include "acl/tunnel.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "util.h"

#define LISTS                                                                                      \
    "quarantine:\n"                                                                                \
    "  lists:\n"                                                                                   \
    "    forensics:\n"                                                                             \
    "      - { direction: ingress, peer: helpdesk, protocol: tcp, ports: [22] }\n"                 \
    "    display:\n"                                                                               \
    "      - { direction: egress, peer: servers, protocol: tcp, ports: [443] }\n"

static struct quarantine *
made(const char *vm_id, const char *port)
{
    struct quarantine *q = xzalloc(sizeof *q);

    q->vm_id = xstrdup(vm_id);
    q->port = xstrdup(port);
    q->who = xstrdup("");
    q->comment = xstrdup("");
    svec_init(&q->allow);
    return q;
}

static void
put(struct quarantines *qs, struct quarantine *q)
{
    char *id = quarantine_id(q);

    quarantine_destroy(quarantines_put(qs, id, q));
    free(id);
}

static void
expect_found(const struct quarantines *qs, const char *vm_id, const char *name, const char *want)
{
    const struct quarantine *q = quarantines_find(qs, vm_id, name);
    char *id = q ? quarantine_id(q) : xstrdup("none");

    expect_text(id, want);
    free(id);
}

static void
test_whom(void)
{
    struct quarantines qs;

    quarantines_init(&qs);
    expect_found(&qs, "", "", "none");
    put(&qs, made("v1", "d1"));
    put(&qs, made("", "d2"));
    expect_found(&qs, "v1", "d1", "vm:v1");
    expect_found(&qs, "v1", "elsewhere", "vm:v1");
    expect_found(&qs, "v2", "d1", "none"); /* another VM in its place */
    expect_found(&qs, "", "d1", "vm:v1");  /* nobody knows which */
    expect_found(&qs, "", "d2", "port:d2");
    expect_found(&qs, "v9", "d2", "port:d2");
    expect_found(&qs, "v9", "d3", "none");
    expect_found(&qs, "v1", "d2", "port:d2"); /* of two, one and always the same */
    quarantine_destroy(quarantines_put(&qs, "port:d2", NULL));
    expect_found(&qs, "v1", "d2", "vm:v1");
    quarantines_destroy(&qs);
}

static void
test_version(void)
{
    struct quarantines qs;
    uint64_t before;

    quarantines_init(&qs);
    before = qs.version;
    put(&qs, made("v1", "d1"));
    CU_ASSERT_NOT_EQUAL(qs.version, before);
    before = qs.version;
    CU_ASSERT_PTR_NULL(quarantines_put(&qs, "vm:none", NULL));
    put(&qs, made("v1", "d9"));
    CU_ASSERT_NOT_EQUAL(qs.version, before);
    CU_ASSERT_EQUAL(shash_count(&qs.by_id), 1);
    quarantines_destroy(&qs);
}

static void
test_copy(void)
{
    struct quarantine *q = made("v1", "d1"), *copy;

    svec_add(&q->allow, "display");
    q->resets = true;
    q->since_us = 7;
    copy = quarantine_copy(q);
    quarantine_destroy(q);
    expect_text(copy->vm_id, "v1");
    expect_text(copy->port, "d1");
    CU_ASSERT_TRUE(svec_contains(&copy->allow, "display"));
    CU_ASSERT_TRUE(copy->resets && copy->since_us == 7);
    quarantine_destroy(copy);
    CU_ASSERT_PTR_NULL(quarantine_copy(NULL));
    quarantine_destroy(NULL);
}

/* ---- ports that come and go ---- */

static struct desired_port *
desktop_of(struct fixture *f, unsigned n, const char *name, const char *vm_id)
{
    struct test_spec s;

    spec_desktop(&s, n);
    s.spec.name = CONST_CAST(char *, name);
    s.spec.vm_id = CONST_CAST(char *, vm_id);
    return switch_add(&f->d, &s);
}

static void
test_follows_the_vm(void)
{
    struct fixture f;
    struct desired_port *port, *other;

    fixture_open(&f);
    port = desktop_of(&f, 1, "desk1", "v1");
    other = desktop_of(&f, 2, "desk2", "v2");
    fixture_publish(&f, NULL);
    fixture_cut_off(&f, port, 1, NULL);
    CU_ASSERT_PTR_NOT_NULL(port->quarantine);
    CU_ASSERT_PTR_NULL(other->quarantine);
    CU_ASSERT_FALSE(other->changed);
    fixture_publish(&f, NULL);
    CU_ASSERT_TRUE(f.p.snapshot->ports[port->id]->quarantined);
    fixture_delete(&f, port);
    CU_ASSERT_EQUAL(shash_count(&f.d.quarantines.by_id), 1);
    port = desktop_of(&f, 3, "desk3", "v1");
    fixture_publish(&f, NULL);
    CU_ASSERT_TRUE(f.p.snapshot->ports[port->id]->quarantined); /* from its first packet */
    CU_ASSERT_FALSE(f.p.snapshot->ports[other->id]->quarantined);
    fixture_let_go(&f, port);
    CU_ASSERT_TRUE(port->changed);
    fixture_publish(&f, NULL);
    CU_ASSERT_FALSE(f.p.snapshot->ports[port->id]->quarantined);
    fixture_close(&f);
}

/* ---- lists ---- */

static const struct port_leaf *
leaf_of(const struct fixture *f, const struct desired_port *port)
{
    return f->p.snapshot->ports[port->id];
}

static void
test_lists(void)
{
    struct fixture f;
    struct desired_port *port;
    const struct port_leaf *leaf;
    uint32_t id, normal;

    fixture_open(&f);
    port = fixture_desktop(&f, 1);
    fixture_publish(&f, fixture_policy(&f, POLICY(443) LISTS));
    leaf = leaf_of(&f, port);
    normal = leaf->table_id[ACL_EGRESS];
    CU_ASSERT_PTR_NULL(leaf->open[ACL_EGRESS]);
    CU_ASSERT_NOT_EQUAL(normal, 0);

    fixture_cut_off(&f, port, 1, "forensics");
    fixture_publish(&f, NULL);
    leaf = leaf_of(&f, port);
    CU_ASSERT_TRUE(leaf->quarantined && !port_is_cut(leaf));
    CU_ASSERT_PTR_NOT_NULL_FATAL(leaf->open[ACL_INGRESS]);
    CU_ASSERT_EQUAL(acl_table_n_rules(leaf->open[ACL_INGRESS]), 1);
    CU_ASSERT_EQUAL(acl_table_n_rules(leaf->open[ACL_EGRESS]), 0);
    id = leaf->table_id[ACL_INGRESS];
    CU_ASSERT_NOT_EQUAL(leaf->table_id[ACL_EGRESS], normal);

    /* A policy with the same list: the same table, and what rests on it does. */
    fixture_publish(&f, fixture_policy(&f, POLICY(80) LISTS));
    leaf = leaf_of(&f, port);
    CU_ASSERT_EQUAL(leaf->table_id[ACL_INGRESS], id);
    CU_ASSERT_FALSE(port_is_cut(leaf));

    /* One without: nothing passes. */
    fixture_publish(&f, fixture_policy(&f, POLICY(80)));
    leaf = leaf_of(&f, port);
    CU_ASSERT_TRUE(port_is_cut(leaf));
    CU_ASSERT_EQUAL(leaf->table_id[ACL_INGRESS], 0);

    /* And open again with it, at once. */
    fixture_publish(&f, fixture_policy(&f, POLICY(80) LISTS));
    CU_ASSERT_FALSE(port_is_cut(leaf_of(&f, port)));
    fixture_let_go(&f, port);
    fixture_publish(&f, NULL);
    leaf = leaf_of(&f, port);
    CU_ASSERT_PTR_NULL(leaf->open[ACL_INGRESS]);
    CU_ASSERT_NOT_EQUAL(leaf->table_id[ACL_EGRESS], 0);
    fixture_close(&f);
}

/* New members of groups get rows in lists' tables, too. */
static void
test_lists_and_members(void)
{
    struct fixture f;
    struct desired_port *port, *help;
    const struct port_leaf *leaf;

    fixture_open(&f);
    port = fixture_desktop(&f, 1);
    fixture_publish(&f, fixture_policy(&f, POLICY(443) LISTS));
    fixture_cut_off(&f, port, 1, "forensics");
    fixture_publish(&f, NULL);
    help = fixture_desktop(&f, 9);
    fixture_publish(&f, NULL);
    leaf = leaf_of(&f, port);
    {
        struct acl_key key = { .peer_class = snapshot_class(f.p.snapshot, &help->addrs[0], 0),
                               .dport = 22,
                               .protocol = acl_key_protocol(6, 22) };
        struct acl_verdict v;

        acl_table_lookup(leaf->open[ACL_INGRESS], &key, &v);
        CU_ASSERT_EQUAL(v.action, ACL_ALLOW);
        key.dport = 23;
        acl_table_lookup(leaf->open[ACL_INGRESS], &key, &v);
        CU_ASSERT_EQUAL(v.action, ACL_DROP);
    }
    fixture_close(&f);
}

CU_SuiteInfo
quarantines_suite(void)
{
    static CU_TestInfo tests[] = {
        { "whom it holds", test_whom },
        { "what watchers compare", test_version },
        { "copies", test_copy },
        { "it follows the VM", test_follows_the_vm },
        { "lists come and go with policies", test_lists },
        { "lists and new members", test_lists_and_members },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "quarantines", switch_init, switch_exit, NULL, NULL, tests };
}
