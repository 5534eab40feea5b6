/* What controllers watch: objects, and the revision in which each last changed.
 *
 * There is no queue anywhere.  The log holds every object once, ordered by the revision of its last
 * change, and a reader is a position in that order: what comes next is the first object beyond it.
 * So a reader that is slow finds each object's newest state, memory does not depend on readers, and
 * whoever comes back with a position gets what changed since.  Objects that were removed stay for
 * that in the order, the newest 'max_removed' of each kind; a position from before those that were
 * forgotten cannot be resumed, and its reader is told so and given the whole list.
 *
 * A list (and what a resumed reader has missed) is of one revision: it is taken when the reader
 * opens, as references.  Changes that come meanwhile follow it.
 *
 * Objects are compared by what they pack to.  Control is the only writer; readers may be in other
 * threads. */
#ifndef CONTROL_OBJECT_LOG_H
#define CONTROL_OBJECT_LOG_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

enum object_kind {
    OBJECT_PORT,
    OBJECT_POLICY,
    OBJECT_BINDING,
    OBJECT_QUARANTINE,
    OBJECT_INCIDENT,
    N_OBJECT_KINDS
};
#define OBJECT_KINDS_ALL ((1u << N_OBJECT_KINDS) - 1)

struct object {
    enum object_kind kind;
    char *name; /* unique within the kind */
    ProtobufCMessage *message;
};

struct object_log;

/* Owners are numbered from 0 to 'n_owners' - 1. */
struct object_log *object_log_create(uint64_t epoch, uint32_t n_owners, size_t max_removed);
/* Without readers. */
void object_log_destroy(struct object_log *);

/* From now on 'owner' has these objects, and no others.  Takes over names and messages, but not the
 * array.  Whether that is a change.  Control. */
bool object_log_set(struct object_log *, uint32_t owner, struct object *, size_t n);

uint64_t object_log_epoch(const struct object_log *);
/* The revision of the last change. */
uint64_t object_log_newest(struct object_log *);
size_t object_log_n_readers(struct object_log *);

/* ---- readers ---- */

struct object_position {
    uint64_t epoch, revision;
};

enum object_event_type {
    OBJECT_ADDED,
    OBJECT_CHANGED,
    OBJECT_REMOVED,
    OBJECT_SYNCED, /* all that there was when the list was taken has been said */
    OBJECT_RESET,  /* what the reader knows is void; a list follows */
};

struct object_event {
    enum object_event_type type;
    uint64_t revision;               /* to resume from; 0: not from here */
    enum object_kind kind;           /* of the first three types, as is ... */
    const ProtobufCMessage *message; /* valid until the reader is asked again, or closed */
};

/* One thread at a time may use a reader. */
struct object_reader;

/* Objects of 'kinds', a bit each.  'resume' (or NULL) is of this epoch and not beyond the newest
 * revision, or of another epoch. */
struct object_reader *object_reader_open(struct object_log *, unsigned kinds,
                                         const struct object_position *resume);
void object_reader_close(struct object_reader *);
/* False when there is nothing to say at present. */
bool object_reader_next(struct object_reader *, struct object_event *);

#endif
