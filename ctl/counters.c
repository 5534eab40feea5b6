#include <config.h>

#include <inttypes.h>
#include <stdio.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "fusuma/v1/counter.pb-c.h"

static uint64_t
sum(Fusuma__V1__ReasonCount *const *reasons, size_t n)
{
    uint64_t packets = 0;

    for (size_t i = 0; i < n; i++) {
        packets += reasons[i]->packets;
    }
    return packets;
}

static void
add_port(struct columns *c, const Fusuma__V1__PortCounters *p)
{
    columns_text(c, p->port);
    columns_number(c, p->received);
    columns_number(c, p->received_bytes);
    columns_number(c, p->originated);
    columns_number(c, p->forwarded);
    columns_number(c, p->consumed);
    columns_number(c, p->held);
    columns_number(c, sum(p->drops, p->n_drops));
    columns_number(c, p->copies);
    columns_number(c, p->probes);
    columns_number(c, p->would_drop);
    columns_number(c, p->offered);
    columns_number(c, p->accepted);
    columns_number(c, p->accepted_bytes);
    columns_number(c, sum(p->tx_drops, p->n_tx_drops));
    columns_number(c, p->lost_before);
    if (p->connections_max) {
        columns_format(c, "%" PRIu32 "/%" PRIu32, p->connections, p->connections_max);
    } else {
        columns_number(c, p->connections);
    }
    columns_number(c, p->tx_drops_caused);
    columns_number(c, p->macs_learned);
    columns_number(c, p->macs_refused);
    columns_number(c, p->groups_refused);
}

static void
add_reasons(struct columns *c, const char *port, const char *way,
            Fusuma__V1__ReasonCount *const *reasons, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (reasons[i]->packets) {
            columns_text(c, port);
            columns_text(c, way);
            columns_text(c, reasons[i]->reason);
            columns_number(c, reasons[i]->packets);
        }
    }
}

static void
print_reasons(const Fusuma__V1__Counters *counters)
{
    struct columns c;

    columns_init(&c, "PORT DROPPED REASON >PACKETS");
    for (size_t i = 0; i < counters->n_ports; i++) {
        const Fusuma__V1__PortCounters *p = counters->ports[i];

        add_reasons(&c, p->port, "from the port", p->drops, p->n_drops);
        add_reasons(&c, p->port, "to the port", p->tx_drops, p->n_tx_drops);
    }
    columns_print(&c);
}

static void
print_refused(const Fusuma__V1__Counters *counters)
{
    for (size_t i = 0; i < counters->n_ports; i++) {
        const Fusuma__V1__PortCounters *p = counters->ports[i];

        if (p->groups_refused) {
            output_line("-- %s: %" PRIu64 " joins of multicast groups that were not heeded",
                        p->port, p->groups_refused);
        }
        if (p->macs_refused) {
            output_line("-- %s: %" PRIu64 " packets of stations that were not learned: %" PRIu64
                        " are, and no more may be",
                        p->port, p->macs_refused, p->macs_learned);
        }
    }
}

static void
print_counters(const void *message)
{
    static bool again;
    const Fusuma__V1__Counters *counters = message;
    struct columns c;

    if (again) {
        putchar('\n');
    }
    again = true;
    columns_init(
        &c, "PORT >RECEIVED >BYTES >ORIGINATED >FORWARDED >CONSUMED >HELD >DROPS >COPIES "
            ">PROBES >WOULD-DROP >OFFERED >ACCEPTED >BYTES >TX-DROPS >LOST-BEFORE >CONNECTIONS "
            "+>TX-DROPS-CAUSED +>STATIONS +>STATIONS-REFUSED +>GROUPS-REFUSED");
    for (size_t i = 0; i < counters->n_ports; i++) {
        add_port(&c, counters->ports[i]);
    }
    columns_print(&c);
    putchar('\n');
    print_reasons(counters);
    print_refused(counters);
}

int
counters(struct ctl *ctl)
{
    Fusuma__V1__WatchCountersRequest request = FUSUMA__V1__WATCH_COUNTERS_REQUEST__INIT;
    const struct svec *ports = &ctl->args->values[OPT_PORT];

    /* Patience is reckoned in an int. */
    if (!args_number(ctl->args, OPT_INTERVAL, 1, 1000000000, &request.interval_ms)) {
        return CTL_USAGE;
    }
    request.ports = ports->names;
    request.n_ports = ports->n;
    return client_stream(ctl, &fusuma__v1__counter_service__descriptor, "WatchCounters", &request,
                         ctl->timeout_ms + request.interval_ms, print_counters);
}
