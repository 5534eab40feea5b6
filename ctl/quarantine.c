#include <config.h>

#include <inttypes.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "fusuma/v1/quarantine.pb-c.h"

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

int
quarantine_set(struct ctl *ctl)
{
    Fusuma__V1__QuarantineRequest request = FUSUMA__V1__QUARANTINE_REQUEST__INIT;

    request.port = (char *) ctl->arg;
    return client_show(ctl, service, "Quarantine", &request, print_receipt);
}

int
quarantine_release(struct ctl *ctl)
{
    Fusuma__V1__ReleaseRequest request = FUSUMA__V1__RELEASE_REQUEST__INIT;

    request.port = (char *) ctl->arg;
    return client_show(ctl, service, "Release", &request, print_receipt);
}
