#include <config.h>

#include "telemetry/drop_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "openvswitch/vlog.h"
#include "telemetry/journal.h"
#include "telemetry/store.h"
#include "telemetry/writer.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(drop_log);

#define BATCH 2048    /* events a transaction: state changes wait for no more than that */
#define COPY 32       /* events that are copied under the mutex at once */
#define STALL_MS 2000 /* a batch that takes longer holds up the readers no more */
#define RETRY_MS 1000 /* between tries of a disk that fails */
#define EPOCH_CHANCE_BITS 10

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct store store;
static struct journal *journal;
static const struct journal_epoch *epochs; /* oldest first; the last one is the present */
static size_t n_epochs;
static struct journal_epoch only_epoch; /* without a journal */
static void (*shown)(void *);
static void *shown_aux;

static uint64_t stored;  /* n of the newest event that is committed */
static uint64_t visible; /* ... that readers get */
static struct drop_log_counts counts;
static bool storing, batch_waiting;
static long long batch_ms; /* when the batch was handed over, or when to try again */
static struct writer_job batch;

/* ---- opening ---- */

/* Never 0, positive for SQLite and its readers until the year 2255, and later ones are greater: an
 * epoch that the journal never got to know still has its place between those that it knows. */
static int
new_epoch(uint64_t *epoch)
{
    uint64_t chance;

    if (getrandom(&chance, sizeof chance, 0) != sizeof chance) {
        return EIO;
    }
    *epoch = (uint64_t) time_wall_usec() << EPOCH_CHANCE_BITS |
             (chance & ((1u << EPOCH_CHANCE_BITS) - 1));
    return 0;
}

static void
open_journal(const char *path, uint64_t keep, uint64_t epoch)
{
    char *warning = NULL, *error = NULL;

    if (journal_open(path, keep, epoch, &journal, &warning, &error)) {
        VLOG_ERR("drop records are kept in memory only: %s", error);
        free(error);
    } else if (warning) {
        VLOG_ERR("a new journal of drop records is begun: %s", warning);
        free(warning);
    }
}

static void batch_run(struct writer_job *);
static int write_events(uint64_t *last, char **error);

int
drop_log_open(const char *path, uint64_t keep, void (*shown_)(void *aux), void *aux)
{
    uint64_t epoch;
    int retval = new_epoch(&epoch);

    if (retval) {
        return retval;
    }
    if (path) {
        open_journal(path, keep, epoch);
    }
    if (journal) {
        epochs = journal_epochs(journal, &n_epochs);
    } else {
        only_epoch = (struct journal_epoch){ .epoch = epoch, .first = 1 };
        epochs = &only_epoch;
        n_epochs = 1;
    }
    shown = shown_;
    shown_aux = aux;
    stored = visible = epochs[n_epochs - 1].first - 1;
    storing = journal != NULL;
    memset(&counts, 0, sizeof counts);
    batch_waiting = false;
    batch_ms = 0;
    batch.run = batch_run;
    retval = store_open(&store, epochs[n_epochs - 1].first);
    if (retval) {
        journal_close(journal, false);
        journal = NULL;
    }
    return retval;
}

/* The last try to store what a failing disk has refused. */
static void
store_rest(void)
{
    char *error = NULL;
    uint64_t last = stored;

    while (journal && stored < store.newest) {
        if (write_events(&last, &error)) {
            VLOG_ERR("%" PRIu64 " drop records are lost: %s", store.newest - stored, error);
            free(error);
            return;
        }
        stored = last;
    }
}

void
drop_log_close(void)
{
    if (!n_epochs) {
        return; /* It was never opened. */
    }
    store_rest();
    pthread_mutex_lock(&mutex);
    journal_close(journal, stored == store.newest);
    journal = NULL;
    epochs = NULL;
    n_epochs = 0;
    store_close(&store);
    pthread_mutex_unlock(&mutex);
}

/* ---- adding ---- */

void
drop_log_name_port(uint16_t id, const char *name, const char *user)
{
    pthread_mutex_lock(&mutex);
    store_name_port(&store, id, name, user);
    pthread_mutex_unlock(&mutex);
}

void
drop_log_set_sessions(uint16_t id, uint32_t slot, const char *sessions)
{
    pthread_mutex_lock(&mutex);
    store_set_sessions(&store, id, slot, sessions);
    pthread_mutex_unlock(&mutex);
}

void
drop_log_name_rule(uint32_t slot, const char *rule_id)
{
    pthread_mutex_lock(&mutex);
    store_name_rule(&store, slot, rule_id);
    pthread_mutex_unlock(&mutex);
}

void
drop_log_port_name(uint16_t id, char name[64])
{
    pthread_mutex_lock(&mutex);
    ovs_strlcpy(name, store_port_name(&store, id), 64);
    pthread_mutex_unlock(&mutex);
}

