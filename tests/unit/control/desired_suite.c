/* Desired state: what a port may be beside the others, and the numbers that ports get. */
#include <config.h>

#include <stdlib.h>

#include "control/desired.h"
#include "tests/unit/control/suites.h"

static struct test_spec s;

static struct desired_port *
inserted(struct desired *d)
{
    struct desired_port *port = spec_created(&s);
    char *error = NULL;

    CU_ASSERT_EQUAL_FATAL(desired_number(d, port, &error), RPC_OK);
    desired_insert(d, port);
    return port;
}

static void
taken(const struct desired *d, const char *want)
{
    struct desired_port *port = spec_created(&s);
    char *error = NULL;

    CU_ASSERT_EQUAL(desired_number(d, port, &error), RPC_ALREADY_EXISTS);
    expect_text(error, want);
    free(error);
    desired_port_destroy(port);
}

static void
test_desktops_beside_others(void)
{
    struct desired d;

    desired_init(&d);
    spec_desktop(&s, 1);
    inserted(&d);

    spec_desktop(&s, 2);
    s.spec.name = "desk1";
    taken(&d, "desk1: a port of this name exists");
    spec_desktop(&s, 2);
    s.spec.mac = "02:00:00:00:00:01";
    taken(&d, "desk2: mac: 02:00:00:00:00:01 is already bound to port desk1");
    spec_desktop(&s, 2);
    s.ips[0] = "10.0.0.1";
    taken(&d, "desk2: ips: 10.0.0.1 is already bound to port desk1");
    s.ips[0] = "fe80::ff:fe00:1"; /* which desk1 has by its MAC */
    taken(&d, "desk2: ips: fe80::ff:fe00:1 is already bound to port desk1");
    spec_desktop(&s, 2);
    s.vhost.socket = "desk1.sock";
    taken(&d, "desk2: " RUN_DIR "/desk1.sock is already used by port desk1");
    s.vhost.socket = RUN_DIR "/desk1.sock";
    taken(&d, "desk2: " RUN_DIR "/desk1.sock is already used by port desk1");
    /* Names are told apart by case. */
    spec_desktop(&s, 2);
    s.spec.name = "Desk1";
    inserted(&d);
    CU_ASSERT_EQUAL(shash_count(&d.ports), 2);
    desired_destroy(&d);
}

static void
test_devices_beside_others(void)
{
    struct desired d;

    desired_init(&d);
    spec_uplink(&s, 1);
    inserted(&d);
    spec_uplink(&s, 2); /* uplinks share the MAC 0, which is none */
    inserted(&d);
    spec_uplink(&s, 3);
    s.af_packet.interface = "eth1";
    taken(&d, "up3: eth1 is already used by port up1");

    s.spec.attachment_case = FUSUMA__V1__PORT_SPEC__ATTACHMENT_ETHDEV;
    s.spec.ethdev = &s.ethdev;
    s.ethdev.devargs = "eth1"; /* devices and interfaces are named apart */
    inserted(&d);
    s.spec.name = "up4";
    taken(&d, "up4: eth1 is already used by port up3");
    desired_destroy(&d);
}

static void
test_insert_remove_find(void)
{
    struct desired d;
    struct desired_port *port;

    desired_init(&d);
    CU_ASSERT_FALSE(d.members_changed);
    CU_ASSERT_PTR_NULL(desired_find(&d, "desk1"));
    spec_desktop(&s, 1);
    port = inserted(&d);
    CU_ASSERT_TRUE(d.members_changed);
    CU_ASSERT_PTR_EQUAL(desired_find(&d, "desk1"), port);
    CU_ASSERT_PTR_EQUAL(d.by_id[port->id], port);
    d.members_changed = false;
    desired_remove(&d, port);
    CU_ASSERT_TRUE(d.members_changed);
    CU_ASSERT_PTR_NULL(desired_find(&d, "desk1"));
    CU_ASSERT_PTR_NULL(d.by_id[port->id]);
    desired_port_destroy(port);
    inserted(&d); /* all that it had is free again */
    desired_destroy(&d);
}

static struct desired_port *
insert_desktop(struct desired *d, unsigned n)
{
    spec_desktop(&s, n);
    return inserted(d);
}

/* A number that was freed is used again after all the others. */
static void
test_numbers(void)
{
    struct desired d;
    struct desired_port *port, *middle;
    char *error = NULL;

    desired_init(&d);
    CU_ASSERT_EQUAL(insert_desktop(&d, 1)->id, 0);
    middle = insert_desktop(&d, 2);
    CU_ASSERT_EQUAL(middle->id, 1);
    desired_remove(&d, middle);
    CU_ASSERT_EQUAL(insert_desktop(&d, 3)->id, 2);
    for (unsigned i = 3; i < DP_MAX_PORTS; i++) {
        CU_ASSERT_EQUAL(insert_desktop(&d, i + 1)->id, i);
    }
    CU_ASSERT_EQUAL(insert_desktop(&d, DP_MAX_PORTS + 1)->id, 1);

    spec_desktop(&s, DP_MAX_PORTS + 2);
    port = spec_created(&s);
    CU_ASSERT_EQUAL(desired_number(&d, port, &error), RPC_RESOURCE_EXHAUSTED);
    expect_text(error, "desk1026: there are 1024 ports already");
    free(error);
    desired_port_destroy(port);
    desired_port_destroy(middle);
    desired_destroy(&d);
}

/* Asking for a number takes nothing: the port may yet fail to open. */
static void
test_number_reserves_nothing(void)
{
    struct desired d;
    struct desired_port *port;
    char *error = NULL;

    desired_init(&d);
    spec_desktop(&s, 1);
    port = spec_created(&s);
    CU_ASSERT_EQUAL(desired_number(&d, port, &error), RPC_OK);
    CU_ASSERT_EQUAL(shash_count(&d.ports), 0);
    CU_ASSERT_EQUAL(port->id, 0);
    desired_port_destroy(port);
    CU_ASSERT_EQUAL(insert_desktop(&d, 2)->id, 0);
    desired_destroy(&d);
}

CU_SuiteInfo
desired_suite(void)
{
    static CU_TestInfo tests[] = {
        { "desktops beside others", test_desktops_beside_others },
        { "devices beside others", test_devices_beside_others },
        { "insert, remove, find", test_insert_remove_find },
        { "numbers are used in turn", test_numbers },
        { "a number reserves nothing", test_number_reserves_nothing },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "ports beside others", NULL, NULL, NULL, NULL, tests };
}
