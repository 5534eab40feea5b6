#include <config.h>

#include "toy_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proto/descriptor_set.h"
#include "proto/rpc.h"

#include "fusuma/v1/counter.pb-c.h"
#include "fusuma/v1/drop.pb-c.h"
#include "fusuma/v1/port.pb-c.h"

#define MAX_EVENTS 1024

struct toy_server {
    struct rpc_server *rpc;
    pthread_t control;
    int wake_fd;
    atomic_bool stop;
    atomic_uint open;
    atomic_uint sent;
    unsigned held;
    struct rpc_call *late;

    pthread_mutex_t mutex;
    char *events[MAX_EVENTS]; /* ports deleted, in order */
    atomic_uint n_events;
};

struct toy_stream {
    struct toy_server *toy;
    const Fusuma__V1__WatchCountersRequest *request;
    uint64_t next;
};

static void
wake(void *toy_)
{
    struct toy_server *toy = toy_;

    eventfd_write(toy->wake_fd, 1);
}

/* ---- unary ---- */

static void
reply_generation(struct rpc_call *call, uint64_t generation)
{
    Fusuma__V1__Port port = FUSUMA__V1__PORT__INIT;

    port.generation = generation;
    rpc_call_reply(call, &port.base);
}

static void
add_port(struct rpc_call *call, const ProtobufCMessage *request, void *toy)
{
    Fusuma__V1__PortSpec *spec = ((const Fusuma__V1__AddPortRequest *) request)->spec;
    Fusuma__V1__Port port = FUSUMA__V1__PORT__INIT;

    (void) toy;
    if (spec && !strcmp(spec->name, "taken")) {
        rpc_call_fail(call, RPC_ALREADY_EXISTS, "port '%s' exists", spec->name);
        return;
    }
    port.spec = spec;
    port.id = 7;
    port.state = FUSUMA__V1__PORT_STATE__PORT_STATE_UP;
    rpc_call_reply(call, &port.base);
}

static void
get_port(struct rpc_call *call, const ProtobufCMessage *request, void *toy_)
{
    const char *name = ((const Fusuma__V1__GetPortRequest *) request)->name;
    struct toy_server *toy = toy_;

    if (!strcmp(name, "sent")) {
        reply_generation(call, toy->sent);
    } else if (!strcmp(name, "open")) {
        reply_generation(call, toy->open);
    } else if (!strcmp(name, "uid")) {
        reply_generation(call, rpc_call_peer(call)->kind == RPC_PEER_UNIX ? rpc_call_peer(call)->uid
                                                                          : UINT32_MAX);
    } else if (!strcmp(name, "pid")) {
        reply_generation(call, rpc_call_peer(call)->pid);
    } else if (!strcmp(name, "header")) {
        bool repeated;
        const char *value = rpc_call_header(call, "fusuma-test", &repeated);

        rpc_call_fail(call, RPC_ABORTED, "%s%s", value ? value : "(none)",
                      repeated ? ", and more" : "");
    } else if (!strcmp(name, "late") && !toy->late) {
        toy->late = call;
    } else if (!strcmp(name, "held")) {
        reply_generation(call, toy->held);
    } else if (!strcmp(name, "never")) {
        toy->held++;
    } else {
        rpc_call_fail(call, RPC_NOT_FOUND, "no port '%s'", name);
    }
}

static void
delete_port(struct rpc_call *call, const ProtobufCMessage *request, void *toy_)
{
    Fusuma__V1__DeletePortResponse response = FUSUMA__V1__DELETE_PORT_RESPONSE__INIT;
    struct toy_server *toy = toy_;

    pthread_mutex_lock(&toy->mutex);
    if (toy->n_events < MAX_EVENTS) {
        toy->events[toy->n_events] =
            strdup(((const Fusuma__V1__DeletePortRequest *) request)->name);
        toy->n_events++;
    }
    pthread_mutex_unlock(&toy->mutex);
    rpc_server_kick_streams(toy->rpc);
    rpc_call_reply(call, &response.base);
}

/* ---- streams ---- */

static void
stream_closed(struct rpc_stream *stream, void *s_)
{
    struct toy_stream *s = s_;

    (void) stream;
    s->toy->open--;
    free(s);
}

static void
open_stream(struct rpc_stream *stream, const ProtobufCMessage *request, struct toy_server *toy,
            const struct rpc_stream_ops *ops, uint64_t next)
{
    struct toy_stream *s = calloc(1, sizeof *s);

    s->toy = toy;
    s->request = (const Fusuma__V1__WatchCountersRequest *) request;
    s->next = next;
    toy->open++;
    rpc_stream_accept(stream, ops, s);
}

