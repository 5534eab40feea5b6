/* Limits of a port: defaults by role, what is refused, what is shown. */
#include <config.h>

#include <stdlib.h>

#include "control/desired.h"
#include "control/limits.h"
#include "control/message.h"
#include "tests/unit/control/suites.h"

static struct test_spec s;

static void
expect_storm(uint32_t broadcast, uint32_t multicast, uint32_t unknown)
{
    struct desired_port *port = spec_created(&s);
    const uint32_t *pps = port->limits.storm_pps;

    CU_ASSERT_EQUAL(pps[STORM_BROADCAST], broadcast);
    CU_ASSERT_EQUAL(pps[STORM_MULTICAST], multicast);
    CU_ASSERT_EQUAL(pps[STORM_UNKNOWN_UNICAST], unknown);
    desired_port_destroy(port);
}

static void
refused(const char *want)
{
    struct desired_port *port;
    char *error = NULL;

    CU_ASSERT_EQUAL(desired_port_create(&s.spec, RUN_DIR, &port, &error), RPC_INVALID_ARGUMENT);
    CU_ASSERT_PTR_NULL(port);
    expect_text(error, want);
    free(error);
}

static void
test_storm(void)
{
    spec_desktop(&s, 1);
    expect_storm(500, 500, 1000);
    s.spec.storm = &s.storm; /* there, and empty */
    expect_storm(500, 500, 1000);
    s.storm.multicast_pps = 3;
    expect_storm(500, 3, 1000);
    s.storm.broadcast_pps = LIMIT_OFF;
    s.storm.unknown_unicast_pps = 100000000;
    expect_storm(0, 3, 100000000);
    spec_uplink(&s, 1);
    expect_storm(5000, 50000, 20000);
}

static void
test_storm_refused(void)
{
    spec_desktop(&s, 1);
    s.spec.storm = &s.storm;
    s.storm.broadcast_pps = 100000001;
    refused("desk1: storm.broadcast_pps: 100000001 is more than 100000000; 4294967295 is no limit");
    s.storm.broadcast_pps = 0;
    s.storm.multicast_pps = LIMIT_OFF - 1;
    refused("desk1: storm.multicast_pps: 4294967294 is more than 100000000; 4294967295 is no "
            "limit");
    s.storm.multicast_pps = 0;
    s.storm.unknown_unicast_pps = 4000000000;
    refused("desk1: storm.unknown_unicast_pps: 4000000000 is more than 100000000; 4294967295 is "
            "no limit");
}

static void
expect_macs(uint32_t macs)
{
    struct desired_port *port = spec_created(&s);

    CU_ASSERT_EQUAL(port->limits.macs, macs);
    desired_port_destroy(port);
}

static void
test_macs(void)
{
    spec_desktop(&s, 1);
    expect_macs(0);
    s.spec.mac_limit = 1;
    refused("desk1: mac_limit: a desktop has its bound MAC and no other");
    spec_uplink(&s, 1);
    expect_macs(8192);
    s.spec.mac_limit = 1;
    expect_macs(1);
    s.spec.mac_limit = 65536;
    expect_macs(65536);
    s.spec.mac_limit = 65537;
    refused("up1: mac_limit: 65537 is more than the 65536 that the switch has room for");
}

static void
test_shown(void)
{
    const struct limits l = { .storm_pps = { 7, 0, 9 } };
    Fusuma__V1__StormLimits *m = limits_storm_message(&l);

    CU_ASSERT_EQUAL(m->broadcast_pps, 7);
    CU_ASSERT_EQUAL(m->multicast_pps, LIMIT_OFF);
    CU_ASSERT_EQUAL(m->unknown_unicast_pps, 9);
    message_free(m);
}

CU_SuiteInfo
limits_suite(void)
{
    static CU_TestInfo tests[] = {
        { "storm limits", test_storm },
        { "storm limits that are refused", test_storm_refused },
        { "stations behind an uplink", test_macs },
        { "limits as they are shown", test_shown },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "limits of a port", NULL, NULL, NULL, NULL, tests };
}
