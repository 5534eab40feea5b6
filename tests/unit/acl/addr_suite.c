#include <config.h>

#include "acl/addr.h"
#include "suites.h"

static void
test_addr_text(void)
{
    static const char *const same[] = { "10.0.0.1",    "255.255.255.255", "0.0.0.0", "::",
                                        "2001:db8::1", "fe80::1:0:0:1",   "1:0:2::3" };
    struct acl_addr addr, other;
    char buf[ACL_ADDR_STRLEN];

    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        CU_ASSERT_FATAL(acl_addr_parse(same[i], &addr));
        CU_ASSERT_STRING_EQUAL(acl_addr_format(&addr, buf), same[i]);
    }
    CU_ASSERT(acl_addr_parse("2001:DB8:0:0:0:0:0:1", &addr));
    CU_ASSERT_STRING_EQUAL(acl_addr_format(&addr, buf), "2001:db8::1");
    CU_ASSERT(acl_addr_parse("::ffff:10.0.0.1", &addr) && acl_addr_parse("10.0.0.1", &other));
    CU_ASSERT(acl_addr_equals(&addr, &other) && acl_addr_is_v4(&addr));
}

static void
test_addr_bad(void)
{
    static const char *const bad[] = { "",    "10.0.0",    "10.0.0.256", "10.0.0.1 ",
                                       "1:2", "10.0.0.01", "::1%eth0",   "a",
                                       ":::", "1.2.3.4/8" };
    struct acl_addr addr;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT(!acl_addr_parse(bad[i], &addr));
    }
}

static void
test_prefix_text(void)
{
    static const struct {
        const char *text;
        int len; /* -1 = refused */
    } cases[] = {
        { "10.0.0.0/8", 104 },
        { "10.0.0.0/24", 120 },
        { "10.0.0.1", 128 },
        { "0.0.0.0/0", 96 },
        { "::/0", 0 },
        { "2001:db8::/32", 32 },
        { "2001:db8::1", 128 },
        { "::ffff:10.0.0.0/104", 104 },
        { "10.0.0.1/32", 128 },
        { "10.0.0.1/24", -1 },
        { "2001:db8::1/64", -1 },
        { "10.0.0.0/33", -1 },
        { "::/129", -1 },
        { "10.0.0.0/", -1 },
        { "10.0.0.0/-1", -1 },
        { "10.0.0.0/+8", -1 },
        { "10.0.0.0/08", -1 },
        { "10.0.0.0/8 ", -1 },
        { "10.0.0.0/4294967304", -1 },
        { "/8", -1 },
        { "10.0.0.0/8/8", -1 },
        { "0.0.0.0/1", 97 },
        { "128.0.0.0/0", -1 },
        { "", -1 },
        { "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64", -1 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct acl_prefix prefix;
        bool ok = acl_prefix_parse(cases[i].text, &prefix);

        CU_ASSERT_EQUAL(ok, cases[i].len >= 0);
        CU_ASSERT(!ok || prefix.len == cases[i].len);
    }
}

static void
test_prefix_contains(void)
{
    struct acl_prefix v4, v6, all;
    struct acl_addr addr;

    CU_ASSERT(acl_prefix_parse("10.1.0.0/20", &v4));
    CU_ASSERT(acl_prefix_parse("2001:db8::/61", &v6));
    CU_ASSERT(acl_prefix_parse("::/0", &all));
    CU_ASSERT(acl_addr_parse("10.1.15.255", &addr) && acl_prefix_contains(&v4, &addr));
    CU_ASSERT(!acl_prefix_contains(&all, &addr) && !acl_prefix_contains(&v6, &addr));
    CU_ASSERT(acl_addr_parse("10.1.16.0", &addr) && !acl_prefix_contains(&v4, &addr));
    CU_ASSERT(acl_addr_parse("2001:db8:0:7::1", &addr) && acl_prefix_contains(&v6, &addr));
    CU_ASSERT(acl_prefix_contains(&all, &addr));
    CU_ASSERT(acl_addr_parse("2001:db8:0:8::", &addr) && !acl_prefix_contains(&v6, &addr));
}

CU_TestInfo addr_tests[] = {
    { "address text, both ways", test_addr_text },
    { "addresses that are none", test_addr_bad },
    { "prefix text", test_prefix_text },
    { "what a prefix contains", test_prefix_contains },
    CU_TEST_INFO_NULL,
};