void
drop_log_rule_name(uint32_t slot, char name[64])
{
    pthread_mutex_lock(&mutex);
    ovs_strlcpy(name, store_rule_name(&store, slot), 64);
    pthread_mutex_unlock(&mutex);
}

bool
drop_log_port_is(uint16_t id, const char *name)
{
    pthread_mutex_lock(&mutex);
    bool is = !strcmp(store_port_name(&store, id), name);
    pthread_mutex_unlock(&mutex);
    return is;
}

uint64_t
drop_log_add_record(const struct drop_record *record, struct drop_names *names)
{
    unsigned class = MIN(record->log, ACL_LOG_NONE);
    uint64_t n;

    pthread_mutex_lock(&mutex);
    counts.records[class]++;
    counts.packets[class] += record->count;
    store_add_record(&store, record);
    store_newest_names(&store, names);
    n = store.newest;
    pthread_mutex_unlock(&mutex);
    return n;
}

void
drop_log_add_unsaid(uint16_t port, uint8_t reason, uint64_t suppressed, uint64_t lost)
{
    pthread_mutex_lock(&mutex);
    store_add_unsaid(&store, port, reason, suppressed, lost);
    pthread_mutex_unlock(&mutex);
}

void
drop_log_correct(uint16_t port, const char *session, const struct drop_correction *what)
{
    bool ok;

    pthread_mutex_lock(&mutex);
    ok = store_add_correction(&store, port, session, what);
    pthread_mutex_unlock(&mutex);
    if (!ok) {
        VLOG_ERR("no memory to correct whose drop records are");
    }
}

/* ---- storing ---- */

/* With the mutex.  Readers get what there is, stored or not. */
static bool
show_all(void)
{
    bool more = visible < store.newest;

    visible = store.newest;
    return more;
}

/* With the mutex. */
static void
set_storing(bool now, const char *why)
{
    if (storing && !now) {
        VLOG_ERR("drop records are not stored, only kept in memory: %s", why);
    } else if (!storing && now) {
        VLOG_INFO("drop records are stored again");
    }
    storing = now;
}

/* Copies up to COPY events that follow 'after'. */
static size_t
copy_events(uint64_t after, struct drop_event events[COPY])
{
    size_t n = 0;

    pthread_mutex_lock(&mutex);
    while (n < COPY && store_next(&store, after, &events[n])) {
        after = events[n++].n;
    }
    pthread_mutex_unlock(&mutex);
    return n;
}

/* One transaction.  '*last' moves to the newest event in it. */
static int
write_events(uint64_t *last, char **error)
{
    struct drop_event events[COPY];
    int retval = journal_begin(journal, error);
    size_t total = 0, n;

    while (!retval && total < BATCH && (n = copy_events(*last, events))) {
        for (size_t i = 0; i < n && !retval; i++) {
            retval = journal_add(journal, &events[i], error);
        }
        *last = events[n - 1].n;
        total += n;
    }
    return retval ? retval : journal_commit(journal, error);
}

static void
batch_run(struct writer_job *job OVS_UNUSED)
{
    char *error = NULL;
    uint64_t last = stored; /* Only this thread changes it. */
    int retval = write_events(&last, &error);
    bool again;

    pthread_mutex_lock(&mutex);
    set_storing(!retval, error);
    if (!retval) {
        stored = last;
        visible = MAX(visible, stored);
    } else {
        show_all();
        batch_ms = time_msec() + RETRY_MS;
    }
    again = !retval && stored < store.newest;
    batch_waiting = again;
    if (again) {
        batch_ms = time_msec();
    }
    pthread_mutex_unlock(&mutex);
    free(error);
    if (again) {
        writer_submit(&batch, WRITER_DROPS);
    }
    shown(shown_aux);
}

void
drop_log_commit(void)
{
    long long now = time_msec();
    bool submit = false, more = false;

    pthread_mutex_lock(&mutex);
    if (!journal) {
        more = show_all();
    } else if (batch_waiting) {
        if (now - batch_ms > STALL_MS) {
            set_storing(false, "the disk does not answer");
        }
        more = !storing && show_all();
    } else if (stored < store.newest) {
        more = !storing && show_all();
        submit = storing || now >= batch_ms;
        batch_waiting = submit;
        batch_ms = submit ? now : batch_ms;
    }
    pthread_mutex_unlock(&mutex);
    if (submit) {
        writer_submit(&batch, WRITER_DROPS);
    }
    if (more) {
        shown(shown_aux);
    }
}

bool
drop_log_storing(void)
{
    pthread_mutex_lock(&mutex);
    bool now = storing;
    pthread_mutex_unlock(&mutex);
    return now;
}

void
drop_log_counts(struct drop_log_counts *c)
{
    pthread_mutex_lock(&mutex);
    *c = counts;
    pthread_mutex_unlock(&mutex);
}

