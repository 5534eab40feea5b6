/* Drop events as flows, and what is known of those without a record. */
#include <config.h>

#include <netinet/in.h>
#include <string.h>

#include "control/desired.h"
#include "control/sights.h"
#include "control/site.h"
#include "packets.h"
#include "telemetry/reasons.h"
#include "tests/unit/control/suites.h"
#include "util.h"

static struct desired desired;
static struct acl_site *site;

/* Two desktops and an uplink. */
static void
begin(void)
{
    struct test_spec spec;

    desired_init(&desired);
    for (unsigned i = 1; i <= 3; i++) {
        struct desired_port *port;
        char *error;

        if (i < 3) {
            spec_desktop(&spec, i);
        } else {
            spec_uplink(&spec, i);
        }
        port = spec_created(&spec);
        CU_ASSERT_EQUAL_FATAL(desired_number(&desired, port, &error), RPC_OK);
        desired_insert(&desired, port);
    }
    site = site_copy(&desired);
    desired_destroy(&desired); /* the copy stands for itself */
}

static void
end(void)
{
    site_destroy(site);
    site = NULL;
}

static struct drop_event
record(const char *port, const char *peer, enum drop_reason reason)
{
    struct drop_event e = { .type = DROP_EVENT_RECORD };

    ovs_strlcpy(e.port, port, sizeof e.port);
    ovs_strlcpy(e.peer_port, peer, sizeof e.peer_port);
    e.record = (struct drop_record){ .wall_ns = UINT64_C(1700000000123456789),
                                     .count = 3,
                                     .sport = 49152,
                                     .dport = 445,
                                     .ethertype = ETH_TYPE_IP,
                                     .protocol = IPPROTO_TCP,
                                     .reason = reason };
    acl_addr_parse("10.0.0.1", &e.record.src);
    acl_addr_parse("10.9.0.1", &e.record.dst);
    return e;
}

static struct drop_event
unsaid(const char *port, enum drop_reason reason, uint64_t suppressed, uint64_t lost)
{
    struct drop_event e = { .type = DROP_EVENT_UNSAID };

    ovs_strlcpy(e.port, port, sizeof e.port);
    e.unsaid.reason = reason;
    e.unsaid.suppressed = suppressed;
    e.unsaid.lost = lost;
    return e;
}

static void
add(struct sights *s, uint64_t epoch, struct drop_event e)
{
    CU_ASSERT_EQUAL(sights_add(s, epoch, &e), 0);
}

static void
test_site(void)
{
    struct acl_addr a;
    uint32_t desk, up;

    begin();
    desk = site_find(site, "desk1");
    up = site_find(site, "up3");
    CU_ASSERT_EQUAL(site->n_ports, 3);
    CU_ASSERT_TRUE_FATAL(desk < 3 && up < 3);
    CU_ASSERT_TRUE(site->ports[desk].is_desktop && !site->ports[up].is_desktop);
    CU_ASSERT_EQUAL_FATAL(site->ports[desk].n_labels, 1);
    CU_ASSERT_STRING_EQUAL(site->ports[desk].labels[0].value, "sales");
    CU_ASSERT_TRUE(acl_addr_parse("10.0.0.1", &a));
    CU_ASSERT_EQUAL(acl_site_desktop(site, &a, 0), desk);
    CU_ASSERT_EQUAL(acl_site_desktop(site, &a, 7), ACL_NO_PORT);
    CU_ASSERT_EQUAL(site_find(site, ""), ACL_NO_PORT);
    CU_ASSERT_EQUAL(site_find(site, "desk9"), ACL_PORT_GONE);
    end();
}

static void
test_records(void)
{
    struct sights s;
    struct drop_event arp = record("desk1", "", DROP_AUDIT);

    begin();
    arp.record.ethertype = ETH_TYPE_ARP;
    for (int drops = 0; drops < 2; drops++) {
        sights_init(&s, site, drops);
        add(&s, 5, record("desk1", "up3", DROP_AUDIT));
        add(&s, 5, record("desk1", "up3", DROP_EGRESS_RULE));
        add(&s, 5, record("desk1", "up3", DROP_INGRESS_DEFAULT));
        add(&s, 5, record("desk1", "up3", DROP_SPOOF_IP)); /* no matter of policy */
        add(&s, 5, record("desk9", "up3", DROP_AUDIT));
        add(&s, 5, arp);
        CU_ASSERT_EQUAL(s.flows.records, drops ? 4 : 2);
        CU_ASSERT_EQUAL(s.flows.gone, 1);
        CU_ASSERT_EQUAL_FATAL(s.flows.n, 1);
        CU_ASSERT_EQUAL(s.flows.v[0].from, site_find(site, "desk1"));
        CU_ASSERT_EQUAL(s.flows.v[0].service, 445);
        CU_ASSERT_EQUAL(s.flows.v[0].packets[ACL_EGRESS], drops ? 9 : 3);
        CU_ASSERT_EQUAL(s.flows.v[0].first_s, 1700000000);
        sights_destroy(&s);
    }
    end();
}

/* Totals since an epoch or a port began, of several of each. */
static void
test_unrecorded(void)
{
    struct sights s;

    begin();
    sights_init(&s, site, false);
    add(&s, 5, unsaid("desk1", DROP_AUDIT, 10, 1));
    add(&s, 5, unsaid("desk1", DROP_AUDIT, 30, 2));
    CU_ASSERT_EQUAL(sights_unrecorded(&s), 32);
    add(&s, 5, unsaid("desk2", DROP_AUDIT, 4, 0));
    add(&s, 6, unsaid("desk1", DROP_AUDIT, 100, 0));
    add(&s, 5, unsaid("desk1", DROP_EGRESS_RULE, 1000, 0)); /* not asked for */
    CU_ASSERT_EQUAL(sights_unrecorded(&s), 136);
    add(&s, 5, unsaid("desk1", DROP_AUDIT, 3, 0)); /* the port came again */
    CU_ASSERT_EQUAL(sights_unrecorded(&s), 139);
    CU_ASSERT_EQUAL(s.gaps, 0);
    add(&s, 6, (struct drop_event){ .type = DROP_EVENT_GAP });
    CU_ASSERT_EQUAL(s.gaps, 1);
    sights_destroy(&s);
    end();
}

static CU_TestInfo tests[] = {
    { "what a policy sees of the switch", test_site },
    { "records", test_records },
    { "packets without a record", test_unrecorded },
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo
sights_suite(void)
{
    return (CU_SuiteInfo){ "sights", NULL, NULL, NULL, NULL, tests };
}
