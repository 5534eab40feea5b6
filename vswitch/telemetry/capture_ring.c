#include <config.h>

#include "telemetry/capture_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert(sizeof(struct capture_record) == 64, "what is left at the end takes a filler");

int
capture_ring_init(struct capture_ring *r)
{
    void *data = mmap(NULL, CAPTURE_RING_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    memset(r, 0, sizeof *r);
    if (data == MAP_FAILED) {
        return ENOMEM;
    }
    r->data = data;
    return 0;
}

void
capture_ring_destroy(struct capture_ring *r)
{
    if (r && r->data) {
        munmap(r->data, CAPTURE_RING_BYTES);
        r->data = NULL;
    }
}

void
capture_ring_warm(struct capture_ring *r)
{
    /* A kernel that does not know this gives pages as they are first written to. */
    (void) madvise(r->data, CAPTURE_RING_BYTES, MADV_POPULATE_WRITE);
}

void
capture_ring_cool(struct capture_ring *r)
{
    (void) madvise(r->data, CAPTURE_RING_BYTES, MADV_DONTNEED);
}

static struct capture_record *
record_at(const struct capture_ring *r, uint64_t at)
{
    return (struct capture_record *) (r->data + at % CAPTURE_RING_BYTES);
}

/* ---- producer ---- */

struct capture_record *
capture_ring_reserve(struct capture_ring *r, uint16_t port, uint32_t captured)
{
    uint32_t size = (sizeof(struct capture_record) + captured + 63) & ~UINT32_C(63);
    uint64_t to_end = CAPTURE_RING_BYTES - r->reserved % CAPTURE_RING_BYTES;
    uint64_t filler = size > to_end ? to_end : 0;
    uint64_t used = r->reserved - atomic_load_explicit(&r->tail, memory_order_acquire);
    struct capture_record *record;

    if (!r->data || used + filler + size > CAPTURE_RING_BYTES) {
        atomic_store_explicit(&r->lost[port],
                              atomic_load_explicit(&r->lost[port], memory_order_relaxed) + 1,
                              memory_order_relaxed);
        return NULL;
    }
    if (filler) {
        record = record_at(r, r->reserved);
        record->size = filler;
        record->port = CAPTURE_FILLER;
        r->reserved += filler;
    }
    record = record_at(r, r->reserved);
    *record = (struct capture_record){ .size = size, .port = port, .captured = captured };
    r->reserved += size;
    return record;
}

struct capture_record *
capture_ring_find(struct capture_ring *r, uint16_t port, bool to_port, const void *buffer)
{
    struct capture_record *found = NULL, *record;

    for (uint64_t at = atomic_load_explicit(&r->head, memory_order_relaxed); at != r->reserved;
         at += record->size) {
        record = record_at(r, at);
        if (record->port == port && record->to_port == to_port && record->buffer == buffer) {
            found = record;
        }
    }
    return found;
}

/* ---- consumer ---- */

const struct capture_record *
capture_ring_peek(struct capture_ring *r)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);

    while (tail != head && record_at(r, tail)->port == CAPTURE_FILLER) {
        tail += record_at(r, tail)->size;
        atomic_store_explicit(&r->tail, tail, memory_order_release);
    }
    return tail != head ? record_at(r, tail) : NULL;
}

void
capture_ring_pop(struct capture_ring *r)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    atomic_store_explicit(&r->tail, tail + record_at(r, tail)->size, memory_order_release);
}
