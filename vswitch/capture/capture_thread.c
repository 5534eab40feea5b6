/* The capture thread: turn by turn it opens files, takes what the rings hold, and writes. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "capture/capture_file.h"
#include "capture/captures_private.h"
#include "capture/describe.h"
#include "capture/pcapng.h"
#include "datapath/port.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(capture);

#define TURN_MS 2
#define FLUSH_BYTES (256u << 10)

static struct capture *active[CAPTURES_RUNNING_MAX]; /* whose files are open */
static size_t n_active;
static uint64_t total; /* bytes of all files */
static bool warm;      /* the rings have memory */

static void
lock(void)
{
    pthread_mutex_lock(&captures.mutex);
}

static void
unlock(void)
{
    pthread_mutex_unlock(&captures.mutex);
}

static const char *
dir(void)
{
    return captures.options.dir;
}

static void
tell(bool news)
{
    captures.options.changed(captures.options.aux, news);
}

/* What is known of it, to be written: copied, for others change it. */
static void
describe(const struct capture *c)
{
    struct capture_info info;
    int error;

    lock();
    info = c->info;
    unlock();
    error = capture_file_describe(dir(), &info);
    if (error) {
        VLOG_WARN("capture %" PRIu64 ": what is known of it is not stored: %s", info.id,
                  ovs_strerror(error));
    }
}

/* ---- room ---- */

static void
forget(struct capture *c)
{
    lock();
    ovs_list_remove(&c->node);
    captures.n--;
    unlock();
    total -= c->written;
    free(c);
}

/* The oldest one that is over ('with_packets': and has a file); NULL: there is none. */
static struct capture *
oldest_over(bool with_packets)
{
    struct capture *c, *found = NULL;

    lock();
    LIST_FOR_EACH (c, node, &captures.all) {
        if (capture_is_over(&c->info) && (!with_packets || c->info.state != CAPTURE_REMOVED)) {
            found = c;
            break;
        }
    }
    unlock();
    return found;
}

static bool
remove_packets(struct capture *c)
{
    int error = capture_file_remove_packets(dir(), c->info.id);

    if (error) {
        VLOG_WARN("capture %" PRIu64 ": its file cannot be removed: %s", c->info.id,
                  ovs_strerror(error));
        return false;
    }
    VLOG_WARN("capture %" PRIu64 " of port %s, %" PRIu64 " packets in %" PRIu64
              " bytes, was removed: it has made room for newer ones",
              c->info.id, c->info.port, c->info.packets, c->info.bytes);
    total -= c->written;
    c->written = 0;
    lock();
    c->info.state = CAPTURE_REMOVED;
    c->info.bytes = 0;
    unlock();
    describe(c);
    tell(true);
    return true;
}

static bool
make_room(size_t n)
{
    while (total + n > captures.options.budget) {
        struct capture *oldest = oldest_over(true);

        if (!oldest || !remove_packets(oldest)) {
            return false;
        }
    }
    return true;
}

static bool
is_list_long(void)
{
    lock();
    bool is_long = captures.n > CAPTURES_MAX;
    unlock();
    return is_long;
}

static void
shorten_list(void)
{
    while (is_list_long()) {
        struct capture *c = oldest_over(false);

        if (!c || capture_file_remove(dir(), c->info.id)) {
            return;
        }
        forget(c);
    }
}

/* ---- the end of one ---- */

static void
take_out(struct capture *c)
{
    for (size_t i = 0; i < n_active; i++) {
        if (active[i] == c) {
            active[i] = active[--n_active];
            break;
        }
    }
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
    ofpbuf_uninit(&c->buffer);
}

/* 'why' NULL: as was said when it was stopped. */
static void
end(struct capture *c, enum capture_state state, const char *why)
{
    take_out(c);
    lock();
    c->info.state = state;
    c->info.ended_us = time_wall_usec();
    c->info.bytes = c->written;
    c->info.lost = captures_lost(c->port_id) - c->lost_before;
    if (why) {
        captures_text(c->info.why, sizeof c->info.why, why);
    }
    unlock();
    VLOG(state == CAPTURE_FAILED ? VLL_ERR : VLL_INFO,
         "capture %" PRIu64 " of port %s: %s; %" PRIu64 " packets, %" PRIu64 " lost", c->info.id,
         c->info.port, c->info.why, c->info.packets, c->info.lost);
    describe(c);
    tell(true);
}

