/* The rota: nobody is forgotten, quiet ports cost busy ones little, and become busy at once. */
#include <config.h>

#include <string.h>

#include <CUnit/CUnit.h>

#include "datapath/rota.h"
#include "tests/unit/datapath/suites.h"

#define N 200
#define ROUND_CYCLES 1500 /* of a round with something to do */

static struct rota rota;
static uint16_t has[N]; /* packets in a poll */
static uint32_t polls[N];
static uint64_t now;

static uint16_t
poll(void *aux, uint16_t id)
{
    CU_ASSERT_PTR_EQUAL(aux, &rota);
    CU_ASSERT_FATAL(id < N);
    polls[id]++;
    return has[id];
}

static uint32_t
round_of(uint64_t cycles)
{
    now += cycles;
    return rota_round(&rota, now, poll, &rota);
}

static void
begin(void)
{
    rota_clear(&rota);
    for (uint16_t i = 0; i < N; i++) {
        rota_add(&rota, i);
    }
    memset(has, 0, sizeof has);
    memset(polls, 0, sizeof polls);
}

/* Only port 0 has packets, for so long that the others are quiet. */
static void
begin_quiet(void)
{
    begin();
    has[0] = 32;
    for (int i = 0; i < ROTA_PATIENCE; i++) {
        round_of(ROUND_CYCLES);
    }
    CU_ASSERT_EQUAL(rota.n_busy, 1);
    memset(polls, 0, sizeof polls);
}

static void
test_idle(void)
{
    begin();
    for (int i = 0; i < 2 * ROTA_PATIENCE; i++) {
        CU_ASSERT_EQUAL(round_of(ROUND_CYCLES), 0);
    }
    for (int i = 0; i < N; i++) {
        /* Nobody is busy: every round, and twice in the one in which they become quiet. */
        CU_ASSERT_EQUAL(polls[i], 2 * ROTA_PATIENCE + 1);
    }
}

static void
test_quiet(void)
{
    uint32_t n_rounds = N * ROTA_QUIET_CYCLES / ROUND_CYCLES, quiet = 0;

    begin_quiet();
    for (uint32_t i = 0; i < n_rounds; i++) {
        CU_ASSERT_EQUAL(round_of(ROUND_CYCLES), 32);
    }
    CU_ASSERT_EQUAL(polls[0], n_rounds);
    for (int i = 1; i < N; i++) {
        CU_ASSERT(polls[i] >= 1 && polls[i] <= 2); /* in turn */
        quiet += polls[i];
    }
    CU_ASSERT(quiet >= N - 1 && quiet <= N + 1);
}

/* However long a round takes, each is polled once in it at most, and no debt is carried on. */
static void
test_long_rounds(void)
{
    begin_quiet();
    round_of(UINT64_C(1) << 40);
    round_of(ROUND_CYCLES);
    for (int i = 1; i < N; i++) {
        CU_ASSERT(polls[i] == 1);
    }
}

static void
test_awake(void)
{
    uint32_t rounds = 0;

    begin_quiet();
    has[77] = has[N - 1] = 5;
    while (rota.n_busy < 3 && ++rounds < 2 * N * ROTA_QUIET_CYCLES / ROUND_CYCLES) {
        round_of(ROUND_CYCLES);
    }
    CU_ASSERT_EQUAL(rota.n_busy, 3);
    CU_ASSERT_EQUAL(round_of(ROUND_CYCLES), 32 + 5 + 5);
    has[0] = 0; /* and quiet again */
    for (int i = 0; i < ROTA_PATIENCE; i++) {
        round_of(ROUND_CYCLES);
    }
    CU_ASSERT_EQUAL(rota.n_busy, 2);
}

/* All of them at once. */
static void
test_all_awake(void)
{
    begin_quiet();
    for (uint16_t i = 0; i < N; i++) {
        has[i] = 1;
    }
    round_of(UINT64_C(1) << 40);
    CU_ASSERT_EQUAL(rota.n_busy, N);
    memset(polls, 0, sizeof polls);
    CU_ASSERT_EQUAL(round_of(ROUND_CYCLES), N);
    for (int i = 0; i < N; i++) {
        CU_ASSERT_EQUAL(polls[i], 1);
    }
}

static void
test_nobody(void)
{
    rota_clear(&rota);
    CU_ASSERT_EQUAL(round_of(ROUND_CYCLES), 0);
}

void
suite_rota(void)
{
    CU_pSuite s = CU_add_suite("rota", NULL, NULL);

    CU_add_test(s, "nobody", test_nobody);
    CU_add_test(s, "all idle", test_idle);
    CU_add_test(s, "quiet ones in turn", test_quiet);
    CU_add_test(s, "long rounds", test_long_rounds);
    CU_add_test(s, "busy again", test_awake);
    CU_add_test(s, "all busy again", test_all_awake);
}
