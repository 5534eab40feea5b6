#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/commands.h"
#include "ctl/output.h"
#include "fusuma/v1/system.pb-c.h"
#include "proto/json.h"

static const ProtobufCServiceDescriptor *const service = &fusuma__v1__system_service__descriptor;

static void
print_fdb(const void *reply)
{
    const Fusuma__V1__ListFdbResponse *fdb = reply;
    struct columns c;

    columns_init(&c, "MAC >VLAN PORT KIND >AGE");
    for (size_t i = 0; i < fdb->n_entries; i++) {
        const Fusuma__V1__FdbEntry *entry = fdb->entries[i];

        columns_text(&c, entry->mac);
        columns_number(&c, entry->vlan);
        columns_text(&c, entry->port);
        columns_text(&c, entry->bound ? "bound" : "learned");
        if (entry->bound) {
            columns_text(&c, "");
        } else {
            columns_format(&c, "%" PRIu32 " s", entry->age_s);
        }
    }
    columns_print(&c);
}

int
system_fdb(struct ctl *ctl)
{
    Fusuma__V1__ListFdbRequest request = FUSUMA__V1__LIST_FDB_REQUEST__INIT;

    return client_show(ctl, service, "ListFdb", &request, print_fdb);
}

static void
print_workers(const void *reply)
{
    const Fusuma__V1__ListWorkersResponse *list = reply;
    struct columns c;

    columns_init(&c, ">WORKER >LCORE >CPU STATE >POLLS >BURSTS >PACKETS >CYCLES-PER-PACKET >SLEEPS "
                     ">GENERATION +>BUSY-CYCLES PORTS");
    for (size_t i = 0; i < list->n_workers; i++) {
        const Fusuma__V1__Worker *w = list->workers[i];
        char *ports = output_list(w->ports, w->n_ports);

        columns_number(&c, w->index);
        columns_number(&c, w->lcore);
        columns_number(&c, w->cpu);
        columns_text(&c, w->sleeping ? "asleep" : "polling");
        columns_number(&c, w->polls);
        columns_number(&c, w->bursts);
        columns_number(&c, w->packets);
        if (w->packets) {
            columns_number(&c, w->busy_cycles / w->packets);
        } else {
            columns_text(&c, "");
        }
        columns_number(&c, w->sleeps);
        columns_number(&c, w->generation);
        columns_number(&c, w->busy_cycles);
        columns_text(&c, ports);
        free(ports);
    }
    columns_print(&c);
}

int
system_worker(struct ctl *ctl)
{
    Fusuma__V1__ListWorkersRequest request = FUSUMA__V1__LIST_WORKERS_REQUEST__INIT;

    return client_show(ctl, service, "ListWorkers", &request, print_workers);
}

/* Cycles a packet, by stage. */
static void
print_stages(const void *reply)
{
    const Fusuma__V1__ListWorkersResponse *list = reply;
    struct columns c;

    columns_init(&c, ">WORKER STAGE >CYCLES-PER-PACKET >SHARE");
    for (size_t i = 0; i < list->n_workers; i++) {
        const Fusuma__V1__Worker *w = list->workers[i];
        uint64_t total = 0;

        for (size_t s = 0; s < w->n_stages; s++) {
            total += w->stages[s]->cycles;
        }
        for (size_t s = 0; s < w->n_stages && w->profiled_packets; s++) {
            columns_number(&c, w->index);
            columns_text(&c, w->stages[s]->stage);
            columns_number(&c, w->stages[s]->cycles / w->profiled_packets);
            columns_format(&c, "%.1f %%",
                           100.0 * (double) w->stages[s]->cycles / (double) (total ? total : 1));
        }
    }
    columns_print(&c);
}

int
system_worker_show(struct ctl *ctl)
{
    Fusuma__V1__ListWorkersRequest request = FUSUMA__V1__LIST_WORKERS_REQUEST__INIT;

    return client_show(ctl, service, "ListWorkers", &request, print_stages);
}

static void
print_audit(const Fusuma__V1__AuditResponse *audit)
{
    struct columns c;

    columns_init(&c, "PORT >RECEIVED >ORIGINATED >FORWARDED >CONSUMED >HELD >DROPS >DIFFERENCE "
                     ">OFFERED >ACCEPTED >TX-DROPS >DIFFERENCE");
    for (size_t i = 0; i < audit->n_ports; i++) {
        const Fusuma__V1__AuditPort *p = audit->ports[i];

        columns_text(&c, p->port);
        columns_number(&c, p->received);
        columns_number(&c, p->originated);
        columns_number(&c, p->forwarded);
        columns_number(&c, p->consumed);
        columns_number(&c, p->held);
        columns_number(&c, p->drops);
        columns_format(&c, "%" PRId64, p->ingress_difference);
        columns_number(&c, p->offered);
        columns_number(&c, p->accepted);
        columns_number(&c, p->tx_drops);
        columns_format(&c, "%" PRId64, p->egress_difference);
    }
    columns_print(&c);
}

