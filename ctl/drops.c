#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/when.h"
#include "fusuma/v1/drop.pb-c.h"
#include "util.h"

/* Fixed widths: lines are printed as they come, and the next one is not known. */
enum {
    TIME_WIDTH = 12,
    PORT_WIDTH = 10,
    USER_WIDTH = 10,
    ADDRESS_WIDTH = 17, /* a MAC address, or IPv4 with room */
    SERVICE_WIDTH = 16,
    WHY_WIDTH = 16,
};

static void
put_column(struct ds *line, const char *text, int width)
{
    output_pad(line, text, width);
    ds_put_char(line, ' ');
}

static void
put_columns(struct ds *line, const char *const text[7])
{
    put_column(line, text[0], TIME_WIDTH);
    put_column(line, text[1], PORT_WIDTH);
    put_column(line, text[2], USER_WIDTH);
    put_column(line, text[3], ADDRESS_WIDTH);
    ds_put_cstr(line, "-> ");
    put_column(line, text[4], ADDRESS_WIDTH);
    put_column(line, text[5], SERVICE_WIDTH);
    put_column(line, text[6], WHY_WIDTH);
}

static void
print_headings(void)
{
    static const char *const text[] = { "TIME",        "PORT",    "USER", "SOURCE",
                                        "DESTINATION", "SERVICE", "WHY" };
    struct ds line = DS_EMPTY_INITIALIZER;

    put_columns(&line, text);
    printf("%sCOUNT\n", ds_cstr(&line));
    ds_destroy(&line);
}

/* Local time, to the millisecond: "06:45:12.123".  The day is said when it changes. */
static void
format_time(const Google__Protobuf__Timestamp *t, char text[32])
{
    static char day[16];
    time_t seconds = t ? t->seconds : 0;
    char today[16];
    struct tm tm;
    size_t n;

    text[0] = '\0';
    if (!t || !localtime_r(&seconds, &tm)) {
        return;
    }
    strftime(today, sizeof today, "%Y-%m-%d", &tm);
    if (strcmp(day, today)) {
        output_line("-- %s", today);
        ovs_strlcpy(day, today, sizeof day);
    }
    n = strftime(text, 24, "%H:%M:%S", &tm);
    snprintf(text + n, 32 - n, ".%03d", (int) (t->nanos / 1000000) % 1000);
}

/* The rule where one has denied it; the reason says more about everything else, the default denies
 * included. */
static const char *
why(const Fusuma__V1__DropRecord *r)
{
    bool by_rule = !strcmp(r->reason, "egress-rule") || !strcmp(r->reason, "ingress-rule");

    return by_rule && r->rule[0] ? r->rule : r->reason;
}

/* What is not IP has MAC addresses only. */
static const char *
address(const char *ip, const char *mac)
{
    return ip[0] ? ip : mac;
}

static void
put_cursor(struct ds *s, const Fusuma__V1__Cursor *c)
{
    ds_put_format(s, "%" PRIu64 ".%" PRIu64, c ? c->epoch : 0, c ? c->n : 0);
}

/* At the end of the line, what has no column of its own. */
static void
print_wide(const Fusuma__V1__DropRecord *r)
{
    struct ds s = DS_EMPTY_INITIALIZER, clean = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "  %s > %s, %" PRIu32 " bytes", r->src_mac, r->dst_mac, r->packet_length);
    if (r->rule[0]) {
        ds_put_format(&s, ", rule %s", r->rule);
    }
    if (r->peer_port[0]) {
        ds_put_format(&s, ", for %s", r->peer_port);
    }
    if (r->peer_user[0]) {
        ds_put_format(&s, " (%s)", r->peer_user);
    }
    ds_put_format(&s, ", %s, generation %" PRIu64 ", ", r->log_class, r->generation);
    put_cursor(&s, r->cursor);
    output_pad(&clean, ds_cstr(&s), 0);
    fputs(ds_cstr(&clean), stdout);
    ds_destroy(&clean);
    ds_destroy(&s);
}

