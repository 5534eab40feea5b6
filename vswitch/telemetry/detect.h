/* Detection: from denied attempts to incidents.
 *
 * An incident is what one desktop, in the hands of one user, has tried in vain since it was last
 * closed.  The first denied attempt at another desktop opens one, or enough attempts at anything
 * else (suspect.h); what follows is folded in and grades it.  Its kind and severity only rise.
 *
 * The telemetry thread feeds it; control gives names and thresholds, and takes what has changed. */
#ifndef TELEMETRY_DETECT_H
#define TELEMETRY_DETECT_H 1

#include "telemetry/drop_event.h"
#include "telemetry/sketch.h"
#include "telemetry/suspect.h"

struct detected {
    uint64_t id;
    uint16_t port_id;
    char port[64], user[64];
    char sessions[DROP_SESSIONS_SIZE]; /* of all its records, as in struct drop_event */
    char stamped[DROP_SESSIONS_SIZE];  /* those that make it theirs: not who was added late */
    struct suspect suspect;
    struct suspect_grade grade;
    int64_t first_us, last_us;    /* Unix time */
    uint64_t first_n, last_n;     /* in the drop log; 0: none has a record */
    uint64_t unrecorded;          /* denied packets without a record */
    uint32_t recent;              /* attempts within the last 10 s */
    struct hll targets, services; /* by every packet */
    bool detached;                /* nothing will be added any more: another user came, say */
    bool changed;                 /* since it was last taken */
    bool due;                     /* to be taken */
};

/* 'changed' is called from the telemetry thread when there is something to take.  0 or ENOMEM. */
int detect_init(void (*changed)(void *aux), void *aux);
void detect_exit(void);

/* ---- control ---- */

/* A port has this name now; "": it is gone.  Under another name it is another suspect. */
void detect_set_port(uint16_t id, const char *name, bool is_desktop);
/* Copies both.  'desktops' are prefixes of desktops on other switches, and of decoys. 0, or ENOMEM
 * and nothing has changed. */
int detect_configure(const struct acl_detection *, const struct acl_prefix *desktops, size_t n);
/* Whether a correction is about an incident with these sessions, of that time: it adds a session if
 * any record may be the session's, and takes one away if none is. */
bool detect_mends(const char *sessions, int64_t first_us, int64_t last_us, const char *session,
                  const struct drop_correction *);
/* What was told late of who was logged in; see stream_correct(). */
void detect_correct(uint16_t port, const char *session, const struct drop_correction *);
/* The number of the next incident; before the first. */
void detect_set_next_id(uint64_t id);
/* Calls 'cb' for each incident that has changed since it was last taken; it is lent. */
void detect_take(void (*cb)(const struct detected *, void *aux), void *aux);
/* A person has closed it: what the desktop tries from now on is another one. */
void detect_close(uint64_t id);
/* An open incident from before a restart, of a port that is set: the caller fills it in, until it
 * calls detect_restored().  NULL: memory is short, or there is no such desktop. */
struct detected *detect_restore(uint64_t id, const char *port);
void detect_restored(void);

/* ---- the telemetry thread ---- */

void detect_record(uint64_t n, const struct drop_record *, const struct drop_names *);
/* So many denied packets more of the port have no record. */
void detect_unsaid(uint16_t port, uint64_t packets);
/* Of all workers together: attempts of the port in the present slot of their sketches, and in the
 * one before.  Once a second. */
void detect_rate(uint16_t port, uint64_t present, uint64_t before, uint32_t now_s);
/* What a worker's sketch of the port has. */
void detect_sketch(uint16_t port, const struct sketch *, uint32_t now_s);
/* Grades what is due. */
void detect_turn(uint32_t now_s);
/* How long telemetry may sleep: 'ms', or less when an incident cuts a port off. */
unsigned detect_pause(unsigned ms);

#endif
