#include <config.h>

#include "control/metrics_write.h"

#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include "acl/format.h"
#include "control/metrics_text.h"
#include "control/slots.h"
#include "datapath/worker.h"
#include "openvswitch/dynamic-string.h"
#include "telemetry/drop_log.h"
#include "util.h"

/* Everybody who can connect reads this, and Prometheus keeps it for long: labels are names of
 * ports, rules, reasons and the like.  No user, no address, no session. */

/* ---- the process ---- */

static void
put_process(struct ds *s, const struct metrics_copy *m)
{
    metrics_family(s, "fusuma_build_info", METRICS_GAUGE, "Always 1; what runs.");
    metrics_sample(s, "fusuma_build_info",
                   METRICS_LABELS("version", PACKAGE_VERSION, "dpdk", rte_version()), 1);
    metrics_family(s, "process_start_time_seconds", METRICS_GAUGE,
                   "When the switch started, Unix time.");
    metrics_sample_seconds(s, "process_start_time_seconds", NULL, m->started_us / 1e6);
    metrics_one(s, "fusuma_state_alarm", METRICS_GAUGE,
                "1: the state is not what it was, see 'swctl status'; what is missing is denied.",
                m->alarm);
    metrics_one(s, "fusuma_sessions_open", METRICS_GAUGE,
                "Sessions that brokers have told and that have not ended.", m->sessions_open);
    metrics_one(s, "fusuma_buffers", METRICS_GAUGE, "Packet buffers that there are.", m->buffers);
    metrics_one(s, "fusuma_buffers_in_use", METRICS_GAUGE, "Packet buffers that are in use.",
                m->buffers_in_use);
}

/* ---- ports ---- */

/* What a port has counted, since it was opened. */
struct account {
    const struct metrics_port *port;
    struct ledger_page page;
};

static struct ledger_page
page_of(const struct metrics_port *port)
{
    struct ledger_page sum = { .received = 0 };

    for (uint32_t i = 0; port->open && i < dp_n_workers(); i++) {
        struct ledger_page page;

        ledger_read(dp_ledger(i), port->id, &page);
        ledger_page_add(&sum, &page);
    }
    if (port->open) {
        ledger_page_subtract(&sum, &port->base);
    }
    return sum;
}

static const struct {
    const char *name, *help;
    size_t offset; /* in the page */
    enum metrics_type type;
} columns[] = {
#define COUNTER(NAME, FIELD, HELP)                                                                 \
    {                                                                                              \
        "fusuma_port_" NAME "_total", HELP, offsetof(struct ledger_page, FIELD), METRICS_COUNTER   \
    }
    COUNTER("received_packets", received, "Packets that the port took in."),
    COUNTER("received_bytes", received_bytes, "Bytes of those."),
    COUNTER("originated_packets", originated, "Packets that the switch made for the port's sake."),
    COUNTER("forwarded_packets", forwarded, "Packets that went on, each once however many copies."),
    COUNTER("consumed_packets", consumed, "Packets that the switch answered or kept itself."),
    COUNTER("probes", probes, "ARP and ND requests for peers that no rule lets the port reach."),
    COUNTER("would_drop_packets", would_drop, "Packets that only audit mode has let through."),
    COUNTER("macs_refused", macs_refused, "Packets of stations beyond what the port may have."),
    COUNTER("groups_refused", groups_refused, "Joins of groups beyond what the port may have."),
    COUNTER("offered_packets", offered, "Packets that were to go out by the port."),
    COUNTER("sent_packets", accepted, "Packets that went out by the port."),
    COUNTER("sent_bytes", accepted_bytes, "Bytes of those."),
#undef COUNTER
    { "fusuma_port_held_packets", "Packets that wait for a lease or for further fragments.",
      offsetof(struct ledger_page, held), METRICS_GAUGE },
};

static void
put_columns(struct ds *s, const struct account *accounts, size_t n)
{
    for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
        metrics_family(s, columns[c].name, columns[c].type, columns[c].help);
        for (size_t i = 0; i < n; i++) {
            const char *page = (const char *) &accounts[i].page;

            metrics_sample(s, columns[c].name, METRICS_LABELS("port", accounts[i].port->name),
                           *(const uint64_t *) (page + columns[c].offset));
        }
    }
}

