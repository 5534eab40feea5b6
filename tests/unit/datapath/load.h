/* Traffic for test_workers: ports in memory, each with a little host behind it.
 *
 * A port's host runs inside its rx(), on the worker that polls the port; tx(), on whichever worker,
 * puts packets into the host's ring.  Hosts play flows: the initiator sends, the responder echoes,
 * and only then the next packet follows, so every packet is accounted for and a lost one stops its
 * flow.  TCP flows open, exchange, close, and use their ports again. */
#ifndef TESTS_DATAPATH_LOAD_H
#define TESTS_DATAPATH_LOAD_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "acl/addr.h"
#include "datapath/port.h"

struct rte_mempool;
struct rte_ring;

/* Ports.  Desktops, but for the uplinks; the MACs behind uplinks are not bound. */
enum { UPLINK, UPLINK2, DESK, DESK_END = DESK + 4, JAIL = DESK_END, GUEST, TWIN, TWIN2, N_ENDS };

/* What a flow must and may suffer. */
enum flow_class {
    FLOW_STEADY, /* every policy allows it: nothing may be lost */
    FLOW_DENIED, /* every policy denies it: nothing may pass */
    FLOW_SOME,   /* one policy allows it; tries again */
    FLOW_JAIL,   /* to or from JAIL, which is in quarantine now and then; tries again */
    FLOW_GUEST,  /* to or from GUEST, which comes and goes; tries again */
    FLOW_TWIN,   /* both sides open at the same time: nothing may be lost */
    N_FLOW_CLASSES
};

/* Services that rules match. */
enum { SERVICE_STEADY = 1000, SERVICE_DENIED, SERVICE_SOME, SERVICE_OTHER };
#define TWIN_FIRST 20000 /* service is another for each exchange */
#define TWIN_LAST 21999

/* What one side did; written by the worker that polls its port. */
struct flow_side {
    uint32_t seq, step;
    uint64_t due;   /* TSC: when to try again */
    unsigned tries; /* in vain, since the last answer */
    bool waiting;
    _Atomic uint64_t sent, received;
} __attribute__((aligned(64)));

struct flow {
    uint8_t class, protocol;
    uint8_t end[2]; /* initiator, responder */
    uint16_t sport, dport;
    struct flow_side side[2];
};

struct end {
    struct dp_port port;
    struct rte_ring *in;
    int fd; /* eventfd: wakes the worker that polls the port */
    _Atomic bool armed, polled;
    _Atomic uint64_t given, taken; /* packets that rx() returned, that tx() accepted */
    _Atomic uint64_t pushed;       /* orders what is in the ring, for ThreadSanitizer too */
    uint64_t polls;
    char ring_name[16];
};

/* What must not happen, and what tells that it would. */
struct load {
    struct rte_mempool *pool;
    struct flow *flows;
    uint16_t n_flows;
    _Atomic bool forbid[N_FLOW_CLASSES]; /* no packet of the class may be accepted by a port now */
    _Atomic bool paused;                 /* initiators start nothing */
    _Atomic uint64_t violations;
    _Atomic uint64_t passed[N_FLOW_CLASSES], offered[N_FLOW_CLASSES];
};
extern struct load load;

/* 0, or a positive errno. */
int load_init(struct rte_mempool *);
void load_exit(void);
/* NULL when memory is short. */
struct end *end_create(uint16_t id);
/* After nobody uses it any more; frees what waits in it. */
void end_destroy(struct end *);
void end_wake(struct end *);

struct acl_addr end_addr(uint16_t id);
uint64_t end_mac(uint16_t id);
bool end_is_uplink(uint16_t id);

/* Whether every flow to which nothing may get lost has its answer; says which ones have not. */
bool load_is_settled(bool tell);

#endif
