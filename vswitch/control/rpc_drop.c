#include <config.h>

#include <stdlib.h>

#include "control/drop_message.h"
#include "control/message.h"
#include "control/rpc.h"
#include "sset.h"
#include "telemetry/drop_log.h"
#include "telemetry/reasons.h"
#include "util.h"

/* Events that one call of ready() looks at before it gives other streams a turn. */
#define SCAN_MAX 1024

/* A reader of drops: a cursor and a filter.  After accept it belongs to the server's thread. */
struct reader {
    struct rpc_server *server;
    struct sset ports; /* empty: all */
    bool reasons[N_DROP_REASONS], all_reasons;
    struct acl_prefix prefix;
    bool any_address;
    bool follow;
    struct drop_position at; /* of the last event that was looked at */
    uint64_t until;          /* without 'follow': n of the last one of interest */
};

static void
reader_destroy(struct reader *reader)
{
    sset_destroy(&reader->ports);
    free(reader);
}

static bool
matches(const struct reader *reader, const struct drop_event *event)
{
    bool is_record = event->type == DROP_EVENT_RECORD;
    unsigned reason = N_DROP_REASONS;

    if (event->type == DROP_EVENT_GAP) {
        return true;
    }
    if (!sset_is_empty(&reader->ports) && !sset_contains(&reader->ports, event->port)) {
        return false;
    }
    if (event->type == DROP_EVENT_CORRECTION) {
        return true; /* of any record of the port */
    }
    reason = is_record ? event->record.reason : event->unsaid.reason;
    if (!reader->all_reasons && (reason >= N_DROP_REASONS || !reader->reasons[reason])) {
        return false;
    }
    /* What has no record has no address to leave it out by. */
    return reader->any_address || !is_record ||
           acl_prefix_contains(&reader->prefix, &event->record.src) ||
           acl_prefix_contains(&reader->prefix, &event->record.dst);
}

/* ---- the server's thread ---- */

static void
send_and_free(struct rpc_stream *stream, Fusuma__V1__DropEvent *message)
{
    rpc_stream_send(stream, &message->base);
    message_free(message);
}

static void
reader_ready(struct rpc_stream *stream, void *reader_)
{
    struct reader *reader = reader_;
    struct drop_event event;

    for (int i = 0; i < SCAN_MAX; i++) {
        bool found = drop_log_next(&reader->at, &event);

        if (!reader->follow &&
            (!found || (event.type != DROP_EVENT_GAP && event.n > reader->until))) {
            rpc_stream_end(stream, RPC_OK, "%s", "");
            return;
        }
        if (!found) {
            return;
        }
        if (matches(reader, &event)) {
            send_and_free(stream, drop_event_message(reader->at.epoch, &event));
            return;
        }
    }
    rpc_server_kick_streams(reader->server);
}

static void
reader_closed(struct rpc_stream *stream OVS_UNUSED, void *reader)
{
    reader_destroy(reader);
}

static const struct rpc_stream_ops reader_ops = { reader_ready, reader_closed };

/* ---- the request ---- */

#define REFUSE(...) control_fail(error, RPC_INVALID_ARGUMENT, __VA_ARGS__)

static enum rpc_status
take_filter(struct reader *reader, const struct control *c, const Fusuma__V1__WatchDropsRequest *r,
            char **error)
{
    for (size_t i = 0; i < r->n_ports; i++) {
        if (!desired_find(&c->desired, r->ports[i])) {
            return control_fail(error, RPC_NOT_FOUND, "no port is named \"%s\"", r->ports[i]);
        }
        sset_add(&reader->ports, r->ports[i]);
    }
    reader->all_reasons = !r->n_reasons;
    for (size_t i = 0; i < r->n_reasons; i++) {
        enum drop_reason reason = drop_reason_from_name(r->reasons[i]);

        if (reason == DROP_NONE) {
            return REFUSE("reasons: \"%s\" is not a drop reason", r->reasons[i]);
        }
        reader->reasons[reason] = true;
    }
    reader->any_address = !*r->address;
    if (*r->address && !acl_prefix_parse(r->address, &reader->prefix)) {
        return REFUSE("address: \"%s\" is neither an address nor a prefix without host bits",
                      r->address);
    }
    return RPC_OK;
}

/* Where to begin and, without 'follow', to end. */
static enum rpc_status
take_position(struct reader *reader, const Fusuma__V1__WatchDropsRequest *r, char **error)
{
    struct drop_position newest = drop_log_newest();

    reader->follow = r->follow;
    reader->until = newest.n;
    if (r->resume && r->only_new) {
        return REFUSE("resume and only_new exclude each other");
    }
    if (!r->resume) {
        reader->at = r->only_new ? newest : drop_log_oldest();
        return RPC_OK;
    }
    if (r->resume->epoch == newest.epoch && r->resume->n > newest.n) {
        return REFUSE("resume: event %" PRIu64 " is yet to come; the newest is %" PRIu64,
                      r->resume->n, newest.n);
    }
    reader->at = (struct drop_position){ .epoch = r->resume->epoch, .n = r->resume->n };
    return RPC_OK;
}

void
rpc_watch_drops(struct rpc_stream *stream, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__WatchDropsRequest *r = (const Fusuma__V1__WatchDropsRequest *) request;
    struct reader *reader = xzalloc(sizeof *reader);
    struct control *c = control;
    enum rpc_status status;
    char *error;

    reader->server = c->rpc;
    sset_init(&reader->ports);
    status = take_filter(reader, c, r, &error);
    status = status ? status : take_position(reader, r, &error);
    if (status) {
        rpc_stream_end(stream, status, "%s", error);
        free(error);
        reader_destroy(reader);
        return;
    }
    rpc_stream_accept(stream, &reader_ops, reader);
}
