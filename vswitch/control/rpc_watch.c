#include <config.h>

#include <stdlib.h>

#include "control/message.h"
#include "control/objects.h"
#include "control/rpc.h"
#include "fusuma/v1/watch.pb-c.h"
#include "util.h"

/* Each may hold on to one list, if it does not read. */
#define MAX_WATCHES 64

/* A stream.  After accept it belongs to the server's thread. */
struct watcher {
    struct object_reader *reader;
    uint64_t epoch;
};

/* ---- the server's thread ---- */

static void
set_object(Fusuma__V1__WatchEvent *m, const struct object_event *event)
{
    /* Lent until the reader is asked again; sending packs it. */
    void *object = CONST_CAST(ProtobufCMessage *, event->message);

    switch (event->kind) {
    case OBJECT_PORT:
        m->port = object;
        m->object_case = FUSUMA__V1__WATCH_EVENT__OBJECT_PORT;
        break;
    case OBJECT_POLICY:
        m->policy = object;
        m->object_case = FUSUMA__V1__WATCH_EVENT__OBJECT_POLICY;
        break;
    case OBJECT_BINDING:
        m->binding = object;
        m->object_case = FUSUMA__V1__WATCH_EVENT__OBJECT_BINDING;
        break;
    case OBJECT_QUARANTINE:
        m->quarantine = object;
        m->object_case = FUSUMA__V1__WATCH_EVENT__OBJECT_QUARANTINE;
        break;
    case OBJECT_INCIDENT:
        m->incident = object;
        m->object_case = FUSUMA__V1__WATCH_EVENT__OBJECT_INCIDENT;
        break;
    case N_OBJECT_KINDS:
    default:
        OVS_NOT_REACHED(); /* objects.c makes no others. */
    }
}

static Fusuma__V1__WatchEventType
event_type(enum object_event_type type)
{
    static const Fusuma__V1__WatchEventType types[] = {
        [OBJECT_ADDED] = FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_ADDED,
        [OBJECT_CHANGED] = FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_CHANGED,
        [OBJECT_REMOVED] = FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_REMOVED,
        [OBJECT_SYNCED] = FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_SYNCED,
        [OBJECT_RESET] = FUSUMA__V1__WATCH_EVENT_TYPE__WATCH_EVENT_TYPE_RESET,
    };

    return types[type];
}

static void
watcher_ready(struct rpc_stream *stream, void *watcher)
{
    Fusuma__V1__WatchEvent m = FUSUMA__V1__WATCH_EVENT__INIT;
    Fusuma__V1__WatchPosition position = FUSUMA__V1__WATCH_POSITION__INIT;
    struct watcher *w = watcher;
    struct object_event event;

    if (!object_reader_next(w->reader, &event)) {
        return;
    }
    m.type = event_type(event.type);
    if (event.message) {
        set_object(&m, &event);
    }
    if (event.revision) {
        position.epoch = w->epoch;
        position.revision = event.revision;
        m.position = &position;
    }
    rpc_stream_send(stream, &m.base);
}

static void
watcher_closed(struct rpc_stream *stream OVS_UNUSED, void *watcher)
{
    struct watcher *w = watcher;

    object_reader_close(w->reader);
    free(w);
}

static const struct rpc_stream_ops watcher_ops = { watcher_ready, watcher_closed };

/* ---- the request ---- */

static enum rpc_status
take_kinds(const Fusuma__V1__WatchRequest *r, unsigned *kinds, char **error)
{
    *kinds = r->n_kinds ? 0 : OBJECT_KINDS_ALL;
    for (size_t i = 0; i < r->n_kinds; i++) {
        switch (r->kinds[i]) {
        case FUSUMA__V1__WATCH_KIND__WATCH_KIND_PORTS:
            *kinds |= 1u << OBJECT_PORT;
            break;
        case FUSUMA__V1__WATCH_KIND__WATCH_KIND_POLICY:
            *kinds |= 1u << OBJECT_POLICY;
            break;
        case FUSUMA__V1__WATCH_KIND__WATCH_KIND_BINDINGS:
            *kinds |= 1u << OBJECT_BINDING;
            break;
        case FUSUMA__V1__WATCH_KIND__WATCH_KIND_QUARANTINE:
            *kinds |= 1u << OBJECT_QUARANTINE;
            break;
        case FUSUMA__V1__WATCH_KIND__WATCH_KIND_INCIDENTS:
            *kinds |= 1u << OBJECT_INCIDENT;
            break;
        case FUSUMA__V1__WATCH_KIND__WATCH_KIND_UNSPECIFIED:
        default:
            return control_fail(error, RPC_INVALID_ARGUMENT, "kinds: %d is no kind of object",
                                (int) r->kinds[i]);
        }
    }
    return RPC_OK;
}

static enum rpc_status
check(struct object_log *log, const Fusuma__V1__WatchRequest *r, char **error)
{
    const Fusuma__V1__WatchPosition *resume = r->resume;

    if (resume && resume->epoch == object_log_epoch(log) &&
        resume->revision > object_log_newest(log)) {
        return control_fail(error, RPC_INVALID_ARGUMENT,
                            "resume: revision %" PRIu64 " is yet to come; the newest is %" PRIu64,
                            resume->revision, object_log_newest(log));
    }
    if (object_log_n_readers(log) >= MAX_WATCHES) {
        return control_fail(error, RPC_RESOURCE_EXHAUSTED, "there are %d watches already",
                            MAX_WATCHES);
    }
    return RPC_OK;
}

void
rpc_watch(struct rpc_stream *stream, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__WatchRequest *r = (const Fusuma__V1__WatchRequest *) request;
    struct object_position resume = { 0 };
    struct control *c = control;
    struct object_log *log = objects_log(c->objects);
    enum rpc_status status;
    struct watcher *w;
    unsigned kinds;
    char *error;

    /* Nobody may have watched, so that nobody has looked. */
    objects_watch(c);
    status = take_kinds(r, &kinds, &error);
    status = status ? status : check(log, r, &error);
    if (status) {
        rpc_stream_end(stream, status, "%s", error);
        free(error);
        return;
    }
    if (r->resume) {
        resume = (struct object_position){ r->resume->epoch, r->resume->revision };
    }
    w = xzalloc(sizeof *w);
    w->epoch = object_log_epoch(log);
    w->reader = object_reader_open(log, kinds, r->resume ? &resume : NULL);
    rpc_stream_accept(stream, &watcher_ops, w);
}

/* ---- control ---- */

void
objects_watch(struct control *c)
{
    if (objects_update(c->objects, &c->desired, &c->publisher, c->pending.confirm_by_s)) {
        rpc_server_kick_streams(c->rpc);
    }
}

void
objects_run(struct control *c)
{
    if (object_log_n_readers(objects_log(c->objects))) {
        objects_watch(c);
    }
}
