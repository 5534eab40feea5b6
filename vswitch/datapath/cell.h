/* Counters that one thread writes and any may read. */
#ifndef DATAPATH_CELL_H
#define DATAPATH_CELL_H 1

#include <stdatomic.h>
#include <stdint.h>

/* By the thread that writes it: no locked instruction, as there is no other writer. */
static inline void
cell_add(_Atomic uint64_t *cell, uint64_t n)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

#endif
