#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture/captures.h"
#include "control/capturing.h"
#include "control/message.h"
#include "control/rpc.h"
#include "fusuma/v1/capture.pb-c.h"
#include "util.h"

#define COMMENT_MAX 1000
#define CHUNK (64 << 10)

static Fusuma__V1__Capture *
capture_message(const struct capture_info *i)
{
    Fusuma__V1__Capture *m = message_new(&fusuma__v1__capture__descriptor);

    m->id = i->id;
    m->port = xstrdup(i->port);
    m->state = (Fusuma__V1__CaptureState) (i->state + 1); /* in the same order */
    m->only_dropped = i->only_dropped;
    m->snaplen = i->snaplen;
    m->limit_packets = i->limits.packets;
    m->limit_bytes = i->limits.bytes;
    m->limit_seconds = i->limits.seconds;
    m->who = xstrdup(i->who);
    m->comment = xstrdup(i->comment);
    m->started = time_message(i->started_us);
    m->ended = time_message(i->ended_us);
    m->why = xstrdup(capture_is_over(i) ? i->why : "");
    m->packets = i->packets;
    m->bytes = i->bytes;
    m->lost = i->lost;
    m->with_quarantine = i->quarantine;
    return m;
}

static void
reply(struct control *c OVS_UNUSED, const struct capture_info *info, void *call)
{
    if (info) {
        rpc_reply_with(call, capture_message(info));
    } else {
        rpc_call_fail(call, RPC_ABORTED, "the capture was deleted meanwhile");
    }
}

/* False, and the call has failed, when there is none. */
static bool
find(struct rpc_call *call, uint64_t id, struct capture_info *info)
{
    bool found = captures_find(id, info);

    if (!found) {
        rpc_call_fail(call, RPC_NOT_FOUND, "there is no capture %" PRIu64, id);
    }
    return found;
}

/* ---- start and stop ---- */

static void
reply_started(struct control *c, const struct capture_info *info, void *call)
{
    if (info && info->state == CAPTURE_FAILED) {
        rpc_call_fail(call, RPC_INTERNAL, "capture %" PRIu64 " has failed: %s", info->id,
                      info->why);
    } else {
        reply(c, info, call);
    }
}

void
rpc_start_capture(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    const Fusuma__V1__StartCaptureRequest *m = (const Fusuma__V1__StartCaptureRequest *) request;
    struct control *c = control;
    char *who, *error = NULL;
    enum rpc_status status;
    uint64_t id;

    if (strlen(m->comment) > COMMENT_MAX) {
        rpc_call_fail(call, RPC_INVALID_ARGUMENT, "comment: it has %zu bytes; %d are allowed",
                      strlen(m->comment), COMMENT_MAX);
        return;
    }
    who = access_who(&c->config.access, rpc_call_peer(call));
    const struct capturing_request r = { .port = m->port,
                                         .only_dropped = m->only_dropped,
                                         .snaplen = m->snaplen,
                                         .limits = { m->packets, m->bytes, m->seconds },
                                         .who = who,
                                         .comment = m->comment };
    status = capturing_begin(c, &r, &id, &error);
    free(who);
    if (status) {
        rpc_fail_with(call, status, error);
    } else if (!capturing_publish(c)) {
        capturing_end(c, id, "no memory to publish it");
        rpc_call_fail(call, RPC_RESOURCE_EXHAUSTED, "no memory to publish the change");
    } else {
        capturing_wait(c, id, CAPTURING_OPENED, reply_started, call);
    }
}

void
rpc_stop_capture(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    uint64_t id = ((const Fusuma__V1__StopCaptureRequest *) request)->id;
    struct capture_info info;
    struct control *c = control;
    char *who, *why;

    if (!find(call, id, &info)) {
        return;
    }
    who = access_who(&c->config.access, rpc_call_peer(call));
    why = xasprintf("stopped by %s", who);
    capturing_end(c, id, why);
    capturing_wait(c, id, CAPTURING_OVER, reply, call);
    free(why);
    free(who);
}

/* ---- list ---- */

