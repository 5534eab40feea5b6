/* Copies of packets of captured ports, from a worker to the capture thread.
 *
 * One ring a worker: single producer (the worker), single consumer (the capture thread), neither of
 * which ever waits; a copy that finds no room is lost, and counted for its port.  Records are as
 * long as what they hold.  A worker reserves them, may still change them, and shows all of a burst
 * at once, so that a packet's record says what became of it even where that shows at the end.
 *
 * A ring that nobody captures into has no memory but its address range. */
#ifndef TELEMETRY_CAPTURE_RING_H
#define TELEMETRY_CAPTURE_RING_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CAPTURE_RING_BYTES (UINT64_C(4) << 20)
#define CAPTURE_SNAPLEN_MAX 65535
#define CAPTURE_MAX_PORTS 1024 /* as many as DP_MAX_PORTS */

/* What a port's leaf says. */
enum capture_mode { CAPTURE_OFF, CAPTURE_DROPPED, CAPTURE_ALL };

enum capture_outcome {
    CAPTURED_PASSED,    /* from the port: to 'peer', or 'n_to' of them; to the port: delivered */
    CAPTURED_ANSWERED,  /* by the switch itself */
    CAPTURED_CONSUMED,  /* it was for the switch, or for nobody else */
    CAPTURED_DROPPED,   /* 'reason' is an enum drop_reason */
    CAPTURED_TX_DROPPED /* ... an enum tx_drop_reason: its destination did not take it */
};

struct capture_record {
    uint32_t size;       /* of the record, in bytes of the ring */
    uint32_t length;     /* of the packet; */
    uint32_t captured;   /* ... bytes of it that follow this */
    uint32_t rule_slot;  /* that dropped it; UINT32_MAX: none */
    uint64_t wall_ns;    /* Unix time */
    uint64_t generation; /* of the snapshot */
    const void *buffer;  /* until the record is shown: whose it is */
    uint16_t port;       /* whose capture it is for; CAPTURE_FILLER: skip it */
    uint16_t peer;       /* where it went or was to go, or came from; UINT16_MAX: not known */
    uint16_t n_to;       /* ports that got a copy of a flood, 'peer' among them */
    uint8_t outcome;     /* enum capture_outcome */
    uint8_t reason;
    bool to_port; /* it was to leave by 'port'; otherwise it came in by it */
    bool made;    /* by the switch */
} __attribute__((aligned(64)));
#define CAPTURE_FILLER UINT16_MAX

struct capture_ring {
    _Atomic uint64_t head __attribute__((aligned(64))); /* shown by the producer */
    uint64_t reserved;                                  /* the producer's own, at or after 'head' */
    _Atomic uint64_t tail __attribute__((aligned(64))); /* written by the consumer */
    uint8_t *data;                                      /* [CAPTURE_RING_BYTES]; NULL: no ring */
    /* [CAPTURE_MAX_PORTS]; the producer's, each only grows. */
    _Atomic uint64_t lost[CAPTURE_MAX_PORTS];
};

int capture_ring_init(struct capture_ring *); /* 0 or ENOMEM */
void capture_ring_destroy(struct capture_ring *);
/* Gives it its memory, so that the producer does not have to.  Any thread. */
void capture_ring_warm(struct capture_ring *);
/* Takes it back.  Consumer; the ring is empty, and the producer has no port to capture. */
void capture_ring_cool(struct capture_ring *);

/* ---- producer ---- */

/* A record of 'port' with room for 'captured' bytes behind it, these two and 'size' set and all
 * else zero; or NULL, and it is counted as lost. */
struct capture_record *capture_ring_reserve(struct capture_ring *, uint16_t port,
                                            uint32_t captured);
/* The one that was reserved last, and not yet shown, for the port, direction and buffer; or NULL.
 */
struct capture_record *capture_ring_find(struct capture_ring *, uint16_t port, bool to_port,
                                         const void *buffer);

static inline void
capture_ring_show(struct capture_ring *r)
{
    if (r->reserved != atomic_load_explicit(&r->head, memory_order_relaxed)) {
        atomic_store_explicit(&r->head, r->reserved, memory_order_release);
    }
}

/* ---- consumer ---- */

/* The oldest one, which stays; NULL: there is none. */
const struct capture_record *capture_ring_peek(struct capture_ring *);
/* Lets go of the one that was peeked at. */
void capture_ring_pop(struct capture_ring *);

#endif
