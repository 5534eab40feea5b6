/* The telemetry thread and the drop stream.
 *
 * The thread drains the workers' drop rings, gives each record its position (epoch, n), keeps the
 * newest in memory for readers that resume, and says what has no record: an 'unsaid' event whenever
 * the totals of a (port, reason) have grown.  Readers hold a cursor and take events at their own
 * pace; what they were too slow for is told to them as a gap. */
#ifndef TELEMETRY_STREAM_H
#define TELEMETRY_STREAM_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/port.h"
#include "telemetry/drop_ring.h"

enum drop_event_type { DROP_EVENT_RECORD, DROP_EVENT_UNSAID };

struct drop_event {
    uint64_t n; /* 1 is the first of an epoch */
    enum drop_event_type type;
    /* Names at the time of the record, so that a port number used again never misleads. */
    char port[64], user[64], peer_port[64], peer_user[64], rule[64];
    union {
        struct drop_record record;
        struct {
            uint8_t reason;
            uint64_t suppressed, lost; /* totals since the epoch began */
        } unsaid;
    };
};

/* Names for numbers, given by control whenever they change (copied).  A rule slot without a name
 * shows as "". */
void stream_set_port(uint16_t id, const char *name, const char *user);
void stream_set_rule(uint32_t slot, const char *rule_id);

struct stream_source {
    struct drop_ring *ring;
    const struct drop_unsaid *unsaid; /* [DP_MAX_PORTS * N_DROP_REASONS] */
};

/* Starts the thread.  'wake' is called from it, at most every few milliseconds, when events were
 * added.  0 or a positive errno. */
int stream_start(const struct stream_source *, size_t n, uint32_t n_rule_slots,
                 void (*wake)(void *aux), void *aux);
void stream_stop(void);

uint64_t stream_epoch(void);
uint64_t stream_newest(void); /* n of the newest event, 0 = none */
uint64_t stream_oldest(void); /* n of the oldest event held */
/* Any thread.  Copies the first event with n > 'after' that is held.  False when there is none yet;
 * the caller sees a gap by event->n > after + 1. */
bool stream_next(uint64_t after, struct drop_event *);

#endif
