#include <config.h>

#include "telemetry/ledger.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_BEFORE_YIELD 64
#define PAGE_WORDS (sizeof(struct ledger_page) / sizeof(uint64_t))

/* Pages are summed and copied word by word. */
_Static_assert(sizeof(struct ledger_page) % sizeof(uint64_t) == 0, "only 64-bit fields");

int
ledger_init(struct ledger *l, uint32_t n_ports, uint32_t n_rules)
{
    memset(l, 0, sizeof *l);
    l->pages = calloc(n_ports, sizeof *l->pages);
    l->rules = calloc(n_rules ? n_rules : 1, sizeof *l->rules);
    if (!l->pages || !l->rules) {
        ledger_destroy(l);
        return ENOMEM;
    }
    l->n_ports = n_ports;
    l->n_rules = n_rules;
    return 0;
}

void
ledger_destroy(struct ledger *l)
{
    if (l) {
        free(l->pages);
        free(l->rules);
        memset(l, 0, sizeof *l);
    }
}

/* Copies 'n' words as of a moment when the worker was between bursts.  On a machine with few cores
 * the worker may have been put aside in the middle of a burst: then only yielding lets it finish.
 */
static void
read_words(const struct ledger *l, const uint64_t *from, uint64_t *to, size_t n)
{
    for (unsigned tries = 1;; tries++) {
        uint64_t before = atomic_load_explicit(&l->sequence, memory_order_acquire);
        if (!(before & 1)) {
            for (size_t i = 0; i < n; i++) {
                to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
            }
            atomic_thread_fence(memory_order_acquire);
            if (atomic_load_explicit(&l->sequence, memory_order_relaxed) == before) {
                return;
            }
        }
        if (tries % TRIES_BEFORE_YIELD == 0) {
            sched_yield();
        }
    }
}

void
ledger_read(const struct ledger *l, uint32_t port, struct ledger_page *page)
{
    if (port < l->n_ports) {
        read_words(l, (const uint64_t *) &l->pages[port], (uint64_t *) page, PAGE_WORDS);
    } else {
        memset(page, 0, sizeof *page);
    }
}

void
ledger_read_rule(const struct ledger *l, uint32_t slot, struct ledger_rule_hits *hits)
{
    if (slot < l->n_rules) {
        read_words(l, (const uint64_t *) &l->rules[slot], (uint64_t *) hits,
                   sizeof *hits / sizeof(uint64_t));
    } else {
        memset(hits, 0, sizeof *hits);
    }
}

void
ledger_page_add(struct ledger_page *a, const struct ledger_page *b)
{
    uint64_t *to = (uint64_t *) a;
    const uint64_t *from = (const uint64_t *) b;

    for (size_t i = 0; i < PAGE_WORDS; i++) {
        to[i] += from[i];
    }
}

void
ledger_page_subtract(struct ledger_page *a, const struct ledger_page *b)
{
    uint64_t *from = (uint64_t *) a;
    const uint64_t *what = (const uint64_t *) b;

    for (size_t i = 0; i < PAGE_WORDS; i++) {
        from[i] -= what[i];
    }
}

int64_t
ledger_page_ingress_difference(const struct ledger_page *p)
{
    return p->received + p->originated - p->forwarded - p->consumed - p->held -
           ledger_page_drops(p);
}

int64_t
ledger_page_egress_difference(const struct ledger_page *p)
{
    return p->offered - p->accepted - ledger_page_tx_drops(p);
}

uint64_t
ledger_page_drops(const struct ledger_page *p)
{
    uint64_t sum = 0;

    for (int i = 0; i < N_DROP_REASONS; i++) {
        sum += p->drops[i];
    }
    return sum;
}

uint64_t
ledger_page_tx_drops(const struct ledger_page *p)
{
    uint64_t sum = 0;

    for (int i = 0; i < N_TX_DROP_REASONS; i++) {
        sum += p->tx_drops[i];
    }
    return sum;
}
