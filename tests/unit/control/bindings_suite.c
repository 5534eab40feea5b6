/* What becomes of lessons: leases, claims and routers, and what of it is stored. */
#include <config.h>

#include <limits.h>
#include <stdio.h>

#include "tests/unit/control/learner.h"
#include "tests/unit/control/suites.h"
#include "tests/unit/control/switch.h"
#include "timeval.h"
#include "util.h"

#define HOURS (3600 * 1000ll)
#define ROUTER "fe80::1"

/* ---- leases ---- */

/* In force before its packet goes on. */
static void
test_lease(void)
{
    struct desired_port *a;
    uint64_t generation;

    learner_open();
    a = learner_desktop(1, 0, true);
    teach_lease(a, "10.0.1.1", 100);
    learner_run(0);
    CU_ASSERT_TRUE(learner_has(a, "10.0.1.1") && learner_has(a, "10.0.0.1"));
    CU_ASSERT_EQUAL(learner_back, 1);
    CU_ASSERT_EQUAL(learner_back_in_force, 1);
    CU_ASSERT_EQUAL(learner_left(a, "10.0.1.1"), 100 * 1000);
    generation = learner.publisher.generation;
    teach_lease(a, "10.0.1.1", 500); /* renewed */
    learner_run(50 * 1000);
    CU_ASSERT_EQUAL(learner_back, 1);
    CU_ASSERT_EQUAL(learner_left(a, "10.0.1.1"), 500 * 1000);
    CU_ASSERT_EQUAL(learner.publisher.generation, generation); /* nothing new to say */
    learner_run(500 * 1000 - 1);
    CU_ASSERT_TRUE(learner_has(a, "10.0.1.1"));
    learner_run(1001); /* its end is looked for once a second */
    CU_ASSERT_FALSE(learner_has(a, "10.0.1.1"));
    CU_ASSERT_TRUE(learner_has(a, "10.0.0.1"));
    teach_lease(a, "10.0.1.2", UINT32_MAX);
    learner_run(0);
    CU_ASSERT_EQUAL(learner_left(a, "10.0.1.2"), LEARNED_FOR_EVER);
    learner_close();
}

static void
test_lease_ends(void)
{
    struct desired_port *a, *b;

    learner_open();
    a = learner_desktop(1, 0, true);
    b = learner_desktop(2, 0, true);
    teach_lease(a, "10.0.1.1", 100);
    teach_lease(b, "fd00::2", 100);
    learner_run(0);
    CU_ASSERT_TRUE(learner_has(b, "fd00::2"));
    teach_release(a, "fd00::2"); /* not its own */
    teach_release(a, "10.0.0.1");
    teach_lease(b, "fd00::2", 0); /* the server takes it back */
    learner_run(0);
    CU_ASSERT_TRUE(learner_has(a, "10.0.1.1") && learner_has(a, "10.0.0.1"));
    CU_ASSERT_FALSE(learner_has(b, "fd00::2"));
    teach_release(a, "10.0.1.1");
    learner_run(0);
    CU_ASSERT_FALSE(learner_has(a, "10.0.1.1"));
    learner_close();
}

/* Whatever becomes of the lease, its packet goes on. */
static void
test_lease_is_not_bound(void)
{
    struct desired_port *a, *b, *up;

    learner_open();
    a = learner_desktop(1, 0, true);
    b = learner_desktop(2, 0, false);
    up = learner_uplink(1);
    teach_lease(a, "10.0.0.2", 100);
    teach_lease(b, "10.0.1.1", 100);  /* it does not learn */
    teach_lease(up, "10.0.1.2", 100); /* is no desktop */
    learner_run(0);
    CU_ASSERT_EQUAL(learner_back, 3);
    CU_ASSERT_TRUE(learner_has(b, "10.0.0.2"));
    CU_ASSERT_FALSE(learner_has(b, "10.0.1.1"));
    CU_ASSERT_FALSE(learner_has(up, "10.0.1.2"));
    CU_ASSERT_EQUAL(up->n_learned, 0);
    teach_lease(a, "10.0.1.3", 100);
    desired_remove(&learner.desired, a); /* it went in between */
    learner_run(0);
    CU_ASSERT_EQUAL(learner_back, 1);
    CU_ASSERT_FALSE(learner_has(a, "10.0.1.3"));
    CU_ASSERT_EQUAL(publish(&learner.publisher, &learner.desired, NULL), 0);
    desired_port_destroy(a);
    learner_close();
}

/* ---- claims ---- */

