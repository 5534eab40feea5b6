#include <config.h>

#include "control/capturing.h"

#include <inttypes.h>
#include <stdlib.h>

#include "capture/captures.h"
#include "control/control.h"
#include "control/incidents.h"
#include "control/message.h"
#include "datapath/worker.h"
#include "openvswitch/vlog.h"
#include "telemetry/drop_log.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(capturing);

struct waiter {
    struct ovs_list node;
    uint64_t id;
    enum capturing_event event;
    capturing_done *done;
    void *aux;
};

struct capturing {
    struct ovs_list waiters;
    atomic_bool news;
    uint64_t running[CAPTURES_RUNNING_MAX]; /* whose end is yet to be told */
    size_t n_running;
};

/* ---- the start and the end ---- */

/* The capture thread. */
static void
changed(void *control, bool news)
{
    struct control *c = control;

    if (news) {
        atomic_store(&c->capturing->news, true);
        latch_set(&c->wake);
    }
    ovs_mutex_lock(&c->rpc_mutex);
    if (c->rpc) {
        rpc_server_kick_streams(c->rpc);
    }
    ovs_mutex_unlock(&c->rpc_mutex);
}

int
capturing_start(struct control *c, char **error)
{
    struct capture_ring *rings[DP_MAX_WORKERS];
    char *dir = xasprintf("%s/captures", c->options->state_dir);
    const struct captures_options options = { .dir = dir,
                                              .budget = (uint64_t) c->config.capture_megabytes
                                                        << 20,
                                              .application = "Fusuma " PACKAGE_VERSION,
                                              .rings = rings,
                                              .n_rings = dp_n_workers(),
                                              .port_name = drop_log_port_name,
                                              .rule_name = drop_log_rule_name,
                                              .changed = changed,
                                              .aux = c };
    int retval;

    c->capturing = xzalloc(sizeof *c->capturing);
    ovs_list_init(&c->capturing->waiters);
    for (uint32_t i = 0; i < dp_n_workers(); i++) {
        rings[i] = dp_capture_ring(i);
    }
    retval = captures_open(&options);
    if (retval) {
        *error = xasprintf("captures cannot be kept: %s", ovs_strerror(retval));
    }
    free(dir);
    return retval;
}

static void
call(struct control *c, struct waiter *w)
{
    struct capture_info info;

    ovs_list_remove(&w->node);
    w->done(c, captures_find(w->id, &info) ? &info : NULL, w->aux);
    free(w);
}

void
capturing_stop(struct control *c)
{
    struct waiter *w, *next;

    if (!c->capturing) {
        return;
    }
    captures_finish();
    LIST_FOR_EACH_SAFE (w, next, node, &c->capturing->waiters) {
        call(c, w);
    }
}

void
capturing_destroy(struct control *c)
{
    captures_close();
    free(c->capturing);
    c->capturing = NULL;
}

/* ---- marks ---- */

void
capturing_mark(struct control *c)
{
    struct capture_mark marks[CAPTURE_MAX_PORTS];
    struct shash_node *node;

    captures_marks(marks);
    SHASH_FOR_EACH (node, &c->desired.ports) {
        struct desired_port *port = node->data;
        const struct capture_mark *m = &marks[port->id];

        if (port->capture != m->mode || port->snaplen != m->snaplen) {
            port->capture = m->mode;
            port->snaplen = m->snaplen;
            port->restamped = true;
        }
    }
}

static bool
is_to_be_published(const struct control *c)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &c->desired.ports) {
        const struct desired_port *port = node->data;

        if (port->dp && port->restamped) {
            return true;
        }
    }
    return false;
}

bool
capturing_publish(struct control *c)
{
    capturing_mark(c);
    if (is_to_be_published(c) && publish(&c->publisher, &c->desired, NULL)) {
        static struct vlog_rate_limit limit = VLOG_RATE_LIMIT_INIT(1, 1);

        VLOG_ERR_RL(&limit, "no memory to publish which ports are captured; it is tried again");
        if (c->capturing) { /* there is something to be captured */
            atomic_store(&c->capturing->news, true);
        }
        return false;
    }
    captures_settled();
    return true;
}

void
capturing_port_gone(struct control *c, const char *port)
{
    uint64_t id = 0;

    while ((id = captures_next_running(port, false, id))) {
        captures_stop(id, "its port is gone");
    }
    capturing_publish(c);
}

/* ---- beginning ---- */

#define REFUSE(...) control_fail(error, RPC_INVALID_ARGUMENT, __VA_ARGS__)

static enum rpc_status
check_limits(const struct control *c, const struct capture_order *o, char **error)
{
    uint64_t budget = (uint64_t) c->config.capture_megabytes << 20;

    if (o->snaplen < CAPTURING_SNAPLEN_MIN || o->snaplen > CAPTURE_SNAPLEN_MAX) {
        return REFUSE("snaplen: %" PRIu32 "; it is from %d to %d bytes", o->snaplen,
                      CAPTURING_SNAPLEN_MIN, CAPTURE_SNAPLEN_MAX);
    } else if (o->limits.bytes < CAPTURE_BYTES_MIN || o->limits.bytes > budget) {
        return REFUSE("bytes: %" PRIu64 "; a file is from %d to %" PRIu64
                      " bytes long (setting capture_megabytes)",
                      o->limits.bytes, CAPTURE_BYTES_MIN, budget);
    } else if (o->limits.seconds > CAPTURING_SECONDS_MAX) {
        return REFUSE("seconds: %" PRIu32 "; %d at most", o->limits.seconds, CAPTURING_SECONDS_MAX);
    }
    return RPC_OK;
}

