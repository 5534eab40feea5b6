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
#include "telemetry/capture_ring.h"

#define MAC_MASK 0xffffffffffffull

#define VLAN_MAX 4094 /* IEEE 802.1Q-2018, 9.6; 0 is the untagged network */
#define VLAN_COUNT 4096
#define VLAN_NONE UINT16_MAX

enum port_role { PORT_DESKTOP, PORT_UPLINK };

enum storm_class { STORM_BROADCAST, STORM_MULTICAST, STORM_UNKNOWN_UNICAST, N_STORM_CLASSES };
#define STORM_PPS_MAX 100000000

/* A port as the packet path needs it. */
struct port_leaf {
    struct dp_port *port;
    uint16_t id;
    uint16_t worker; /* index of the worker that polls it */
    uint8_t role;    /* enum port_role; uplinks have no firewall and no bindings */
    bool quarantined;
    bool resets;                  /* TCP that its quarantine denies is answered */
    uint8_t capture;              /* enum capture_mode: which of its packets are copied */
    uint16_t vlan;                /* of its untagged frames; VLAN_NONE: it takes and sends none */
    bool learns;                  /* addresses, from DHCP and router advertisements (learn.h) */
    uint32_t epoch;               /* changes when anything below or the port itself does */
    uint32_t user_slot;           /* session at this moment; 0 = none */
    uint64_t mac;                 /* bound MAC, first byte in bits 40..47; 0 = not bound */
    const struct acl_addr *addrs; /* bound addresses, IPv4 and IPv6 */
    uint16_t n_addrs;
    const struct acl_table *table[ACL_N_DIRECTIONS]; /* NULL: denies */
    uint32_t table_id[ACL_N_DIRECTIONS];             /* in a quarantine: of 'open' */
    /* In the place of its tables while it is in quarantine: its lists'; NULL: nothing passes. */
    const struct acl_table *open[ACL_N_DIRECTIONS];
    /* What policy denies, or denies by default, is told and let through (acl_pool). */
    bool audits, audits_default;
    uint8_t default_log; /* enum acl_log of the default denies */
    /* VLANs that it carries tagged, a bit each of VLAN_COUNT; NULL: an access port. */
    const uint64_t *trunks;
    uint32_t storm_pps[N_STORM_CLASSES]; /* at most STORM_PPS_MAX; 0: no limit */
    uint16_t snaplen;                    /* bytes of each packet that are captured */
};

/* Whether frames of 'vlan' come and go by this port. */
static inline bool
port_carries(const struct port_leaf *leaf, uint16_t vlan)
{
    return vlan == leaf->vlan || (leaf->trunks && leaf->trunks[vlan / 64 % 64] >> vlan % 64 & 1);
}

/* Nothing of it passes, not even what finds neighbours. */
static inline bool
port_is_cut(const struct port_leaf *leaf)
{
    return leaf->quarantined && !leaf->open[ACL_EGRESS] && !leaf->open[ACL_INGRESS];
}

/* Who has an address in a VLAN: ports' bindings, for ARP and ND answers and destination lookup. */
struct binding {
    struct acl_addr addr;
    uint64_t mac;
    uint16_t port;
    uint16_t vlan;
};

struct snapshot {
    uint64_t generation;
    bool captures;                      /* some port is captured */
    const struct acl_classmap *classes; /* NULL: every address is of class 0 */
    /* Of the VLANs that desktops are in, which may use the same addresses; NULL: none are. */
    const struct acl_classmap *const *vlan_classes; /* [VLAN_COUNT] */
    const struct port_leaf *ports[DP_MAX_PORTS];    /* by id; NULL = no port */
    uint16_t port_ids[DP_MAX_PORTS];                /* ids in use, dense */
    uint16_t n_ports;
    uint16_t uplinks[DP_MAX_PORTS];
    uint16_t n_uplinks;
    const struct binding
        *bindings; /* open addressing by binding_hash(); port == DP_PORT_NONE: free */
    uint32_t bindings_mask;
    /* Addresses that nobody has: desktops find somebody there, and are told of. */
    const struct acl_prefix *decoys;
    size_t n_decoys;
};

extern _Atomic(const struct snapshot *) dp_snapshot_current;

static inline uint32_t
binding_hash(const struct acl_addr *a, uint16_t vlan)
{
    uint64_t h = (a->q[0] ^ vlan ^ a->q[1] * 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;
    return h >> 32;
}

static inline const struct binding *
snapshot_binding(const struct snapshot *s, const struct acl_addr *a, uint16_t vlan)
{
    for (uint32_t i = binding_hash(a, vlan);; i++) {
        const struct binding *b = &s->bindings[i & s->bindings_mask];
        if (b->port == DP_PORT_NONE) {
            return NULL; /* control keeps the table at most half full, so this ends */
        }
        if (b->vlan == vlan && acl_addr_equals(&b->addr, a)) {
            return b;
        }
    }
}

/* What groups an address is in depends on the VLAN: that of a port is its own there only. */
static inline uint32_t
snapshot_class(const struct snapshot *s, const struct acl_addr *a, uint16_t vlan)
{
    const struct acl_classmap *classes = s->classes;

    if (s->vlan_classes && s->vlan_classes[vlan]) {
        classes = s->vlan_classes[vlan];
    }
    return classes ? acl_classmap_lookup(classes, a) : ACL_CLASS_NONE;
}

/* Of an address that is not bound. */
static inline bool
snapshot_is_decoy(const struct snapshot *s, const struct acl_addr *a)
{
    for (size_t i = 0; i < s->n_decoys; i++) {
        if (acl_prefix_contains(&s->decoys[i], a)) {
            return true;
        }
    }
    return false;
}

#endif
