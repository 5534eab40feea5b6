#include <config.h>

#include "capture/captures.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "capture/capture_file.h"
#include "capture/captures_private.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(captures);

struct captures captures = { .mutex = PTHREAD_MUTEX_INITIALIZER,
                             .all = OVS_LIST_INITIALIZER(&captures.all) };

void
captures_text(char *to, size_t size, const char *text)
{
    size_t n = strlen(text);

    if (n >= size) {
        for (n = size - 1; n && (text[n] & 0xc0) == 0x80; n--) {
        }
    }
    memcpy(to, text, n);
    to[n] = '\0';
}

uint64_t
captures_lost(uint16_t port_id)
{
    uint64_t lost = 0;

    for (size_t i = 0; i < captures.options.n_rings; i++) {
        lost +=
            atomic_load_explicit(&captures.options.rings[i]->lost[port_id], memory_order_relaxed);
    }
    return lost;
}

/* With the mutex. */
static void
wake(void)
{
    captures.work = true;
    pthread_cond_signal(&captures.wake);
}

/* ---- opening and closing ---- */

static void
insert(struct capture *c)
{
    struct ovs_list *before = &captures.all;
    struct capture *other;

    LIST_FOR_EACH (other, node, &captures.all) {
        if (other->info.id > c->info.id) {
            before = &other->node;
            break;
        }
    }
    ovs_list_insert(before, &c->node);
    captures.n++;
    captures.last_id = MAX(captures.last_id, c->info.id);
}

static void
load(const struct capture_info *info, void *aux OVS_UNUSED)
{
    struct capture *c = xzalloc(sizeof *c);

    c->info = *info;
    c->fd = -1;
    if (!capture_is_over(info)) { /* its file is mended by the thread */
        c->broken = true;
        c->info.state = CAPTURE_ENDED;
        captures_text(c->info.why, sizeof c->info.why, "the switch was killed");
    }
    insert(c);
}

/* Signals are the control thread's business. */
static int
start_thread(void)
{
    pthread_condattr_t attr;
    sigset_t all, old;
    int error;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&captures.wake, &attr);
    pthread_condattr_destroy(&attr);

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    error = pthread_create(&captures.thread, NULL, capture_thread_main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!error) {
        pthread_setname_np(captures.thread, "capture");
    }
    return error;
}

static void
forget_all(void)
{
    struct capture *c;

    pthread_mutex_lock(&captures.mutex);
    LIST_FOR_EACH_POP (c, node, &captures.all) {
        free(c);
    }
    captures.n = 0;
    pthread_mutex_unlock(&captures.mutex);
}

int
captures_open(const struct captures_options *options)
{
    int error;

    captures.options = *options;
    captures.options.dir = xstrdup(options->dir);
    captures.options.application = xstrdup(options->application);
    captures.options.rings = xmemdup(options->rings, options->n_rings * sizeof *options->rings);
    captures.stop = captures.marked = captures.work = false;
    captures.last_id = 0;
    error = capture_dir_open(options->dir);
    if (error) {
        VLOG_ERR("%s: no port can be captured: %s", options->dir, ovs_strerror(error));
    }
    capture_dir_load(options->dir, load, NULL);
    captures.last_id = MAX(captures.last_id, capture_dir_last_id(options->dir));
    error = start_thread();
    captures.running = !error;
    return error;
}

void
captures_finish(void)
{
    if (!captures.running) {
        return;
    }
    pthread_mutex_lock(&captures.mutex);
    captures.stop = true;
    wake();
    pthread_mutex_unlock(&captures.mutex);
    pthread_join(captures.thread, NULL);
    pthread_cond_destroy(&captures.wake);
    captures.running = false;
}

void
captures_close(void)
{
    if (!captures.options.dir) {
        return;
    }
    forget_all();
    free(CONST_CAST(char *, captures.options.dir));
    free(CONST_CAST(char *, captures.options.application));
    free(CONST_CAST(struct capture_ring **, captures.options.rings));
    memset(&captures.options, 0, sizeof captures.options);
}

/* ---- the register; with the mutex ---- */

static struct capture *
find(uint64_t id)
{
    struct capture *c;

    LIST_FOR_EACH (c, node, &captures.all) {
        if (c->info.id == id) {
            return c;
        }
    }
    return NULL;
}

static size_t
n_running(void)
{
    struct capture *c;
    size_t n = 0;

    LIST_FOR_EACH (c, node, &captures.all) {
        n += !capture_is_over(&c->info);
    }
    return n;
}

