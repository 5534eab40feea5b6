/* Fragments: held until their datagram is whole, judged once, and sent on as they came.
 *
 * What passes is what a receiver would make of it, because nothing is left to its taste: all bytes
 * from the first to the last are there, each once.  Fragments that overlap end the datagram, and
 * whatever else comes of it (RFC 5722, and for IPv4 alike, RFC 1858 and RFC 3128); an exact
 * duplicate is dropped by itself (RFC 8200, 4.5).  The first one holds all headers (RFC 7112).  A
 * fragment header that makes no fragment was passed over by the parser (RFC 6946).
 *
 * A table belongs to one worker; all fragments of a datagram come in by one port, which one worker
 * polls.  It is bounded, as is what one port may hold in it, and what does not become whole in
 * FRAG_SECONDS is dropped.  In the ledger a fragment is 'held' from when it was taken in until its
 * datagram is forwarded or dropped; each of them then counts as the packet that it is. */
#ifndef DATAPATH_FRAG_H
#define DATAPATH_FRAG_H 1

#include "datapath/worker_private.h"

#define FRAG_SECONDS 5
#define FRAG_MAX_PIECES 48   /* of a datagram: 65,535 bytes by 1,480 are 45 */
#define FRAG_ENTRIES 256     /* datagrams under way, a table */
#define FRAG_PORT_ENTRIES 16 /* ... of one port */

struct frag_table;

struct frag_table *frag_table_create(void); /* NULL: no memory */
void frag_table_destroy(struct frag_table *);

/* Takes in the fragment 'p' from the port.  True when its datagram is whole now: then 'p' is the
 * datagram, p->m its first fragment and p->frag the entry with all of them, the first included; p
 * was parsed as a datagram and its reason says how that went.  False: p->m is gone, held or dropped
 * and counted. */
bool frag_input(struct worker *, const struct port_leaf *from, struct pkt *p);
/* The fragments of the datagram p->frag in their order; they are the caller's now, the entry is
 * free, and p->frag is NULL. */
uint16_t frag_take(struct worker *, struct pkt *p, struct rte_mbuf *m[FRAG_MAX_PIECES]);
/* How many it has, and their bytes on the wire. */
uint32_t frag_packets(const struct frag_entry *);
uint32_t frag_bytes(const struct frag_entry *);
/* The sum (RFC 1071) over the first 'len' L4 bytes of a datagram. */
uint32_t frag_l4_sum(const struct pkt *, uint16_t len);
/* Drops what has waited for too long at 'now' (TSC); once a round. */
void frag_tick(struct worker *, uint64_t now);
/* Drops what was held for ports that this worker does not poll any more. */
void frag_forget(struct worker *);

#endif
