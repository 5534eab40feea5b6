#include <config.h>

#include "ctl/relay/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/relay/clock.h"
#include "util.h"

enum {
    FIRST_BACKOFF_MS = 500,
    MAX_BACKOFF_MS = 30000,
    STORE_EVERY_MS = 200, /* a cursor; what is delivered in between may be delivered again */
    TICK_MS = 1000,       /* idle: to see whether connections live, and the switch */
    BUSY_TICK_MS = 100,   /* with something to settle or to store */
    MAX_BATCH = 1000,
    MAX_UNSETTLED = 16384,
};

static const struct relay_sink_ops *const ops_of[RELAY_N_TYPES] = {
    [RELAY_FILE] = &relay_file_ops,       [RELAY_SYSLOG] = &relay_syslog_ops,
    [RELAY_WEBHOOK] = &relay_webhook_ops, [RELAY_MAIL] = &relay_mail_ops,
    [RELAY_COMMAND] = &relay_command_ops,
};

bool
relay_sink_wants(const struct relay_sink *sink, const struct relay_event *e)
{
    bool told = e->what == RELAY_HEARTBEAT || (e->what == RELAY_DROPS && e->at.drop.gap);

    return (told || (unsigned) e->severity >= sink->config->min_severity) &&
           (!sink->ops->wants || sink->ops->wants(e));
}

void
relay_sink_pause(struct relay_sink *sink, unsigned ms)
{
    sink->not_before_ms = relay_now_ms() + ms;
}

/* ---- the cursor ---- */

static void
store_cursor(struct relay_sink *sink)
{
    const char *name = sink->config->name;
    int rc;

    pthread_mutex_lock(&sink->relay->mutex);
    sink->cursor.newest = sink->relay->pulse.drops_newest;
    pthread_mutex_unlock(&sink->relay->mutex);
    rc = relay_cursor_store(&sink->cursor, sink->relay->config->state, name);
    sink->stored_ms = relay_now_ms();
    sink->dirty = rc != 0;
    if (rc && !sink->store_failed) {
        relay_log(name, "its cursor cannot be stored, so that a restart would repeat events: %s",
                  ovs_strerror(rc));
    } else if (!rc && sink->store_failed) {
        relay_log(name, "its cursor is stored again");
    }
    sink->store_failed = rc != 0;
}

/* From the front of 'unsettled': order is the cursor's meaning. */
static void
settle(struct relay_sink *sink, int64_t now)
{
    while (sink->n_unsettled) {
        struct relay_event *e =
            CONTAINER_OF(ovs_list_front(&sink->unsettled), struct relay_event, node);

        if (e->settles_ms > now) {
            break;
        }
        ovs_list_remove(&e->node);
        sink->n_unsettled--;
        sink->n_beats -= e->what == RELAY_HEARTBEAT;
        relay_cursor_advance(&sink->cursor, e);
        sink->cursor.delivered += !e->skip && !e->refused;
        sink->cursor.refused += e->refused;
        sink->dirty = true;
        relay_event_free(e);
    }
}

/* What was sent on a connection that broke may not have arrived. */
static void
take_back(struct relay_sink *sink)
{
    if (sink->n_unsettled) {
        relay_log(sink->config->name,
                  "the connection broke; the last %" PRIuSIZE " events are sent again",
                  sink->n_unsettled);
        ovs_list_splice(sink->pending.next, sink->unsettled.next, &sink->unsettled);
        sink->n_pending += sink->n_unsettled;
        sink->n_unsettled = 0;
    }
}

/* ---- delivery ---- */

/* The first 'n' pending events are out of the way, at the latest when they settle. */
static void
hand_over(struct relay_sink *sink, size_t n, unsigned settle_ms)
{
    int64_t at = relay_now_ms() + settle_ms;

    for (size_t i = 0; i < n; i++) {
        struct relay_event *e =
            CONTAINER_OF(ovs_list_pop_front(&sink->pending), struct relay_event, node);

        e->settles_ms = at;
        ovs_list_push_back(&sink->unsettled, &e->node);
    }
    sink->n_pending -= n;
    sink->n_unsettled += n;
}

