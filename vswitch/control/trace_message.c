#include <config.h>

#include "control/trace_message.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>

#include "control/message.h"
#include "control/drop_message.h"
#include "packets.h"
#include "telemetry/reasons.h"
#include "util.h"

Fusuma__V1__TraceStage *
trace_add_stage(Fusuma__V1__TracePacketResponse *m, const char *stage, const char *result,
                const char *format, ...)
{
    Fusuma__V1__TraceStage *s = message_new(&fusuma__v1__trace_stage__descriptor);
    va_list args;

    s->stage = xstrdup(stage);
    s->result = xstrdup(result);
    va_start(args, format);
    s->text = xvasprintf(format, args);
    va_end(args);
    message_append(m->stages, m->n_stages, s);
    return s;
}

char *
trace_port_name(const struct control *c, uint16_t id)
{
    const struct desired_port *port = id < DP_MAX_PORTS ? c->desired.by_id[id] : NULL;

    return xstrdup(port ? port->spec->name : "a port that is gone");
}

/* ---- the packet ---- */

static void
put_endpoint(struct ds *s, const struct acl_addr *a, int port)
{
    char text[ACL_ADDR_STRLEN];
    bool v6 = !acl_addr_is_v4(a);

    acl_addr_format(a, text);
    if (port < 0) {
        ds_put_cstr(s, text);
    } else {
        ds_put_format(s, v6 ? "[%s]:%d" : "%s:%d", text, port);
    }
}

static void
put_flags(struct ds *s, uint8_t flags)
{
    static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (flags >> i & 1) {
            ds_put_format(s, " %s", names[i]);
        }
    }
}

static void
put_protocol(struct ds *s, const struct pkt *p)
{
    switch (p->protocol) {
    case IPPROTO_TCP:
        ds_put_cstr(s, "tcp ");
        break;
    case IPPROTO_UDP:
        ds_put_cstr(s, "udp ");
        break;
    case IPPROTO_ICMP:
        ds_put_format(s, "icmp/%d/%d ", p->icmp >> 8, p->icmp & 0xff);
        break;
    case IPPROTO_ICMPV6:
        ds_put_format(s, "icmpv6/%d/%d ", p->icmp >> 8, p->icmp & 0xff);
        break;
    default:
        ds_put_format(s, "ip/%d ", p->protocol);
    }
}

char *
trace_packet_text(const struct trace *t)
{
    const struct pkt *p = &t->pkt;
    bool ports = p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP;
    struct ds s = DS_EMPTY_INITIALIZER;

    if (p->flags & PKT_ARP) {
        ds_put_cstr(&s, p->arp_op == 1 ? "arp: who has " : "arp: ");
        put_endpoint(&s, p->arp_op == 1 ? &p->dst : &p->src, -1);
        if (p->arp_op == 1) {
            ds_put_cstr(&s, "? asks ");
            put_endpoint(&s, &p->src, -1);
        } else {
            ds_put_format(
                &s, " is at " ETH_ADDR_FMT,
                ETH_ADDR_BYTES_ARGS(((uint8_t[]){ p->smac >> 40, p->smac >> 32, p->smac >> 24,
                                                  p->smac >> 16, p->smac >> 8, p->smac })));
        }
    } else if (p->flags & (PKT_IP | PKT_FRAGMENT)) {
        put_protocol(&s, p);
        put_endpoint(&s, &p->src, ports && t->parsed ? p->sport : -1);
        ds_put_cstr(&s, " -> ");
        put_endpoint(&s, &p->dst, ports && t->parsed ? p->dport : -1);
        if (p->protocol == IPPROTO_TCP) {
            put_flags(&s, p->tcp.flags);
        }
    } else {
        ds_put_format(&s, "ethertype 0x%04x", p->ethertype);
    }
    return ds_steal_cstr(&s);
}

/* ---- stages ---- */

static bool
ends_in(const struct trace *t, enum trace_stage stage)
{
    return t->fate == TRACE_DROPPED && t->stage == stage;
}

static void
add_drop(Fusuma__V1__TracePacketResponse *m, const char *stage, enum drop_reason reason)
{
    trace_add_stage(m, stage, "drop", "%s: %s", drop_reason_name(reason), drop_reason_text(reason));
}

static void
add_parse(const struct trace *t, Fusuma__V1__TracePacketResponse *m)
{
    char *smac = mac_text(t->pkt.smac), *dmac = mac_text(t->pkt.dmac);

    if (ends_in(t, TRACE_PARSE)) {
        add_drop(m, "parse", t->reason);
    } else {
        trace_add_stage(m, "parse", "pass", "%s -> %s%s", smac, dmac,
                        t->pkt.flags & PKT_ARP  ? ", ARP"
                        : t->pkt.flags & PKT_V6 ? ", IPv6"
                        : t->pkt.flags & PKT_IP ? ", IPv4"
                                                : "");
    }
    if (ends_in(t, TRACE_VLAN)) {
        add_drop(m, "vlan", t->reason);
    } else if (t->parsed && t->pkt.vlan && t->pkt.vlan != VLAN_NONE) {
        trace_add_stage(m, "vlan", "pass", "VLAN %d, %s", t->pkt.vlan,
                        t->tagged ? "by its tag" : "without a tag");
    }
    free(smac);
    free(dmac);
}