static void
fail(struct capture *c, int error)
{
    end(c, CAPTURE_FAILED, ovs_strerror(error));
}

/* False: it has failed. */
static bool
flush(struct capture *c)
{
    struct ofpbuf *b = &c->buffer;
    int error;

    if (!b->size) {
        return true;
    }
    if (!make_room(b->size)) {
        char *why = xasprintf("captures may not take more than %" PRIu64
                              " bytes (capture_megabytes), and nothing older is left to go",
                              captures.options.budget);

        end(c, CAPTURE_FAILED, why);
        free(why);
        return false;
    }
    error = capture_file_append(c->fd, c->written, b->data, b->size);
    if (error) {
        fail(c, error);
        return false;
    }
    c->written += b->size;
    total += b->size;
    ofpbuf_clear(b);
    lock();
    c->info.bytes = c->written;
    c->info.packets = c->packets;
    c->info.lost = captures_lost(c->port_id) - c->lost_before;
    unlock();
    return true;
}

static void
finish(struct capture *c, const char *why)
{
    uint64_t lost = captures_lost(c->port_id) - c->lost_before;
    const struct pcapng_statistics s = { .from_ns = c->info.started_us * UINT64_C(1000),
                                         .to_ns = time_wall_usec() * UINT64_C(1000),
                                         .received = c->packets + lost,
                                         .dropped = lost };

    pcapng_statistics(&c->buffer, &s);
    if (!flush(c)) {
        return;
    }
    if (fsync(c->fd)) {
        fail(c, errno);
    } else {
        end(c, CAPTURE_ENDED, why);
    }
}

/* ---- the beginning of one ---- */

static void
put_head(struct capture *c)
{
    const struct capture_info *i = &c->info;
    char *comment = xasprintf("capture %" PRIu64 " of port %s%s, by %s%s%s", i->id, i->port,
                              i->only_dropped ? ", only what was dropped" : "", i->who,
                              i->comment[0] ? ": " : "", i->comment);

    pcapng_section(&c->buffer, captures.options.application, comment);
    pcapng_interface(&c->buffer, i->port, c->description, i->snaplen);
    free(comment);
}

static int
create_files(struct capture *c)
{
    int error = capture_dir_open(dir()); /* somebody may have cleared it away */

    error = error ? error : capture_dir_put_last_id(dir(), c->info.id);
    error = error ? error : capture_file_describe(dir(), &c->info);
    return error ? error : capture_file_create(dir(), c->info.id, &c->fd);
}

static void
open_one(struct capture *c)
{
    int error;

    for (size_t i = 0; !warm && i < captures.options.n_rings; i++) {
        capture_ring_warm(captures.options.rings[i]);
    }
    warm = true;
    shorten_list();
    ofpbuf_init(&c->buffer, 4096);
    error = create_files(c);
    if (error) {
        capture_file_remove_packets(dir(), c->info.id);
        fail(c, error);
        return;
    }
    active[n_active++] = c;
    put_head(c);
    if (flush(c)) {
        lock();
        c->info.state = CAPTURE_RUNNING;
        c->ending = captures.stop;
        unlock();
        VLOG_INFO("capture %" PRIu64 " of port %s has begun, by %s", c->info.id, c->info.port,
                  c->info.who);
        tell(true);
    }
}

/* ---- packets ---- */

/* Names are asked for once a turn. */
static struct {
    uint64_t turn;
    char name[64];
} port_names[DP_MAX_PORTS], rule_name;
static uint32_t rule_slot;
static uint64_t turn_number;

static const char *
port_name(uint16_t id)
{
    if (id >= DP_MAX_PORTS) {
        return "";
    }
    if (port_names[id].turn != turn_number) {
        port_names[id].turn = turn_number;
        captures.options.port_name(id, port_names[id].name);
    }
    return port_names[id].name;
}

