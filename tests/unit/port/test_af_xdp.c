/* The buffers of an AF_XDP port that is gone, without a kernel: what the driver held is given up,
 * what the switch holds is waited for. */
#include <config.h>

#include <unistd.h>

#include <CUnit/Basic.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "port/af_xdp.h"

enum { ETHDEV = 3, REST = 3 /* seconds that suffice for a pool to go */ };

static unsigned
n_pools(void)
{
    char name[RTE_MEMPOOL_NAMESIZE];
    unsigned n = 0;

    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "af_xdp-%u", i);
        n += rte_mempool_lookup(name) != NULL;
    }
    return n;
}

/* As the driver hands out what it received. */
static void
receive(struct af_xdp *x, struct rte_mbuf **pkts, unsigned n)
{
    CU_ASSERT_EQUAL_FATAL(rte_pktmbuf_alloc_bulk(af_xdp_pool(x), pkts, n), 0);
    for (unsigned i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(pkts[i]->port, RTE_MBUF_PORT_INVALID); /* of what its rings hold */
        pkts[i]->port = ETHDEV;
    }
}

static void
sweep_for(unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        af_xdp_sweep();
        sleep(1);
    }
    af_xdp_sweep();
}

static struct af_xdp *
create_used(void)
{
    struct af_xdp *x = af_xdp_create();
    struct rte_mbuf *pkts[64];

    CU_ASSERT_FATAL(x != NULL);
    CU_ASSERT_EQUAL(rte_pktmbuf_alloc_bulk(af_xdp_pool(x), pkts, 64),
                    0);   /* in the driver's rings */
    receive(x, pkts, 64); /* seen before, and free again */
    rte_pktmbuf_free_bulk(pkts, 64);
    return x;
}

static void
test_goes(void)
{
    struct af_xdp *x = create_used();

    sweep_for(REST);
    CU_ASSERT_EQUAL(n_pools(), 1); /* in use, whatever the number of buffers */
    af_xdp_retire(x);
    af_xdp_sweep();
    CU_ASSERT_EQUAL(n_pools(), 1); /* a NIC may still write to it */
    sweep_for(REST);
    CU_ASSERT_EQUAL(n_pools(), 0);
    af_xdp_retire(NULL);
}

static void
test_waits(void)
{
    struct af_xdp *x = create_used();
    struct rte_mbuf *held[2];

    receive(x, held, 2);
    af_xdp_retire(x);
    sweep_for(REST);
    CU_ASSERT_EQUAL_FATAL(n_pools(), 1);
    rte_pktmbuf_free(held[0]);
    sweep_for(REST);
    CU_ASSERT_EQUAL_FATAL(n_pools(), 1);
    rte_pktmbuf_free(held[1]);
    sweep_for(REST);
    CU_ASSERT_EQUAL(n_pools(), 0);
}

/* Sent back by the port that it came from: the driver's, and never seen again; not so the unsent.
 */
static void
test_sent_back(void)
{
    struct af_xdp *x = create_used();
    struct rte_mbuf *pkts[2];

    receive(x, pkts, 2);
    af_xdp_mark_sent(x, pkts, 2);
    af_xdp_mark_unsent(x, pkts + 1, 1);
    af_xdp_retire(x);
    sweep_for(REST);
    CU_ASSERT_EQUAL_FATAL(n_pools(), 1);
    rte_pktmbuf_free(pkts[1]);
    sweep_for(REST);
    CU_ASSERT_EQUAL(n_pools(), 0);
}

static void
test_exit(void)
{
    struct af_xdp *x = create_used(), *y = create_used();

    af_xdp_retire(x);
    af_xdp_retire(y);
    CU_ASSERT_EQUAL(n_pools(), 2);
    af_xdp_exit();
    CU_ASSERT_EQUAL(n_pools(), 0);
}

int
main(int argc __attribute__((unused)), char *argv[])
{
    char *eal[] = { argv[0], "--no-huge", "--no-shconf",    "-m",
                    "128",   "--no-pci",  "--no-telemetry", "--log-level=lib.eal:error",
                    "-l",    "0" };
    unsigned failed;
    CU_pSuite s;

    if (rte_eal_init(RTE_DIM(eal), eal) < 0 || CU_initialize_registry() != CUE_SUCCESS) {
        return 1;
    }
    s = CU_add_suite("af_xdp", NULL, NULL);
    CU_add_test(s, "a pool goes", test_goes);
    CU_add_test(s, "but not while a buffer is held", test_waits);
    CU_add_test(s, "sent back", test_sent_back);
    CU_add_test(s, "exit", test_exit);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed != 0;
}
