/* How far a sink has come: what it has accepted, and what was told of what it could not get.
 *
 * It lies in STATE/NAME.cursor, written beside it and renamed, each step synced, so that a reader
 * finds the old one or the new one whole. */
#ifndef CTL_RELAY_CURSOR_H
#define CTL_RELAY_CURSOR_H 1

#include <stdbool.h>
#include <stdint.h>

#include "ctl/relay/event.h"
#include "openvswitch/hmap.h"
#include "smap.h"

/* An incident that the sink knows to be open, and how severe. */
struct relay_open {
    struct hmap_node node;
    uint64_t id;
    enum relay_severity severity;
};

/* An incident that was delivered before others with a smaller revision were. */
struct relay_told {
    struct hmap_node node;
    uint64_t id, revision;
};

struct relay_cursor {
    bool has_drops; /* a position in the drop stream */
    uint64_t epoch, n;
    bool has_incidents; /* all incidents up to this revision are delivered */
    uint64_t revision;
    struct hmap told;        /* of struct relay_told: those beyond 'revision' */
    struct hmap open;        /* of struct relay_open */
    struct smap quarantined; /* port -> since when, as the sink was told */
    struct smap refreshed;   /* port -> state of its refresh, likewise */
    bool silent;             /* the sink was told that the switch is silent */
    uint64_t delivered;      /* events, since the cursor began */
    uint64_t refused;        /* events that went into the file of dead letters */
    uint64_t missing;        /* drop events that the switch said are missing */
    uint64_t gaps;           /* how often it said so */
    uint64_t newest;         /* of the drop stream, when it was stored */
    int64_t stored_ns;       /* wall clock */
};

void relay_cursor_init(struct relay_cursor *);
void relay_cursor_destroy(struct relay_cursor *);
void relay_cursor_copy(struct relay_cursor *, const struct relay_cursor *);

/* Takes over the position of an event that is out of the way. */
void relay_cursor_advance(struct relay_cursor *, const struct relay_event *);
struct relay_open *relay_cursor_open(const struct relay_cursor *, uint64_t id);
/* Whether that revision of the incident, or a later one, was delivered. */
bool relay_cursor_has(const struct relay_cursor *, uint64_t id, uint64_t revision);
/* Incidents for which 'gone' is true are no longer there. */
void relay_cursor_forget(struct relay_cursor *, bool (*gone)(const void *aux, uint64_t id),
                         const void *aux);

/* 0, ENOENT when there is none, or another positive errno: EINVAL when the file is damaged. */
int relay_cursor_load(struct relay_cursor *, const char *dir, const char *sink);
int relay_cursor_store(const struct relay_cursor *, const char *dir, const char *sink);
/* Puts a damaged one aside as NAME.cursor.damaged. */
int relay_cursor_put_aside(const char *dir, const char *sink);

#endif
