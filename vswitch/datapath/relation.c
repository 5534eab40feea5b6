#include <config.h>

#include "datapath/relation.h"

#include <rte_cycles.h>
#include <rte_malloc.h>

struct relations *
relations_create(void)
{
    return rte_zmalloc("relations", sizeof(struct relations), 64);
}

void
relations_destroy(struct relations *r)
{
    rte_free(r);
}

static uint64_t
get(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_acquire);
}

static void
set(_Atomic uint64_t *cell, uint64_t value)
{
    atomic_store_explicit(cell, value, memory_order_release);
}

/* A slot is no relation while it changes hands. */
void
relation_note(struct relations *r, uint16_t port, uint64_t key, uint64_t now)
{
    struct relation *slots = r->slot[port], *use = &slots[0];

    for (int i = 0; i < RELATIONS_PER_PORT; i++) {
        if (get(&slots[i].key) == key) {
            use = &slots[i];
            break;
        }
        if (get(&slots[i].until) < get(&use->until)) {
            use = &slots[i];
        }
    }
    if (get(&use->key) != key) {
        set(&use->until, 0);
        set(&use->key, key);
    }
    set(&use->until, now + RELATION_SECONDS * rte_get_tsc_hz());
}

bool
relation_holds(const struct relations *r, uint16_t port, uint64_t key, uint64_t now)
{
    const struct relation *slots = r->slot[port];

    for (int i = 0; i < RELATIONS_PER_PORT; i++) {
        if (get(&slots[i].key) == key && get(&slots[i].until) > now) {
            return true;
        }
    }
    return false;
}

void
relations_forget(struct relations *r, uint16_t port)
{
    for (int i = 0; i < RELATIONS_PER_PORT; i++) {
        set(&r->slot[port][i].until, 0);
    }
}