static const char *
name_of_rule(uint32_t slot)
{
    if (slot == UINT32_MAX) {
        return "";
    }
    if (rule_name.turn != turn_number || rule_slot != slot) {
        rule_name.turn = turn_number;
        rule_slot = slot;
        captures.options.rule_name(slot, rule_name.name);
    }
    return rule_name.name;
}

static void
write_packet(struct capture *c, const struct capture_record *r, const char *comment)
{
    const struct capture_limits *limits = &c->info.limits;
    size_t before = c->buffer.size;
    const struct pcapng_packet p = { .time_ns = r->wall_ns,
                                     .data = r + 1,
                                     .captured = MIN(r->captured, c->info.snaplen),
                                     .length = r->length,
                                     .outbound = r->to_port,
                                     .comment = comment };

    pcapng_packet(&c->buffer, &p);
    if (limits->bytes && c->written + c->buffer.size + PCAPNG_STATISTICS_SIZE > limits->bytes) {
        c->buffer.size = before;
        c->full = true;
        return;
    }
    c->packets++;
    if (c->buffer.size >= FLUSH_BYTES) {
        flush(c);
    }
}

static bool
wants(const struct capture *c, const struct capture_record *r)
{
    const struct capture_limits *limits = &c->info.limits;
    bool dropped = r->outcome == CAPTURED_DROPPED || r->outcome == CAPTURED_TX_DROPPED;

    return c->port_id == r->port && r->generation >= c->generation && !c->full &&
           (dropped || !c->info.only_dropped) && (!limits->packets || c->packets < limits->packets);
}

static void
take_record(const struct capture_record *r)
{
    struct ds comment = DS_EMPTY_INITIALIZER;

    for (size_t i = n_active; i-- > 0;) { /* one that fails leaves its place to the last */
        if (!wants(active[i], r)) {
            continue;
        }
        if (!comment.length) {
            capture_describe(&comment, r, port_name(r->peer), name_of_rule(r->rule_slot));
        }
        write_packet(active[i], r, ds_cstr(&comment));
    }
    ds_destroy(&comment);
}

static void
note_heads(uint64_t heads[DP_MAX_WORKERS])
{
    for (size_t i = 0; i < captures.options.n_rings; i++) {
        heads[i] = atomic_load_explicit(&captures.options.rings[i]->head, memory_order_acquire);
    }
}

/* Up to where its head was; NULL: that far it is empty. */
static const struct capture_record *
peek(struct capture_ring *ring, uint64_t head)
{
    const struct capture_record *r = capture_ring_peek(ring);

    return (int64_t) (atomic_load_explicit(&ring->tail, memory_order_relaxed) - head) < 0 ? r
                                                                                          : NULL;
}

/* Takes what the rings held, oldest first as far as the workers' clocks go. */
static bool
drain(const uint64_t heads[DP_MAX_WORKERS])
{
    struct capture_ring *const *rings = captures.options.rings;
    bool any = false;

    for (;;) {
        const struct capture_record *oldest = NULL;
        size_t from = 0;

        for (size_t i = 0; i < captures.options.n_rings; i++) {
            const struct capture_record *r = peek(rings[i], heads[i]);

            if (r && (!oldest || r->wall_ns < oldest->wall_ns)) {
                oldest = r;
                from = i;
            }
        }
        if (!oldest) {
            return any;
        }
        any = true;
        take_record(oldest);
        capture_ring_pop(rings[from]);
    }
}

/* ---- turns ---- */

static const char *
reached(const struct capture *c)
{
    const struct capture_limits *limits = &c->info.limits;

    if (limits->packets && c->packets >= limits->packets) {
        return "it has as many packets as it was to take";
    } else if (c->full) {
        return "it is as large as it was to be";
    } else if (limits->seconds &&
               time_wall_usec() - c->info.started_us >= limits->seconds * INT64_C(1000000)) {
        return "its time is up";
    }
    return NULL;
}

