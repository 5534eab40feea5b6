/* VLAN tags (IEEE 802.1Q-2018): taken off on the way in, put on on the way out.
 *
 * Inside the switch a frame has no tag, and p->vlan says where it is.  What a port takes and sends
 * untagged is of its leaf's 'vlan'; a trunk carries those of its 'trunks' tagged besides.  One tag
 * is all that is ever taken: what a tag hides, another switch may see. */
#ifndef DATAPATH_VLAN_H
#define DATAPATH_VLAN_H 1

#include "datapath/worker_private.h"

#define VLAN_TAG_LEN 4

/* For a frame that pkt_parse() found to begin with a tag: takes it off and parses what is behind,
 * if 'from' takes it; then p->vlan is its VLAN.  DROP_NONE, or why not (and the frame is as it was
 * when that is for its tags).  A priority tag (VID 0; 6.9) is taken by every port that takes
 * untagged frames. */
enum drop_reason vlan_untag(const struct port_leaf *from, struct pkt *p);

/* The frame with the tag of 'vlan' on it: 'm' itself, or a copy, and 'm' is freed, where somebody
 * else has a share in it or there is no room.  NULL: no buffer, and 'm' is still the caller's. */
struct rte_mbuf *vlan_tag(struct rte_mempool *, struct rte_mbuf *m, uint16_t vlan);

#endif
