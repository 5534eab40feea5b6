#include <config.h>

#include "ctl/relay/community_id.h"
#include "tests/unit/relay/suites.h"

static void
expect_id(const char *src, const char *dst, uint8_t protocol, uint16_t src_port, uint16_t dst_port,
          const char *want)
{
    char id[COMMUNITY_ID_SIZE];

    CU_ASSERT_TRUE(community_id(src, dst, protocol, src_port, dst_port, id));
    expect_text(id, want);
}

/* The vectors of the specification's baseline, with the default seed. */
static void
test_vectors(void)
{
    expect_id("128.232.110.120", "66.35.250.204", 6, 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    expect_id("66.35.250.204", "128.232.110.120", 6, 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    expect_id("192.168.1.52", "8.8.8.8", 17, 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
    expect_id("8.8.8.8", "192.168.1.52", 17, 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
    expect_id("192.168.0.89", "192.168.0.1", 1, 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
    expect_id("192.168.0.1", "192.168.0.89", 1, 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
    expect_id("fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 58, 135, 0,
              "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=");
    expect_id("fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 58, 136, 0,
              "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=");
}

/* Without an answer there is one way only: the sender comes first, whatever its address. */
static void
test_one_way(void)
{
    char there[COMMUNITY_ID_SIZE], back[COMMUNITY_ID_SIZE];

    CU_ASSERT_TRUE(community_id("10.0.0.1", "10.0.0.2", 1, 3, 1, there));
    CU_ASSERT_TRUE(community_id("10.0.0.2", "10.0.0.1", 1, 3, 1, back));
    CU_ASSERT_STRING_NOT_EQUAL(there, back);
}

static void
test_no_addresses(void)
{
    char id[COMMUNITY_ID_SIZE];

    CU_ASSERT_FALSE(community_id("", "", 6, 1, 2, id));
    CU_ASSERT_FALSE(community_id("10.0.0.1", "fd00::1", 6, 1, 2, id));
}

CU_SuiteInfo
community_id_suite(void)
{
    static CU_TestInfo tests[] = {
        { "the specification's vectors", test_vectors },
        { "ICMP that has no answer", test_one_way },
        { "what is no address", test_no_addresses },
        CU_TEST_INFO_NULL,
    };

    return (CU_SuiteInfo){ .pName = "community id", .pTests = tests };
}
