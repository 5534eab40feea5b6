#include <config.h>

#include "control/conn_message.h"

#include <netinet/in.h>

#include <rte_cycles.h>

#include "control/message.h"
#include "control/rpc.h"
#include "datapath/worker.h"
#include "util.h"

static const struct desired_port *
port_of(const struct control *c, const struct conn *conn, unsigned side)
{
    uint16_t id = conn->port[side];

    return id < DP_MAX_PORTS ? c->desired.by_id[id] : NULL;
}

static char *
port_name(const struct control *c, const struct conn *conn, unsigned side)
{
    const struct desired_port *port = port_of(c, conn, side);

    return xstrdup(port ? port->spec->name : "");
}

static uint64_t
ms_since(uint64_t then)
{
    uint64_t now = rte_rdtsc(); /* after 'then' was read, on whichever worker it was written */

    return now > then ? (now - then) / (rte_get_tsc_hz() / 1000) : 0;
}

static uint64_t
idle_ms(const struct conn *conn)
{
    return ms_since(MAX(conn->half[0].last_seen, conn->half[1].last_seen));
}

Fusuma__V1__Connection *
conn_message(const struct control *c, const struct conn *conn)
{
    Fusuma__V1__Connection *m = message_new(&fusuma__v1__connection__descriptor);
    unsigned src = conn->initiator & 1, dst = !src;

    m->id = conn_id(dp_connections(), conn);
    m->src_port_name = port_name(c, conn, src);
    m->dst_port_name = port_name(c, conn, dst);
    m->src_ip = addr_text(&conn->key.addr[src]);
    m->dst_ip = addr_text(&conn->key.addr[dst]);
    m->protocol = conn->key.protocol;
    m->src_port = conn->key.l4[src];
    m->dst_port = conn->key.l4[dst];
    m->state = xstrdup(conn_state_name(conn_state(conn)));
    m->packets = conn->half[src].packets;
    m->bytes = conn->half[src].bytes;
    m->reply_packets = conn->half[dst].packets;
    m->reply_bytes = conn->half[dst].bytes;
    m->idle_s = idle_ms(conn) / 1000;
    m->generation = conn->generation & ~CONN_BUSY;
    return m;
}

/* ---- one in detail ---- */

static const struct {
    uint8_t flag;
    const char *name;
} said_names[] = {
    { TCP_SAID_SYN, "syn" },
    { TCP_SAID_SYN_ACK, "syn-ack" },
    { TCP_SAID_FIN, "fin" },
    { TCP_SAID_FIN_ACK, "fin-ack" },
    { TCP_SAID_RST, "rst" },
    { TCP_SAID_NEW_SYN, "new-syn" },
    { TCP_SAID_PICKED_UP, "picked-up" },
};

static Fusuma__V1__TcpSide *
tcp_message(const struct tcp_half *h)
{
    Fusuma__V1__TcpSide *m = message_new(&fusuma__v1__tcp_side__descriptor);
    uint8_t said = h->said;

    m->first = h->first;
    m->end = h->end;
    m->acknowledged = h->ack;
    m->edge = h->edge;
    m->window = h->window;
    m->scaling = said & TCP_SAID_SYN && h->scale != TCP_NO_SCALE;
    m->scale = m->scaling ? h->scale : 0;
    for (size_t i = 0; i < ARRAY_SIZE(said_names); i++) {
        if (said & said_names[i].flag) {
            message_append(m->said, m->n_said, xstrdup(said_names[i].name));
        }
    }
    return m;
}

static Fusuma__V1__ConnectionSide *
side_message(const struct control *c, const struct conn *conn, unsigned side)
{
    Fusuma__V1__ConnectionSide *m = message_new(&fusuma__v1__connection_side__descriptor);
    const struct desired_port *port = port_of(c, conn, side);
    const struct conn_half *half = &conn->half[side];

    m->port = xstrdup(port ? port->spec->name : "");
    m->user = xstrdup(port ? port->spec->user : "");
    m->packets = half->packets;
    m->bytes = half->bytes;
    m->idle_ms = ms_since(half->last_seen);
    /* The egress table was asked about the responder, the ingress table about the initiator. */
    m->class_id = conn->class[side == conn->initiator];
    m->port_epoch = conn->epoch[side];
    if (conn->key.protocol == IPPROTO_TCP) {
        m->tcp = tcp_message(&half->tcp);
    }
    return m;
}

