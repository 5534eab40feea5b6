/* Copies of the packets of captured ports, each with what became of it (telemetry/capture_ring.h).
 *
 * Every packet is there once for each captured port that it came from or was to leave by: where its
 * fate is decided, which is few places.  What comes from a port is written when it is dropped,
 * taken or forwarded; what is to leave by it, when it is sent, or dropped on its way.  The callers
 * ask for the leaf's 'capture', or the snapshot's 'captures', first; so nothing here costs a switch
 * that captures nothing.  Worker. */
#ifndef DATAPATH_CAPTURE_H
#define DATAPATH_CAPTURE_H 1

#include "datapath/judge.h"
#include "datapath/output.h"

/* From the captured 'from', p->m goes to 'to', or, with n_to > 1, to so many. */
void capture_forwarded(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                       const struct pkt *, uint16_t n_to);
/* From the captured 'from', p->m is answered or consumed. */
void capture_taken(struct worker *, const struct port_leaf *from, const struct pkt *,
                   enum capture_outcome);
/* p->m is dropped for p->reason, and 'why': for its port, and for the one that it was for. */
void capture_dropped(struct worker *, const struct port_leaf *from, const struct pkt *,
                     const struct denial *why);
/* The copy for the captured 'to' is not made: its firewall does not admit it. */
void capture_withheld(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                      const struct pkt *, const struct judgement *);
/* 'm', tagged, came in the place of 'was', which is about to be sent. */
void capture_replaced(struct worker *, const struct port_leaf *from, const struct rte_mbuf *was,
                      const struct rte_mbuf *m);
/* 'm' is offered to the captured 'to'. */
void capture_offered(struct worker *, uint16_t from, const struct port_leaf *to,
                     const struct rte_mbuf *m, enum output_kind);
/* 'm', on its way to 'to', is lost, offered or not. */
void capture_lost(struct worker *, uint16_t from, const struct port_leaf *to,
                  const struct rte_mbuf *m, enum output_kind, bool offered, enum tx_drop_reason);

#endif
