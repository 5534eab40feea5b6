/* The published state: everything control has decided, immutable, one pointer.
 *
 * control/publish.c builds a snapshot, swaps dp_snapshot_current and frees the old one after a
 * grace period.  A worker loads the pointer once per burst, so a packet is judged by exactly one
 * policy. Leaves (ports, tables, class map) are shared between snapshots by reference; only control
 * counts. */
#ifndef DATAPATH_SNAPSHOT_H
#define DATAPATH_SNAPSHOT_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "acl/table.h"
#include "datapath/port.h"

#define MAC_MASK 0xffffffffffffull

enum port_role { PORT_DESKTOP, PORT_UPLINK };

/* A port as the packet path needs it. */
struct port_leaf {
    struct dp_port *port;
    uint16_t id;
    uint16_t worker; /* index of the worker that polls it */
    uint8_t role;    /* enum port_role; uplinks have no firewall and no bindings */
    bool quarantined;
    bool learns;                  /* addresses, from DHCP and router advertisements (learn.h) */
    uint32_t epoch;               /* changes when anything below or the port itself does */
    uint32_t user_slot;           /* session at this moment; 0 = none */
    uint64_t mac;                 /* bound MAC, first byte in bits 40..47; 0 = not bound */
    const struct acl_addr *addrs; /* bound addresses, IPv4 and IPv6 */
    uint16_t n_addrs;
    const struct acl_table *table[ACL_N_DIRECTIONS]; /* NULL: denies */
    uint32_t table_id[ACL_N_DIRECTIONS];
};

/* Who has an address: ports' bindings, for ARP and ND answers and destination lookup. */
struct binding {
    struct acl_addr addr;
    uint64_t mac;
    uint16_t port;
};

struct snapshot {
    uint64_t generation;
    const struct acl_classmap *classes;          /* NULL: every address is of class 0 */
    const struct port_leaf *ports[DP_MAX_PORTS]; /* by id; NULL = no port */
    uint16_t port_ids[DP_MAX_PORTS];             /* ids in use, dense */
    uint16_t n_ports;
    uint16_t uplinks[DP_MAX_PORTS];
    uint16_t n_uplinks;
    const struct binding
        *bindings; /* open addressing by binding_hash(); port == DP_PORT_NONE: free */
    uint32_t bindings_mask;
};

extern _Atomic(const struct snapshot *) dp_snapshot_current;

static inline uint32_t
binding_hash(const struct acl_addr *a)
{
    uint64_t h = (a->q[0] ^ a->q[1] * 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;
    return h >> 32;
}

static inline const struct binding *
snapshot_binding(const struct snapshot *s, const struct acl_addr *a)
{
    for (uint32_t i = binding_hash(a);; i++) {
        const struct binding *b = &s->bindings[i & s->bindings_mask];
        if (b->port == DP_PORT_NONE) {
            return NULL; /* control keeps the table at most half full, so this ends */
        }
        if (acl_addr_equals(&b->addr, a)) {
            return b;
        }
    }
}

#endif
