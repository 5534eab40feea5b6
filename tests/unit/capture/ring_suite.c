/* The ring between a worker and the capture thread. */
#include <config.h>

#include <pthread.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "telemetry/capture_ring.h"
#include "tests/unit/capture/suites.h"

static struct capture_ring ring;

static int
open_ring(void)
{
    return capture_ring_init(&ring);
}

static int
close_ring(void)
{
    capture_ring_destroy(&ring);
    return 0;
}

static void
test_nothing_before_it_is_shown(void)
{
    struct capture_record *r = capture_ring_reserve(&ring, 7, 3);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(r->port, 7);
    CU_ASSERT_EQUAL(r->captured, 3);
    CU_ASSERT_PTR_NULL(capture_ring_peek(&ring));
    memcpy(r + 1, "abc", 3);
    r->reason = 9;
    capture_ring_show(&ring);
    CU_ASSERT_PTR_EQUAL_FATAL(capture_ring_peek(&ring), r);
    CU_ASSERT_FALSE(memcmp(capture_ring_peek(&ring) + 1, "abc", 3));
    CU_ASSERT_EQUAL(capture_ring_peek(&ring)->reason, 9);
    capture_ring_pop(&ring);
    CU_ASSERT_PTR_NULL(capture_ring_peek(&ring));
}

static void
test_find(void)
{
    struct capture_record *first, *second, *out;
    int a, b;

    first = capture_ring_reserve(&ring, 1, 10);
    first->buffer = &a;
    out = capture_ring_reserve(&ring, 1, 10);
    out->buffer = &a;
    out->to_port = true;
    second = capture_ring_reserve(&ring, 2, 10);
    second->buffer = &a;
    CU_ASSERT_PTR_EQUAL(capture_ring_find(&ring, 1, false, &a), first);
    CU_ASSERT_PTR_EQUAL(capture_ring_find(&ring, 1, true, &a), out);
    CU_ASSERT_PTR_EQUAL(capture_ring_find(&ring, 2, false, &a), second);
    CU_ASSERT_PTR_NULL(capture_ring_find(&ring, 1, false, &b));
    CU_ASSERT_PTR_NULL(capture_ring_find(&ring, 3, false, &a));
    capture_ring_show(&ring); /* what is shown is the consumer's */
    CU_ASSERT_PTR_NULL(capture_ring_find(&ring, 1, false, &a));
    while (capture_ring_peek(&ring)) {
        capture_ring_pop(&ring);
    }
}

static void
test_full(void)
{
    uint64_t before = atomic_load(&ring.lost[3]), n = 0, lost;

    while (capture_ring_reserve(&ring, 3, 1000)) {
        n++;
    }
    CU_ASSERT_TRUE(n >= CAPTURE_RING_BYTES / 1088 - 1);
    CU_ASSERT_PTR_NULL(capture_ring_reserve(&ring, 3, 1000));
    lost = atomic_load(&ring.lost[3]) - before;
    CU_ASSERT_EQUAL(lost, 2);
    CU_ASSERT_EQUAL(atomic_load(&ring.lost[4]), 0);
    capture_ring_show(&ring);
    for (; capture_ring_peek(&ring); capture_ring_pop(&ring)) {
        n--;
    }
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_PTR_NOT_NULL(capture_ring_reserve(&ring, 3, CAPTURE_SNAPLEN_MAX));
    capture_ring_show(&ring);
    CU_ASSERT_EQUAL(capture_ring_peek(&ring)->captured, CAPTURE_SNAPLEN_MAX);
    capture_ring_pop(&ring);
    CU_ASSERT_PTR_NULL(capture_ring_peek(&ring));
}

/* A record that goes to the beginning needs what is left at the end, too. */
static void
test_full_at_its_end(void)
{
    static struct capture_ring fresh;
    uint32_t unit = 64, n = 0;

    CU_ASSERT_EQUAL_FATAL(capture_ring_init(&fresh), 0);
    CU_ASSERT_PTR_NOT_NULL(capture_ring_reserve(&fresh, 1, 15 * unit));
    while (fresh.reserved + 17 * unit <= CAPTURE_RING_BYTES) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(capture_ring_reserve(&fresh, 1, 16 * unit));
        n++;
    }
    CU_ASSERT_EQUAL(CAPTURE_RING_BYTES - fresh.reserved, 2 * unit);
    capture_ring_show(&fresh);
    CU_ASSERT_EQUAL(capture_ring_peek(&fresh)->captured, 15 * unit);
    capture_ring_pop(&fresh);
    CU_ASSERT_PTR_NULL(capture_ring_reserve(&fresh, 1, 16 * unit)); /* 16 are free there, not 17 */
    CU_ASSERT_PTR_NOT_NULL(capture_ring_peek(&fresh));
    capture_ring_pop(&fresh);
    CU_ASSERT_PTR_NOT_NULL(capture_ring_reserve(&fresh, 1, 16 * unit));
    capture_ring_show(&fresh);
    for (; capture_ring_peek(&fresh); capture_ring_pop(&fresh)) {
        CU_ASSERT_EQUAL(capture_ring_peek(&fresh)->captured, 16 * unit);
        n--;
    }
    CU_ASSERT_EQUAL(n, 0);
    capture_ring_destroy(&fresh);
}

static void
test_cold(void)
{
    struct capture_record *r;

    capture_ring_warm(&ring);
    capture_ring_cool(&ring);
    r = capture_ring_reserve(&ring, 1, 4);
    memcpy(r + 1, "wxyz", 4);
    capture_ring_show(&ring);
    CU_ASSERT_FALSE(memcmp(capture_ring_peek(&ring) + 1, "wxyz", 4));
    capture_ring_pop(&ring);
}

#define RECORDS 200000u

/* Record n has n % 1500 bytes, each of them n; whatever finds no room is tried again. */
static void *
produce(void *aux)
{
    (void) aux;
    for (uint32_t n = 0; n < RECORDS;) {
        struct capture_record *r = capture_ring_reserve(&ring, 5, n % 1500);

        if (r) {
            r->rule_slot = n;
            memset(r + 1, (int) n, r->captured);
            n++;
        }
        if (!r || n % 7 == 0) {
            capture_ring_show(&ring);
        }
    }
    capture_ring_show(&ring);
    return NULL;
}

static bool
is_whole(const struct capture_record *r, uint32_t n)
{
    const uint8_t *data = (const uint8_t *) (r + 1);

    return r->port == 5 && r->rule_slot == n && r->captured == n % 1500 &&
           (!r->captured || (data[0] == (uint8_t) n && data[r->captured - 1] == (uint8_t) n));
}

static void
test_two_threads(void)
{
    const struct capture_record *r;
    unsigned wrong = 0;
    pthread_t thread;

    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, produce, NULL), 0);
    for (uint32_t n = 0; n < RECORDS;) {
        r = capture_ring_peek(&ring);
        if (r) {
            wrong += !is_whole(r, n++);
            capture_ring_pop(&ring);
        }
    }
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_PTR_NULL(capture_ring_peek(&ring));
}

void
suite_ring(void)
{
    CU_pSuite s = CU_add_suite("ring", open_ring, close_ring);

    CU_add_test(s, "nothing before it is shown", test_nothing_before_it_is_shown);
    CU_add_test(s, "the record of a buffer", test_find);
    CU_add_test(s, "a full ring loses, counts and goes on", test_full);
    CU_add_test(s, "a full ring, at its end", test_full_at_its_end);
    CU_add_test(s, "memory comes back", test_cold);
    CU_add_test(s, "two threads", test_two_threads);
}