/* "the port has 02:00:00:00:00:07, 10.0.0.7 and fe80::7". */
static char *
bindings_text(const struct port_leaf *from)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    char *mac = mac_text(from->mac);
    char text[ACL_ADDR_STRLEN];

    ds_put_cstr(&s, mac);
    for (uint16_t i = 0; i < from->n_addrs; i++) {
        ds_put_format(&s, "%s%s", i + 1 < from->n_addrs ? ", " : " and ",
                      acl_addr_format(&from->addrs[i], text));
    }
    free(mac);
    return ds_steal_cstr(&s);
}

static void
add_guard(const struct port_leaf *from, const struct trace *t, Fusuma__V1__TracePacketResponse *m)
{
    char *bound = bindings_text(from);

    if (ends_in(t, TRACE_GUARD) && from->role == PORT_DESKTOP) {
        trace_add_stage(m, "guard", "drop", "%s: %s; bound are %s", drop_reason_name(t->reason),
                        drop_reason_text(t->reason), bound);
    } else if (ends_in(t, TRACE_GUARD)) {
        add_drop(m, "guard", t->reason);
    } else if (from->role == PORT_DESKTOP) {
        trace_add_stage(m, "guard", "pass", "the source is bound to the port: %s", bound);
    } else {
        trace_add_stage(m, "guard", "pass", "an uplink, and no desktop's MAC");
    }
    free(bound);
    if (t->fragment) {
        trace_add_stage(m, "fragment", "note",
                        "held until its datagram is whole, which is then judged as follows");
    } else if (t->fate == TRACE_HELD && t->stage == TRACE_FRAGMENT) {
        trace_add_stage(m, "fragment", "note",
                        "held until its datagram is whole; the first fragment says what becomes of "
                        "that");
    }
}

static void
add_neighbour(const struct control *c, const struct trace *t, Fusuma__V1__TracePacketResponse *m)
{
    char *owner = t->owner ? trace_port_name(c, t->owner->port) : xstrdup("");
    char *mac = mac_text(t->owner ? t->owner->mac : 0);

    if (t->fate == TRACE_ANSWERED && !t->owner) {
        trace_add_stage(m, "neighbour", "pass",
                        "answered by the switch: it is a decoy; recorded as a probe");
    } else if (ends_in(t, TRACE_NEIGHBOUR)) {
        add_drop(m, "neighbour", t->reason);
    } else if (t->fate == TRACE_ANSWERED) {
        trace_add_stage(m, "neighbour", "pass", "answered by the switch: %s, of %s%s", mac, owner,
                        t->probe ? "; recorded as a probe, for no rule lets the port reach it"
                                 : "");
    } else if (t->fate == TRACE_CONSUMED) {
        trace_add_stage(m, "neighbour", "pass", "consumed: it is nobody else's business");
    } else {
        trace_add_stage(m, "neighbour", "pass", "goes on to where it is addressed");
    }
    free(owner);
    free(mac);
}

static void
add_connection(const struct trace *t, Fusuma__V1__TracePacketResponse *m)
{
    switch (t->tracking) {
    case TRACE_OPENS: /* once it is judged */
        break;
    case TRACE_BELONGS:
    case TRACE_RELATED:
        trace_add_stage(m, "connection", ends_in(t, TRACE_CONNECTION) ? "drop" : "pass",
                        "%s connection %" PRIu64 ", %s; from its %s%s%s",
                        t->tracking == TRACE_RELATED ? "an error about" : "belongs to", t->conn_id,
                        conn_state_name(t->conn_state),
                        t->from_responder ? "responder" : "initiator",
                        ends_in(t, TRACE_CONNECTION) ? ": " : "",
                        ends_in(t, TRACE_CONNECTION) ? drop_reason_text(t->reason) : "");
        break;
    case TRACE_REPLY:
        trace_add_stage(m, "connection", "pass", "replies to what the port it is for has asked");
        break;
    case TRACE_UNTRACKED:
    default:
        if (ends_in(t, TRACE_CONNECTION)) {
            add_drop(m, "connection", t->reason);
        }
    }
}

static bool
is_addressed(const struct trace *t)
{
    return t->judged && t->judged_now && t->tracking != TRACE_BELONGS &&
           t->tracking != TRACE_RELATED && t->tracking != TRACE_REPLY;
}

static void
add_fdb(const struct control *c, const struct trace *t, Fusuma__V1__TracePacketResponse *m)
{
    char *name = t->query.to ? trace_port_name(c, t->query.to->id) : xstrdup("");
    char *mac = mac_text(t->pkt.dmac);

    if (t->pkt.flags & PKT_GROUP) {
        trace_add_stage(m, "fdb", "pass", "%s is a group", mac);
    } else if (t->query.to) {
        trace_add_stage(m, "fdb", "pass", "%s is behind %s", mac, name);
    } else {
        trace_add_stage(m, "fdb", "pass", "%s is not known: to the uplinks", mac);
    }
    free(name);
    free(mac);
}

