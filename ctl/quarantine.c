#include <config.h>

#include "ctl/quarantine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "util.h"

static const ProtobufCServiceDescriptor *const service =
    &fusuma__v1__quarantine_service__descriptor;

/* "2026-01-31 12:00:00.123456", of this host's zone; "?" when it cannot be said. */
static void
put_moment(struct ds *s, const Google__Protobuf__Timestamp *t)
{
    time_t seconds = (time_t) t->seconds;
    char text[64];
    struct tm tm;

    if (localtime_r(&seconds, &tm) && strftime(text, sizeof text, "%F %T", &tm)) {
        ds_put_format(s, "%s.%06d", text, t->nanos / 1000);
    } else {
        ds_put_cstr(s, "?");
    }
}

static void
put_effect(struct ds *s, const Fusuma__V1__QuarantineReceipt *r)
{
    char *lists = output_list(r->allow, r->n_allow);

    if (!r->quarantined) {
        ds_put_cstr(s, "released");
    } else if (r->n_allow) {
        ds_put_format(s, "in quarantine: nothing of it passes but what %s allow%s", lists,
                      r->n_allow > 1 ? "" : "s");
    } else {
        ds_put_cstr(s, "in quarantine: nothing of it passes");
    }
    free(lists);
}

static void
print_details(const Fusuma__V1__QuarantineReceipt *r)
{
    struct ds in_force = DS_EMPTY_INITIALIZER, passed = DS_EMPTY_INITIALIZER;

    if (r->in_force_at) {
        put_moment(&in_force, r->in_force_at);
        output_line("in force since %s", ds_cstr(&in_force));
    }
    if (r->elapsed_us) {
        output_line("%" PRIu64 " connection%s ended, %" PRIu64 " reset%s sent",
                    r->connections_ended, r->connections_ended == 1 ? "" : "s", r->resets_sent,
                    r->resets_sent == 1 ? "" : "s");
    }
    if (r->last_passed) {
        put_moment(&passed, r->last_passed);
        output_line("the last packet of it passed at %s", ds_cstr(&passed));
    } else if (r->elapsed_us) {
        output_line("no packet of it had passed");
    }
    if (r->capture_id) {
        output_line("capture %" PRIu64 " has what it sends, and is sent", r->capture_id);
    } else if (r->capture_error[0]) {
        output_line("it is NOT captured: %s", r->capture_error);
    }
    ds_destroy(&in_force);
    ds_destroy(&passed);
}

static void
print_receipt(const void *reply)
{
    const Fusuma__V1__QuarantineReceipt *receipt = reply;
    struct ds effect = DS_EMPTY_INITIALIZER;

    put_effect(&effect, receipt);
    output_line("%s is %s (generation %" PRIu64 ", in force on every worker after %" PRIu64 " us)",
                receipt->port, ds_cstr(&effect), receipt->generation, receipt->elapsed_us);
    ds_destroy(&effect);
    print_details(receipt);
}

static void
print_release(const void *reply)
{
    const Fusuma__V1__QuarantineReceipt *receipt = reply;

    if (receipt->quarantined) {
        output_line("%s is still in quarantine, by another one: see 'swctl quarantine list'",
                    receipt->port);
    } else {
        output_line("%s is released (generation %" PRIu64
                    ", in force on every worker after %" PRIu64 " us)",
                    receipt->port, receipt->generation, receipt->elapsed_us);
    }
}

void
put_quarantine(struct ds *s, const Fusuma__V1__QuarantineState *q)
{
    char *lists = output_list(q->allow, q->n_allow);
    time_t seconds = q->since ? (time_t) q->since->seconds : 0;
    char text[64];
    struct tm tm;

    if (q->since && localtime_r(&seconds, &tm) && strftime(text, sizeof text, "%F %T", &tm)) {
        ds_put_format(s, "since %s", text);
    } else {
        ds_put_cstr(s, "since when is not known");
    }
    if (q->who[0]) {
        ds_put_format(s, ", by %s", q->who);
    }
    if (q->n_allow) {
        ds_put_format(s, ", open for %s", lists);
    }
    if (q->reset) {
        ds_put_cstr(s, ", with resets");
    }
    if (q->absent) {
        ds_put_cstr(s, ", absent");
    }
    if (q->comment[0]) {
        ds_put_format(s, ": %s", q->comment);
    }
    free(lists);
}

int
quarantine_set(struct ctl *ctl)
{
    Fusuma__V1__QuarantineRequest request = FUSUMA__V1__QUARANTINE_REQUEST__INIT;
    const char *comment = args_value(ctl->args, OPT_COMMENT);

    request.port = CONST_CAST(char *, ctl->arg);
    if (comment) {
        request.comment = CONST_CAST(char *, comment);
    }
    request.allow = ctl->args->values[OPT_ALLOW].names;
    request.n_allow = ctl->args->values[OPT_ALLOW].n;
    request.reset = args_has(ctl->args, OPT_RESET);
    request.capture = args_has(ctl->args, OPT_CAPTURE);
    return client_show(ctl, service, "Quarantine", &request, print_receipt);
}

int
quarantine_release(struct ctl *ctl)
{
    Fusuma__V1__ReleaseRequest request = FUSUMA__V1__RELEASE_REQUEST__INIT;
    const char *vm_id = args_value(ctl->args, OPT_VM_ID);

    if (!ctl->arg == !vm_id) {
        ctl_error("'release' needs one of a port and --vm-id");
        return CTL_USAGE;
    }
    if (ctl->args->values[OPT_REASON].n != 1) {
        ctl_error("'release' needs --reason, once: why?  It is in the audit log");
        return CTL_USAGE;
    }
    request.port = CONST_CAST(char *, ctl->arg ? ctl->arg : "");
    request.vm_id = CONST_CAST(char *, vm_id ? vm_id : "");
    request.reason = CONST_CAST(char *, args_value(ctl->args, OPT_REASON));
    return client_show(ctl, service, "Release", &request, print_release);
}

/* ---- list ---- */

static void
print_list(const void *reply)
{
    const Fusuma__V1__ListQuarantinesResponse *list = reply;
    struct columns c;

    columns_init(&c, "PORT VM STATE SINCE OPEN BY COMMENT");
    for (size_t i = 0; i < list->n_quarantines; i++) {
        const Fusuma__V1__QuarantineState *q = list->quarantines[i];
        char *lists = output_list(q->allow, q->n_allow);
        struct ds since = DS_EMPTY_INITIALIZER;

        if (q->since) {
            put_moment(&since, q->since);
        }
        columns_text(&c, q->port);
        columns_text(&c, q->vm_id[0] ? q->vm_id : "-");
        columns_text(&c, q->absent ? "absent" : "in force");
        columns_text(&c, since.length ? ds_cstr(&since) : "-");
        columns_text(&c, q->n_allow ? lists : "-");
        columns_text(&c, q->who[0] ? q->who : "-");
        columns_text(&c, q->comment[0] ? q->comment : "-");
        ds_destroy(&since);
        free(lists);
    }
    columns_print(&c);
}

int
quarantine_list(struct ctl *ctl)
{
    Fusuma__V1__ListQuarantinesRequest request = FUSUMA__V1__LIST_QUARANTINES_REQUEST__INIT;

    return client_show(ctl, service, "ListQuarantines", &request, print_list);
}