static bool
marks(const struct capture *c)
{
    return !capture_is_over(&c->info) && !c->stopping;
}

/* ---- for control ---- */

static struct capture *
create(const struct capture_order *o)
{
    struct capture *c = xzalloc(sizeof *c);
    struct capture_info *i = &c->info;

    c->port_id = o->port_id;
    c->generation = o->generation;
    c->lost_before = captures_lost(o->port_id);
    c->fd = -1;
    captures_text(c->description, sizeof c->description, o->description);
    i->id = captures.last_id + 1;
    captures_text(i->port, sizeof i->port, o->port);
    captures_text(i->who, sizeof i->who, o->who);
    captures_text(i->comment, sizeof i->comment, o->comment);
    i->only_dropped = o->only_dropped;
    i->quarantine = o->quarantine;
    i->snaplen = o->snaplen;
    i->limits = o->limits;
    i->started_us = time_wall_usec();
    i->state = CAPTURE_OPENING;
    return c;
}

uint64_t
captures_begin(const struct capture_order *order)
{
    uint64_t id = 0;

    pthread_mutex_lock(&captures.mutex);
    if (n_running() < CAPTURES_RUNNING_MAX) {
        struct capture *c = create(order);

        id = c->info.id;
        insert(c);
        captures.marked = true;
        wake();
    }
    pthread_mutex_unlock(&captures.mutex);
    return id;
}

void
captures_marks(struct capture_mark marked[CAPTURE_MAX_PORTS])
{
    struct capture *c;

    memset(marked, 0, CAPTURE_MAX_PORTS * sizeof *marked);
    pthread_mutex_lock(&captures.mutex);
    LIST_FOR_EACH (c, node, &captures.all) {
        struct capture_mark *m = &marked[c->port_id];

        if (marks(c)) {
            m->mode = MAX(m->mode, c->info.only_dropped ? CAPTURE_DROPPED : CAPTURE_ALL);
            m->snaplen = MAX(m->snaplen, c->info.snaplen);
        }
    }
    pthread_mutex_unlock(&captures.mutex);
}

uint64_t
captures_next_running(const char *port, bool quarantine, uint64_t after)
{
    struct capture *c;
    uint64_t id = 0;

    pthread_mutex_lock(&captures.mutex);
    LIST_FOR_EACH (c, node, &captures.all) {
        if (c->info.id > after && marks(c) && (c->info.quarantine || !quarantine) &&
            !strcmp(c->info.port, port)) {
            id = c->info.id;
            break;
        }
    }
    pthread_mutex_unlock(&captures.mutex);
    return id;
}

void
captures_stop(uint64_t id, const char *why)
{
    struct capture *c;

    pthread_mutex_lock(&captures.mutex);
    c = find(id);
    if (c && marks(c)) {
        c->stopping = true;
        captures_text(c->info.why, sizeof c->info.why, why);
    }
    pthread_mutex_unlock(&captures.mutex);
}

void
captures_settled(void)
{
    struct capture *c;

    pthread_mutex_lock(&captures.mutex);
    captures.marked = false;
    LIST_FOR_EACH (c, node, &captures.all) {
        c->settled |= c->stopping;
        captures.marked |= marks(c);
    }
    wake();
    pthread_mutex_unlock(&captures.mutex);
}

void
captures_delete(uint64_t id)
{
    struct capture *c;

    pthread_mutex_lock(&captures.mutex);
    c = find(id);
    if (c && capture_is_over(&c->info)) {
        c->deleting = true;
        c->info.delete_error = 0;
        wake();
    }
    pthread_mutex_unlock(&captures.mutex);
}

/* ---- for everybody ---- */

bool
captures_find(uint64_t id, struct capture_info *info)
{
    struct capture *c;

    pthread_mutex_lock(&captures.mutex);
    c = find(id);
    if (c) {
        *info = c->info;
    }
    pthread_mutex_unlock(&captures.mutex);
    return c;
}

struct capture_info *
captures_list(size_t *n)
{
    struct capture_info *list;
    struct capture *c;

    *n = 0;
    pthread_mutex_lock(&captures.mutex);
    list = xmalloc((captures.n + 1) * sizeof *list);
    LIST_FOR_EACH (c, node, &captures.all) {
        list[(*n)++] = c->info;
    }
    pthread_mutex_unlock(&captures.mutex);
    return list;
}

int
captures_open_file(uint64_t id)
{
    return capture_file_open(captures.options.dir, id);
}
