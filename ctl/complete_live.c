/* Names that only the switch knows. */
#include <config.h>

#include <inttypes.h>

#include "ctl/complete.h"
#include "fusuma/v1/address_set.pb-c.h"
#include "fusuma/v1/capture.pb-c.h"
#include "fusuma/v1/counter.pb-c.h"
#include "fusuma/v1/incident.pb-c.h"
#include "fusuma/v1/policy.pb-c.h"
#include "fusuma/v1/port.pb-c.h"
#include "util.h"

static void
add_ports(struct ctl *ctl, enum completion what, struct svec *found)
{
    Fusuma__V1__ListPortsRequest request = FUSUMA__V1__LIST_PORTS_REQUEST__INIT;
    Fusuma__V1__ListPortsResponse *list;

    if (client_call(ctl, &fusuma__v1__port_service__descriptor, "ListPorts", &request, &list)) {
        return;
    }
    for (size_t i = 0; i < list->n_ports; i++) {
        const Fusuma__V1__Port *port = list->ports[i];

        if (!port->spec || (what == COMPLETE_QUARANTINED && !port->quarantined)) {
            continue;
        }
        svec_add(found, what == COMPLETE_USERS ? port->spec->user : port->spec->name);
    }
    client_free(list);
}

static void
add_sets(struct ctl *ctl, struct svec *found)
{
    Fusuma__V1__ListAddressSetsRequest request = FUSUMA__V1__LIST_ADDRESS_SETS_REQUEST__INIT;
    Fusuma__V1__ListAddressSetsResponse *list;

    if (client_call(ctl, &fusuma__v1__address_set_service__descriptor, "ListAddressSets", &request,
                    &list)) {
        return;
    }
    for (size_t i = 0; i < list->n_sets; i++) {
        svec_add(found, list->sets[i]->name);
    }
    client_free(list);
}

static void
add_versions(struct ctl *ctl, struct svec *found)
{
    Fusuma__V1__ListPolicyVersionsRequest request = FUSUMA__V1__LIST_POLICY_VERSIONS_REQUEST__INIT;
    Fusuma__V1__ListPolicyVersionsResponse *list;

    if (client_call(ctl, &fusuma__v1__policy_service__descriptor, "ListPolicyVersions", &request,
                    &list)) {
        return;
    }
    for (size_t i = 0; i < list->n_versions; i++) {
        svec_add_nocopy(found, xasprintf("%" PRIu64, list->versions[i]->version));
    }
    client_free(list);
}

/* Every port has the same reasons: one message is enough. */
static int
take_reasons(const struct ctl *ctl OVS_UNUSED, const ProtobufCMessage *message,
             int patience_ms OVS_UNUSED, void *found)
{
    const Fusuma__V1__Counters *counters = (const Fusuma__V1__Counters *) message;

    for (size_t i = 0; i < counters->n_ports; i++) {
        for (size_t j = 0; j < counters->ports[i]->n_drops; j++) {
            svec_add(found, counters->ports[i]->drops[j]->reason);
        }
    }
    return -1;
}

static void
add_reasons(struct ctl *ctl, struct svec *found)
{
    Fusuma__V1__WatchCountersRequest request = FUSUMA__V1__WATCH_COUNTERS_REQUEST__INIT;
    char *error = NULL;

    client_read(ctl, &fusuma__v1__counter_service__descriptor, "WatchCounters", &request,
                ctl->timeout_ms, take_reasons, found, &error);
    free(error);
}

static void
add_incidents(struct ctl *ctl, struct svec *found)
{
    Fusuma__V1__ListIncidentsRequest request = FUSUMA__V1__LIST_INCIDENTS_REQUEST__INIT;
    Fusuma__V1__ListIncidentsResponse *list;

    if (client_call(ctl, &fusuma__v1__incident_service__descriptor, "ListIncidents", &request,
                    &list)) {
        return;
    }
    for (size_t i = 0; i < list->n_incidents; i++) {
        svec_add_nocopy(found, xasprintf("%" PRIu64, list->incidents[i]->id));
    }
    client_free(list);
}

static void
add_captures(struct ctl *ctl, struct svec *found)
{
    Fusuma__V1__ListCapturesRequest request = FUSUMA__V1__LIST_CAPTURES_REQUEST__INIT;
    Fusuma__V1__ListCapturesResponse *list;

    if (client_call(ctl, &fusuma__v1__capture_service__descriptor, "ListCaptures", &request,
                    &list)) {
        return;
    }
    for (size_t i = 0; i < list->n_captures; i++) {
        svec_add_nocopy(found, xasprintf("%" PRIu64, list->captures[i]->id));
    }
    client_free(list);
}

void
complete_live(struct ctl *ctl, enum completion what, struct svec *found)
{
    switch (what) {
    case COMPLETE_PORTS:
    case COMPLETE_QUARANTINED:
    case COMPLETE_USERS:
        add_ports(ctl, what, found);
        break;
    case COMPLETE_SETS:
        add_sets(ctl, found);
        break;
    case COMPLETE_VERSIONS:
        add_versions(ctl, found);
        break;
    case COMPLETE_REASONS:
        add_reasons(ctl, found);
        break;
    case COMPLETE_INCIDENTS:
        add_incidents(ctl, found);
        break;
    case COMPLETE_CAPTURES:
        add_captures(ctl, found);
        break;
    default:
        break;
    }
}
