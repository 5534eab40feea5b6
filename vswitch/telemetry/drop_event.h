/* What the drop stream is made of.
 *
 * Every event has a position (epoch, n).  n goes up by one from event to event, and goes on when
 * the switch starts again; each start is an epoch of its own, for counts begin anew then, and for
 * what was not yet stored when the switch was killed is gone. */
#ifndef TELEMETRY_DROP_EVENT_H
#define TELEMETRY_DROP_EVENT_H 1

#include "telemetry/drop_ring.h"

struct drop_position {
    uint64_t epoch; /* never 0 */
    uint64_t n;     /* 1 is the first of all */
};

enum drop_event_type {
    DROP_EVENT_RECORD,
    DROP_EVENT_UNSAID,
    DROP_EVENT_CORRECTION,
    DROP_EVENT_GAP /* told to a reader, never stored */
};

#define DROP_SESSIONS_SIZE 1024

/* Of records of the port, and of what others say of it as their peer, that are of this time (Unix
 * time, 'to_ns' not included): the session belongs to them, or does not. */
struct drop_correction {
    uint64_t from_ns, to_ns;
    bool withdrawn;
};

struct drop_event {
    uint64_t n;
    enum drop_event_type type;
    /* Names at the time of the record, so that a port number used again never misleads. */
    char port[64], user[64], peer_port[64], peer_user[64], rule[64];
    /* Who was logged in at that moment, a line "ID USER\n" for each session; "": nobody is known.
     * Of a correction: the line of the session that it is about. */
    char sessions[DROP_SESSIONS_SIZE], peer_sessions[DROP_SESSIONS_SIZE];
    union {
        struct drop_record record;
        struct {
            uint8_t reason;
            uint64_t suppressed, lost; /* totals since the epoch began */
        } unsaid;
        struct drop_correction correction;
        struct {
            struct drop_position first, last; /* of what is missing */
            uint64_t events;                  /* how many; 0: nobody knows */
        } gap;
    };
};

/* The names of a record; lent. */
struct drop_names {
    const char *port, *user, *peer_port, *peer_user, *rule, *sessions, *peer_sessions;
};

#endif
