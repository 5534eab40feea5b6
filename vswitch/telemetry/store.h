/* The newest drop events, and the names that they carry.
 *
 * A name is kept once, by reference count, however many events carry it: an event is then 260 bytes
 * instead of 700.  Nothing here locks; drop_log.c calls it under its mutex. */
#ifndef TELEMETRY_STORE_H
#define TELEMETRY_STORE_H 1

#include "datapath/port.h"
#include "telemetry/drop_event.h"

#define STORE_EVENTS 65536   /* held; a power of two */
#define STORE_SLOTS 4        /* of sessions, that are known of a port */
#define STORE_CORRECTIONS 64 /* that late records are looked up in */

struct store_name;
struct store_users;

/* Records on the way may carry what was right when they were denied, as it was known then. */
struct store_correction {
    uint16_t port;
    struct drop_correction what;
    struct store_users *session;
};

struct store {
    struct store_event *events; /* [STORE_EVENTS], event n at (n - 1) % STORE_EVENTS */
    uint64_t first;             /* n of the first event that came into it */
    uint64_t newest;            /* n of it, first - 1: none */
    uint64_t opened_ns;         /* Unix time */
    struct store_name *ports[DP_MAX_PORTS];
    /* Sessions on each port: those of now, and those before, whose records may still be on the way.
     */
    struct {
        uint32_t slot; /* 0: nobody */
        struct store_users *users;
    } sessions[DP_MAX_PORTS][STORE_SLOTS];
    uint64_t told_ns[DP_MAX_PORTS]; /* Unix time of the newest record from it or for it; 0: none */
    struct store_correction corrections[STORE_CORRECTIONS]; /* the newest */
    unsigned n_corrections;                                 /* of all */
    struct store_name **rules;
    uint32_t n_rules;
};

/* The first event will be number 'first'.  0 or ENOMEM.  Names may be set before this, and outlive
 * store_close(). */
int store_open(struct store *, uint64_t first);
/* Forgets the events. */
void store_close(struct store *);

/* From now on; "" and "" take the name away.  When memory runs out the old name is taken away too,
 * for a wrong name is worse than none. */
void store_name_port(struct store *, uint16_t id, const char *name, const char *user);
void store_name_rule(struct store *, uint32_t slot, const char *rule_id);
/* What records of the port with that slot carry; "" with slot 0. */
void store_set_sessions(struct store *, uint16_t id, uint32_t slot, const char *sessions);
/* The present name of a port, "" when it has none. */
const char *store_port_name(const struct store *, uint16_t id);
const char *store_rule_name(const struct store *, uint32_t slot); /* likewise */

void store_add_record(struct store *, const struct drop_record *);
/* The names of the newest event, which is a record: they hold until it is pushed out. */
void store_newest_names(const struct store *, struct drop_names *);
void store_add_unsaid(struct store *, uint16_t port, uint8_t reason, uint64_t suppressed,
                      uint64_t lost);
/* 'session' is as in struct drop_event.  An event is made of it only if there may be something to
 * mend, but records that are of that time and come later will be right.  False when memory is
 * short, and nothing was done. */
bool store_add_correction(struct store *, uint16_t port, const char *session,
                          const struct drop_correction *);

uint64_t store_oldest(const struct store *); /* 0: there is none */
/* The first event after 'after' that is held; false when there is none. */
bool store_next(const struct store *, uint64_t after, struct drop_event *);

#endif
