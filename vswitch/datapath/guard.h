/* The guard: nobody speaks in another's name.
 *
 * A desktop sends from its bound MAC and addresses only (IPv4 0.0.0.0 for DHCP and IPv6 :: for
 * duplicate address detection excepted), and is neither a DHCP server nor a router.  An uplink may
 * not use a desktop's MAC. */
#ifndef DATAPATH_GUARD_H
#define DATAPATH_GUARD_H 1

#include "datapath/worker_private.h"

/* DROP_NONE, or why the packet may not come from 'from'.  ARP and ND claims are neigh.c's. */
enum drop_reason guard_check(const struct worker *, const struct port_leaf *from,
                             const struct pkt *);
/* Whether 'a' is bound to 'leaf'. */
bool guard_is_bound(const struct port_leaf *, const struct acl_addr *);
/* Whether a desktop has this MAC. */
bool guard_is_desktop_mac(const struct worker *, uint64_t mac, uint16_t vlan);

#endif