static void
add_output(const struct control *c, const struct trace *t, Fusuma__V1__TracePacketResponse *m)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    if (ends_in(t, TRACE_OUTPUT)) {
        add_drop(m, "output", t->reason);
        return;
    } else if (!t->n_to) {
        return;
    }
    for (uint16_t i = 0; i < t->n_to; i++) {
        char *name = trace_port_name(c, t->to[i].port);

        ds_put_format(&s, "%s%s", i ? ", " : "to ", name);
        if (t->to[i].lost != N_TX_DROP_REASONS) {
            ds_put_format(&s, " (which loses it: %s)", tx_drop_reason_name(t->to[i].lost));
        }
        free(name);
    }
    if (t->n_withheld && t->pkt.flags & PKT_GROUP) {
        ds_put_format(&s, "; not to %d more", t->n_withheld);
    }
    trace_add_stage(m, "output", "pass", "%s", ds_cstr(&s));
    ds_destroy(&s);
}

static void
add_stages(const struct control *c, const struct trace_judge *judge, const struct port_leaf *from,
           const struct trace *t, Fusuma__V1__TracePacketResponse *m)
{
    add_parse(t, m);
    if (!t->parsed) {
        return;
    }
    add_guard(from, t, m);
    if (t->pkt.flags & (PKT_ARP | PKT_ND) && t->stage != TRACE_GUARD) {
        add_neighbour(c, t, m);
    } else if (ends_in(t, TRACE_MEMBERSHIP) || ends_in(t, TRACE_DHCP)) {
        add_drop(m, t->stage == TRACE_DHCP ? "dhcp" : "membership", t->reason);
    } else if (t->fate == TRACE_HELD && t->stage == TRACE_DHCP) {
        trace_add_stage(m, "dhcp", "note", "held until what it leases is bound to the port");
    }
    add_connection(t, m);
    if (is_addressed(t)) {
        add_fdb(c, t, m);
    }
    if (t->judged) {
        trace_add_tables(c, judge, t, m);
    }
    if (t->tracking == TRACE_OPENS) {
        trace_add_stage(m, "connection", "pass", "it would open one");
    }
    add_output(c, t, m);
}

/* ---- the verdict ---- */

static const char *
verdict_name(const struct trace *t)
{
    static const char *const names[] = { [TRACE_FORWARDED] = "forwarded",
                                         [TRACE_ANSWERED] = "answered",
                                         [TRACE_CONSUMED] = "consumed",
                                         [TRACE_HELD] = "held" };

    if (t->fate == TRACE_DROPPED) {
        return t->stage == TRACE_POLICY && t->judgement.reject ? "rejected" : "dropped";
    }
    return names[t->fate];
}

static const char *
tracking_name(enum trace_tracking tracking)
{
    static const char *const names[] = { [TRACE_UNTRACKED] = "none",
                                         [TRACE_OPENS] = "opens",
                                         [TRACE_BELONGS] = "belongs",
                                         [TRACE_RELATED] = "related",
                                         [TRACE_REPLY] = "reply" };

    return names[tracking];
}

Fusuma__V1__TraceVerdict *
trace_verdict_message(const struct control *c, const struct trace_judge *judge,
                      const struct trace *t)
{
    Fusuma__V1__TraceVerdict *m = message_new(&fusuma__v1__trace_verdict__descriptor);

    m->verdict = xstrdup(verdict_name(t));
    m->connection = xstrdup(tracking_name(t->tracking));
    m->connection_id = t->conn_id;
    m->would_drop = t->fate != TRACE_DROPPED && t->judged && t->judgement.n_audits;
    if (t->fate == TRACE_DROPPED) {
        Fusuma__V1__TraceRule *rule =
            t->stage == TRACE_POLICY
                ? trace_rule_message(judge->policy, t->judgement.denial.rule_slot)
                : NULL;

        m->reason = xstrdup(drop_reason_name(t->reason));
        m->rule = xstrdup(rule ? rule->id : "");
        message_free(rule);
    }
    for (uint16_t i = 0; i < t->n_to && t->fate == TRACE_FORWARDED; i++) {
        if (t->to[i].lost == N_TX_DROP_REASONS) {
            message_append(m->to, m->n_to, trace_port_name(c, t->to[i].port));
        }
    }
    return m;
}

Fusuma__V1__TracePacketResponse *
trace_message(const struct control *c, const struct trace_judge *judge,
              const struct port_leaf *from, const struct trace *t)
{
    Fusuma__V1__TracePacketResponse *m =
        message_new(&fusuma__v1__trace_packet_response__descriptor);

    m->generation = judge->snapshot->generation;
    m->policy_digest = xstrdup(judge->policy ? judge->policy->digest : "");
    m->packet = trace_packet_text(t);
    add_stages(c, judge, from, t, m);
    m->verdict = trace_verdict_message(c, judge, t);
    return m;
}