/* Claimed, and not defended; whether it is bound then. */
static bool
forms(const struct desired_port *port, const char *addr)
{
    teach_claim(port, addr);
    learner_run(0);
    CU_ASSERT_FALSE(learner_has(port, addr));
    learner_run(CLAIM_MS - 1);
    CU_ASSERT_FALSE(learner_has(port, addr));
    learner_run(1);
    return learner_has(port, addr);
}

static void
test_claim(void)
{
    struct desired_port *a, *b, *up;

    learner_open();
    a = learner_desktop(1, 0, true);
    b = learner_desktop(2, 0, false);
    up = learner_uplink(1);
    CU_ASSERT_FALSE(forms(up, "fe80::1:2:3:4"));
    CU_ASSERT_TRUE(forms(a, "fe80::1:2:3:4"));
    CU_ASSERT_EQUAL(learner_left(a, "fe80::1:2:3:4"), LEARNED_FOR_EVER);
    CU_ASSERT_TRUE(forms(b, "fe80::5:6:7:8"));  /* link-local ones always */
    CU_ASSERT_FALSE(forms(a, "fd00::1:2:3:4")); /* no router told of it */
    teach_router(0, ROUTER, 1800, "fd00::", 64, 3600);
    CU_ASSERT_TRUE(forms(a, "fd00::1:2:3:4"));
    CU_ASSERT_EQUAL(learner_left(a, "fd00::1:2:3:4"), 3600 * 1000 - CLAIM_MS);
    CU_ASSERT_FALSE(forms(a, "fd00:0:0:1:1:2:3:4")); /* another prefix */
    CU_ASSERT_FALSE(forms(b, "fd00::5:6:7:8"));      /* it does not learn */
    CU_ASSERT_FALSE(forms(b, "fd00::1:2:3:4"));
    CU_ASSERT_FALSE(forms(b, "fe80::1:2:3:4")); /* another desktop has it */
    CU_ASSERT_TRUE(learner_has(a, "fe80::1:2:3:4"));
    learner_close();
}

/* What people give to routers and servers, or another station made of its MAC. */
static void
test_claim_of_others(void)
{
    struct desired_port *a;

    learner_open();
    a = learner_desktop(1, 0, true);
    teach_router(0, "fe80::aaaa:bbbb:cccc:dddd", 1800, "fd00::", 64, 3600);
    CU_ASSERT_FALSE(forms(a, "fd00::99"));
    CU_ASSERT_FALSE(forms(a, "fe80::99:1"));
    CU_ASSERT_FALSE(forms(a, "fe80::a:bff:fe0c:d0e"));
    CU_ASSERT_FALSE(forms(a, "fd00::ff:fe00:2")); /* desk2's */
    CU_ASSERT_TRUE(forms(a, "fd00::ff:fe00:1"));  /* its own */
    CU_ASSERT_TRUE(forms(a, "fe80::a:bff:1:2"));
    CU_ASSERT_FALSE(forms(a, "fe80::aaaa:bbbb:cccc:dddd")); /* the router's */
    teach_claim(a, "fe80::aaaa:0:0:1");
    learner_run(0);
    teach_router(0, "fe80::aaaa:0:0:1", 1800, NULL, 0, 0); /* one that was silent so far */
    learner_run(CLAIM_MS);
    CU_ASSERT_FALSE(learner_has(a, "fe80::aaaa:0:0:1"));
    learner_close();
}

static void
test_routers_end(void)
{
    struct desired_port *a, *b;

    learner_open();
    a = learner_desktop(1, 0, true);
    b = learner_desktop(2, 7, true);
    teach_router(0, "fe80::aaaa:0:0:1", 100, NULL, 0, 0);
    teach_router(0, "fe80::aaaa:0:0:2", 0, NULL, 0, 0); /* is no default router, or no more */
    CU_ASSERT_FALSE(forms(a, "fe80::aaaa:0:0:2"));
    CU_ASSERT_TRUE(forms(b, "fe80::aaaa:0:0:1")); /* in another VLAN */
    learner_run(2000);
    CU_ASSERT_TRUE(forms(a, "fe80::aaaa:0:0:2"));
    learner_run(50 * 1000);
    teach_router(0, "fe80::aaaa:0:0:1", 100, NULL, 0, 0); /* still there */
    learner_run(0);
    learner_run(60 * 1000);
    CU_ASSERT_FALSE(forms(a, "fe80::aaaa:0:0:1"));
    learner_run(60 * 1000);
    CU_ASSERT_TRUE(forms(a, "fe80::aaaa:0:0:1"));
    learner_close();
}

