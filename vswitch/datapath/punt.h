/* Punts: what workers report to the control thread, by a ring a worker.
 *
 * A port has no more than its share of places in a ring, so that what one port makes its worker
 * report crowds out nobody else's reports.  A port is polled by one worker at a time. */
#ifndef DATAPATH_PUNT_H
#define DATAPATH_PUNT_H 1

#include <stdbool.h>
#include <stdint.h>

#include "acl/addr.h"
#include "datapath/port.h"

struct punt_event {
    struct acl_addr addr; /* or what the owner of the ring puts there */
    uint16_t vlan, port;
    uint32_t kind;
};

struct punt;

/* Rings of 'size' events, a power of two, of which a port may have 'share'.  NULL: no memory. */
struct punt *punt_create(const char *name, uint32_t n_workers, uint32_t size, uint32_t share);
void punt_destroy(struct punt *);

/* Workers.  False: the port's share is used up, or the ring is full. */
bool punt_send(struct punt *, uint32_t worker, const struct punt_event *);
/* Whether control has yet to deal with something that the port's worker reported. */
bool punt_is_waiting(const struct punt *, uint16_t port);

/* Control thread.  Calls 'deal' for what is there, in the order of each port. */
void punt_drain(struct punt *, void (*deal)(const struct punt_event *, void *aux), void *aux);

#endif
