/* VLANs of ports: what may be asked for, the configuration file's keys, addresses that are a VLAN's
 * own, and what a snapshot says of them. */
#include <config.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/config.h"
#include "control/learned.h"
#include "proto/vlan_list.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "util.h"

static struct test_spec s;
static uint32_t trunks[4];

static void
refused(const char *want)
{
    struct desired_port *port = NULL;
    char *error = NULL;

    CU_ASSERT_EQUAL(desired_port_create(&s.spec, RUN_DIR, &port, &error), RPC_INVALID_ARGUMENT);
    CU_ASSERT_PTR_NULL(port);
    expect_text(error, want);
    free(error);
}

static void
spec_trunk(unsigned n, uint32_t a, uint32_t b)
{
    spec_uplink(&s, n);
    trunks[0] = a;
    trunks[1] = b;
    s.spec.trunks = trunks;
    s.spec.n_trunks = 2;
}

static void
test_access(void)
{
    struct desired_port *port;

    spec_desktop(&s, 1);
    s.spec.vlan = 4095;
    refused("desk1: vlan: 4095 is not a VLAN; 1 to 4094 are, and 0 is the untagged network");
    s.spec.vlan = 4094;
    port = spec_created(&s);
    CU_ASSERT_EQUAL(port->vlan, 4094);
    CU_ASSERT_PTR_NULL(port->trunks);
    desired_port_destroy(port);
    s.spec.trunks = trunks;
    s.spec.n_trunks = 1;
    refused("desk1: trunks: a desktop is in one VLAN and takes no tags; only uplinks have trunks");
    s.spec.n_trunks = 0;
    s.spec.no_untagged = true;
    refused(
        "desk1: no_untagged: a desktop is in one VLAN and takes no tags; only uplinks have trunks");
}

static void
test_trunk(void)
{
    struct desired_port *port;

    spec_trunk(1, 10, 0);
    refused("up1: trunks: 0 is not a VLAN; 1 to 4094 are");
    spec_trunk(1, 10, 4095);
    refused("up1: trunks: 4095 is not a VLAN; 1 to 4094 are");
    spec_trunk(1, 10, 10);
    refused("up1: trunks: 10 is listed twice");
    spec_trunk(1, 10, 20);
    s.spec.vlan = 20;
    refused("up1: trunks: 20 is its vlan, which goes untagged");
    s.spec.vlan = 30;
    s.spec.no_untagged = true;
    refused("up1: vlan: 30 goes untagged, which no_untagged excludes");
    spec_uplink(&s, 1);
    s.spec.no_untagged = true;
    refused("up1: no_untagged: without trunks nothing would be left");

    spec_trunk(1, 64, 4094);
    s.spec.vlan = 30;
    port = spec_created(&s);
    CU_ASSERT_EQUAL(port->vlan, 30);
    CU_ASSERT_EQUAL(port->trunks[1], 1);
    CU_ASSERT_EQUAL(port->trunks[63], UINT64_C(1) << 62);
    desired_port_destroy(port);
    s.spec.vlan = 0;
    s.spec.no_untagged = true;
    port = spec_created(&s);
    CU_ASSERT_EQUAL(port->vlan, VLAN_NONE);
    desired_port_destroy(port);
}

/* ---- the text of lists, the file ---- */

static void
expect_list(const char *text, const char *want)
{
    struct vlan_list list = { .n = 0 };
    char *got;

    CU_ASSERT_TRUE(vlan_list_add(&list, text));
    got = vlan_list_format(list.vlans, list.n);
    expect_text(got, want);
    free(got);
    vlan_list_destroy(&list);
}

static void
test_lists(void)
{
    static const char *const bad[] = { "",      "0",   "4095",  "10-",         "-10",
                                       "20-10", "10,", ",10",   "1 ",          "a",
                                       "1-2-3", "+1",  "10;20", "99999999999", "1-4095" };
    struct vlan_list list = { .n = 0 };

    expect_list("10", "10");
    expect_list("4094,1", "1,4094");
    expect_list("20-22,10,21-23,24", "10,20-24");
    expect_list("1-4094", "1-4094");
    CU_ASSERT_TRUE(vlan_list_add(&list, "5"));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CU_ASSERT_FALSE(vlan_list_add(&list, bad[i]));
    }
    CU_ASSERT_TRUE(vlan_list_add(&list, "4,6"));
    CU_ASSERT_EQUAL_FATAL(list.n, 3);
    CU_ASSERT_EQUAL(list.vlans[0], 4);
    CU_ASSERT_EQUAL(list.vlans[2], 6);
    vlan_list_destroy(&list);
}

