/* Which of its ports a worker polls: those that are busy every round; those that are not, one after
 * the other, as often as costs little beside the busy ones, or every round when nobody is.
 *
 * A poll in vain costs about 100 cycles (librte_vhost takes a lock).  One of a quiet port falls due
 * every ROTA_QUIET_CYCLES: so quiet ports take some 3 % of a busy worker, and the first packet of
 * one of 200 waits for a quarter of a millisecond at most, however many are busy.
 *
 * The worker's thread only. */
#ifndef DATAPATH_ROTA_H
#define DATAPATH_ROTA_H 1

#include <stdint.h>

#include "datapath/port.h"

#define ROTA_QUIET_CYCLES 3000
#define ROTA_PATIENCE 256 /* polls in vain, and a port is quiet */

struct rota {
    uint16_t ids[DP_MAX_PORTS]; /* the busy ones first */
    uint16_t n, n_busy;
    uint16_t next;                  /* quiet one, from n_busy on */
    uint16_t in_vain[DP_MAX_PORTS]; /* by id, of busy ones */
    uint64_t credit, last;          /* cycles */
};

/* Polls a port; how many packets it had. */
typedef uint16_t rota_poll(void *aux, uint16_t id);

/* Begins anew without ports. */
void rota_clear(struct rota *);
/* A port is busy until it is found not to be. */
void rota_add(struct rota *, uint16_t id);
/* One round, which begins at 'now' (TSC).  How many packets there were. */
uint32_t rota_round(struct rota *, uint64_t now, rota_poll *, void *aux);

#endif
