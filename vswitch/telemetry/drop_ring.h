/* Drop records, from a worker to the telemetry thread.
 *
 * A worker writes a record for the first packet of a denied flow and counts repeats of it; the
 * repeats follow as a record of their own ('count' of them) when a second has passed or the merge
 * slot is needed.  Records over a port's budget, and those a full ring has no place for, are
 * counted by (port, rule slot, reason) class in 'suppressed' and 'lost' and said in the stream.
 *
 * One ring a worker: single producer (the worker), single consumer (telemetry).  Neither side ever
 * waits. */
#ifndef TELEMETRY_DROP_RING_H
#define TELEMETRY_DROP_RING_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "acl/addr.h"

#define DROP_RECORD_BYTES 96 /* of the packet, from its Ethernet header on */

/* Whether whoever sent it meant to reach somebody. */
enum drop_attempt {
    DROP_NO_ATTEMPT, /* to a group; or not for what policy says */
    DROP_LATE,       /* it may belong to a connection that has ended: no SYN, a service's answer */
    DROP_ATTEMPT
};

struct drop_record {
    uint64_t mono_ns, wall_ns; /* of the packet (the last one, for repeats) */
    uint64_t generation;       /* of the snapshot that denied it */
    struct acl_addr src, dst;  /* zero when not IP; ARP and ND probes: who asked, for whom */
    uint32_t count;            /* packets that this record stands for */
    uint32_t rule_slot;        /* UINT32_MAX: no rule was involved */
    uint16_t port;             /* id of the port it came from */
    uint16_t peer_port;        /* id of the port it was for; UINT16_MAX unknown */
    uint16_t sport, dport;     /* host order; ICMP: 0 and type << 8 | code */
    uint16_t ethertype;
    uint16_t vlan;       /* that the port has put it in; 0: the untagged network */
    uint16_t packet_len; /* on the wire, less a tag that was taken off */
    uint8_t protocol;
    uint8_t reason;    /* enum drop_reason */
    uint8_t log;       /* enum acl_log of the rule; incident for the guard's reasons */
    uint8_t direction; /* enum acl_direction of the table that denied it */
    uint8_t repeat;    /* 1: more packets of a flow that already has a record */
    uint8_t n_bytes;   /* of bytes[] */
    uint8_t bytes[DROP_RECORD_BYTES]; /* at an even address, as headers want to be */
    uint8_t attempt;                  /* enum drop_attempt */
    uint32_t user_slot;               /* session slot of the snapshot, 0 = none */
};

struct drop_ring {
    _Atomic uint32_t head __attribute__((aligned(64))); /* written by the producer */
    _Atomic uint32_t tail __attribute__((aligned(64))); /* written by the consumer */
    uint32_t mask;
    struct drop_record *records;
};

int drop_ring_init(struct drop_ring *, uint32_t n_records); /* a power of two; 0 or ENOMEM */
void drop_ring_destroy(struct drop_ring *);

/* Producer: the record to fill, or NULL when the ring is full; then drop_ring_push() makes it
 * visible. */
static inline struct drop_record *
drop_ring_reserve(struct drop_ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    if (head - atomic_load_explicit(&r->tail, memory_order_acquire) > r->mask) {
        return NULL;
    }
    return &r->records[head & r->mask];
}

static inline void
drop_ring_push(struct drop_ring *r)
{
    atomic_store_explicit(&r->head, atomic_load_explicit(&r->head, memory_order_relaxed) + 1,
                          memory_order_release);
}

/* Consumer: takes one record.  False when the ring is empty. */
bool drop_ring_pop(struct drop_ring *, struct drop_record *);

/* What did not become a record, by port and reason; written by the worker only, read by telemetry
 * (relaxed; each cell only grows).  drops counted in the ledger = sum of record counts + merged
 * repeats still pending + suppressed + lost. */
struct drop_unsaid {
    _Atomic uint64_t suppressed; /* over the port's record budget, or log class none */
    _Atomic uint64_t lost;       /* the ring was full */
};

#endif