/* Reads a file of one port with these keys; its error, without the file's name, or NULL. */
static char *
read_port(const char *keys, struct config *config)
{
    char path[] = "/tmp/fusuma-vlan.XXXXXX", *error = NULL, *text;
    int fd = mkstemp(path);
    FILE *stream = fd >= 0 ? fdopen(fd, "w") : NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    fprintf(stream, "ports:\n  - { name: a, %s }\n", keys);
    fclose(stream);
    config_init(config);
    config_read(path, config, &error);
    unlink(path);
    text = error ? xstrdup(error + sizeof path) : NULL;
    free(error);
    return text;
}

static void
bad_port(const char *keys, const char *want)
{
    struct config config;
    char *error = read_port(keys, &config);

    expect_text(error, want);
    free(error);
    config_destroy(&config);
}

static void
test_file(void)
{
    struct config c;
    char *text;

    CU_ASSERT_PTR_NULL(read_port("vlan: 10, trunks: [30, 20-22], no_untagged: true", &c));
    CU_ASSERT_EQUAL_FATAL(c.n_ports, 1);
    CU_ASSERT_EQUAL(c.ports[0]->vlan, 10);
    CU_ASSERT_TRUE(c.ports[0]->no_untagged);
    text = vlan_list_format(c.ports[0]->trunks, c.ports[0]->n_trunks);
    expect_text(text, "20-22,30");
    free(text);
    config_destroy(&c);
    bad_port("vlan: 4095", "2:22: vlan: a number from 0 to 4094 is expected, not \"4095\"");
    bad_port("trunks: 10", "2:24: trunks: a list of VLANs is expected");
    bad_port("trunks: []", "2:24: trunks: a list of VLANs is expected");
    bad_port("trunks: [10, 20-10]",
             "2:29: trunks: a VLAN from 1 to 4094 is expected, or a range (20-29)");
    bad_port("trunks: [[10]]",
             "2:25: trunks: a VLAN from 1 to 4094 is expected, or a range (20-29)");
    bad_port("no_untagged: 1", "2:29: no_untagged: true or false is expected");
}

/* ---- beside others ---- */

static void
test_beside_others(void)
{
    struct desired_port *one, *two;
    struct desired d;
    char *error = NULL;

    desired_init(&d);
    spec_desktop(&s, 1);
    s.spec.vlan = 10;
    one = spec_created(&s);
    CU_ASSERT_EQUAL_FATAL(desired_number(&d, one, &error), RPC_OK);
    desired_insert(&d, one);
    s.spec.name = "desk2"; /* with the same addresses */
    s.vhost.socket = "desk2.sock";
    two = spec_created(&s);
    CU_ASSERT_EQUAL(desired_number(&d, two, &error), RPC_ALREADY_EXISTS);
    expect_text(error, "desk2: mac: 02:00:00:00:00:01 is already bound to port desk1");
    free(error);
    desired_port_destroy(two);
    s.spec.vlan = 20;
    two = spec_created(&s);
    CU_ASSERT_EQUAL(desired_number(&d, two, &error), RPC_OK);
    desired_insert(&d, two);
    desired_destroy(&d);
}

/* What is learned in one VLAN takes nothing from another. */
static void
test_learned(void)
{
    const struct acl_addr a = acl_addr_from_v4(htonl(0x0a000037));
    struct desired_port *ports[3];
    struct desired d;
    bool changed = false;
    char *error = NULL;

    desired_init(&d);
    for (unsigned i = 0; i < 3; i++) {
        spec_desktop(&s, i + 1);
        s.spec.vlan = i == 2 ? 20 : 10;
        ports[i] = spec_created(&s);
        CU_ASSERT_EQUAL_FATAL(desired_number(&d, ports[i], &error), RPC_OK);
        desired_insert(&d, ports[i]);
    }
    for (unsigned i = 0; i < 3; i += 2) {
        CU_ASSERT_EQUAL(learned_bind(&d, ports[i], &a, LEARNED_DHCP, LEARNED_FOR_EVER, &changed),
                        0);
    }
    CU_ASSERT_EQUAL(ports[0]->n_learned, 1);
    CU_ASSERT_EQUAL(ports[2]->n_learned, 1);
    /* In its own it goes from one to the other. */
    CU_ASSERT_EQUAL(learned_bind(&d, ports[1], &a, LEARNED_DHCP, LEARNED_FOR_EVER, &changed), 0);
    CU_ASSERT_EQUAL(ports[0]->n_learned, 0);
    CU_ASSERT_EQUAL(ports[2]->n_learned, 1);
    desired_destroy(&d);
}

