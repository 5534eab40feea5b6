/* For trace.c and trace_forward.c. */
#ifndef DATAPATH_TRACE_PRIVATE_H
#define DATAPATH_TRACE_PRIVATE_H 1

#include "datapath/flood.h"
#include "datapath/trace.h"

void trace_dropped(struct trace *, enum trace_stage, enum drop_reason);
void trace_ends(struct trace *, enum trace_stage, enum trace_fate);

/* To one port; to all that 'filter' admits, false: to nobody; to 'to' or, NULL, to the uplinks. */
void trace_to_one(const struct port_leaf *to, const struct pkt *, struct trace *);
bool trace_to_all(struct worker *, const struct port_leaf *from, const struct pkt *, flood_filter *,
                  struct trace *);
void trace_send(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                const struct pkt *, struct trace *);
/* Adds 'to' to those that get a copy. */
void trace_copy_to(const struct port_leaf *to, const struct pkt *, struct trace *);

/* What was judged is a question of the port 'asker', and 'p' answers it. */
void trace_question(const struct port_leaf *asker, const struct port_leaf *from,
                    const struct pkt *p, struct trace *);

/* As forward_new(), forward_tracked() and forward_icmp_error(). */
void trace_new(struct worker *, const struct port_leaf *from, struct pkt *, struct trace *);
void trace_tracked(struct worker *, const struct port_leaf *from, struct pkt *, struct trace *);
void trace_icmp_error(struct worker *, const struct port_leaf *from, struct pkt *, struct trace *);

#endif