static void
test_defended(void)
{
    struct desired_port *a, *b, *other;

    learner_open();
    a = learner_desktop(1, 0, true);
    b = learner_desktop(2, 0, true);
    other = learner_desktop(3, 7, true);
    teach_claim(a, "fe80::1:2:3:4");
    teach_claim(a, "fe80::1:2:3:5");
    teach_claim(other, "fe80::1:2:3:4");
    learner_run(0);
    teach_defence(0, "fe80::1:2:3:4");
    learner_run(CLAIM_MS);
    CU_ASSERT_FALSE(learner_has(a, "fe80::1:2:3:4"));
    CU_ASSERT_TRUE(learner_has(a, "fe80::1:2:3:5"));
    CU_ASSERT_TRUE(learner_has(other, "fe80::1:2:3:4"));
    teach_claim(a, "fe80::1:2:3:6");
    learner_run(0);
    teach_claim(b, "fe80::1:2:3:6"); /* too late */
    teach_claim(a, "fe80::1:2:3:6"); /* and asking again moves nothing */
    learner_run(CLAIM_MS);
    CU_ASSERT_TRUE(learner_has(a, "fe80::1:2:3:6"));
    learner_run(CLAIM_MS);
    CU_ASSERT_TRUE(learner_has(a, "fe80::1:2:3:6"));
    learner_close();
}

/* Whoever gets the number of a port that went has claimed nothing. */
static void
test_claim_of_one_that_went(void)
{
    struct desired_port *a, *b;
    uint16_t id;

    learner_open();
    a = learner_desktop(1, 0, true);
    b = learner_desktop(2, 0, true);
    id = a->id;
    teach_claim(a, "fe80::1:2:3:4");
    teach_claim(b, "fe80::5:6:7:8");
    learner_run(0);
    desired_remove(&learner.desired, a);
    CU_ASSERT_EQUAL(publish(&learner.publisher, &learner.desired, NULL), 0);
    bindings_forget(&learner, a);
    desired_port_destroy(a);
    learner.desired.next_id = id;
    a = learner_desktop(3, 0, true);
    CU_ASSERT_EQUAL(a->id, id);
    learner_run(CLAIM_MS);
    CU_ASSERT_FALSE(learner_has(a, "fe80::1:2:3:4"));
    CU_ASSERT_TRUE(learner_has(b, "fe80::5:6:7:8"));
    learner_close();
}

/* More than there is room for are not taken down, and those that are do not suffer. */
static void
test_many_claims(void)
{
    enum { ROOM = 1024 };
    struct desired_port *a, *b;
    char addr[64];

    learner_open();
    a = learner_desktop(1, 0, true);
    b = learner_desktop(2, 0, true);
    for (int i = 0; i < ROOM; i++) {
        snprintf(addr, sizeof addr, "fe80::1:2:3:%x", i + 1);
        teach_claim(a, addr);
    }
    teach_claim(b, "fe80::5:6:7:8");
    learner_run(0);
    learner_run(CLAIM_MS);
    CU_ASSERT_TRUE(learner_has(a, addr)); /* the last one */
    CU_ASSERT_EQUAL(a->n_learned, LEARNED_MAX_LINK_LOCAL);
    CU_ASSERT_FALSE(learner_has(b, "fe80::5:6:7:8"));
    CU_ASSERT_TRUE(forms(b, "fe80::5:6:7:8"));
    learner_close();
}

/* One that is repeated takes one place, and the first that came settles it. */
static void
test_repeated_claims(void)
{
    struct desired_port *a, *b;

    learner_open();
    a = learner_desktop(1, 0, true);
    b = learner_desktop(2, 0, true);
    for (int i = 0; i < 1100; i++) {
        teach_claim(a, "fe80::1:2:3:4");
    }
    teach_claim(b, "fe80::5:6:7:8");
    learner_run(0);
    learner_run(CLAIM_MS);
    CU_ASSERT_TRUE(learner_has(a, "fe80::1:2:3:4"));
    CU_ASSERT_TRUE(learner_has(b, "fe80::5:6:7:8"));
    learner_close();
}

/* ---- prefixes ---- */

