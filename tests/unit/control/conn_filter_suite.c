/* Which connections a filter selects, and which filters are refused. */
#include <config.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/conn_filter.h"
#include "control/desired.h"
#include "tests/unit/control/suites.h"
#include "openvswitch/util.h"

#define FILTER(...)                                                                                \
    ({                                                                                             \
        static Fusuma__V1__ConnectionFilter m;                                                     \
        fusuma__v1__connection_filter__init(&m);                                                   \
        (void) (__VA_ARGS__);                                                                      \
        &m;                                                                                        \
    })
#define TEXT(FIELD, VALUE) (m.FIELD = CONST_CAST(char *, VALUE))

static struct desired d;

/* Ports 0 (desk1, alice), 1 (desk2, bob), 2 (desk3, alice). */
static int
setup(void)
{
    desired_init(&d);
    for (unsigned n = 1; n <= 3; n++) {
        struct test_spec spec;
        struct desired_port *port;
        char *error;

        spec_desktop(&spec, n);
        spec.spec.user = CONST_CAST(char *, n == 2 ? "bob" : "alice");
        /* No assertion: no test is under way. */
        if (desired_port_create(&spec.spec, RUN_DIR, &port, &error) ||
            desired_number(&d, port, &error)) {
            return 1;
        }
        desired_insert(&d, port);
    }
    return 0;
}

static int
teardown(void)
{
    desired_destroy(&d);
    return 0;
}

/* TCP, SYN sent, from desk1 at 10.0.0.1:4000 to desk2 at fd00::9:443, addresses of unlike kinds so
 * that the canonical order is known to be either. */
static struct conn
sample(void)
{
    struct acl_addr src, dst;
    struct conn c;

    memset(&c, 0, sizeof c);
    acl_addr_parse("10.0.0.1", &src);
    acl_addr_parse("fd00::9", &dst);
    c.initiator = conn_key_make(&c.key, &src, &dst, 4000, 443, IPPROTO_TCP, 0);
    c.port[c.initiator] = desired_find(&d, "desk1")->id;
    c.port[!c.initiator] = desired_find(&d, "desk2")->id;
    c.half[c.initiator].tcp.said = TCP_SAID_SYN;
    return c;
}

static bool
selects(const Fusuma__V1__ConnectionFilter *m)
{
    struct conn c = sample();
    struct conn_filter f;
    char *error = NULL;

    CU_ASSERT_EQUAL_FATAL(conn_filter_init(&f, &d, m, &error), RPC_OK);
    CU_ASSERT_FALSE(f.selects_all);
    return conn_filter_selects(&f, &c);
}

static void
test_each_field(void)
{
    CU_ASSERT_TRUE(selects(FILTER(TEXT(port, "desk1"))));
    CU_ASSERT_TRUE(selects(FILTER(TEXT(port, "desk2"))));
    CU_ASSERT_FALSE(selects(FILTER(TEXT(port, "desk3"))));
    CU_ASSERT_TRUE(selects(FILTER(TEXT(user, "alice"))));
    CU_ASSERT_TRUE(selects(FILTER(TEXT(user, "bob"))));
    CU_ASSERT_TRUE(selects(FILTER(TEXT(source, "10.0.0.0/30"))));
    CU_ASSERT_FALSE(selects(FILTER(TEXT(source, "10.0.0.4/30"))));
    CU_ASSERT_FALSE(selects(FILTER(TEXT(source, "fd00::/16")))); /* that is the other side */
    CU_ASSERT_TRUE(selects(FILTER(TEXT(destination, "fd00::9"))));
    CU_ASSERT_FALSE(selects(FILTER(TEXT(destination, "10.0.0.1"))));
    CU_ASSERT_TRUE(selects(FILTER(m.protocol = IPPROTO_TCP)));
    CU_ASSERT_FALSE(selects(FILTER(m.protocol = IPPROTO_UDP)));
    CU_ASSERT_TRUE(selects(FILTER(m.destination_port = 443)));
    CU_ASSERT_FALSE(selects(FILTER(m.destination_port = 4000)));
    CU_ASSERT_TRUE(selects(FILTER(m.source_port = 4000)));
    CU_ASSERT_FALSE(selects(FILTER(m.source_port = 443)));
    CU_ASSERT_TRUE(selects(FILTER(TEXT(state, "syn-sent"))));
    CU_ASSERT_FALSE(selects(FILTER(TEXT(state, "established"))));
}

static void
test_together(void)
{
    struct conn c = sample();
    struct conn_filter f;
    char *error = NULL;

    CU_ASSERT_TRUE(selects(FILTER(TEXT(port, "desk2"), TEXT(user, "alice"), m.protocol = 6)));
    CU_ASSERT_FALSE(selects(FILTER(TEXT(port, "desk2"), m.destination_port = 80)));
    c.key.protocol = IPPROTO_ICMP; /* an identifier is no port */
    CU_ASSERT_EQUAL(conn_filter_init(&f, &d, FILTER(m.destination_port = 443), &error), RPC_OK);
    CU_ASSERT_FALSE(conn_filter_selects(&f, &c));
    CU_ASSERT_EQUAL(conn_filter_init(&f, &d, NULL, &error), RPC_OK);
    CU_ASSERT_TRUE(f.selects_all);
    CU_ASSERT_TRUE(conn_filter_selects(&f, &c));
    CU_ASSERT_EQUAL(conn_filter_init(&f, &d, FILTER(m.protocol = 0), &error), RPC_OK);
    CU_ASSERT_TRUE(f.selects_all);
    CU_ASSERT_TRUE(conn_filter_selects(&f, &c));
}

static void
refused(const Fusuma__V1__ConnectionFilter *m, enum rpc_status status, const char *text)
{
    struct conn_filter f;
    char *error = NULL;

    CU_ASSERT_EQUAL(conn_filter_init(&f, &d, m, &error), status);
    expect_text(error, text);
    free(error);
}

static void
test_refused(void)
{
    refused(FILTER(TEXT(port, "desk9")), RPC_NOT_FOUND, "no port is named \"desk9\"");
    refused(FILTER(TEXT(user, "eve")), RPC_NOT_FOUND, "no port is used by \"eve\"");
    refused(FILTER(TEXT(source, "10.0.0.1/8")), RPC_INVALID_ARGUMENT,
            "source: \"10.0.0.1/8\": host bits are set");
    refused(FILTER(TEXT(destination, "moon")), RPC_INVALID_ARGUMENT,
            "destination: \"moon\": not an IPv4 or IPv6 address");
    refused(FILTER(TEXT(state, "open")), RPC_INVALID_ARGUMENT,
            "state: \"open\" is none of unreplied, replied, syn-sent, syn-received, established, "
            "closing, closed");
    refused(FILTER(m.protocol = 256), RPC_INVALID_ARGUMENT, "protocol: 256 is more than 255");
    refused(FILTER(m.source_port = 65536), RPC_INVALID_ARGUMENT,
            "source_port: 65536 is more than 65535");
    refused(FILTER(m.destination_port = 70000), RPC_INVALID_ARGUMENT,
            "destination_port: 70000 is more than 65535");
}

CU_SuiteInfo
conn_filter_suite(void)
{
    static CU_TestInfo tests[] = {
        { "each field", test_each_field },
        { "together", test_together },
        { "what is refused", test_refused },
        CU_TEST_INFO_NULL,
    };
    return (CU_SuiteInfo){ "connection filter", setup, teardown, NULL, NULL, tests };
}