static void
print_record(const Fusuma__V1__DropRecord *r)
{
    struct ds line = DS_EMPTY_INITIALIZER;
    char time[32];

    format_time(r->time, time);
    put_columns(&line,
                (const char *const[7]){ time, r->port, r->user, address(r->src_ip, r->src_mac),
                                        address(r->dst_ip, r->dst_mac), r->service, why(r) });
    printf("%sx%" PRIu32 "%s", ds_cstr(&line), r->count, r->repeat ? " again" : "");
    if (r->vlan && !r->repeat) { /* a repeat is of the same flow */
        printf(" vlan %" PRIu32, r->vlan);
    }
    if (output_format() == OUTPUT_WIDE) {
        print_wide(r);
    }
    putchar('\n');
    ds_destroy(&line);
}

static void
print_unsaid(const Fusuma__V1__Unsaid *u)
{
    output_line("-- %s: so far %" PRIu64
                " packets denied by %s have no record of their own (%" PRIu64
                " suppressed, %" PRIu64 " lost)",
                u->port[0] ? u->port : "all ports", u->suppressed + u->lost,
                u->reason[0] ? u->reason : "any reason", u->suppressed, u->lost);
}

static void
print_correction(const Fusuma__V1__Correction *c)
{
    static const Fusuma__V1__SessionRef none = FUSUMA__V1__SESSION_REF__INIT;
    const Fusuma__V1__SessionRef *session = c->session ? c->session : &none;
    char *from = when_text(c->from), *to = when_text(c->to);

    output_line("-- %s: corrected: from %s to %s session %" PRIu64 " (%s) %s", c->port, from, to,
                session->id, session->user, c->withdrawn ? "had ended" : "was open");
    free(from);
    free(to);
}

static void
print_gap(const Fusuma__V1__Gap *g)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    put_cursor(&s, g->first);
    ds_put_cstr(&s, " to ");
    put_cursor(&s, g->last);
    if (g->events) {
        output_line("-- gap: %" PRIu64
                    " event%s missing here, %s: no longer held, or this reader was "
                    "too slow",
                    g->events, g->events == 1 ? " is" : "s are", ds_cstr(&s));
    } else {
        output_line("-- gap: events may be missing here, %s: the switch was killed, or its records "
                    "were lost",
                    ds_cstr(&s));
    }
    ds_destroy(&s);
}

static void
print_event(const void *message)
{
    static bool headings;
    const Fusuma__V1__DropEvent *event = message;

    if (!headings) {
        print_headings();
        headings = true;
    }
    switch (event->event_case) {
    case FUSUMA__V1__DROP_EVENT__EVENT_RECORD:
        print_record(event->record);
        break;
    case FUSUMA__V1__DROP_EVENT__EVENT_UNSAID:
        print_unsaid(event->unsaid);
        break;
    case FUSUMA__V1__DROP_EVENT__EVENT_GAP:
        print_gap(event->gap);
        break;
    case FUSUMA__V1__DROP_EVENT__EVENT_CORRECTION:
        print_correction(event->correction);
        break;
    default:
        output_line("-- an event that this version of swctl does not know");
        break;
    }
}

int
drops(struct ctl *ctl)
{
    Fusuma__V1__WatchDropsRequest request = FUSUMA__V1__WATCH_DROPS_REQUEST__INIT;
    Fusuma__V1__Cursor cursor = FUSUMA__V1__CURSOR__INIT;
    const struct args *args = ctl->args;

    if (args_has(args, OPT_RESUME)) {
        if (args_has(args, OPT_NEW)) {
            ctl_error("--resume and --new exclude each other");
            return CTL_USAGE;
        }
        if (!args_position(args, OPT_RESUME, &cursor.epoch, &cursor.n)) {
            return CTL_USAGE;
        }
        request.resume = &cursor;
    }
    request.ports = args->values[OPT_PORT].names;
    request.n_ports = args->values[OPT_PORT].n;
    request.reasons = args->values[OPT_REASON].names;
    request.n_reasons = args->values[OPT_REASON].n;
    if (args_has(args, OPT_ADDRESS)) {
        request.address = (char *) args_value(args, OPT_ADDRESS);
    }
    request.follow = args_has(args, OPT_FOLLOW);
    request.only_new = args_has(args, OPT_NEW);
    return client_stream(ctl, &fusuma__v1__drop_service__descriptor, "WatchDrops", &request,
                         request.follow ? 0 : ctl->timeout_ms, print_event);
}
