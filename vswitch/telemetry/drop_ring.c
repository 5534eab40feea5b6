#include <config.h>

#include "telemetry/drop_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
drop_ring_init(struct drop_ring *r, uint32_t n_records)
{
    memset(r, 0, sizeof *r);
    r->records = calloc(n_records, sizeof *r->records);
    if (!r->records) {
        return ENOMEM;
    }
    r->mask = n_records - 1;
    return 0;
}

void
drop_ring_destroy(struct drop_ring *r)
{
    if (r) {
        free(r->records);
        memset(r, 0, sizeof *r);
    }
}

bool
drop_ring_pop(struct drop_ring *r, struct drop_record *record)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    if (tail == atomic_load_explicit(&r->head, memory_order_acquire)) {
        return false;
    }
    *record = r->records[tail & r->mask];
    atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
    return true;
}
