/* Addresses that a port has learned: bound beside the given ones, capped, and let go of. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/desired.h"
#include "tests/unit/control/suites.h"
#include "util.h"

static struct desired d;

static struct desired_port *
insert(unsigned n)
{
    struct test_spec s;
    struct desired_port *port;
    char *error;

    spec_desktop(&s, n);
    port = spec_created(&s);
    CU_ASSERT_EQUAL_FATAL(desired_number(&d, port, &error), RPC_OK);
    desired_insert(&d, port);
    port->changed = false;
    d.members_changed = false;
    return port;
}

static struct acl_addr
addr(const char *text)
{
    struct acl_addr a;

    CU_ASSERT_TRUE_FATAL(acl_addr_parse(text, &a));
    return a;
}

/* Binds, and says whether it has to be published. */
static bool
learns(struct desired_port *port, const char *text, enum learned_how how, long long until)
{
    struct acl_addr a = addr(text);
    bool changed = false;

    CU_ASSERT_EQUAL(learned_bind(&d, port, &a, how, until, &changed), 0);
    return changed;
}

static int
refused(struct desired_port *port, const char *text, enum learned_how how)
{
    struct acl_addr a = addr(text);
    bool changed = false;
    int error = learned_bind(&d, port, &a, how, LEARNED_FOR_EVER, &changed);

    CU_ASSERT_FALSE(changed);
    return error;
}

static bool
has(const struct desired_port *port, const char *text)
{
    struct acl_addr a = addr(text);

    for (size_t i = 0; i < port->n_addrs; i++) {
        if (acl_addr_equals(&port->addrs[i], &a)) {
            return true;
        }
    }
    return false;
}

static void
test_bound_beside(void)
{
    struct desired_port *port;

    desired_init(&d);
    port = insert(1);
    CU_ASSERT_TRUE(learns(port, "10.0.1.1", LEARNED_DHCP, 1000));
    CU_ASSERT_TRUE(port->changed && port->learned_changed && d.members_changed);
    CU_ASSERT_TRUE(has(port, "10.0.0.1") && has(port, "10.0.1.1"));
    CU_ASSERT_EQUAL(port->n_addrs, port->n_given + 1);
    CU_ASSERT_FALSE(learns(port, "10.0.1.1", LEARNED_DHCP, 2000)); /* a renewal */
    CU_ASSERT_EQUAL(port->learned[0].expires_ms, 2000);
    CU_ASSERT_FALSE(learns(port, "10.0.0.1", LEARNED_DHCP, 1000)); /* it was given */
    CU_ASSERT_EQUAL(port->n_learned, 1);
    CU_ASSERT_TRUE(learns(port, "10.0.1.2", LEARNED_DHCP, 1000)); /* instead of the other */
    CU_ASSERT_TRUE(has(port, "10.0.1.2") && !has(port, "10.0.1.1") && has(port, "10.0.0.1"));
    desired_destroy(&d);
}

static void
test_others_addresses(void)
{
    struct desired_port *a, *b;

    desired_init(&d);
    a = insert(1);
    b = insert(2);
    CU_ASSERT_EQUAL(refused(a, "10.0.0.2", LEARNED_DHCP), EEXIST);
    CU_ASSERT_TRUE(learns(a, "fd00::1", LEARNED_SLAAC, 1000));
    CU_ASSERT_EQUAL(refused(b, "fd00::1", LEARNED_SLAAC), EEXIST);
    CU_ASSERT_EQUAL(refused(b, "fd00::1", LEARNED_DHCP6), EEXIST);
    CU_ASSERT_TRUE(learns(a, "10.0.1.1", LEARNED_DHCP, 1000));
    CU_ASSERT_TRUE(learns(b, "10.0.1.1", LEARNED_DHCP, 1000)); /* its server knows */
    CU_ASSERT_TRUE(has(b, "10.0.1.1") && !has(a, "10.0.1.1"));
    CU_ASSERT_EQUAL(refused(a, "224.0.0.1", LEARNED_DHCP), EINVAL);
    CU_ASSERT_EQUAL(refused(a, "0.0.0.0", LEARNED_DHCP), EINVAL);
    CU_ASSERT_EQUAL(refused(a, "ff02::1", LEARNED_SLAAC), EINVAL);
    desired_destroy(&d);
}

