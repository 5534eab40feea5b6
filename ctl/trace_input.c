#include <config.h>

#include "ctl/trace_input.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/packet_file.h"
#include "fusuma/v1/drop.pb-c.h"
#include "util.h"

/* What is sent of a frame: its headers, and DHCP whole. */
#define SENT_MAX 1024

static struct trace_input *
add(struct trace_inputs *inputs, const char *port, const uint8_t *data, size_t n, uint32_t length,
    uint32_t vlan)
{
    struct trace_input *in;

    if (inputs->n == inputs->allocated) {
        inputs->list = x2nrealloc(inputs->list, &inputs->allocated, sizeof *inputs->list);
    }
    in = &inputs->list[inputs->n++];
    fusuma__v1__trace_input__init(&in->in);
    fusuma__v1__trace_frame__init(&in->frame);
    n = MIN(n, SENT_MAX);
    in->frame.data.data = xmemdup(data, n);
    in->frame.data.len = n;
    in->frame.length = length;
    in->frame.vlan = vlan;
    in->in.port = xstrdup(port);
    in->in.packet_case = FUSUMA__V1__TRACE_INPUT__PACKET_FRAME;
    in->name = in->was = NULL;
    return in;
}

void
trace_inputs_destroy(struct trace_inputs *inputs)
{
    for (size_t i = 0; i < inputs->n; i++) {
        free(inputs->list[i].in.port);
        free(inputs->list[i].frame.data.data);
        free(inputs->list[i].name);
        free(inputs->list[i].was);
    }
    free(inputs->list);
}

static bool
has_room(const struct trace_inputs *inputs, const char *file)
{
    if (inputs->n == TRACE_INPUTS_MAX) {
        ctl_error("%s: more than the %d packets that can be asked about at once", file,
                  TRACE_INPUTS_MAX);
    }
    return inputs->n < TRACE_INPUTS_MAX;
}

/* ---- captures ---- */

static bool
take_capture(struct trace_inputs *inputs, struct packet_file *f, const char *file, const char *port)
{
    struct packet packet;

    while (packet_file_next(f, &packet)) {
        if (!has_room(inputs, file)) {
            return false;
        }
        add(inputs, port, packet.data, packet.captured, packet.length, 0)->name =
            xasprintf("%s: frame %" PRIu64, file, packet.n);
    }
    return !packet_file_failed(f);
}

bool
trace_inputs_capture(struct trace_inputs *inputs, const char *file, const char *port)
{
    struct packet_file *f = packet_file_open(file);
    bool ok = f && take_capture(inputs, f, file, port);

    packet_file_close(f);
    return ok;
}

/* ---- drop records ---- */

/* "A", "/" to its six bits; -1: none of them. */
static int
sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int) (at - digits) : -1;
}

/* RFC 4648, 4.  Returns the number of bytes, or 0 when it is none. */
static size_t
decode(const char *text, uint8_t *bytes, size_t room)
{
    size_t n = 0;
    uint32_t bits = 0;

    for (size_t i = 0; text[i] && text[i] != '='; i++) {
        if (sextet(text[i]) < 0 || n == room) {
            return 0;
        }
        bits = bits << 6 | (uint32_t) sextet(text[i]);
        if (i % 4) {
            bytes[n++] = bits >> (6 - 2 * (i % 4));
        }
    }
    return n;
}

static const char *
text_of(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));

    return text ? text : "";
}

static uint32_t
number_of(const json_t *record, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(record, key));

    return n > 0 && n <= UINT32_MAX ? (uint32_t) n : 0;
}

/* A default deny is said by the reason. */
static char *
why(const char *reason, const char *rule)
{
    return rule[0] && strncmp(rule, "default-", 8) ? xasprintf("%s by %s", reason, rule)
                                                   : xstrdup(reason);
}

/* Events without a record (what has none, gaps) are passed over. */
static bool
take_event(struct trace_inputs *inputs, const char *file, const json_t *event, size_t i)
{
    const json_t *record = json_object_get(event, "record");
    uint8_t bytes[SENT_MAX];
    struct trace_input *in;
    size_t n;

    record = record ? record : event;
    if (json_object_get(event, "unsaid") || json_object_get(event, "gap")) {
        return true;
    }
    n = decode(text_of(record, "packet"), bytes, sizeof bytes);
    if (!n || !text_of(record, "port")[0]) {
        ctl_error("%s: event %zu: no drop record with a port and a packet", file, i);
        return false;
    }
    in = add(inputs, text_of(record, "port"), bytes, n, number_of(record, "packetLength"),
             number_of(record, "vlan"));
    in->name = xasprintf("%s: event %zu", file, i);
    in->was = why(text_of(record, "reason"), text_of(record, "rule"));
    return true;
}