/* How many of the two equations of each port do not hold, by the differences and by the columns
 * themselves: a proof is not taken on trust. */
static size_t
count_unbalanced(const Fusuma__V1__AuditResponse *audit)
{
    size_t n = 0;

    for (size_t i = 0; i < audit->n_ports; i++) {
        const Fusuma__V1__AuditPort *p = audit->ports[i];

        n += p->ingress_difference ||
             p->received + p->originated != p->forwarded + p->consumed + p->held + p->drops;
        n += p->egress_difference || p->offered != p->accepted + p->tx_drops;
    }
    return n;
}

int
system_audit(struct ctl *ctl)
{
    Fusuma__V1__AuditRequest request = FUSUMA__V1__AUDIT_REQUEST__INIT;
    Fusuma__V1__AuditResponse *audit;
    int code = client_call(ctl, service, "Audit", &request, &audit);
    size_t unbalanced;

    if (code != CTL_OK) {
        return code;
    }
    unbalanced = count_unbalanced(audit);
    if (ctl->structured) {
        output_message(&audit->base);
    } else {
        print_audit(audit);
    }
    output_flush();
    if (unbalanced) {
        ctl_error("the ledger does not add up: %zu of %zu equations do not hold", unbalanced,
                  2 * audit->n_ports);
        code = CTL_REFUSED;
    } else if (!audit->clean) {
        ctl_error("the ledger does not add up, says the switch");
        code = CTL_REFUSED;
    } else if (!ctl->structured) {
        output_line("clean: every packet is accounted for");
    }
    client_free(audit);
    return code;
}

static void
print_connections(const Fusuma__V1__Info *i)
{
    const Fusuma__V1__ConnectionStats *s = i->connection_stats;

    output_field("Connections:", "%" PRIu32 " of %" PRIu32 "%s", i->connections, i->connections_max,
                 s && s->under_pressure ? ", under pressure" : "");
    if (s && (s->refused_full || s->refused_quota)) {
        output_field("  Refused:",
                     "%" PRIu64 " for a full table, %" PRIu64 " over a desktop's limit of %" PRIu32,
                     s->refused_full, s->refused_quota, s->port_max);
    }
}

static void
print_sets(const Fusuma__V1__Info *i)
{
    char *stale = output_list(i->stale_address_sets, i->n_stale_address_sets);

    if (i->address_sets || i->n_stale_address_sets) {
        output_field("Address sets:", "%" PRIu32 "%s%s", i->address_sets, *stale ? ", STALE: " : "",
                     stale);
    }
    free(stale);
}

static void
print_status(const void *reply)
{
    const Fusuma__V1__Info *i = reply;

    if (i->alarm[0]) {
        output_field("ALARM:", "%s", i->alarm);
    }
    output_field("Version:", "%s (%s)", i->version, i->dpdk_version);
    output_field("Process:", "%" PRIu32 ", up %" PRIu64 " s", i->pid, i->uptime_s);
    output_field("Memory:", "%s", i->hugepages ? "hugepages" : "no hugepages");
    output_field("Buffers:", "%" PRIu32 " of %" PRIu32 " in use", i->buffers_in_use, i->buffers);
    output_field("Workers:", "%" PRIu32, i->workers);
    output_field("Ports:", "%" PRIu32 ", %" PRIu32 " up, %" PRIu32 " in quarantine", i->ports,
                 i->ports_up, i->quarantined);
    print_connections(i);
    if (i->policy_digest[0]) {
        output_field("Policy:", "%" PRIu32 " rules, sha256 %s", i->rules, i->policy_digest);
    } else {
        output_field("Policy:", "none: everything is denied");
    }
    print_sets(i);
    output_field("Generation:", "%" PRIu64, i->generation);
    output_field("Drop records:", "epoch %" PRIu64 ", %s", i->drop_epoch,
                 i->drops_stored ? "stored" : "NOT STORED, only in memory");
}

int
system_status(struct ctl *ctl)
{
    Fusuma__V1__GetInfoRequest request = FUSUMA__V1__GET_INFO_REQUEST__INIT;

    return client_show(ctl, service, "GetInfo", &request, print_status);
}

/* Our own version is known without a switch, and is printed first. */
int
system_version(struct ctl *ctl)
{
    Fusuma__V1__GetInfoRequest request = FUSUMA__V1__GET_INFO_REQUEST__INIT;
    Fusuma__V1__Info *info;
    int code;

    if (!ctl->structured) {
        output_field("swctl", "%s", PACKAGE_VERSION);
        output_flush();
    }
    code = client_call(ctl, service, "GetInfo", &request, &info);
    if (code != CTL_OK) {
        return code;
    }
    if (ctl->structured) {
        json_t *both =
            json_pack("{s:s, s:o}", "swctl", PACKAGE_VERSION, "switch", proto_to_json(&info->base));

        output_value(both);
        json_decref(both);
    } else {
        output_field("vswitchd", "%s (%s)", info->version, info->dpdk_version);
    }
    client_free(info);
    return CTL_OK;
}
