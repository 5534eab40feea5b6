/* The last stage: what happens to a packet of a known or new connection. */
#ifndef DATAPATH_FORWARD_H
#define DATAPATH_FORWARD_H 1

#include "datapath/flood.h"
#include "datapath/judge.h"
#include "datapath/worker_private.h"

/* The packet, all its fragments included, is gone when these return.
 *
 * What has no connection yet: judged, and opens one if it may. */
void forward_new(struct worker *, const struct port_leaf *from, struct pkt *);
/* track.c: what belongs to the connection p->conn. */
void forward_tracked(struct worker *, const struct port_leaf *from, struct pkt *);
/* track.c: an ICMP error, which passes as far as a connection is its matter (RFC 5927). */
void forward_icmp_error(struct worker *, const struct port_leaf *from, struct pkt *);

/* ---- what would become of it; nothing changes (trace.c asks, too) ---- */

enum forward_fate {
    FORWARD_DROPPED, /* for 'reason' */
    FORWARD_DENIED,  /* by policy: 'judgement' */
    FORWARD_ANSWER,  /* to what 'to' has asked a group; 'judgement' is of the question */
    FORWARD_GROUP,   /* to all that forward_group_filter() admits */
    FORWARD_OPENS,   /* a connection, if there is room for it */
    FORWARD_ALLOWED, /* by itself */
};

struct forward_choice {
    enum forward_fate fate;
    enum drop_reason reason;
    const struct port_leaf *to; /* NULL: not known, or a group */
    struct judge_query query;
    struct judgement judgement; /* not of DROP_HAIRPIN */
};

/* What forward_new() is about to do. */
void forward_choose(const struct worker *, const struct port_leaf *from, const struct pkt *,
                    struct forward_choice *);
/* Who gets a copy of what is for many. */
flood_filter *forward_group_filter(struct worker *, const struct pkt *);
/* The responder of p->conn, if 'p' or the FDB tells it and the entry does not know it yet.  NULL:
 * nothing new. */
const struct port_leaf *track_responder(const struct worker *, const struct port_leaf *from,
                                        const struct pkt *);
/* Whether 'p' opens a connection where the one that it seems to belong to has ended. */
bool track_begins_again(const struct pkt *);
/* A quarantine that denies the query of p->conn is told of as 'p' goes, not as the connection was
 * opened. */
void track_turn(const struct pkt *, const struct judge_query *, struct judgement *);
/* The query of a SYN that 'p' answers, which came while p->conn was there.  False: its port is
 * gone. */
bool track_query_anew(const struct worker *, const struct port_leaf *from, const struct pkt *,
                      struct judge_query *);
/* The connection whose packet the ICMP error 'p' quotes, which has to have gone from the error's
 * destination to this port, with a number that is in flight; p->side becomes the side that the
 * error comes from.  NULL: it is none's matter. */
struct conn *track_quoted(const struct worker *, const struct port_leaf *from, struct pkt *p);
/* Whether a segment's outcome rests on its checksum, and 'c' is not to be moved on without it. */
bool track_needs_csum(const struct conn *c, const struct pkt *);
/* Whether the port may have one more connection. */
bool track_has_quota(const struct worker *, const struct port_leaf *from);

/* For forward.c, track.c and learn.c. */

/* The entry of a connection that 'p' opens and 'j' allows, noted in it.  NULL: 'p' is dropped. */
struct conn *track_open(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                        struct pkt *p, const struct judgement *j);
/* Whether 'p' may open a connection: it asks a question. */
bool track_opens(const struct worker *, const struct pkt *);

/* To a port, or, NULL, to every uplink. */
void forward_send(struct worker *, const struct port_leaf *from, const struct port_leaf *to,
                  struct pkt *);
/* Counts and tells what 'j' found beside its verdict: rules that passed the packet on, and what
 * audit mode has let through. */
void forward_tell(struct worker *, const struct port_leaf *from, const struct pkt *,
                  struct judgement *j);
/* Denied by 'j'. */
void forward_deny(struct worker *, const struct port_leaf *from, struct pkt *, struct judgement *j);
/* Dropped for a reason of ours; quietly: without a record. */
void forward_drop(struct worker *, const struct port_leaf *from, struct pkt *, enum drop_reason);
void forward_drop_quietly(struct worker *, const struct port_leaf *from, struct pkt *,
                          enum drop_reason);
/* Whether policy lets 'asker', a desktop, send what 'p' answers to the very sender of 'p', behind
 * 'from'; 'j' says which rules let it, or why not. */
bool forward_could_ask(const struct worker *, const struct port_leaf *asker,
                       const struct port_leaf *from, const struct pkt *p, struct judgement *j);
/* Counts for a rule. */
void forward_hit(struct worker *, uint32_t rule_slot, uint32_t packets, uint32_t bytes);
/* Packets and bytes that 'p' is: all its fragments. */
uint32_t forward_packets(const struct pkt *);
uint32_t forward_bytes(const struct pkt *);
const struct port_leaf *forward_leaf(const struct worker *, uint16_t id);

#endif