static bool
take_value(struct trace_inputs *inputs, const char *file, const json_t *value, size_t *i)
{
    const json_t *event;
    size_t j;

    if (!json_is_array(value)) {
        return has_room(inputs, file) && take_event(inputs, file, value, ++*i);
    }
    json_array_foreach(value, j, event)
    {
        if (!has_room(inputs, file) || !take_event(inputs, file, event, ++*i)) {
            return false;
        }
    }
    return true;
}

/* Whether there is more than blanks. */
static bool
has_more(FILE *f)
{
    int c;

    do {
        c = getc(f);
    } while (c == ' ' || c == '\n' || c == '\r' || c == '\t');
    if (c != EOF) {
        ungetc(c, f);
    }
    return c != EOF;
}

static bool
read_drops(struct trace_inputs *inputs, const char *file, FILE *f)
{
    size_t i = 0;
    bool ok = true;

    while (ok && has_more(f)) {
        json_error_t error;
        json_t *value = json_loadf(f, JSON_DISABLE_EOF_CHECK, &error);

        if (!value) {
            ctl_error("%s: event %zu, its line %d: %s", file, i + 1, error.line, error.text);
            return false;
        }
        ok = take_value(inputs, file, value, &i);
        json_decref(value);
    }
    return ok;
}

bool
trace_inputs_drops(struct trace_inputs *inputs, const char *file)
{
    bool standard = !strcmp(file, "-"), ok;
    const char *name = standard ? "<stdin>" : file;
    FILE *f = standard ? stdin : fopen(file, "r");

    if (!f) {
        ctl_error("%s: %s", file, ovs_strerror(errno));
        return false;
    }
    ok = read_drops(inputs, name, f);
    if (ok && ferror(f)) {
        ctl_error("%s: %s", name, ovs_strerror(errno));
        ok = false;
    } else if (ok && !inputs->n) {
        ctl_error("%s: no drop record is in it", name);
        ok = false;
    }
    if (!standard) {
        fclose(f);
    }
    return ok;
}

bool
trace_inputs_any(struct trace_inputs *inputs, const char *file, const char *port)
{
    FILE *f = strcmp(file, "-") ? fopen(file, "r") : NULL;
    int c = f ? getc(f) : '{';
    bool drops = c == '{' || c == '[' || c == ' ' || c == '\n';

    if (f) {
        fclose(f);
    }
    if (drops && port) {
        ctl_error("--port: a drop record has its port");
        return false;
    }
    return drops ? trace_inputs_drops(inputs, file)
                 : trace_inputs_capture(inputs, file, port ? port : "");
}

/* ---- one record of the switch's ---- */

struct wanted {
    struct trace_inputs *inputs;
    uint64_t epoch, n;
    bool found;
};

static int
take_record(const struct ctl *ctl OVS_UNUSED, const ProtobufCMessage *message,
            int patience_ms OVS_UNUSED, void *wanted_)
{
    const Fusuma__V1__DropEvent *event = (const Fusuma__V1__DropEvent *) message;
    struct wanted *wanted = wanted_;
    const Fusuma__V1__DropRecord *r =
        event->event_case == FUSUMA__V1__DROP_EVENT__EVENT_RECORD ? event->record : NULL;

    if (r && r->cursor && r->cursor->n == wanted->n && r->packet.len) {
        struct trace_input *in =
            add(wanted->inputs, r->port, r->packet.data, r->packet.len, r->packet_length, r->vlan);

        in->name = xasprintf("%" PRIu64 ".%" PRIu64, wanted->epoch, wanted->n);
        in->was = why(r->reason, r->rule);
        wanted->found = true;
    }
    return -1; /* it is the first, or not there */
}

int
trace_inputs_record(struct ctl *ctl, struct trace_inputs *inputs, uint64_t epoch, uint64_t n)
{
    Fusuma__V1__WatchDropsRequest request = FUSUMA__V1__WATCH_DROPS_REQUEST__INIT;
    Fusuma__V1__Cursor cursor = FUSUMA__V1__CURSOR__INIT;
    struct wanted wanted = { inputs, epoch, n, false };
    enum rpc_status status;
    char *error = NULL;

    cursor.epoch = epoch;
    cursor.n = n ? n - 1 : 0;
    request.resume = &cursor;
    status = client_read(ctl, &fusuma__v1__drop_service__descriptor, "WatchDrops", &request,
                         ctl->timeout_ms, take_record, &wanted, &error);
    if (status != RPC_OK && status != RPC_CANCELLED) {
        return client_fail(ctl, status, error);
    }
    free(error);
    if (!wanted.found) {
        ctl_error("--drop: the switch holds no record %" PRIu64 ".%" PRIu64, epoch, n);
    }
    return wanted.found ? CTL_OK : CTL_REFUSED;
}