enum task { NO_TASK, TO_MEND, TO_DELETE, TO_OPEN };

static enum task
task_of(const struct capture *c)
{
    return c->broken                                       ? TO_MEND
           : c->deleting                                   ? TO_DELETE
           : c->info.state == CAPTURE_OPENING && c->fd < 0 ? TO_OPEN
                                                           : NO_TASK;
}

/* The first that there is something to do for. */
static enum task
next_task(struct capture **cp)
{
    enum task task = NO_TASK;
    struct capture *c;

    lock();
    LIST_FOR_EACH (c, node, &captures.all) {
        task = task_of(c);
        if (task != NO_TASK) {
            *cp = c;
            break;
        }
    }
    unlock();
    return task;
}

static void
mend(struct capture *c)
{
    struct capture_info info = c->info;
    int error = capture_file_mend(dir(), &info);

    c->broken = false;
    lock();
    c->info.packets = info.packets;
    c->info.bytes = info.bytes;
    c->info.ended_us = info.ended_us;
    if (error) {
        c->info.state = CAPTURE_FAILED;
        captures_text(c->info.why, sizeof c->info.why, ovs_strerror(error));
    }
    unlock();
    c->written = info.bytes;
    total += info.bytes;
    describe(c);
    tell(true);
}

static void
delete_one(struct capture *c)
{
    int error = capture_file_remove(dir(), c->info.id);

    if (error) {
        lock();
        c->deleting = false;
        c->info.delete_error = error;
        unlock();
    } else {
        forget(c);
    }
    tell(true);
}

static void
do_tasks(void)
{
    struct capture *c;
    enum task task;

    while ((task = next_task(&c)) != NO_TASK) {
        if (task == TO_MEND) {
            mend(c);
        } else if (task == TO_DELETE) {
            delete_one(c);
        } else {
            open_one(c);
        }
    }
}

static void
note_settled(void)
{
    lock();
    for (size_t i = 0; i < n_active; i++) {
        active[i]->stopped = active[i]->settled;
        active[i]->ending = active[i]->settled || captures.stop;
    }
    unlock();
}

static void
write_all(bool any)
{
    for (size_t i = n_active; i-- > 0;) {
        struct capture *c = active[i];
        const char *why = reached(c);

        if (c->ending) {
            finish(c, c->stopped ? NULL : "the switch stopped");
        } else if (why) {
            finish(c, why);
        } else {
            flush(c);
        }
    }
    if (any) {
        tell(false);
    }
}

/* What is in the rings when it is noted which captures end, and were to begin after that, is
 * theirs: so everything has its place in this order. */
static void
turn(void)
{
    uint64_t heads[DP_MAX_WORKERS];

    turn_number++;
    note_settled();
    note_heads(heads);
    do_tasks();
    write_all(drain(heads));
}

/* With the mutex. */
static void
cool(void)
{
    for (size_t i = 0; i < captures.options.n_rings; i++) {
        while (capture_ring_peek(captures.options.rings[i])) {
            capture_ring_pop(captures.options.rings[i]);
        }
        capture_ring_cool(captures.options.rings[i]);
    }
    warm = false;
}

/* With the mutex. */
static void
rest(void)
{
    struct timespec t;

    if (captures.work) {
        captures.work = false;
        return;
    }
    if (!n_active && !captures.marked) {
        if (warm) {
            cool();
        }
        pthread_cond_wait(&captures.wake, &captures.mutex);
        captures.work = false;
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += TURN_MS * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&captures.wake, &captures.mutex, &t);
}

void *
capture_thread_main(void *aux OVS_UNUSED)
{
    struct capture *c;

    total = 0;
    n_active = 0;
    LIST_FOR_EACH (c, node, &captures.all) { /* they are ours yet */
        c->written = c->info.bytes;
        total += c->broken ? 0 : c->info.bytes;
    }
    lock();
    while (!captures.stop) {
        unlock();
        turn();
        lock();
        if (!captures.stop) {
            rest();
        }
    }
    unlock();
    turn();
    return NULL;
}
