/* What is delivered: one event, as a line of JSON and as a sentence. */
#ifndef CTL_RELAY_EVENT_H
#define CTL_RELAY_EVENT_H 1

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/list.h"

enum relay_what {
    RELAY_INCIDENTS,
    RELAY_DROPS,
    RELAY_QUARANTINE,
    RELAY_REFRESH,
    RELAY_HEARTBEAT,
    RELAY_N_WHAT
};
extern const char *const relay_what_names[]; /* ends with NULL, like those that follow */

enum relay_severity { RELAY_INFO, RELAY_LOW, RELAY_MEDIUM, RELAY_HIGH, RELAY_CRITICAL };
extern const char *const relay_severity_names[];

/* Owned by one thread at a time. */
struct relay_event {
    struct ovs_list node;
    enum relay_what what;
    enum relay_severity severity;
    bool skip;    /* not for this sink: only its position counts, and what follows is not set */
    bool notable; /* worth a mail */
    const char *action; /* "incident-opened"; static */
    char *id;           /* the same whenever this event is delivered, and no other event's */
    char *json;         /* one line, without its end: Elastic Common Schema */
    char *text;         /* one sentence, cleaned of control characters */
    int64_t time_ns;    /* wall clock */
    int64_t settles_ms; /* of one that was handed over: when its position counts */
    bool refused;       /* it is with the dead letters */

    /* What a cursor takes from it once it is delivered. */
    union {
        struct {
            uint64_t epoch, n;
            uint64_t missing; /* of a gap: how many, 0 for an unknown number */
            bool gap;
        } drop;
        struct {
            uint64_t id;
            uint64_t revision; /* of what is told of it */
            uint64_t all;      /* all up to this one are delivered then */
            bool closed;
        } incident;
        struct {
            char *name;
            char *state; /* of its quarantine: since when, NULL: it was released; of its refresh */
        } port;
        struct {
            bool silent, back;
        } heartbeat;
    } at;
};

struct relay_event *relay_event_new(enum relay_what);
void relay_event_free(struct relay_event *);
void relay_events_free(struct ovs_list *);

#endif