static void
counters_ready(struct rpc_stream *stream, void *s_)
{
    struct toy_stream *s = s_;
    Fusuma__V1__Counters counters = FUSUMA__V1__COUNTERS__INIT;
    size_t n = s->request->n_ports;
    Fusuma__V1__PortCounters ports[n + 1], *pointers[n + 1];

    if (s->request->interval_ms && s->next > s->request->interval_ms) {
        rpc_stream_end(stream, RPC_OK, "%s", "");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        fusuma__v1__port_counters__init(&ports[i]);
        ports[i].port = s->request->ports[i];
        pointers[i] = &ports[i];
    }
    counters.monotonic_ns = s->next++;
    counters.n_ports = n;
    counters.ports = pointers;
    s->toy->sent++;
    rpc_stream_send(stream, &counters.base);
}

static void
watch_counters(struct rpc_stream *stream, const ProtobufCMessage *message, void *toy)
{
    static const struct rpc_stream_ops ops = { .ready = counters_ready, .closed = stream_closed };
    const Fusuma__V1__WatchCountersRequest *request = (const void *) message;

    if (request->n_ports && !strcmp(request->ports[0], "refused")) {
        rpc_stream_end(stream, RPC_NOT_FOUND, "no port '%s'", request->ports[0]);
        return;
    }
    open_stream(stream, message, toy, &ops, 1);
}

static void
drops_ready(struct rpc_stream *stream, void *s_)
{
    struct toy_stream *s = s_;
    Fusuma__V1__DropEvent event = FUSUMA__V1__DROP_EVENT__INIT;
    Fusuma__V1__DropRecord record = FUSUMA__V1__DROP_RECORD__INIT;

    if (s->next < s->toy->n_events) {
        record.port = s->toy->events[s->next++];
        event.event_case = FUSUMA__V1__DROP_EVENT__EVENT_RECORD;
        event.record = &record;
        rpc_stream_send(stream, &event.base);
    }
}

static void
watch_drops(struct rpc_stream *stream, const ProtobufCMessage *request, void *toy_)
{
    static const struct rpc_stream_ops ops = { .ready = drops_ready, .closed = stream_closed };
    struct toy_server *toy = toy_;

    open_stream(stream, request, toy, &ops, toy->n_events);
}

/* ---- life ---- */

static const struct rpc_method methods[] = {
    { &fusuma__v1__port_service__descriptor, "AddPort", add_port, NULL, RPC_OPERATOR, true },
    { &fusuma__v1__port_service__descriptor, "GetPort", get_port, NULL, RPC_VIEWER, false },
    { &fusuma__v1__port_service__descriptor, "DeletePort", delete_port, NULL, RPC_OPERATOR, true },
    { &fusuma__v1__counter_service__descriptor, "WatchCounters", NULL, watch_counters, RPC_VIEWER,
      false },
    { &fusuma__v1__drop_service__descriptor, "WatchDrops", NULL, watch_drops, RPC_VIEWER, false },
};

static void *
control_thread(void *toy_)
{
    struct toy_server *toy = toy_;
    eventfd_t value;

    while (!toy->stop) {
        eventfd_read(toy->wake_fd, &value);
        rpc_server_run(toy->rpc);
        if (toy->late) {
            struct rpc_call *call = toy->late;
            toy->late = NULL;
            reply_generation(call, 42);
        }
    }
    rpc_server_stop(toy->rpc);
    return NULL;
}

struct toy_server *
toy_server_start(const char *endpoint, char **error)
{
    struct toy_server *toy = calloc(1, sizeof *toy);
    struct rpc_server_options options = { .endpoints = &endpoint,
                                          .n_endpoints = 1,
                                          .insecure_loopback = true,
                                          .socket_gid = UINT32_MAX,
                                          .methods = methods,
                                          .n_methods = sizeof methods / sizeof methods[0],
                                          .descriptor_set = proto_descriptor_set,
                                          .descriptor_len = proto_descriptor_set_length,
                                          .aux = toy,
                                          .wake = wake };

    pthread_mutex_init(&toy->mutex, NULL);
    toy->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (rpc_server_start(&options, &toy->rpc, error)) {
        close(toy->wake_fd);
        free(toy);
        return NULL;
    }
    pthread_create(&toy->control, NULL, control_thread, toy);
    return toy;
}

void
toy_server_stop(struct toy_server *toy)
{
    toy->stop = true;
    wake(toy);
    pthread_join(toy->control, NULL);
    close(toy->wake_fd);
    for (unsigned i = 0; i < toy->n_events; i++) {
        free(toy->events[i]);
    }
    pthread_mutex_destroy(&toy->mutex);
    free(toy);
}

unsigned
toy_server_open_streams(const struct toy_server *toy)
{
    return toy->open;
}