void
rpc_list_captures(struct rpc_call *call, const ProtobufCMessage *request OVS_UNUSED, void *control)
{
    Fusuma__V1__ListCapturesResponse *m =
        message_new(&fusuma__v1__list_captures_response__descriptor);
    size_t n;
    struct capture_info *list = captures_list(&n);

    for (size_t i = 0; i < n; i++) {
        message_append(m->captures, m->n_captures, capture_message(&list[i]));
        m->bytes += list[i].bytes;
    }
    m->budget_bytes = (uint64_t) ((const struct control *) control)->config.capture_megabytes << 20;
    free(list);
    rpc_reply_with(call, m);
}

/* ---- delete ---- */

static void
reply_deleted(struct control *c OVS_UNUSED, const struct capture_info *info, void *call)
{
    if (info) {
        rpc_call_fail(call, RPC_INTERNAL, "capture %" PRIu64 " is not deleted: %s", info->id,
                      info->delete_error ? ovs_strerror(info->delete_error)
                                         : "the switch is stopping");
    } else {
        rpc_reply_with(call, message_new(&fusuma__v1__delete_capture_response__descriptor));
    }
}

void
rpc_delete_capture(struct rpc_call *call, const ProtobufCMessage *request, void *control)
{
    uint64_t id = ((const Fusuma__V1__DeleteCaptureRequest *) request)->id;
    struct capture_info info;

    if (!find(call, id, &info)) {
        return;
    }
    if (!capture_is_over(&info)) {
        rpc_call_fail(call, RPC_FAILED_PRECONDITION,
                      "capture %" PRIu64 " is running: it has to be stopped first", id);
        return;
    }
    captures_delete(id);
    capturing_wait(control, id, CAPTURING_DELETED, reply_deleted, call);
}

/* ---- read ---- */

/* After accept it belongs to the server's thread. */
struct reader {
    uint64_t id, at;
    bool follow;
    int fd; /* negative: not open yet */
};

/* 'n' bytes, which the file has.  False: errno says why not. */
static bool
send_chunk(struct rpc_stream *stream, struct reader *r, size_t n)
{
    Fusuma__V1__ReadCaptureResponse m = FUSUMA__V1__READ_CAPTURE_RESPONSE__INIT;
    uint8_t *data = xmalloc(n);
    ssize_t got = pread(r->fd, data, n, r->at);

    if (got > 0) {
        r->at += got;
        m.data.data = data;
        m.data.len = got;
        rpc_stream_send(stream, &m.base);
    }
    free(data);
    errno = got ? errno : ENODATA;
    return got > 0;
}

static void
reader_ready(struct rpc_stream *stream, void *reader)
{
    struct reader *r = reader;
    struct capture_info info;

    if (!captures_find(r->id, &info)) {
        rpc_stream_end(stream, RPC_ABORTED, "capture %" PRIu64 " was deleted", r->id);
        return;
    }
    if (info.state == CAPTURE_REMOVED) {
        rpc_stream_end(stream, RPC_FAILED_PRECONDITION,
                       "the packets of capture %" PRIu64
                       " are gone: they have made room for newer ones",
                       r->id);
        return;
    }
    if (r->at >= info.bytes) {
        if (!r->follow || capture_is_over(&info)) {
            rpc_stream_end(stream, RPC_OK, "%s", "");
        }
        return;
    }
    r->fd = r->fd < 0 ? captures_open_file(r->id) : r->fd;
    if (r->fd < 0 || !send_chunk(stream, r, MIN(info.bytes - r->at, CHUNK))) {
        rpc_stream_end(stream, RPC_INTERNAL, "capture %" PRIu64 " cannot be read: %s", r->id,
                       ovs_strerror(errno));
    }
}

static void
reader_closed(struct rpc_stream *stream OVS_UNUSED, void *reader)
{
    struct reader *r = reader;

    if (r->fd >= 0) {
        close(r->fd);
    }
    free(r);
}

void
rpc_read_capture(struct rpc_stream *stream, const ProtobufCMessage *request,
                 void *control OVS_UNUSED)
{
    static const struct rpc_stream_ops ops = { reader_ready, reader_closed };
    const Fusuma__V1__ReadCaptureRequest *m = (const Fusuma__V1__ReadCaptureRequest *) request;
    struct capture_info info;
    struct reader *r;

    if (!captures_find(m->id, &info)) {
        rpc_stream_end(stream, RPC_NOT_FOUND, "there is no capture %" PRIu64, m->id);
        return;
    }
    r = xzalloc(sizeof *r);
    r->id = m->id;
    r->follow = m->follow;
    r->fd = -1;
    rpc_stream_accept(stream, &ops, r);
}