static char *
rule_name(const struct control *c, uint32_t slot)
{
    const char *id = slots_rule_id(&c->slots, slot);

    return xstrdup(id ? id : "");
}

Fusuma__V1__ConnectionDetail *
conn_detail_message(const struct control *c, const struct conn *conn)
{
    Fusuma__V1__ConnectionDetail *m = message_new(&fusuma__v1__connection_detail__descriptor);
    uint64_t left_ms, idle = idle_ms(conn);

    m->connection = conn_message(c, conn);
    m->vlan = conn->key.vlan;
    m->age_ms = ms_since(conn->opened);
    m->source = side_message(c, conn, conn->initiator & 1);
    m->destination = side_message(c, conn, !conn->initiator);
    m->egress_rule = rule_name(c, conn->rule_slot[ACL_EGRESS]);
    m->ingress_rule = rule_name(c, conn->rule_slot[ACL_INGRESS]);
    m->generation_in_force = c->publisher.generation;
    m->timeout_s = conn_timeout_s(conn_state(conn), conn_under_pressure(dp_connections()));
    left_ms = m->timeout_s * UINT64_C(1000);
    m->expires_in_ms = left_ms > idle ? left_ms - idle : 0;
    return m;
}

/* ---- the table ---- */

static Fusuma__V1__ConnectionStateCount *
state_message(enum conn_state state, uint32_t entries)
{
    Fusuma__V1__ConnectionStateCount *m =
        message_new(&fusuma__v1__connection_state_count__descriptor);

    m->state = xstrdup(conn_state_name(state));
    m->entries = entries;
    m->timeout_s = conn_timeout_s(state, false);
    m->short_timeout_s = conn_timeout_s(state, true);
    return m;
}

static void
add_port(Fusuma__V1__ConnectionStats *m, const struct desired_port *port, bool list)
{
    struct ledger_page page = port_ledger(port);
    Fusuma__V1__PortConnections *p;

    m->refused_full += page.drops[DROP_CONN_FULL];
    m->refused_quota += page.drops[DROP_CONN_QUOTA];
    if (!list) {
        return;
    }
    p = message_new(&fusuma__v1__port_connections__descriptor);
    p->port = xstrdup(port->spec->name);
    p->open = conn_table_of_port(dp_connections(), port->id);
    p->max = port->role == PORT_DESKTOP ? dp_max_port_connections() : 0;
    p->refused_full = page.drops[DROP_CONN_FULL];
    p->refused_quota = page.drops[DROP_CONN_QUOTA];
    message_append(m->ports, m->n_ports, p);
}

Fusuma__V1__ConnectionStats *
conn_stats_message(const struct control *c, bool ports)
{
    Fusuma__V1__ConnectionStats *m = message_new(&fusuma__v1__connection_stats__descriptor);
    const struct shash_node **nodes = shash_sort(&c->desired.ports);
    const struct conn_table *t = dp_connections();
    struct conn_stats stats;

    conn_table_stats(t, &stats);
    m->max = conn_table_max(t);
    m->live = conn_table_count(t);
    m->bytes_per_entry = sizeof(struct conn);
    m->table_bytes = conn_table_bytes(t);
    for (int i = 0; i < CONN_N_STATES; i++) {
        message_append(m->states, m->n_states, state_message(i, stats.states[i]));
    }
    m->tentative = stats.tentative;
    m->unburied = stats.unburied;
    m->under_pressure = conn_under_pressure(t);
    m->evicted = stats.evicted;
    m->expired = stats.expired;
    m->picks_up_midstream = dp_picks_up_midstream();
    m->port_max = dp_max_port_connections();
    for (size_t i = 0; i < shash_count(&c->desired.ports); i++) {
        add_port(m, nodes[i]->data, ports);
    }
    free(nodes);
    return m;
}
