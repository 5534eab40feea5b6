/* What the drop stream says. */
#include <config.h>

#include "ctl/relay/ecs_priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "ctl/relay/clock.h"
#include "ctl/relay/community_id.h"
#include "util.h"

/* Of every kind of frame there is that has such a name. */
static const char *
network_type(uint32_t ethertype)
{
    return ethertype == 0x0800 ? "ipv4" : ethertype == 0x86dd ? "ipv6" : NULL;
}

static const char *
transport(uint32_t protocol)
{
    switch (protocol) {
    case IPPROTO_TCP:
        return "tcp";
    case IPPROTO_UDP:
        return "udp";
    case IPPROTO_ICMP:
        return "icmp";
    case IPPROTO_ICMPV6:
        return "ipv6-icmp";
    case IPPROTO_SCTP:
        return "sctp";
    default:
        return NULL;
    }
}

/* As the schema wants them, after RFC 7042: "02-00-00-00-00-0A". */
static void
put_mac(json_t *root, const char *path, const char *mac)
{
    char *copy = xstrdup(mac);

    for (char *c = copy; *c; c++) {
        *c = *c == ':' ? '-' : (char) toupper((unsigned char) *c);
    }
    ecs_text(root, path, copy);
    free(copy);
}

/* Whoever it may have been: each is a candidate. */
static void
put_users(json_t *root, const char *path, const char *user, Fusuma__V1__SessionRef *const *sessions,
          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ecs_add(root, "related.user", sessions[i]->user);
        if (n > 1) {
            ecs_add(root, path, sessions[i]->user);
        }
    }
    if (n <= 1) {
        ecs_text(root, path, n ? sessions[0]->user : user);
        ecs_add(root, "related.user", n ? sessions[0]->user : user);
    }
}

static void
put_sessions(json_t *root, const char *path, Fusuma__V1__SessionRef *const *sessions, size_t n)
{
    json_t *ids = n ? json_array() : NULL;

    for (size_t i = 0; i < n; i++) {
        json_array_append_new(ids, json_integer((json_int_t) sessions[i]->id));
    }
    ecs_put(root, path, ids);
}

static void
put_ends(json_t *root, const Fusuma__V1__DropRecord *r)
{
    bool ports = r->protocol == IPPROTO_TCP || r->protocol == IPPROTO_UDP;

    ecs_text(root, "source.ip", r->src_ip);
    ecs_text(root, "source.address", r->src_ip[0] ? r->src_ip : r->src_mac);
    put_mac(root, "source.mac", r->src_mac);
    ecs_text(root, "destination.ip", r->dst_ip);
    ecs_text(root, "destination.address", r->dst_ip[0] ? r->dst_ip : r->dst_mac);
    put_mac(root, "destination.mac", r->dst_mac);
    if (ports) {
        ecs_number(root, "source.port", r->src_port);
        ecs_number(root, "destination.port", r->dst_port);
    }
    ecs_number(root, "source.packets", r->count);
    put_users(root, "source.user.name", r->user, r->sessions, r->n_sessions);
    put_users(root, "user.name", r->user, r->sessions, r->n_sessions);
    put_users(root, "destination.user.name", r->peer_user, r->peer_sessions, r->n_peer_sessions);
    ecs_add(root, "related.ip", r->src_ip);
    ecs_add(root, "related.ip", r->dst_ip);
    ecs_add(root, "related.hosts", r->port);
    ecs_add(root, "related.hosts", r->peer_port);
    ecs_text(root, "observer.ingress.interface.name", r->port);
    ecs_text(root, "observer.egress.interface.name", r->peer_port);
}

static void
put_network(json_t *root, const Fusuma__V1__DropRecord *r)
{
    bool icmp = r->protocol == IPPROTO_ICMP || r->protocol == IPPROTO_ICMPV6;
    const char *name = strchr(r->service, ' ');
    char id[COMMUNITY_ID_SIZE];

    ecs_text(root, "network.type", network_type(r->ethertype));
    if (r->src_ip[0] && network_type(r->ethertype)) {
        ecs_text(root, "network.transport", transport(r->protocol));
        ecs_put(root, "network.iana_number", json_sprintf("%" PRIu32, r->protocol));
        if (community_id(r->src_ip, r->dst_ip, (uint8_t) r->protocol,
                         (uint16_t) (icmp ? r->icmp_type : r->src_port),
                         (uint16_t) (icmp ? r->icmp_code : r->dst_port), id)) {
            ecs_text(root, "network.community_id", id);
        }
        if (icmp) {
            ecs_number(root, "fusuma.icmp.type", r->icmp_type);
            ecs_number(root, "fusuma.icmp.code", r->icmp_code);
        }
    }
    ecs_text(root, "network.protocol", name ? name + 1 : NULL);
    if (r->vlan) {
        ecs_put(root, "network.vlan.id", json_sprintf("%" PRIu32, r->vlan));
    }
}

