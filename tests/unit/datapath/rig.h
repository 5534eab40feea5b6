/* What benches are made of: a worker that the test plays, and ports that keep what they get. */
#ifndef TESTS_DATAPATH_RIG_H
#define TESTS_DATAPATH_RIG_H 1

#include "datapath/worker_private.h"

/* A worker with all its tables, which are small, and an FDB for 'stations'.  One at a time; NULL:
 * no memory.  It has no snapshot yet. */
struct worker *rig_worker_create(uint32_t stations);
void rig_worker_destroy(struct worker *);
/* The worker has let go of all that it has looked up. */
void rig_quiesce(void);

#define BOX_ROOM 64
struct box {
    struct dp_port port;
    struct rte_mbuf *m[BOX_ROOM];
    uint16_t n;
    uint16_t takes; /* how many at once */
};

void box_init(struct box *, uint16_t id);
/* Frees what is in it. */
void box_empty(struct box *);

/* Takes a free place of 'bindings', which are open-addressed, for the address. */
void rig_bind(struct binding *bindings, uint32_t mask, const struct port_leaf *,
              const struct acl_addr *);
void rig_unbind_all(struct binding *bindings, uint32_t mask);

#endif