static char *
describe_port(const struct desired_port *port)
{
    char *mac = mac_text(port->mac);
    char *text = port->role == PORT_UPLINK ? xstrdup("uplink")
                 : port->spec->user[0]     ? xasprintf("desktop %s of %s", mac, port->spec->user)
                                           : xasprintf("desktop %s", mac);

    free(mac);
    return text;
}

static void
tell_begun(struct control *c, const struct capture_order *o, uint64_t id)
{
    struct capturing *k = c->capturing;
    char *text = xasprintf("capture %" PRIu64 " has begun%s", id,
                           o->only_dropped ? ", of what is dropped" : "");

    k->running[k->n_running++] = id; /* there is room: no more are begun than can run */
    incidents_captured(c, o->port, o->who, text);
    free(text);
}

enum rpc_status
capturing_begin(struct control *c, const struct capturing_request *r, uint64_t *id, char **error)
{
    struct desired_port *port = desired_find(&c->desired, r->port);
    struct capture_order order = { .port = r->port,
                                   .only_dropped = r->only_dropped,
                                   .quarantine = r->quarantine,
                                   .snaplen = r->snaplen ? r->snaplen : CAPTURE_SNAPLEN_MAX,
                                   .limits = r->limits,
                                   .who = r->who,
                                   .comment = r->comment,
                                   .generation = c->publisher.generation + 1 };
    enum rpc_status status;
    char *description;

    if (!port) {
        return control_fail(error, RPC_NOT_FOUND, "no port is named \"%s\"", r->port);
    }
    order.limits.bytes = r->limits.bytes
                             ? r->limits.bytes
                             : MIN(CAPTURING_BYTES, (uint64_t) c->config.capture_megabytes << 20);
    order.limits.seconds = r->limits.seconds ? r->limits.seconds : CAPTURING_SECONDS;
    status = check_limits(c, &order, error);
    if (status) {
        return status;
    }
    description = describe_port(port);
    order.port_id = port->id;
    order.description = description;
    *id = c->capturing->n_running < CAPTURES_RUNNING_MAX ? captures_begin(&order) : 0;
    free(description);
    if (!*id) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED,
                            "%d captures are running: stop one of them first",
                            CAPTURES_RUNNING_MAX);
    }
    port->restamped = true; /* the publication that it begins with comes, also if others mark it */
    tell_begun(c, &order, *id);
    return RPC_OK;
}

/* ---- quarantines ---- */

enum rpc_status
capturing_begin_quarantine(struct control *c, const struct desired_port *port, const char *who,
                           const char *comment, uint64_t *id, char **error)
{
    const struct capturing_request r = {
        .port = port->spec->name, .quarantine = true, .who = who, .comment = comment
    };

    *id = captures_next_running(r.port, true, 0);
    return *id ? RPC_OK : capturing_begin(c, &r, id, error);
}

void
capturing_end_quarantine(struct control *c, const char *port, const char *why)
{
    uint64_t id = captures_next_running(port, true, 0);

    if (id) {
        capturing_end(c, id, why);
    }
}

/* ---- ending ---- */

void
capturing_end(struct control *c, uint64_t id, const char *why)
{
    captures_stop(id, why);
    capturing_publish(c);
}

static void
tell_over(struct control *c, const struct capture_info *i)
{
    char *text = xasprintf("capture %" PRIu64 " %s: %s; %" PRIu64 " packets, %" PRIu64 " lost",
                           i->id, i->state == CAPTURE_FAILED ? "has failed" : "is over", i->why,
                           i->packets, i->lost);

    incidents_captured(c, i->port, "switch", text);
    free(text);
}

static void
tell_ends(struct control *c)
{
    struct capturing *k = c->capturing;
    struct capture_info info;

    for (size_t i = k->n_running; i-- > 0;) {
        bool found = captures_find(k->running[i], &info);

        if (!found || capture_is_over(&info)) {
            k->running[i] = k->running[--k->n_running];
            if (found) {
                tell_over(c, &info);
            }
        }
    }
}

/* ---- waiting ---- */

static bool
has_come(const struct waiter *w)
{
    struct capture_info info;

    if (!captures_find(w->id, &info)) {
        return true;
    }
    switch (w->event) {
    case CAPTURING_OPENED:
        return info.state != CAPTURE_OPENING;
    case CAPTURING_OVER:
        return capture_is_over(&info);
    case CAPTURING_DELETED:
    default:
        return info.delete_error;
    }
}

static void
look(struct control *c)
{
    struct waiter *w, *next;

    LIST_FOR_EACH_SAFE (w, next, node, &c->capturing->waiters) {
        if (has_come(w)) {
            call(c, w);
        }
    }
}

void
capturing_wait(struct control *c, uint64_t id, enum capturing_event event, capturing_done *done,
               void *aux)
{
    struct waiter *w = xzalloc(sizeof *w);

    *w = (struct waiter){ .id = id, .event = event, .done = done, .aux = aux };
    ovs_list_push_back(&c->capturing->waiters, &w->node);
    if (has_come(w)) {
        call(c, w);
    }
}

void
capturing_run(struct control *c)
{
    if (atomic_exchange(&c->capturing->news, false)) {
        tell_ends(c);
        capturing_publish(c);
        look(c);
    }
}