static void
put_packet(json_t *root, const Fusuma__V1__DropRecord *r)
{
    unsigned char *text = xmalloc(4 * ((r->packet.len + 2) / 3) + 1);

    EVP_EncodeBlock(text, r->packet.data, (int) r->packet.len);
    ecs_text(root, "fusuma.packet", (char *) text);
    free(text);
}

static void
put_rest(json_t *root, const Fusuma__V1__DropRecord *r)
{
    ecs_text(root, "event.code", r->reason);
    ecs_text(root, "rule.id", r->rule);
    ecs_number(root, "fusuma.epoch", r->cursor->epoch);
    ecs_number(root, "fusuma.n", r->cursor->n);
    ecs_text(root, "fusuma.reason", r->reason);
    ecs_text(root, "fusuma.service", r->service);
    ecs_text(root, "fusuma.log_class", r->log_class);
    ecs_put(root, "fusuma.repeat", json_boolean(r->repeat));
    ecs_number(root, "fusuma.packet_length", r->packet_length);
    ecs_number(root, "fusuma.ethertype", r->ethertype);
    ecs_number(root, "fusuma.generation", r->generation);
    put_sessions(root, "fusuma.sessions", r->sessions, r->n_sessions);
    put_sessions(root, "fusuma.peer_sessions", r->peer_sessions, r->n_peer_sessions);
    put_packet(root, r);
}

/* A stream without cursors would be no stream; one that has none is at the beginning. */
static void
set_position(struct relay_event *e, const Fusuma__V1__Cursor *c)
{
    e->at.drop.epoch = c ? c->epoch : 0;
    e->at.drop.n = c ? c->n : 0;
    e->id = xasprintf("%" PRIu64 "-%" PRIu64, e->at.drop.epoch, e->at.drop.n);
}

static void
end_drop(struct relay_event *e, json_t *root, const Fusuma__V1__DropRecord *r, const char *done)
{
    ecs_end(e, root, "%s on %s%s%s%s: %s to %s, %s, %s%s%s%s, %" PRIu32 " packet%s", done, r->port,
            r->user[0] ? " (" : "", r->user, r->user[0] ? ")" : "",
            r->src_ip[0] ? r->src_ip : r->src_mac, r->dst_ip[0] ? r->dst_ip : r->dst_mac,
            r->service, r->reason, r->rule[0] ? " (rule " : "", r->rule, r->rule[0] ? ")" : "",
            r->count, r->count == 1 ? "" : "s");
}

struct relay_event *
ecs_drop(const Fusuma__V1__DropRecord *r, const struct relay_observer *observer)
{
    struct relay_event *e = relay_event_new(RELAY_DROPS);
    bool passed = !strcmp(r->reason, "would-drop") || !strcmp(r->reason, "probe");
    bool alert = !strcmp(r->log_class, "incident");
    json_t *root;

    set_position(e, r->cursor);
    e->action = !passed ? "denied" : r->reason[0] == 'p' ? "probe" : "would-drop";
    e->severity = alert ? RELAY_MEDIUM : passed && r->reason[0] == 'w' ? RELAY_INFO : RELAY_LOW;
    e->time_ns = ecs_ns(r->time);
    root = ecs_begin(e, alert ? "alert" : "event", "network",
                     passed ? "connection allowed" : "connection denied", observer);
    ecs_text(root, "event.outcome", passed ? "success" : "failure");
    ecs_number(root, "event.sequence", e->at.drop.n);
    put_ends(root, r);
    put_network(root, r);
    if (r->cursor) {
        put_rest(root, r);
    }
    end_drop(e, root, r, e->action);
    return e;
}

