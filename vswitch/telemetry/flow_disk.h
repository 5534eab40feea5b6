/* The journal's file, kept as the memory is: read once, in the background, then written whenever
 * flows have changed for a while.  Who is killed loses FLOW_DISK_EVERY_MS of changes, and what had
 * not been told by then.
 *
 * A disk that fails or stalls holds up nobody: it is tried again, and the journal is in memory. */
#ifndef TELEMETRY_FLOW_DISK_H
#define TELEMETRY_FLOW_DISK_H 1

#include <pthread.h>
#include <stdbool.h>

#include "telemetry/flow_db.h"
#include "telemetry/flow_store.h"
#include "telemetry/writer.h"

#define FLOW_DISK_EVERY_MS 30000

struct flow_disk {
    pthread_mutex_t *mutex; /* over the store and what follows, but for the writer's own */
    struct flow_store *store;
    bool waiting; /* the job is the writer's */
    bool loaded;  /* what the file had has been taken in, or there is none */
    bool storing;
    struct flow_gap gaps[FLOW_GAPS];
    size_t n_gaps;
    long long due_ms;
    struct writer_job job;
    /* The writer's. */
    struct flow_db *db; /* NULL: memory only */
    struct flow_db_place place;
    uint64_t stored_ns;  /* what was told up to then is in the file */
    uint64_t writing_ns; /* ... and will be when this pass is through; 0: none is under way */
    uint32_t slot;       /* where it is */
    uint64_t forgotten_ns;
};

/* 'path' NULL: memory only.  A file that cannot be used is logged, and so is memory only.  It is
 * read as soon as the writer runs. */
void flow_disk_open(struct flow_disk *, const char *path, pthread_mutex_t *, struct flow_store *);
/* Writes what is left.  After writer_stop(). */
void flow_disk_close(struct flow_disk *);
/* Hands what has changed to the writer when it is time.  Without the mutex. */
void flow_disk_tick(struct flow_disk *, long long now_ms);

#endif
