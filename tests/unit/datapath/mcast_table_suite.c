/* The table of multicast groups alone: it never loses one, and never finds another. */
#include <config.h>

#include <CUnit/CUnit.h>
#include <rte_ip.h>

#include "datapath/mcast.h"
#include "tests/unit/datapath/suites.h"

#define GROUP RTE_IPV4(239u, 1, 2, 3)

struct count {
    unsigned n;
    struct mcast_entry last;
};

static void
count_one(const struct mcast_entry *e, void *count_)
{
    struct count *count = count_;

    count->n++;
    count->last = *e;
}

static void
test_table(void)
{
    struct count count = { .n = 0 };
    struct mcast_set set;

    CU_ASSERT_EQUAL_FATAL(mcast_init(256, 1), 0);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned port = 0; port < 8; port++) {
            for (unsigned i = 0; i < 64; i++) {
                struct acl_addr a = acl_addr_from_v4(rte_cpu_to_be_32(GROUP + port % 4 * 64 + i));
                CU_ASSERT_TRUE(mcast_join(0, &a, round, port, 1));
            }
            mcast_poll(1);
        }
        for (unsigned i = 0; i < 256; i++) {
            struct acl_addr a = acl_addr_from_v4(rte_cpu_to_be_32(GROUP + i));
            CU_ASSERT_TRUE(mcast_members(&a, round, &set));
            CU_ASSERT_EQUAL(set.bits[0], (0x11ull << i / 64));
        }
        struct acl_addr one_more = acl_addr_from_v4(rte_cpu_to_be_32(GROUP + 256));
        mcast_join(0, &one_more, round, 9, 1); /* no room in all: nobody is put out for it */
        mcast_poll(1);
        CU_ASSERT_FALSE(mcast_members(&one_more, round, &set));
        count.n = 0;
        mcast_foreach(count_one, &count);
        CU_ASSERT_EQUAL(count.n, 512);
        CU_ASSERT_EQUAL(count.last.vlan, round);
        CU_ASSERT_EQUAL(count.last.port, 7);
        mcast_age(1 + MCAST_AGE_SECONDS + 1);
        count.n = 0;
        mcast_foreach(count_one, &count);
        CU_ASSERT_EQUAL(count.n, 0);
    }
    mcast_exit();
}

static struct acl_addr
address_of(uint32_t group)
{
    return acl_addr_from_v4(rte_cpu_to_be_32(group));
}

/* One address in many VLANs: each is a group of its own, wherever they lie in the table. */
static void
test_table_vlans(void)
{
    struct acl_addr a = address_of(GROUP);
    struct mcast_set set;

    CU_ASSERT_EQUAL_FATAL(mcast_init(256, 1), 0);
    for (uint16_t vlan = 0; vlan < 256; vlan++) {
        CU_ASSERT_TRUE(mcast_join(0, &a, vlan, vlan % 4, 1));
        mcast_poll(1);
    }
    for (uint16_t vlan = 0; vlan < 256; vlan++) {
        CU_ASSERT_TRUE(mcast_members(&a, vlan, &set));
        CU_ASSERT_EQUAL(set.bits[0], 1ull << vlan % 4);
        CU_ASSERT_FALSE(mcast_members(&a, 256 + vlan, &set));
    }
    mcast_exit();
}

/* Groups that lie behind one that goes are found as before, and its place is used again: every
 * second one of a table that is half full goes, round after round. */
static void
test_tombstones(void)
{
    struct mcast_set set;

    CU_ASSERT_EQUAL_FATAL(mcast_init(256, 1), 0);
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < 256; i++) {
            struct acl_addr a = address_of(GROUP + i + (i % 2 ? 1000 * round : 0));
            CU_ASSERT_TRUE(mcast_join(0, &a, 0, i / 64, 1));
        }
        mcast_poll(1);
        for (unsigned i = 0; i < 256; i++) {
            struct acl_addr a = address_of(GROUP + i + (i % 2 ? 1000 * round : 0));
            CU_ASSERT_TRUE(mcast_members(&a, 0, &set));
            CU_ASSERT_EQUAL(set.bits[0], 1ull << i / 64);
            if (i % 2) {
                mcast_leave(0, &a, 0, i / 64);
            }
        }
        mcast_poll(1);
        for (unsigned i = 0; i < 256; i++) {
            struct acl_addr a = address_of(GROUP + i + (i % 2 ? 1000 * round : 0));
            CU_ASSERT_EQUAL(mcast_members(&a, 0, &set), i % 2 == 0);
        }
    }
    mcast_exit();
}

void
suite_mcast_table(void)
{
    CU_pSuite s = CU_add_suite("multicast groups", NULL, NULL);

    CU_add_test(s, "full, emptied, full again", test_table);
    CU_add_test(s, "one address in many vlans", test_table_vlans);
    CU_add_test(s, "places that were left", test_tombstones);
}