static void
test_prefix(void)
{
    struct desired_port *a, *other;

    learner_open();
    a = learner_desktop(1, 0, true);
    other = learner_desktop(2, 7, true);
    teach_router(0, ROUTER, 1800, "fd00:1::", 63, 3600); /* RFC 4291, 2.5.1 */
    teach_router(0, ROUTER, 1800, "fd00:2::", 64, 0);
    teach_router(0, ROUTER, 1800, "ff05:3::", 64, 3600);
    teach_router(0, ROUTER, 1800, "fd00:4::9", 64, 3600); /* what is not the prefix is ignored */
    CU_ASSERT_FALSE(forms(a, "fd00:1::1:2:3:4"));
    CU_ASSERT_FALSE(forms(a, "fd00:2::1:2:3:4"));
    CU_ASSERT_FALSE(forms(a, "ff05:3::1:2:3:4"));
    CU_ASSERT_FALSE(forms(other, "fd00:4::1:2:3:4"));
    CU_ASSERT_TRUE(forms(a, "fd00:4::1:2:3:4"));
    learner_run(HOURS);
    CU_ASSERT_FALSE(learner_has(a, "fd00:4::1:2:3:4"));
    CU_ASSERT_FALSE(forms(a, "fd00:4::1:2:3:5"));
    learner_close();
}

/* RFC 4862, 5.5.3 e: one advertisement, which anybody may have sent, does not end addresses within
 * two hours. */
static void
test_prefix_lifetimes(void)
{
    const char *addr = "fd00::1:2:3:4";
    struct desired_port *a, *other;

    learner_open();
    a = learner_desktop(1, 0, true);
    other = learner_desktop(2, 7, true);
    teach_router(0, ROUTER, 1800, "fd00::", 64, 100 * 3600);
    teach_router(7, ROUTER, 1800, "fd00::", 64, 100 * 3600);
    CU_ASSERT_TRUE(forms(a, addr) && forms(other, addr));
    teach_lease(a, "fd00::99", 50 * 3600);
    teach_router(0, ROUTER, 1800, "fd00::", 64, 200 * 3600);
    learner_run(0);
    CU_ASSERT_EQUAL(learner_left(a, addr), 200 * HOURS);
    CU_ASSERT_EQUAL(learner_left(a, "fd00::99"), 50 * HOURS); /* is DHCP's */
    CU_ASSERT_TRUE(learner_left(other, addr) < 100 * HOURS);
    teach_router(0, ROUTER, 1800, "fd00::", 64, 3 * 3600); /* more than two hours: as it says */
    learner_run(0);
    CU_ASSERT_EQUAL(learner_left(a, addr), 3 * HOURS);
    teach_router(0, ROUTER, 1800, "fd00::", 64, 0);
    learner_run(0);
    CU_ASSERT_EQUAL(learner_left(a, addr), 2 * HOURS);
    learner_run(HOURS);
    teach_router(0, ROUTER, 1800, "fd00::", 64, 60);
    learner_run(0);
    CU_ASSERT_EQUAL(learner_left(a, addr), HOURS); /* nor is it moved on and on */
    teach_router(0, ROUTER, 1800, "fd00::", 64, 5400);
    learner_run(0);
    CU_ASSERT_EQUAL(learner_left(a, addr), HOURS * 3 / 2);
    teach_router(0, ROUTER, 1800, "fd00::", 64, UINT32_MAX);
    learner_run(0);
    CU_ASSERT_EQUAL(learner_left(a, addr), LEARNED_FOR_EVER);
    learner_close();
}

static void
test_many_routers(void)
{
    struct desired_port *a;
    char router[64], prefix[64];

    learner_open();
    a = learner_desktop(1, 0, true);
    for (int i = 1; i <= 70; i++) { /* of which no address can be formed: they take no place */
        snprintf(prefix, sizeof prefix, "ff05:%x::", i);
        teach_router(0, ROUTER, 1800, prefix, 64, 3600);
        snprintf(prefix, sizeof prefix, "fe80:0:0:%x::", i);
        teach_router(0, ROUTER, 1800, prefix, 64, 3600);
        snprintf(prefix, sizeof prefix, "fd01:%x::", i);
        teach_router(0, ROUTER, 1800, prefix, 64, 0);
    }
    for (int i = 1; i <= 70; i++) {
        snprintf(router, sizeof router, "fe80::aaaa:0:0:%x", i);
        snprintf(prefix, sizeof prefix, "fd00:%x::", i);
        teach_router(0, router, 1800, prefix, 64, 3600);
    }
    learner_run(0);
    CU_ASSERT_FALSE(forms(a, "fe80::aaaa:0:0:3f")); /* 64 have room, ROUTER is one of them */
    CU_ASSERT_TRUE(forms(a, "fe80::aaaa:0:0:40"));
    CU_ASSERT_TRUE(forms(a, "fd00:40::1:2:3:4"));
    CU_ASSERT_FALSE(forms(a, "fd00:41::1:2:3:4"));
    learner_close();
}

