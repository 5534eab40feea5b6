/* Transmission: packets wait in a buffer per destination to the end of the burst. */
#ifndef DATAPATH_OUTPUT_H
#define DATAPATH_OUTPUT_H 1

#include "datapath/worker_private.h"

enum output_kind {
    OUTPUT_PACKET, /* a packet of the port that it is from, */
    OUTPUT_COPY,   /* ... a copy of it that is not the only one */
    OUTPUT_MADE    /* ... what the switch has made on its account */
};

/* Takes 'm', untagged, of 'vlan'.  Should it be lost on the way, that is charged to 'to' and noted
 * against 'from'.  Everything that leaves the switch passes here, and 'to' gets nothing but what is
 * of its VLANs, whoever chose it. */
void output_packet(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                   struct rte_mbuf *m, uint16_t vlan, enum output_kind);
/* The packet of the port's own, to one port: counts it as forwarded. */
void output_forward(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                    struct pkt *);
/* What the switch has made on account of 'from': counts it as originated and forwarded. */
void output_made(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                 struct rte_mbuf *m, uint16_t vlan);
/* Why 'to' would not get a packet of this length that output_packet() is given, N_TX_DROP_REASONS
 * when it would; its ring may be full all the same. */
enum tx_drop_reason output_refusal(const struct port_leaf *to, uint32_t len, uint16_t vlan);
/* Counts a copy of 'm' for 'to' that there was no buffer for. */
void output_no_copy(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                    const struct rte_mbuf *m);
/* Sends everything that waits, and shows what was captured of it.  Before the worker reports
 * quiescent. */
void output_flush(struct worker *);

#endif
