/* What would become of a packet: the pipeline's stages, and nothing happens.
 *
 * A frame goes the way of every other: parsed, untagged, past the guard, looked up, judged.  The
 * stages are those of the pipeline, or ask what these ask before they act (forward_choose(),
 * neigh_decide() ...), so that what is said here is what is done there; but no buffer is sent, no
 * counter, limit or table moves.  What depends on a moment's load is not foreseen: storm limits and
 * a full table of connections. */
#ifndef DATAPATH_TRACE_H
#define DATAPATH_TRACE_H 1

#include "datapath/judge.h"

enum trace_stage {
    TRACE_PARSE,
    TRACE_VLAN,
    TRACE_GUARD,
    TRACE_FRAGMENT,
    TRACE_NEIGHBOUR,  /* ARP and ND */
    TRACE_MEMBERSHIP, /* IGMP and MLD */
    TRACE_DHCP,
    TRACE_CONNECTION,
    TRACE_POLICY,
    TRACE_OUTPUT /* where it goes: FDB, and who gets a copy */
};

enum trace_fate {
    TRACE_DROPPED,   /* for 'reason' */
    TRACE_FORWARDED, /* to the ports of 'to', as far as these take it */
    TRACE_ANSWERED,  /* by the switch itself */
    TRACE_CONSUMED,  /* for nobody else */
    TRACE_HELD       /* a fragment, until its datagram is whole; a lease, until it is bound */
};

enum trace_tracking {
    TRACE_UNTRACKED,
    TRACE_OPENS,   /* a connection */
    TRACE_BELONGS, /* to the connection 'conn_id' */
    TRACE_RELATED, /* an ICMP error about it */
    TRACE_REPLY    /* to what was asked of a group, or of a DHCP server */
};

struct trace {
    enum trace_fate fate;
    enum trace_stage stage; /* that decided */
    enum drop_reason reason;
    struct pkt pkt;  /* as it was parsed; no buffer and no connection */
    bool parsed;     /* as far as its headers go */
    bool tagged;     /* a VLAN tag was taken off */
    bool fragment;   /* the first of a datagram, which is held; the rest is the datagram's fate */
    bool judged;     /* 'query' and 'judgement' hold */
    bool judged_now; /* not long ago, when the connection was opened */
    struct judge_query query;
    struct judgement judgement;
    enum trace_tracking tracking;
    uint64_t conn_id;
    enum conn_state conn_state;
    bool from_responder;         /* ... who did not open it */
    const struct binding *owner; /* answered: who has the address; 'probe' and a record is made, */
    bool probe;                  /* ... because no rule lets the port reach it */
    bool flooded;                /* forwarded: to all that may have a copy */
    struct trace_copy {
        uint16_t port;
        uint8_t lost; /* enum tx_drop_reason: it does not get it, N_TX_DROP_REASONS: it does */
    } to[DP_MAX_PORTS];
    uint16_t n_to;
    uint16_t n_withheld; /* ports of the VLAN that get no copy: policy, or they do not listen */
};

/* The frame 'm' comes in by 'from'; its content is spoilt, and it stays the caller's.  'vlan' is
 * that of a frame without a tag.  With 'fill' its checksums are made right before they are looked
 * at, for frames that are not all there.  Uses 'w' as the pipeline would; control has
 * worker_observe(). */
void trace_run(struct worker *w, const struct port_leaf *from, uint16_t vlan, bool fill,
               struct rte_mbuf *m, struct trace *);

/* The same, judged by 'snapshot' and beside the workers; they need not have it.  With 'live' the
 * packet may belong to a connection; otherwise it is the first of its own, also a TCP segment
 * without SYN.  Control thread. */
void trace_packet(const struct snapshot *, const struct port_leaf *from, uint16_t vlan, bool fill,
                  bool live, struct rte_mbuf *m, struct trace *);

#endif