/* Of the many reasons only those that there were; the sums are there from the start. */
static void
put_drops(struct ds *s, const struct account *accounts, size_t n)
{
    const char *name = "fusuma_port_dropped_packets_total";

    metrics_family(s, name, METRICS_COUNTER, "Packets of the port that were dropped.");
    for (size_t i = 0; i < n; i++) {
        metrics_sample(s, name, METRICS_LABELS("port", accounts[i].port->name),
                       ledger_page_drops(&accounts[i].page));
    }
    name = "fusuma_port_dropped_by_reason_packets_total";
    metrics_family(s, name, METRICS_COUNTER,
                   "... by reason; reasons that there were none of are left out.");
    for (size_t i = 0; i < n; i++) {
        for (int r = 0; r < N_DROP_REASONS; r++) {
            if (accounts[i].page.drops[r]) {
                metrics_sample(
                    s, name,
                    METRICS_LABELS("port", accounts[i].port->name, "reason", drop_reason_name(r)),
                    accounts[i].page.drops[r]);
            }
        }
    }
    name = "fusuma_port_tx_dropped_packets_total";
    metrics_family(s, name, METRICS_COUNTER, "Packets that the port could not send, by reason.");
    for (size_t i = 0; i < n; i++) {
        for (int r = 0; r < N_TX_DROP_REASONS; r++) {
            metrics_sample(
                s, name,
                METRICS_LABELS("port", accounts[i].port->name, "reason", tx_drop_reason_name(r)),
                accounts[i].page.tx_drops[r]);
        }
    }
}

static void
put_port_states(struct ds *s, const struct metrics_copy *m)
{
    metrics_family(s, "fusuma_port_up", METRICS_GAUGE, "Whether the port is connected.");
    for (size_t i = 0; i < m->n_ports; i++) {
        const struct metrics_port *p = &m->ports[i];

        metrics_sample(s, "fusuma_port_up",
                       METRICS_LABELS("port", p->name, "role", p->desktop ? "desktop" : "uplink"),
                       p->up);
    }
    metrics_family(s, "fusuma_port_quarantined", METRICS_GAUGE, "Whether the port is cut off.");
    for (size_t i = 0; i < m->n_ports; i++) {
        metrics_sample(s, "fusuma_port_quarantined", METRICS_LABELS("port", m->ports[i].name),
                       m->ports[i].quarantined);
    }
    metrics_family(s, "fusuma_port_rx_lost_packets_total", METRICS_COUNTER,
                   "Packets that were lost before the switch saw them.");
    for (size_t i = 0; i < m->n_ports; i++) {
        metrics_sample(s, "fusuma_port_rx_lost_packets_total",
                       METRICS_LABELS("port", m->ports[i].name), m->ports[i].lost);
    }
    metrics_family(s, "fusuma_port_connections", METRICS_GAUGE, "Connections that it has open.");
    for (size_t i = 0; i < m->n_ports; i++) {
        metrics_sample(s, "fusuma_port_connections", METRICS_LABELS("port", m->ports[i].name),
                       conn_table_of_port(dp_connections(), m->ports[i].id));
    }
    metrics_family(s, "fusuma_port_connections_limit", METRICS_GAUGE,
                   "Connections that the desktop may have open.");
    for (size_t i = 0; i < m->n_ports; i++) {
        if (m->ports[i].desktop) {
            metrics_sample(s, "fusuma_port_connections_limit",
                           METRICS_LABELS("port", m->ports[i].name), dp_max_port_connections());
        }
    }
}

static void
put_ports(struct ds *s, const struct metrics_copy *m)
{
    struct account *accounts = xcalloc(m->n_ports, sizeof *accounts);

    for (size_t i = 0; i < m->n_ports; i++) {
        accounts[i] = (struct account){ &m->ports[i], page_of(&m->ports[i]) };
    }
    put_port_states(s, m);
    put_columns(s, accounts, m->n_ports);
    put_drops(s, accounts, m->n_ports);
    free(accounts);
}

/* ---- workers ---- */