/* ---- storing ---- */

static void
test_stored(void)
{
    struct desired_port *a, *b;

    learner_open();
    a = learner_desktop(1, 0, true);
    b = learner_desktop(2, 0, false);
    learner_run(0);
    expect_text(learner_waiting(), "");
    teach_lease(a, "10.0.1.1", 100);
    teach_lease(a, "fd00::1", UINT32_MAX);
    learner_run(0);
    expect_text(learner_waiting(), "desk1 10.0.1.1 dhcp 100\ndesk1 fd00::1 dhcpv6 -1\n");
    CU_ASSERT_TRUE(forms(b, "fe80::1:2:3:4")); /* nothing waits for the disk */
    learner_stored(RPC_OK);
    learner_run(0);
    expect_text(learner_waiting(), "desk2 fe80::1:2:3:4 link-local -1\n");
    learner_stored(RPC_UNAVAILABLE);
    learner_run(999); /* once a second, not as fast as the disk fails */
    expect_text(learner_waiting(), "");
    learner_run(1);
    expect_text(learner_waiting(), "desk2 fe80::1:2:3:4 link-local -1\n");
    learner_stored(RPC_OK);
    learner_run(0);
    expect_text(learner_waiting(), "");
    learner_close();
}

/* What the state had, as far as it still holds. */
static void
test_loaded(void)
{
    char addrs[][24] = { "10.0.1.1", "fd00::1",  "fe80::1:2:3:4", "fe80::5:6:7:8", "fd00::2",
                         "10.0.1.2", "10.0.1.3", "no address",    "10.0.1.4" };
    const long long now_s = time_wall_msec() / 1000;
    const struct state_binding rows[] = {
        { "desk1", addrs[0], "dhcp", now_s + 1000 },
        { "desk1", addrs[1], "dhcpv6", 0 },
        { "desk1", addrs[2], "link-local", 0 },
        { "desk2", addrs[3], "link-local", 0 }, /* does not learn */
        { "desk2", addrs[4], "slaac", now_s + 1000 },
        { "desk1", addrs[5], "dhcp", now_s - 1 }, /* is over */
        { "desk9", addrs[6], "dhcp", now_s + 1000 },
        { "desk1", addrs[7], "dhcp", now_s + 1000 },
        { "desk1", addrs[8], "magic", now_s + 1000 },
        { "up1", addrs[8], "link-local", now_s + 1000 },
        { NULL, NULL, NULL, 0 },
    };
    struct desired_port *a, *b, *up;

    learner_open();
    a = learner_desktop(1, 0, true);
    b = learner_desktop(2, 0, false);
    up = learner_uplink(1);
    learner_rows = rows;
    bindings_load(&learner);
    CU_ASSERT_EQUAL(publish(&learner.publisher, &learner.desired, NULL), 0);
    CU_ASSERT_TRUE(learner_has(a, "10.0.1.1") && learner_has(a, "fd00::1"));
    CU_ASSERT_TRUE(learner_has(a, "fe80::1:2:3:4") && learner_has(b, "fe80::5:6:7:8"));
    CU_ASSERT_EQUAL(learner_left(a, "fd00::1"), LEARNED_FOR_EVER);
    CU_ASSERT_TRUE(learner_left(a, "10.0.1.1") <= 1000 * 1000);
    CU_ASSERT_TRUE(learner_left(a, "10.0.1.1") > 900 * 1000);
    CU_ASSERT_EQUAL(a->n_learned, 3);
    CU_ASSERT_EQUAL(b->n_learned, 1);
    CU_ASSERT_EQUAL(up->n_learned, 0);
    learner_run(0);
    expect_text(learner_waiting(), ""); /* it is there already */
    learner_close();
}

CU_SuiteInfo
bindings_suite(void)
{
    static CU_TestInfo tests[] = {
        { "a lease", test_lease },
        { "a lease ends", test_lease_ends },
        { "a lease that is not bound", test_lease_is_not_bound },
        { "a claim", test_claim },
        { "a claim of what others have", test_claim_of_others },
        { "routers end", test_routers_end },
        { "a claim that is defended, or late", test_defended },
        { "a claim of a port that went", test_claim_of_one_that_went },
        { "many claims", test_many_claims },
        { "a claim over and over", test_repeated_claims },
        { "prefixes", test_prefix },
        { "lifetimes of prefixes", test_prefix_lifetimes },
        { "many routers", test_many_routers },
        { "what is stored", test_stored },
        { "what was stored", test_loaded },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "bindings", switch_init, switch_exit, NULL, NULL, tests };
}
