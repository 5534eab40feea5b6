/* The telemetry thread: drains the workers' drop rings into the drop log and to detection
 * (detect.h), and says what has no record: an 'unsaid' event whenever the totals of a (port,
 * reason) have grown.  It also tells what connections have carried to the journal of flows
 * (flow_log.h).  It never touches the disk. */
#ifndef TELEMETRY_STREAM_H
#define TELEMETRY_STREAM_H 1

#include <stddef.h>
#include <stdint.h>

#include "telemetry/drop_event.h"
#include "telemetry/sketch.h"

/* Names for numbers, given by control whenever they change (copied).  A rule slot without a name
 * shows as "". */
void stream_set_port(uint16_t id, const char *name, const char *user);
/* Who is logged in on a port, before a snapshot gives it this slot, which was never given before; 0
 * and "": nobody.  'sessions' is as in struct drop_event. */
void stream_set_sessions(uint16_t id, uint32_t slot, const char *sessions);
/* What was told late of who was logged in, once no record will be stamped as it was before: appends
 * a correction of what has been told already, if there is any, and stamps what has not been. */
void stream_correct(uint16_t id, const char *session, const struct drop_correction *);
void stream_set_rules(const uint32_t *slots, const char *const *rule_ids, size_t n);

struct stream_source {
    struct drop_ring *ring;
    const struct drop_unsaid *unsaid; /* [DP_MAX_PORTS * N_DROP_REASONS] */
    const struct sketch *sketches;    /* [DP_MAX_PORTS], or NULL */
};

/* Starts the thread; the drop log is open.  0 or a positive errno. */
int stream_start(const struct stream_source *, size_t n);
/* Takes in what the rings hold, and ends. */
void stream_stop(void);

#endif