static void
put_workers(struct ds *s, const struct metrics_copy *m OVS_UNUSED)
{
    uint32_t n = dp_n_workers();
    struct dp_worker_stats stats[DP_MAX_WORKERS];
    char names[DP_MAX_WORKERS][12];

    for (uint32_t i = 0; i < n; i++) {
        dp_worker_stats(i, &stats[i]);
        snprintf(names[i], sizeof names[i], "%u", i);
    }
    metrics_family(s, "fusuma_worker_busy_seconds_total", METRICS_COUNTER,
                   "Time that the worker spent on packets; its rate is the busy share.");
    for (uint32_t i = 0; i < n; i++) {
        metrics_sample_seconds(s, "fusuma_worker_busy_seconds_total",
                               METRICS_LABELS("worker", names[i]),
                               (double) stats[i].busy_cycles / rte_get_tsc_hz());
    }
#define FAMILY(NAME, FIELD, TYPE, HELP)                                                            \
    metrics_family(s, NAME, TYPE, HELP);                                                           \
    for (uint32_t i = 0; i < n; i++) {                                                             \
        metrics_sample(s, NAME, METRICS_LABELS("worker", names[i]), stats[i].FIELD);               \
    }
    FAMILY("fusuma_worker_polls_total", polls, METRICS_COUNTER, "Rounds over its ports.")
    FAMILY("fusuma_worker_bursts_total", bursts, METRICS_COUNTER, "Rounds that had packets.")
    FAMILY("fusuma_worker_packets_total", packets, METRICS_COUNTER, "Packets that it took in.")
    FAMILY("fusuma_worker_sleeps_total", sleeps, METRICS_COUNTER, "How often it fell asleep.")
    FAMILY("fusuma_worker_generation", generation, METRICS_GAUGE, "Snapshot that it judges by.")
#undef FAMILY
}

/* ---- connections ---- */

static void
put_connections(struct ds *s, const struct metrics_copy *m OVS_UNUSED)
{
    struct conn_stats stats;

    conn_table_stats(dp_connections(), &stats);
    metrics_one(s, "fusuma_connections", METRICS_GAUGE, "Connections in the table.",
                conn_table_count(dp_connections()));
    metrics_one(s, "fusuma_connections_limit", METRICS_GAUGE, "Connections that it has room for.",
                conn_table_max(dp_connections()));
    metrics_one(s, "fusuma_connections_evicted_total", METRICS_COUNTER,
                "Closed ones that made room before their time.", stats.evicted);
    metrics_one(s, "fusuma_connections_expired_total", METRICS_COUNTER,
                "Those that went without a packet for their time.", stats.expired);
}

/* ---- the drop log ---- */

static void
put_unsaid(struct ds *s)
{
    uint64_t suppressed = 0, lost = 0;

    for (uint32_t w = 0; w < dp_n_workers(); w++) {
        const struct drop_unsaid *unsaid = dp_drop_unsaid(w);

        for (size_t i = 0; i < (size_t) DP_MAX_PORTS * N_DROP_REASONS; i++) {
            suppressed += atomic_load_explicit(&unsaid[i].suppressed, memory_order_relaxed);
            lost += atomic_load_explicit(&unsaid[i].lost, memory_order_relaxed);
        }
    }
    metrics_one(s, "fusuma_drop_records_suppressed_packets_total", METRICS_COUNTER,
                "Packets without a record: over the port's budget, or of log class none.",
                suppressed);
    metrics_one(s, "fusuma_drop_records_lost_packets_total", METRICS_COUNTER,
                "Packets whose record found no room in its ring.", lost);
}

static void
put_drop_log(struct ds *s, const struct metrics_copy *m OVS_UNUSED)
{
    struct drop_log_counts counts;

    drop_log_counts(&counts);
    metrics_family(s, "fusuma_drop_records_total", METRICS_COUNTER,
                   "Drop records since the epoch began, by log class.");
    for (int i = ACL_LOG_INCIDENT; i <= ACL_LOG_RECORD; i++) {
        metrics_sample(s, "fusuma_drop_records_total", METRICS_LABELS("log", acl_log_name(i)),
                       counts.records[i]);
    }
    metrics_family(s, "fusuma_drop_records_packets_total", METRICS_COUNTER,
                   "Packets that they stand for.");
    for (int i = ACL_LOG_INCIDENT; i <= ACL_LOG_RECORD; i++) {
        metrics_sample(s, "fusuma_drop_records_packets_total",
                       METRICS_LABELS("log", acl_log_name(i)), counts.packets[i]);
    }
    put_unsaid(s);
    metrics_one(s, "fusuma_drop_log_newest", METRICS_GAUGE,
                "n of the newest event, which goes on over restarts.", drop_log_newest().n);
    metrics_family(s, "fusuma_drop_log_epoch_start_time_seconds", METRICS_GAUGE,
                   "When the present epoch began, Unix time.");
    metrics_sample_seconds(s, "fusuma_drop_log_epoch_start_time_seconds", NULL,
                           m->started_us / 1e6);
    metrics_one(s, "fusuma_drop_log_storing", METRICS_GAUGE,
                "Whether the disk takes drop records; 0: they are in memory only.",
                drop_log_storing());
}

