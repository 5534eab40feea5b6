/* Transmission: packets wait in a buffer per destination to the end of the burst. */
#ifndef DATAPATH_OUTPUT_H
#define DATAPATH_OUTPUT_H 1

#include "datapath/worker_private.h"

/* Takes 'm', untagged, of 'vlan'.  Should it be lost on the way, that is charged to 'to' and noted
 * against 'from'.  Everything that leaves the switch passes here, and 'to' gets nothing but what is
 * of its VLANs, whoever chose it. */
void output_packet(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                   struct rte_mbuf *m, uint16_t vlan);
/* Why 'to' would not get a packet of this length that output_packet() is given, N_TX_DROP_REASONS
 * when it would; its ring may be full all the same. */
enum tx_drop_reason output_refusal(const struct port_leaf *to, uint32_t len, uint16_t vlan);
/* Counts a packet for 'to' that was lost before there was one. */
void output_lost(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                 enum tx_drop_reason);
/* Sends everything that waits.  Before the worker reports quiescent. */
void output_flush(struct worker *);

#endif