/* ---- published ---- */

static uint16_t
owner(const struct fixture *f, const char *text, uint16_t vlan)
{
    const struct binding *b;
    struct acl_addr addr;

    CU_ASSERT_TRUE_FATAL(acl_addr_parse(text, &addr));
    b = snapshot_binding(f->p.snapshot, &addr, vlan);
    return b ? b->port : DP_PORT_NONE;
}

/* Whether helpdesk's rule lets 'peer' in at 'leaf', in the leaf's VLAN. */
static bool
lets_in(const struct fixture *f, const struct port_leaf *leaf, const char *peer)
{
    struct acl_key key = { .sport = 40000, .dport = 5900, .protocol = 6 };
    struct acl_verdict verdict;
    struct acl_addr addr;

    CU_ASSERT_TRUE_FATAL(acl_addr_parse(peer, &addr));
    key.peer_class = snapshot_class(f->p.snapshot, &addr, leaf->vlan);
    acl_table_lookup(leaf->table[ACL_INGRESS], &key, &verdict);
    return verdict.action == ACL_ALLOW;
}

/* Helpdesk's desk9 and an intruder have the same address, in VLAN 10 and in 20. */
static void
test_published(void)
{
    struct desired_port *helpdesk, *near, *intruder, *far, *up;
    const struct snapshot *snap;
    struct fixture f;

    fixture_open(&f);
    helpdesk = fixture_desktop_in(&f, 9, "desk9", 10);
    near = fixture_desktop_in(&f, 1, "desk1", 10);
    intruder = fixture_desktop_in(&f, 9, "evil", 20);
    far = fixture_desktop_in(&f, 1, "desk2", 20);
    up = fixture_uplink(&f, 1);
    up->vlan = 30;
    up->trunks = xcalloc(VLAN_COUNT / 64, sizeof *up->trunks);
    up->trunks[0] = UINT64_C(1) << 20;
    fixture_publish(&f, fixture_policy(&f, POLICY(443)));
    snap = f.p.snapshot;

    CU_ASSERT_EQUAL(owner(&f, "10.0.0.9", 10), helpdesk->id);
    CU_ASSERT_EQUAL(owner(&f, "10.0.0.9", 20), intruder->id);
    CU_ASSERT_EQUAL(owner(&f, "10.0.0.9", 0), DP_PORT_NONE);
    CU_ASSERT_EQUAL(snap->ports[near->id]->vlan, 10);
    CU_ASSERT_TRUE(lets_in(&f, snap->ports[near->id], "10.0.0.9"));
    CU_ASSERT_FALSE(lets_in(&f, snap->ports[far->id], "10.0.0.9"));

    CU_ASSERT_PTR_NULL(snap->ports[near->id]->trunks);
    CU_ASSERT_TRUE(port_carries(snap->ports[up->id], 20));
    CU_ASSERT_TRUE(port_carries(snap->ports[up->id], 30));
    CU_ASSERT_FALSE(port_carries(snap->ports[up->id], 10));
    CU_ASSERT_FALSE(port_carries(snap->ports[up->id], 0));

    fixture_delete(&f, helpdesk);
    CU_ASSERT_EQUAL(owner(&f, "10.0.0.9", 10), DP_PORT_NONE);
    CU_ASSERT_FALSE(lets_in(&f, f.p.snapshot->ports[near->id], "10.0.0.9"));
    fixture_delete(&f, near);
    CU_ASSERT_PTR_NULL(f.p.snapshot->vlan_classes[10]);
    CU_ASSERT_PTR_NOT_NULL(f.p.snapshot->vlan_classes[20]);
    fixture_close(&f);
}

CU_SuiteInfo
vlan_suite(void)
{
    static CU_TestInfo tests[] = {
        { "an access port", test_access },
        { "a trunk", test_trunk },
        { "lists of VLANs", test_lists },
        { "keys of the file", test_file },
        { "addresses are a VLAN's own", test_beside_others },
        { "what is learned is a VLAN's own", test_learned },
        { "published", test_published },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "VLANs", switch_init, switch_exit, NULL, NULL, tests };
}
