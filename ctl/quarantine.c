#include <config.h>

#include "ctl/quarantine.h"

#include <inttypes.h>
#include <time.h>

#include "ctl/commands.h"
#include "ctl/output.h"

static const ProtobufCServiceDescriptor *const service =
    &fusuma__v1__quarantine_service__descriptor;

static void
print_receipt(const void *reply)
{
    const Fusuma__V1__QuarantineReceipt *receipt = reply;

    output_line("%s is %s (generation %" PRIu64 ", in force on every worker after %" PRIu64 " us)",
                receipt->port,
                receipt->quarantined ? "in quarantine: nothing of it passes" : "released",
                receipt->generation, receipt->elapsed_us);
}

void
put_quarantine(struct ds *s, const Fusuma__V1__QuarantineState *q)
{
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
    if (q->comment[0]) {
        ds_put_format(s, ": %s", q->comment);
    }
}

int
quarantine_set(struct ctl *ctl)
{
    Fusuma__V1__QuarantineRequest request = FUSUMA__V1__QUARANTINE_REQUEST__INIT;

    const char *comment = args_value(ctl->args, OPT_COMMENT);

    request.port = (char *) ctl->arg;
    if (comment) {
        request.comment = (char *) comment;
    }
    return client_show(ctl, service, "Quarantine", &request, print_receipt);
}

int
quarantine_release(struct ctl *ctl)
{
    Fusuma__V1__ReleaseRequest request = FUSUMA__V1__RELEASE_REQUEST__INIT;

    request.port = (char *) ctl->arg;
    return client_show(ctl, service, "Release", &request, print_receipt);
}