static void
test_capped(void)
{
    struct desired_port *port;
    char text[32];

    desired_init(&d);
    port = insert(1);
    for (int i = 0; i < LEARNED_MAX_GLOBAL + 3; i++) {
        snprintf(text, sizeof text, "fd00::1:%x", i + 1);
        CU_ASSERT_TRUE(learns(port, text, i & 1 ? LEARNED_SLAAC : LEARNED_DHCP6, 1000));
    }
    for (int i = 0; i < LEARNED_MAX_LINK_LOCAL + 1; i++) {
        snprintf(text, sizeof text, "fe80::1:%x", i + 1);
        CU_ASSERT_TRUE(learns(port, text, LEARNED_LINK_LOCAL, LEARNED_FOR_EVER));
    }
    CU_ASSERT_TRUE(learns(port, "10.0.1.1", LEARNED_DHCP, 1000));
    CU_ASSERT_EQUAL(port->n_learned, LEARNED_MAX);
    CU_ASSERT_EQUAL(port->n_addrs, port->n_given + LEARNED_MAX);
    CU_ASSERT_FALSE(has(port, "fd00::1:3")); /* the oldest went */
    CU_ASSERT_TRUE(has(port, "fd00::1:4"));
    CU_ASSERT_FALSE(has(port, "fe80::1:1"));
    CU_ASSERT_TRUE(has(port, "fe80::1:2"));
    CU_ASSERT_TRUE(has(port, "10.0.0.1"));
    desired_destroy(&d);
}

static void
test_ends(void)
{
    struct desired_port *port;
    struct acl_addr a = addr("10.0.1.1"), given = addr("10.0.0.1");

    desired_init(&d);
    port = insert(1);
    learns(port, "10.0.1.1", LEARNED_DHCP, 1000);
    learns(port, "fd00::1", LEARNED_SLAAC, 3000);
    learns(port, "fe80::1", LEARNED_LINK_LOCAL, LEARNED_FOR_EVER);
    CU_ASSERT_FALSE(learned_expire(&d, port, 999));
    CU_ASSERT_TRUE(learned_expire(&d, port, 1000));
    CU_ASSERT_TRUE(!has(port, "10.0.1.1") && has(port, "fd00::1"));
    CU_ASSERT_TRUE(learned_expire(&d, port, 5000));
    CU_ASSERT_TRUE(!has(port, "fd00::1") && has(port, "fe80::1"));
    learns(port, "10.0.1.1", LEARNED_DHCP, 1000);
    CU_ASSERT_TRUE(learned_unbind(&d, port, &a));
    CU_ASSERT_FALSE(learned_unbind(&d, port, &a));
    CU_ASSERT_FALSE(learned_unbind(&d, port, &given)); /* is not let go of so */
    CU_ASSERT_TRUE(has(port, "10.0.0.1") && !has(port, "10.0.1.1"));
    learns(port, "10.0.1.1", LEARNED_DHCP, 1000);
    port->changed = port->learned_changed = d.members_changed = false;
    CU_ASSERT_EQUAL(learned_forget(&d, port), 2); /* with fe80::1 */
    CU_ASSERT_TRUE(port->changed && port->learned_changed && d.members_changed);
    CU_ASSERT_TRUE(has(port, "10.0.0.1") && !has(port, "10.0.1.1") && !has(port, "fe80::1"));
    CU_ASSERT_EQUAL(port->n_addrs, port->n_given);
    port->changed = false;
    CU_ASSERT_EQUAL(learned_forget(&d, port), 0);
    CU_ASSERT_FALSE(port->changed);
    desired_destroy(&d);
}

static void
test_stored(void)
{
    struct desired_port *port;

    desired_init(&d);
    port = insert(1);
    CU_ASSERT_FALSE(learned_is_unstored(port));
    learns(port, "fd00::1", LEARNED_SLAAC, 10 * 1000);
    learns(port, "10.0.1.1", LEARNED_DHCP, 10 * 1000);
    CU_ASSERT_TRUE(learned_is_unstored(port));
    port->learned_changed = false;
    port->learned[0].stored_ms = port->learned[1].stored_ms = 10 * 1000;
    CU_ASSERT_FALSE(learned_is_unstored(port));
    port->learned[0].expires_ms += 600 * 1000; /* the next advertisement */
    CU_ASSERT_FALSE(learned_is_unstored(port));
    port->learned[1].expires_ms += 600 * 1000; /* a renewal */
    CU_ASSERT_TRUE(learned_is_unstored(port));
    for (int i = 0; i < N_LEARNED_HOW; i++) {
        CU_ASSERT_EQUAL(learned_how_from_name(learned_how_name(i)), i);
    }
    CU_ASSERT_EQUAL(learned_how_from_name("given"), N_LEARNED_HOW);
    desired_destroy(&d);
}

CU_SuiteInfo
learned_suite(void)
{
    static CU_TestInfo tests[] = {
        { "bound beside the given ones", test_bound_beside },
        { "others' addresses", test_others_addresses },
        { "capped, the oldest goes", test_capped },
        { "leases end and are released", test_ends },
        { "what has to be stored", test_stored },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ "learned addresses", NULL, NULL, NULL, NULL, tests };
}
