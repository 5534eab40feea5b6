/* The flows that are held: a hash table with a bound, which puts out the flow that has not changed
 * for the longest time.
 *
 * Nothing here locks; flow_log.c calls it under its mutex. */
#ifndef TELEMETRY_FLOW_STORE_H
#define TELEMETRY_FLOW_STORE_H 1

#include <stdbool.h>

#include "telemetry/flow_names.h"
#include "telemetry/flow_row.h"

struct flow_slot;

struct flow_store {
    struct flow_names *names;
    struct flow_slot *slots; /* [capacity + 1]; 0 means none */
    uint32_t *buckets;
    uint32_t bucket_mask;
    uint32_t capacity, held;
    uint32_t used;           /* slots above it have never been used */
    uint32_t free;           /* list of those that were */
    uint32_t oldest, newest; /* list in the order of their changes */
    uint64_t now_ns;         /* what changes is told at this time, which only goes up */
    uint64_t put_out;
};

/* Whose flow it is.  Names are lent. */
struct flow_key {
    struct flow_name *port;
    struct acl_addr peer;
    uint32_t hour;
    uint16_t vlan, service;
    uint8_t protocol, direction;
};

/* What is added to it. */
struct flow_part {
    struct flow_name *user, *peer_port, *rule, *sessions;
    uint64_t first_ns, last_ns;
    uint64_t connections, answered;
    uint64_t packets_out, bytes_out, packets_in, bytes_in;
};

/* 0 or ENOMEM.  'names' outlive the store.  152 bytes a flow, beside the names: those of flows that
 * never were cost nothing. */
int flow_store_open(struct flow_store *, struct flow_names *, uint32_t capacity);
void flow_store_close(struct flow_store *);

/* What comes is told at 'ns' or later. */
void flow_store_set_time(struct flow_store *, uint64_t ns);
void flow_store_add(struct flow_store *, const struct flow_key *, const struct flow_part *);
/* Takes in a row of the file, told before all that are held and the row before.  One that is held
 * already is added up, and has the row's id from then on.  False: it is full. */
bool flow_store_load(struct flow_store *, const struct flow_row *);
/* Lets go of flows whose last packet was before 'ns', the longest unchanged first, up to one that
 * is not so old; those are not counted as put out. */
void flow_store_forget(struct flow_store *, uint64_t ns);

/* When the flow that goes next was told, and had its last packet; 0 and 0: there is none. */
void flow_store_oldest(const struct flow_store *, uint64_t *told_ns, uint64_t *last_ns);
/* A look at what a slot (1 and up) holds, without a copy.  False: nothing. */
struct flow_look {
    const char *port, *peer_port;
    const struct acl_addr *peer;
    uint64_t first_ns, last_ns;
};
bool flow_store_look(const struct flow_store *, uint32_t slot, struct flow_look *);
bool flow_store_get(const struct flow_store *, uint32_t slot, struct flow_row *);
/* Everything so far was told at this time or before, and what comes will be told after it. */
uint64_t flow_store_mark(struct flow_store *);
/* From '*slotp' on (1 at first), among the next 'n' slots, the first that was told after 'ns'.
 * True: '*slotp' is it.  False: '*slotp' is where to go on, 0 at the end. */
bool flow_store_find_told(const struct flow_store *, uint64_t ns, uint32_t n, uint32_t *slotp);
void flow_store_set_id(struct flow_store *, uint32_t slot, uint64_t id);

#endif