/* The next events that go together, and '*skip', how many before them are not for this sink. */
static size_t
collect(struct relay_sink *sink, struct relay_event *batch[MAX_BATCH], size_t *skip)
{
    size_t max = sink->ops->batch ? sink->ops->batch : sink->config->batch;
    struct relay_event *e;
    size_t n = 0;

    max = sink->singly ? 1 : sink->failing ? sink->failing : MIN(max, MAX_BATCH);
    *skip = 0;
    LIST_FOR_EACH (e, node, &sink->pending) {
        if (n == max || (e->skip && n)) {
            break;
        }
        if (e->skip) {
            ++*skip;
        } else {
            batch[n++] = e;
        }
    }
    return n;
}

static void
accepted(struct relay_sink *sink, size_t n)
{
    if (sink->failing) {
        relay_log(sink->config->name, "it accepts events again");
    }
    sink->failing = 0;
    sink->backoff_ms = 0;
    sink->singly -= MIN(sink->singly, n);
    hand_over(sink, n, sink->ops->settle_ms);
}

static void
failed(struct relay_sink *sink, size_t n, const char *why)
{
    bool paused = sink->not_before_ms > relay_now_ms();

    if (!sink->failing) {
        relay_log(sink->config->name, "%s; trying again", why);
    }
    sink->failing = n;
    sink->backoff_ms =
        sink->backoff_ms ? MIN(2 * sink->backoff_ms, MAX_BACKOFF_MS) : FIRST_BACKOFF_MS;
    if (!paused) { /* and not all relays at the same moment */
        relay_sink_pause(sink, sink->backoff_ms * 4 / 5 +
                                   (unsigned) random() % (sink->backoff_ms * 2 / 5));
    }
}

/* One that is refused alone is put aside; of several, each is tried. */
static void
refused(struct relay_sink *sink, struct relay_event *const *batch, size_t n, const char *why)
{
    const char *name = sink->config->name;
    int rc;

    sink->failing = 0;
    if (n > 1) {
        sink->singly = n;
        return;
    }
    rc = relay_dead_letter(sink->relay->config->state, name, batch[0], why);
    if (rc) {
        char *both = xasprintf("%s, and it cannot be put aside: %s", why, ovs_strerror(rc));

        failed(sink, 1, both);
        free(both);
        return;
    }
    relay_log(name, "event %s is refused and put aside in %s/%s.dead: %s", batch[0]->id,
              sink->relay->config->state, name, why);
    batch[0]->refused = true;
    sink->singly -= sink->singly > 0;
    hand_over(sink, 1, 0);
}

static void
deliver(struct relay_sink *sink)
{
    struct relay_event *batch[MAX_BATCH];
    size_t skip, n = collect(sink, batch, &skip);
    char *why = NULL;

    hand_over(sink, skip, 0);
    if (!n) {
        return;
    }
    switch (sink->ops->deliver(sink, batch, n, &why)) {
    case RELAY_ACCEPTED:
        accepted(sink, n);
        break;
    case RELAY_LATER:
        failed(sink, n, why ? why : "it does not accept events");
        break;
    case RELAY_REFUSED:
    default:
        refused(sink, batch, n, why ? why : "it refuses the event");
        break;
    }
    free(why);
}

static void
work(struct relay_sink *sink, bool reopen)
{
    int64_t now = relay_now_ms();

    if (reopen && sink->ops->reopen) {
        sink->ops->reopen(sink);
    }
    if (sink->ops->alive && !sink->ops->alive(sink)) {
        take_back(sink);
    }
    settle(sink, now);
    if (sink->n_pending && now >= sink->not_before_ms && sink->n_unsettled < MAX_UNSETTLED) {
        deliver(sink);
    }
    settle(sink, relay_now_ms()); /* what has not to wait */
    if (sink->dirty && relay_now_ms() - sink->stored_ms >= STORE_EVERY_MS) {
        store_cursor(sink);
    }
}

/* ---- the thread ---- */

/* How long there is nothing to do; 0: there is something. */
static int
idle_ms(const struct relay_sink *sink)
{
    int64_t now = relay_now_ms();
    int64_t next = now + (sink->dirty || sink->n_unsettled ? BUSY_TICK_MS : TICK_MS);

    if (sink->n_pending && sink->n_unsettled < MAX_UNSETTLED) {
        next = MIN(next, sink->not_before_ms);
    }
    if (sink->n_pending >= RELAY_MAX_PENDING) {
        return next > now ? (int) (next - now) : 0; /* nothing more is gathered */
    }
    if (relay_sink_takes(sink->config, RELAY_HEARTBEAT) && !sink->n_beats) {
        next = MIN(next, sink->beat_ms);
    }
    if (sink->held_ms) {
        next = MIN(next, sink->held_ms);
    }
    return next > now ? (int) (next - now) : 0;
}