struct relay_event *
ecs_unsaid(const Fusuma__V1__Unsaid *u, const struct relay_observer *observer)
{
    struct relay_event *e = relay_event_new(RELAY_DROPS);
    json_t *root;

    set_position(e, u->cursor);
    e->action = "denied-without-record";
    e->severity = RELAY_LOW;
    e->time_ns = relay_wall_ns();
    root = ecs_begin(e, "event", "network", "denied", observer);
    ecs_number(root, "event.sequence", e->at.drop.n);
    ecs_text(root, "event.code", u->reason);
    ecs_text(root, "observer.ingress.interface.name", u->port);
    ecs_add(root, "related.hosts", u->port);
    ecs_number(root, "fusuma.epoch", e->at.drop.epoch);
    ecs_number(root, "fusuma.n", e->at.drop.n);
    ecs_text(root, "fusuma.reason", u->reason);
    ecs_number(root, "fusuma.suppressed", u->suppressed);
    ecs_number(root, "fusuma.lost", u->lost);
    ecs_end(e, root,
            "%s: so far %" PRIu64 " packets denied by %s have no record of their own (%" PRIu64
            " suppressed, %" PRIu64 " lost)",
            u->port[0] ? u->port : "all ports", u->suppressed + u->lost,
            u->reason[0] ? u->reason : "any reason", u->suppressed, u->lost);
    return e;
}

/* Whose the records were that were told already; who keeps them puts them right. */
struct relay_event *
ecs_correction(const Fusuma__V1__Correction *c, const struct relay_observer *observer)
{
    struct relay_event *e = relay_event_new(RELAY_DROPS);
    char *from = ecs_time(c->from), *to = ecs_time(c->to);
    const char *user = c->session ? c->session->user : "";
    json_t *root;

    set_position(e, c->cursor);
    e->action = c->withdrawn ? "session-withdrawn" : "session-added";
    e->severity = RELAY_LOW;
    e->time_ns = relay_wall_ns();
    root = ecs_begin(e, "event", "network session", "info", observer);
    ecs_number(root, "event.sequence", e->at.drop.n);
    ecs_text(root, "event.start", from);
    ecs_text(root, "event.end", to);
    ecs_text(root, "observer.ingress.interface.name", c->port);
    ecs_add(root, "related.hosts", c->port);
    ecs_text(root, "user.name", user);
    ecs_add(root, "related.user", user);
    ecs_number(root, "fusuma.epoch", e->at.drop.epoch);
    ecs_number(root, "fusuma.n", e->at.drop.n);
    put_sessions(root, "fusuma.sessions", &c->session, c->session ? 1 : 0);
    ecs_end(e, root, "%s: drops from %s to %s were %s%s's", c->port, from ? from : "the beginning",
            to ? to : "now", c->withdrawn ? "not " : "", user);
    free(from);
    free(to);
    return e;
}

struct relay_event *
ecs_gap(const Fusuma__V1__Gap *g, const struct relay_observer *observer)
{
    struct relay_event *e = relay_event_new(RELAY_DROPS);
    uint64_t epoch = g->first ? g->first->epoch : 0, n = g->first ? g->first->n : 0;
    json_t *root;

    set_position(e, g->last);
    free(e->id);
    e->id = xasprintf("gap-%" PRIu64 "-%" PRIu64 "-%" PRIu64 "-%" PRIu64, epoch, n,
                      e->at.drop.epoch, e->at.drop.n);
    e->at.drop.gap = true;
    e->at.drop.missing = g->events;
    e->action = "events-missing";
    e->severity = RELAY_MEDIUM;
    e->time_ns = relay_wall_ns();
    root = ecs_begin(e, "event", "network", "info", observer);
    ecs_text(root, "event.outcome", "unknown");
    ecs_number(root, "fusuma.gap.first.epoch", epoch);
    ecs_number(root, "fusuma.gap.first.n", n);
    ecs_number(root, "fusuma.gap.last.epoch", e->at.drop.epoch);
    ecs_number(root, "fusuma.gap.last.n", e->at.drop.n);
    ecs_number(root, "fusuma.gap.events", g->events);
    if (g->events) {
        ecs_end(e, root, "%" PRIu64 " drop events up to %" PRIu64 " are missing here", g->events,
                e->at.drop.n);
    } else {
        ecs_end(e, root, "drop events up to %" PRIu64 " may be missing here: nobody knows how many",
                e->at.drop.n);
    }
    return e;
}