/* ---- reading ---- */

/* With the mutex, like all that follows. */
static const struct journal_epoch *
epoch_of(uint64_t n)
{
    size_t i = n_epochs - 1;

    while (i > 0 && epochs[i].first > n) {
        i--;
    }
    return &epochs[i];
}

static const struct journal_epoch *
find_epoch(uint64_t epoch)
{
    for (size_t i = 0; i < n_epochs; i++) {
        if (epochs[i].epoch == epoch) {
            return &epochs[i];
        }
    }
    return NULL;
}

/* n of the oldest event held, or of the next one to come. */
static uint64_t
oldest_n(void)
{
    uint64_t in_memory = store_oldest(&store);

    in_memory = in_memory ? in_memory : store.newest + 1;
    return journal ? MIN(journal_oldest(journal), in_memory) : in_memory;
}

static struct drop_position
before(uint64_t n)
{
    return (struct drop_position){ .epoch = epoch_of(n)->epoch, .n = n - 1 };
}

/* Tells that what lies after '*at' and up to 'to' is missing, and moves '*at' there. */
static bool
tell_gap(struct drop_position *at, struct drop_position to, uint64_t events, struct drop_event *e)
{
    memset(e, 0, sizeof *e);
    e->type = DROP_EVENT_GAP;
    e->gap.first = (struct drop_position){ .epoch = at->epoch, .n = at->n + 1 };
    e->gap.last = to;
    e->gap.events = events;
    *at = to;
    return true;
}

/* Where to go on from an epoch that is not known: one that told its events from memory only, for
 * the disk was full.  Its readers have had, or were told to miss, what is from before it. */
static struct drop_position
after_unknown(uint64_t epoch)
{
    uint64_t oldest = oldest_n();

    for (size_t i = n_epochs; i-- > 1;) {
        if (epochs[i - 1].epoch < epoch && epoch < epochs[i].epoch) {
            return before(MAX(epochs[i].first, oldest));
        }
    }
    return before(oldest);
}

/* Follows '*at' out of epochs that have ended.  True when there is a gap to tell on the way. */
static bool
leave_ended_epochs(struct drop_position *at, struct drop_event *e)
{
    const struct journal_epoch *epoch = find_epoch(at->epoch);

    if (!epoch) {
        return tell_gap(at, after_unknown(at->epoch), 0, e);
    }
    for (; epoch < &epochs[n_epochs - 1]; epoch++) {
        uint64_t last = epoch[1].first - 1;
        struct drop_position next = { .epoch = epoch[1].epoch, .n = last };

        if (at->n < last) {
            return false;
        }
        if (at->n > last || !epoch->clean) {
            return tell_gap(at, next, 0, e);
        }
        *at = next;
    }
    return false;
}

static bool
next_in_memory(uint64_t after, struct drop_event *e)
{
    return store_next(&store, after, e) && e->n <= visible;
}

/* What memory has let go of is looked for on the disk, with the mutex released. */
static bool
next_event(uint64_t after, struct drop_event *e)
{
    uint64_t in_memory = store_oldest(&store);
    bool found = false;

    if (journal && (!in_memory || after + 1 < in_memory) && after < stored) {
        pthread_mutex_unlock(&mutex);
        found = journal_next(journal, after, e);
        pthread_mutex_lock(&mutex);
        in_memory = store_oldest(&store);
    }
    return found && (!in_memory || e->n <= in_memory) ? true : next_in_memory(after, e);
}

bool
drop_log_next(struct drop_position *at, struct drop_event *e)
{
    bool found = false;

    pthread_mutex_lock(&mutex);
    if (n_epochs) {
        found = leave_ended_epochs(at, e);
        if (!found && next_event(at->n, e)) {
            found = true;
            if (e->n > at->n + 1) {
                tell_gap(at, before(e->n), e->n - 1 - at->n, e);
            } else {
                *at = (struct drop_position){ .epoch = epoch_of(e->n)->epoch, .n = e->n };
            }
        }
    }
    pthread_mutex_unlock(&mutex);
    return found;
}

struct drop_position
drop_log_oldest(void)
{
    pthread_mutex_lock(&mutex);
    struct drop_position at = before(oldest_n());
    pthread_mutex_unlock(&mutex);
    return at;
}

struct drop_position
drop_log_newest(void)
{
    pthread_mutex_lock(&mutex);
    struct drop_position at = { .epoch = epochs[n_epochs - 1].epoch, .n = visible };
    pthread_mutex_unlock(&mutex);
    return at;
}

uint64_t
drop_log_epoch(void)
{
    pthread_mutex_lock(&mutex);
    uint64_t epoch = n_epochs ? epochs[n_epochs - 1].epoch : 0;
    pthread_mutex_unlock(&mutex);
    return epoch;
}