static void
wait_on(pthread_cond_t *cond, pthread_mutex_t *mutex, int ms)
{
    int64_t ns = relay_clock_ns(CLOCK_MONOTONIC) + ms * INT64_C(1000000);
    struct timespec until = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

    pthread_cond_timedwait(cond, mutex, &until);
}

/* What is under way may still settle; what is not delivered by now is after the next start. */
static void
finish(struct relay_sink *sink)
{
    int64_t until = relay_now_ms() + sink->ops->settle_ms + BUSY_TICK_MS;

    while (sink->n_unsettled && relay_now_ms() < until &&
           (!sink->ops->alive || sink->ops->alive(sink))) {
        settle(sink, relay_now_ms());
        usleep(BUSY_TICK_MS * 1000 / 2);
    }
    if (sink->dirty) {
        store_cursor(sink);
    }
}

void *
relay_sink_main(void *sink_)
{
    struct relay_sink *sink = sink_;
    pthread_mutex_t *mutex = &sink->relay->mutex;

    pthread_mutex_lock(mutex);
    while (!sink->relay->stop) {
        bool reopen = sink->hangup;
        int ms;

        sink->hangup = false;
        relay_gather(sink);
        ms = reopen ? 0 : idle_ms(sink);
        if (ms) {
            wait_on(&sink->wake, mutex, ms);
        }
        pthread_mutex_unlock(mutex);
        work(sink, reopen);
        pthread_mutex_lock(mutex);
    }
    pthread_mutex_unlock(mutex);
    finish(sink);
    return NULL;
}

/* ---- its life ---- */

static bool
load_cursor(struct relay_sink *sink)
{
    const char *dir = sink->relay->config->state, *name = sink->config->name;
    int rc = relay_cursor_load(&sink->cursor, dir, name);

    sink->fresh = rc == ENOENT && sink->config->start == RELAY_NOW;
    if (rc == EINVAL) {
        rc = relay_cursor_put_aside(dir, name);
        relay_log(name,
                  "its cursor %s/%s.cursor is damaged and put aside; it gets again all that "
                  "the switch holds",
                  dir, name);
    }
    if (rc && rc != ENOENT) {
        relay_log(name, "%s/%s.cursor: %s", dir, name, ovs_strerror(rc));
        return false;
    }
    relay_cursor_copy(&sink->taken, &sink->cursor);
    sink->has_position = sink->cursor.has_drops;
    sink->epoch = sink->cursor.epoch;
    sink->n = sink->cursor.n;
    return true;
}

static void
init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

static bool
open_type(struct relay_sink *sink, struct relay *relay, const struct relay_sink_config *c)
{
    char *error = NULL;

    sink->relay = relay;
    sink->config = c;
    sink->ops = ops_of[c->type];
    if (sink->ops->open(sink, &error)) {
        relay_log(c->name, "%s", error);
        free(error);
        return false;
    }
    return true;
}

bool
relay_sink_check(struct relay *relay, const struct relay_sink_config *c)
{
    struct relay_sink sink = { 0 };
    bool good = open_type(&sink, relay, c);

    sink.ops->close(&sink);
    return good;
}

bool
relay_sink_init(struct relay_sink *sink, struct relay *relay, const struct relay_sink_config *c)
{
    ovs_list_init(&sink->incoming);
    ovs_list_init(&sink->pending);
    ovs_list_init(&sink->unsettled);
    hmap_init(&sink->seen);
    init_cond(&sink->wake);
    init_cond(&sink->room);
    relay_cursor_init(&sink->cursor);
    relay_cursor_init(&sink->taken);
    sink->beat_ms = relay_now_ms();
    return open_type(sink, relay, c) && load_cursor(sink);
}

void
relay_sink_destroy(struct relay_sink *sink)
{
    sink->ops->close(sink);
    relay_events_free(&sink->incoming);
    relay_events_free(&sink->pending);
    relay_events_free(&sink->unsettled);
    relay_gather_clear(sink);
    hmap_destroy(&sink->seen);
    relay_cursor_destroy(&sink->cursor);
    relay_cursor_destroy(&sink->taken);
    pthread_cond_destroy(&sink->wake);
    pthread_cond_destroy(&sink->room);
}
