#include <config.h>

#include "ctl/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/when.h"
#include "util.h"

const ProtobufCServiceDescriptor *const capture_service = &fusuma__v1__capture_service__descriptor;

static const char *const states[] = { "?", "opening", "running", "ended", "failed", "removed" };

uint64_t
capture_id(const char *text)
{
    char *end;
    uint64_t id;

    errno = 0;
    id = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || !id) {
        ctl_error("'%s' is not a capture: a number that 'capture list' shows", text);
        return 0;
    }
    return id;
}

char *
capture_amount(const Fusuma__V1__Capture *c)
{
    return xasprintf("%" PRIu64 " packet%s, %" PRIu64 " bytes, %" PRIu64 " lost", c->packets,
                     c->packets == 1 ? "" : "s", c->bytes, c->lost);
}

/* ---- start ---- */

bool
capture_request(const struct ctl *ctl, Fusuma__V1__StartCaptureRequest *r)
{
    const struct svec *ports = &ctl->args->values[OPT_PORT];
    const char *comment = args_value(ctl->args, OPT_COMMENT);
    uint32_t packets = 0;

    if (ports->n != 1) {
        ctl_error("a capture is of one port: --port NAME");
        return false;
    }
    r->port = ports->names[0];
    r->only_dropped = args_has(ctl->args, OPT_DROPPED);
    r->comment = CONST_CAST(char *, comment ? comment : "");
    if (!args_number(ctl->args, OPT_SNAPLEN, 64, 65535, &r->snaplen) ||
        !args_number(ctl->args, OPT_PACKETS, 1, UINT32_MAX, &packets) ||
        !args_number(ctl->args, OPT_SECONDS, 1, 604800, &r->seconds) ||
        !args_size(ctl->args, OPT_SIZE, &r->bytes)) {
        return false;
    }
    r->packets = packets;
    return true;
}

static void
print_started(const void *reply)
{
    const Fusuma__V1__Capture *c = reply;

    output_line("capture %" PRIu64 " of %s has begun; it ends by itself after %" PRIu32
                " s or %" PRIu64 " bytes",
                c->id, c->port, c->limit_seconds, c->limit_bytes);
}

int
capture_start(struct ctl *ctl)
{
    Fusuma__V1__StartCaptureRequest request = FUSUMA__V1__START_CAPTURE_REQUEST__INIT;

    return capture_request(ctl, &request)
               ? client_show(ctl, capture_service, "StartCapture", &request, print_started)
               : CTL_USAGE;
}

/* ---- stop, delete ---- */

static void
print_stopped(const void *reply)
{
    const Fusuma__V1__Capture *c = reply;
    char *amount = capture_amount(c);

    output_line("capture %" PRIu64 " of %s %s: %s; %s", c->id, c->port,
                c->state == FUSUMA__V1__CAPTURE_STATE__CAPTURE_STATE_FAILED ? "has failed"
                                                                            : "is over",
                c->why, amount);
    free(amount);
}

int
capture_stop(struct ctl *ctl)
{
    Fusuma__V1__StopCaptureRequest request = FUSUMA__V1__STOP_CAPTURE_REQUEST__INIT;

    request.id = capture_id(ctl->arg);
    return request.id ? client_show(ctl, capture_service, "StopCapture", &request, print_stopped)
                      : CTL_USAGE;
}

static void
print_deleted(const void *reply OVS_UNUSED)
{
    output_line("deleted");
}

int
capture_delete(struct ctl *ctl)
{
    Fusuma__V1__DeleteCaptureRequest request = FUSUMA__V1__DELETE_CAPTURE_REQUEST__INIT;

    request.id = capture_id(ctl->arg);
    return request.id ? client_show(ctl, capture_service, "DeleteCapture", &request, print_deleted)
                      : CTL_USAGE;
}

/* ---- list ---- */

static void
put_row(struct columns *t, const Fusuma__V1__Capture *c)
{
    char *started = when_text(c->started);

    columns_number(t, c->id);
    columns_text(t, c->port);
    columns_text(t, (size_t) c->state < ARRAY_SIZE(states) ? states[c->state] : "?");
    columns_text(t, c->only_dropped ? "dropped" : "all");
    columns_number(t, c->packets);
    columns_number(t, c->bytes);
    columns_number(t, c->lost);
    columns_text(t, started);
    columns_text(t, c->who);
    columns_text(t, c->why[0] ? c->why : "-");
    columns_text(t, c->comment[0] ? c->comment : "-");
    columns_number(t, c->snaplen);
    columns_number(t, c->limit_packets);
    columns_number(t, c->limit_bytes);
    columns_number(t, c->limit_seconds);
    free(started);
}

static void
print_list(const void *reply)
{
    const Fusuma__V1__ListCapturesResponse *list = reply;
    struct columns t;

    columns_init(&t, "ID PORT STATE WHAT >PACKETS >BYTES >LOST STARTED BY WHY COMMENT +>SNAPLEN "
                     "+>MAX-PACKETS +>MAX-BYTES +>MAX-SECONDS");
    for (size_t i = 0; i < list->n_captures; i++) {
        put_row(&t, list->captures[i]);
    }
    columns_print(&t);
    output_line("%" PRIu64 " of %" PRIu64 " bytes are taken", list->bytes, list->budget_bytes);
}

int
capture_list(struct ctl *ctl)
{
    Fusuma__V1__ListCapturesRequest request = FUSUMA__V1__LIST_CAPTURES_REQUEST__INIT;

    return client_show(ctl, capture_service, "ListCaptures", &request, print_list);
}
