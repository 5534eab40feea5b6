#include <config.h>

#include "datapath/rota.h"

void
rota_clear(struct rota *r)
{
    r->n = r->n_busy = r->next = 0;
    r->credit = 0;
}

static void
swap(struct rota *r, uint16_t a, uint16_t b)
{
    uint16_t id = r->ids[a];

    r->ids[a] = r->ids[b];
    r->ids[b] = id;
}

void
rota_add(struct rota *r, uint16_t id)
{
    r->in_vain[id] = 0;
    r->ids[r->n] = id;
    swap(r, r->n++, r->n_busy++);
}

static uint32_t
poll_busy(struct rota *r, rota_poll *poll, void *aux)
{
    uint32_t total = 0;

    for (uint16_t i = 0; i < r->n_busy;) {
        uint16_t id = r->ids[i], n = poll(aux, id);

        total += n;
        if (n) {
            r->in_vain[id] = 0;
        } else if (++r->in_vain[id] >= ROTA_PATIENCE) {
            swap(r, i, --r->n_busy);
            continue;
        }
        i++;
    }
    return total;
}

static uint32_t
poll_quiet(struct rota *r, rota_poll *poll, void *aux)
{
    uint16_t n;

    if (r->next < r->n_busy || r->next >= r->n) {
        r->next = r->n_busy;
    }
    n = poll(aux, r->ids[r->next]);
    if (n) {
        r->in_vain[r->ids[r->next]] = 0;
        swap(r, r->next, r->n_busy++);
    }
    r->next++;
    return n;
}

uint32_t
rota_round(struct rota *r, uint64_t now, rota_poll *poll, void *aux)
{
    uint32_t total = poll_busy(r, poll, aux);
    uint16_t n_quiet = r->n - r->n_busy, due = n_quiet;

    if (total) {
        r->credit += now - r->last;
        due = r->credit / ROTA_QUIET_CYCLES < n_quiet ? r->credit / ROTA_QUIET_CYCLES : n_quiet;
        r->credit -= (uint64_t) due * ROTA_QUIET_CYCLES;
        if (due == n_quiet) {
            r->credit = 0; /* what a long round has left over is not owed */
        }
    }
    r->last = now;
    while (due--) { /* each takes one quiet port away at most */
        total += poll_quiet(r, poll, aux);
    }
    return total;
}
