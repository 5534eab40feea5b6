#include <config.h>

#include "telemetry/flow_disk.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(flow_disk);

#define BATCH 2048 /* flows a transaction: state changes wait for no more than that */
#define COPY 16    /* flows that are copied under the mutex at once */
#define SCAN 4096  /* ... and looked at */
#define RETRY_MS 10000

/* ---- what it says ---- */

static void
set_storing(struct flow_disk *d, bool now, const char *why)
{
    if (d->storing && !now) {
        VLOG_ERR("flows are not stored, only kept in memory: %s", why);
    } else if (!d->storing && now) {
        VLOG_INFO("flows are stored again");
    }
    d->storing = now;
}

/* From here on it is only memory. */
static void
give_up(struct flow_disk *d, char *error)
{
    flow_db_close(d->db);
    d->db = NULL;
    pthread_mutex_lock(d->mutex);
    set_storing(d, false, error);
    d->loaded = true;
    pthread_mutex_unlock(d->mutex);
    free(error);
}

/* ---- reading ---- */

static bool
take_row(const struct flow_row *row, void *disk)
{
    struct flow_disk *d = disk;

    pthread_mutex_lock(d->mutex);
    bool more = flow_store_load(d->store, row);
    pthread_mutex_unlock(d->mutex);
    return more;
}

/* A piece, for changes of the state come first.  True: there is more. */
static bool
load_some(struct flow_disk *d)
{
    char *error = NULL;
    bool more = false;

    if (flow_db_load(d->db, BATCH, &d->place, take_row, d, &more, &error)) {
        give_up(d, error);
        return false;
    }
    if (!more) {
        pthread_mutex_lock(d->mutex);
        d->loaded = true;
        pthread_mutex_unlock(d->mutex);
    }
    return more;
}

/* ---- writing ---- */

/* Up to COPY flows that have changed.  Fewer: the pass is through. */
static size_t
copy_changed(struct flow_disk *d, struct flow_row rows[COPY])
{
    size_t n = 0;

    while (n < COPY && d->slot) {
        pthread_mutex_lock(d->mutex);
        while (n < COPY && flow_store_find_told(d->store, d->stored_ns, SCAN, &d->slot)) {
            flow_store_get(d->store, d->slot, &rows[n]);
            if (!rows[n].id) {
                rows[n].id = flow_db_new_id(d->db);
                flow_store_set_id(d->store, d->slot, rows[n].id);
            }
            n++;
            d->slot++;
        }
        pthread_mutex_unlock(d->mutex);
    }
    return n;
}

/* What memory has let go of goes from the file, too: all that was told before what it has. */
static int
forget(struct flow_disk *d, char **error)
{
    uint64_t oldest, last_ns;

    pthread_mutex_lock(d->mutex);
    flow_store_oldest(d->store, &oldest, &last_ns);
    pthread_mutex_unlock(d->mutex);
    if (oldest == d->forgotten_ns) {
        return 0;
    }
    d->forgotten_ns = oldest;
    return flow_db_forget(d->db, oldest ? oldest : INT64_MAX, error);
}

/* One transaction, or none when nothing has changed. */
static int
write_batch(struct flow_disk *d, char **error)
{
    struct flow_row rows[COPY];
    size_t n = copy_changed(d, rows), total = n;
    int retval = n ? flow_db_begin(d->db, error) : 0;

    if (!n) {
        return 0;
    }
    while (!retval && n) {
        for (size_t i = 0; i < n && !retval; i++) {
            retval = flow_db_put(d->db, &rows[i], error);
        }
        n = !retval && total < BATCH ? copy_changed(d, rows) : 0;
        total += n;
    }
    if (!retval && !d->slot) {
        retval = forget(d, error);
    }
    return retval ? retval : flow_db_commit(d->db, error);
}

/* A piece of a pass.  True: there is more. */
static bool
write_some(struct flow_disk *d)
{
    char *error = NULL;

    if (!d->writing_ns) {
        pthread_mutex_lock(d->mutex);
        d->writing_ns = flow_store_mark(d->store);
        pthread_mutex_unlock(d->mutex);
        d->slot = 1;
    }
    if (write_batch(d, &error)) {
        d->writing_ns = 0; /* from the beginning, the next time */
        d->forgotten_ns = 0;
        if (flow_db_is_damaged(d->db)) {
            give_up(d, error);
            return false;
        }
        pthread_mutex_lock(d->mutex);
        set_storing(d, false, error);
        d->due_ms = time_msec() + RETRY_MS;
        pthread_mutex_unlock(d->mutex);
        free(error);
        return false;
    }
    if (d->slot) {
        return true;
    }
    d->stored_ns = d->writing_ns;
    d->writing_ns = 0;
    pthread_mutex_lock(d->mutex);
    set_storing(d, true, NULL);
    pthread_mutex_unlock(d->mutex);
    return false;
}

/* ---- the job ---- */

static void
run(struct writer_job *job)
{
    struct flow_disk *d = CONTAINER_OF(job, struct flow_disk, job);
    bool more = d->db && (d->loaded ? write_some(d) : load_some(d));

    pthread_mutex_lock(d->mutex);
    d->waiting = more;
    pthread_mutex_unlock(d->mutex);
    if (more) {
        writer_submit(&d->job, WRITER_FLOWS);
    }
}

void
flow_disk_open(struct flow_disk *d, const char *path, pthread_mutex_t *mutex,
               struct flow_store *store)
{
    char *warning = NULL, *error = NULL;

    *d = (struct flow_disk){ .mutex = mutex, .store = store, .job = { .run = run } };
    if (path && flow_db_open(path, &d->db, &warning, &error)) {
        VLOG_ERR("flows are kept in memory only: %s", error);
        free(error);
    } else if (warning) {
        VLOG_ERR("a new journal of flows is begun: %s", warning);
        free(warning);
    }
    d->loaded = !d->db;
    d->storing = d->waiting = d->db != NULL;
    d->due_ms = time_msec() + FLOW_DISK_EVERY_MS;
    if (d->db) {
        d->n_gaps = flow_db_gaps(d->db, d->gaps);
        d->stored_ns = flow_db_newest(d->db);
        flow_store_set_time(store, d->stored_ns + 1);
        writer_submit(&d->job, WRITER_FLOWS);
    }
}

void
flow_disk_close(struct flow_disk *d)
{
    /* With a writer that never ran, the file is left as it is. */
    char *error = NULL;

    while (d->db && d->loaded && write_some(d)) {
    }
    if (d->db && d->loaded && d->storing && flow_db_end(d->db, &error)) {
        VLOG_WARN("the journal of flows does not end cleanly: %s", error);
        free(error);
    }
    flow_db_close(d->db);
    d->db = NULL;
}

void
flow_disk_tick(struct flow_disk *d, long long now_ms)
{
    bool submit;

    pthread_mutex_lock(d->mutex);
    submit = d->loaded && !d->waiting && now_ms >= d->due_ms;
    if (submit) {
        d->waiting = true;
        d->due_ms = now_ms + FLOW_DISK_EVERY_MS;
    }
    pthread_mutex_unlock(d->mutex);
    if (submit) {
        writer_submit(&d->job, WRITER_FLOWS);
    }
}
