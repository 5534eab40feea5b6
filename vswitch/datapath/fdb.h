/* The forwarding database: (VLAN, MAC) to port.
 *
 * Desktops' MACs are bound by control; others are learned on uplinks.  Workers read without locks
 * and report unknown or moved sources by a ring each; the control thread is the only writer.
 *
 * A port learns no more stations than its limit, and nothing is ever put out for another: a flood
 * of sources on one uplink costs the others nothing that they have, nor the room to learn in. */
#ifndef DATAPATH_FDB_H
#define DATAPATH_FDB_H 1

#include <stdbool.h>
#include <stdint.h>

#include "datapath/port.h"

#define FDB_AGE_SECONDS 300 /* IEEE 802.1Q-2018, 8.8.3: default ageing time */

int fdb_init(uint32_t max_entries, uint32_t n_workers); /* 0 or ENOMEM */
void fdb_exit(void);

/* Workers.  fdb_lookup: the port, or DP_PORT_NONE. */
uint16_t fdb_lookup(uint64_t mac, uint16_t vlan);
/* Source seen on an uplink: refreshes its age, or reports it when it is unknown or has moved.
 * False: the port has all the stations that it may have, and this one is not learned. */
bool fdb_seen(uint32_t worker, uint64_t mac, uint16_t vlan, uint16_t port, uint32_t now_s);

/* Control thread.  'now_s' is of the workers' clock, dp_now_s(). */
int fdb_bind(uint64_t mac, uint16_t vlan, uint16_t port); /* 0, EEXIST (bound elsewhere), ENOSPC */
void fdb_unbind(uint64_t mac, uint16_t vlan);
/* Takes in what workers reported.  Returns how many entries changed their port: cached output ports
 * are stale then, and control publishes a new generation. */
unsigned fdb_learn_poll(uint32_t now_s);
void fdb_age(uint32_t now_s);
/* How many stations a port may have; at first every port may have any number. */
void fdb_set_limit(uint16_t port, uint32_t max_learned);
uint32_t fdb_learned(uint16_t port); /* how many it has; any thread */
/* Forgets what was learned on a port that goes; its limit is 0 from then on. */
void fdb_flush_port(uint16_t port);
struct fdb_entry {
    uint64_t mac;
    uint16_t vlan, port;
    bool bound;
    uint32_t last_seen_s;
};
void fdb_foreach(void (*cb)(const struct fdb_entry *, void *aux), void *aux);

#endif