/* ---- the policy ---- */

static void
put_policy(struct ds *s, const struct metrics_copy *m)
{
    metrics_one(s, "fusuma_generation", METRICS_GAUGE, "Snapshot in force.", m->generation);
    metrics_one(s, "fusuma_policy_generation", METRICS_GAUGE,
                "Snapshot in which the policy came into force; 0: there is none.",
                m->rules->generation);
    metrics_one(s, "fusuma_policy_version", METRICS_GAUGE, "Its version; 0: there is none.",
                m->policy_version);
    metrics_one(s, "fusuma_policy_rules", METRICS_GAUGE, "Rules that it has.", m->policy_rules);
    metrics_one(s, "fusuma_policy_unconfirmed", METRICS_GAUGE,
                "1: the switch goes back by itself unless it is confirmed.", m->policy_unconfirmed);
}

static void
put_rules(struct ds *s, const struct metrics_copy *m)
{
    const struct metrics_rules *rules = m->rules;
    struct ledger_rule_hits *hits = xcalloc(rules->n, sizeof *hits);

    for (size_t i = 0; i < rules->n; i++) {
        hits[i] = slots_total(rules->rules[i].slot);
        hits[i].packets -= rules->rules[i].base.packets;
        hits[i].bytes -= rules->rules[i].base.bytes;
    }
#define FAMILY(NAME, FIELD, HELP)                                                                  \
    metrics_family(s, NAME, METRICS_COUNTER, HELP);                                                \
    for (size_t i = 0; i < rules->n; i++) {                                                        \
        const struct metrics_rule *r = &rules->rules[i];                                           \
        metrics_sample(                                                                            \
            s, NAME, METRICS_LABELS("rule", r->id, "direction", acl_direction_name(r->direction)), \
            hits[i].FIELD);                                                                        \
    }
    FAMILY("fusuma_rule_packets_total", packets, "Packets that the rule has decided.")
    FAMILY("fusuma_rule_bytes_total", bytes, "Bytes of those.")
#undef FAMILY
    metrics_one(s, "fusuma_rules_left_out", METRICS_GAUGE,
                "Rules beyond the 5,000 that are told one by one.", rules->n_left_out);
    free(hits);
}

/* ---- incidents ---- */

static void
put_incidents(struct ds *s, const struct metrics_copy *m)
{
    static const char *const kinds[INCIDENT_KINDS] = { "",      "probe", "port-scan",
                                                       "sweep", "worm",  "flood" };

    metrics_family(s, "fusuma_incidents_open", METRICS_GAUGE,
                   "Desktops that looked around, and what nobody has closed yet.");
    for (int kind = 1; kind < INCIDENT_KINDS; kind++) {
        for (int severity = 1; severity < INCIDENT_SEVERITIES; severity++) {
            metrics_sample(s, "fusuma_incidents_open",
                           METRICS_LABELS("kind", kinds[kind], "severity",
                                          acl_threat_name((enum acl_threat) severity)),
                           m->incidents.open[kind][severity]);
        }
    }
    metrics_one(s, "fusuma_incidents_total", METRICS_COUNTER, "All that ever were opened.",
                m->incidents.total);
}

/* ---- all of it ---- */

static void (*const parts[])(struct ds *, const struct metrics_copy *) = {
    put_process,  put_ports,  put_workers, put_connections,
    put_drop_log, put_policy, put_rules,   put_incidents,
};

char *
metrics_write(const struct metrics_copy *m)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        parts[i](&s, m);
    }
    return ds_steal_cstr(&s);
}
