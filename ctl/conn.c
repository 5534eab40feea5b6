/* swctl conn: connections, by page, one by one, and ended. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/commands.h"
#include "ctl/conn_filter.h"
#include "ctl/output.h"
#include "fusuma/v1/conn.pb-c.h"
#include "util.h"

static const ProtobufCServiceDescriptor *const service = &fusuma__v1__conn_service__descriptor;

#define PAGE 1000 /* connections that are asked for, and printed, at once */

/* ---- list ---- */

static void
add_connection(struct columns *c, const Fusuma__V1__Connection *conn)
{
    char *protocol = output_protocol(conn->protocol);
    char *src = output_endpoint(conn->src_ip, conn->protocol, conn->src_port);
    char *dst = output_endpoint(conn->dst_ip, conn->protocol, conn->dst_port);

    columns_number(c, conn->id);
    columns_text(c, conn->src_port_name);
    columns_text(c, conn->dst_port_name);
    columns_text(c, protocol);
    columns_text(c, src);
    columns_text(c, dst);
    columns_text(c, conn->state);
    columns_number(c, conn->packets);
    columns_number(c, conn->bytes);
    columns_number(c, conn->reply_packets);
    columns_number(c, conn->reply_bytes);
    columns_format(c, "%" PRIu32 " s", conn->idle_s);
    columns_number(c, conn->generation);
    free(dst);
    free(src);
    free(protocol);
}

/* What is printed: pages of the switch have few rows when the filter is narrow, those of the screen
 * are full. */
struct listing {
    bool structured;
    struct columns columns;
    uint32_t n_rows, n_printed;
};

static void
listing_begin(struct listing *l)
{
    columns_init(&l->columns, ">ID FROM TO PROTO SOURCE DESTINATION STATE >PACKETS >BYTES "
                              ">REPLIES >REPLY-BYTES >IDLE +>GENERATION");
    l->n_rows = 0;
}

static void
listing_end(struct listing *l)
{
    if (!l->structured) {
        columns_print(&l->columns);
    }
}

static void
listing_add(struct listing *l, const Fusuma__V1__Connection *conn)
{
    l->n_printed++;
    if (l->structured) {
        output_event(&conn->base);
        return;
    }
    if (l->n_rows == PAGE) {
        listing_end(l);
        listing_begin(l);
    }
    l->n_rows++;
    add_connection(&l->columns, conn);
}

/* Pages until there are 'limit'; then only counts. */
static int
list_pages(struct ctl *ctl, Fusuma__V1__ListConnectionsRequest *request, uint32_t limit,
           struct listing *l, uint64_t *totalp)
{
    *totalp = 0;
    do {
        Fusuma__V1__ListConnectionsResponse *page;
        int code;

        request->limit = MIN(limit - l->n_printed, PAGE);
        request->count_only = l->n_printed == limit;
        code = client_call(ctl, service, "ListConnections", request, &page);
        if (code != CTL_OK) {
            return code;
        }
        for (size_t i = 0; i < page->n_connections; i++) {
            listing_add(l, page->connections[i]);
        }
        *totalp += page->selected;
        request->cursor = page->next;
        client_free(page);
        if (!output_flush()) {
            return CTL_REFUSED;
        }
    } while (request->cursor);
    return CTL_OK;
}

int
conn_list(struct ctl *ctl)
{
    Fusuma__V1__ListConnectionsRequest request = FUSUMA__V1__LIST_CONNECTIONS_REQUEST__INIT;
    Fusuma__V1__ConnectionFilter filter;
    struct listing l = { .structured = ctl->structured };
    uint32_t limit = PAGE;
    uint64_t total;
    int code;

    if (!args_number(ctl->args, OPT_LIMIT, 1, UINT32_MAX, &limit) ||
        !conn_filter_from_args(ctl->args, "conn list", &filter)) {
        return CTL_USAGE;
    }
    request.filter = &filter;
    listing_begin(&l);
    code = list_pages(ctl, &request, limit, &l, &total);
    listing_end(&l);
    if (code == CTL_OK && !l.structured && total > l.n_printed) {
        output_line("-- %" PRIu32 " of %" PRIu64 " connections; --limit shows more", l.n_printed,
                    total);
    }
    return code;
}

/* ---- show ---- */

static void
print_side(const char *title, const Fusuma__V1__ConnectionSide *side)
{
    const Fusuma__V1__TcpSide *tcp = side->tcp;

    output_field(title, "port %s, user %s, class %" PRIu32 ", epoch %" PRIu32,
                 side->port[0] ? side->port : "-", side->user[0] ? side->user : "-", side->class_id,
                 side->port_epoch);
    output_field("  Sent:", "%" PRIu64 " packets, %" PRIu64 " bytes, the last %.3f s ago",
                 side->packets, side->bytes, side->idle_ms / 1000.0);
    if (tcp) {
        char *said = output_list(tcp->said, tcp->n_said);

        output_field("  TCP said:", "%s", said[0] ? said : "nothing");
        output_field("  Numbers:",
                     "first %" PRIu32 ", end %" PRIu32 ", acknowledged %" PRIu32
                     ", peer may send to %" PRIu32,
                     tcp->first, tcp->end, tcp->acknowledged, tcp->edge);
        if (tcp->scaling) {
            output_field("  Window:", "%" PRIu32 " bytes, scale %" PRIu32, tcp->window, tcp->scale);
        } else {
            output_field("  Window:", "%" PRIu32 " bytes, no scaling", tcp->window);
        }
        free(said);
    }
}

static void
print_detail(const void *reply)
{
    const Fusuma__V1__ConnectionDetail *d = reply;
    const Fusuma__V1__Connection *c = d->connection;
    char *protocol = output_protocol(c->protocol);
    char *src = output_endpoint(c->src_ip, c->protocol, c->src_port);
    char *dst = output_endpoint(c->dst_ip, c->protocol, c->dst_port);

    output_field("Connection:", "%" PRIu64 ", %s %s -> %s, VLAN %" PRIu32, c->id, protocol, src,
                 dst, d->vlan);
    output_field("State:", "%s, %.3f s old", c->state, d->age_ms / 1000.0);
    output_field("Ends:", "in %.3f s without a packet (%" PRIu32 " s after the last)",
                 d->expires_in_ms / 1000.0, d->timeout_s);
    output_field("Allowed by:", "egress %s, ingress %s", d->egress_rule[0] ? d->egress_rule : "-",
                 d->ingress_rule[0] ? d->ingress_rule : "-");
    output_field("Judged by:", "generation %" PRIu64 " (in force: %" PRIu64 ")", c->generation,
                 d->generation_in_force);
    print_side("Source:", d->source);
    print_side("Destination:", d->destination);
    free(dst);
    free(src);
    free(protocol);
}

/* Ids of what the filter selects, appended to '*idsp'. */
static int
find_ids(struct ctl *ctl, Fusuma__V1__ConnectionFilter *filter, uint64_t **idsp, size_t *n)
{
    Fusuma__V1__ListConnectionsRequest request = FUSUMA__V1__LIST_CONNECTIONS_REQUEST__INIT;

    request.filter = filter;
    do {
        Fusuma__V1__ListConnectionsResponse *page;
        int code = client_call(ctl, service, "ListConnections", &request, &page);

        if (code != CTL_OK) {
            return code;
        }
        for (size_t i = 0; i < page->n_connections; i++) {
            *idsp = xrealloc(*idsp, (*n + 1) * sizeof **idsp);
            (*idsp)[(*n)++] = page->connections[i]->id;
        }
        request.cursor = page->next;
        client_free(page);
    } while (request.cursor);
    return CTL_OK;
}

static int
show_one(struct ctl *ctl, uint64_t id)
{
    Fusuma__V1__GetConnectionRequest request = FUSUMA__V1__GET_CONNECTION_REQUEST__INIT;

    request.id = id;
    return client_show(ctl, service, "GetConnection", &request, print_detail);
}

/* A tuple that flows through a router is two connections. */
static int
show_tuple(struct ctl *ctl)
{
    Fusuma__V1__ConnectionFilter filter;
    struct conn_tuple tuple;
    uint64_t *ids = NULL;
    size_t n = 0;
    int code;

    if (!conn_tuple_from_words(ctl->words, &tuple)) {
        return CTL_USAGE;
    }
    conn_filter_from_tuple(&tuple, false, &filter);
    code = find_ids(ctl, &filter, &ids, &n);
    if (code == CTL_OK && !n) {
        conn_filter_from_tuple(&tuple, true, &filter);
        code = find_ids(ctl, &filter, &ids, &n);
    }
    for (size_t i = 0; i < n && code == CTL_OK; i++) {
        if (i && !ctl->structured) {
            putchar('\n');
        }
        code = show_one(ctl, ids[i]);
    }
    if (code == CTL_OK && !n) {
        ctl_error("no connection is %s %s -> %s, nor the other way round", ctl->words[0],
                  ctl->words[1], ctl->words[2]);
        code = CTL_REFUSED;
    }
    free(ids);
    conn_tuple_destroy(&tuple);
    return code;
}

int
conn_show(struct ctl *ctl)
{
    unsigned long long id;

    if (ctl->n_words == 3) {
        return show_tuple(ctl);
    }
    if (ctl->n_words != 1) {
        ctl_error("'conn show' takes an id, or PROTOCOL SOURCE DESTINATION");
        return CTL_USAGE;
    }
    if (ctl->arg[strspn(ctl->arg, "0123456789")] || !str_to_ullong(ctl->arg, 10, &id)) {
        ctl_error("'%s' is not the id of a connection: a number that 'conn list' shows", ctl->arg);
        return CTL_USAGE;
    }
    return show_one(ctl, id);
}

/* ---- flush ---- */

static void
print_flushed(const void *reply)
{
    const Fusuma__V1__FlushConnectionsResponse *r = reply;

    output_line("%" PRIu32 " connection%s ended", r->flushed, r->flushed == 1 ? "" : "s");
}

int
conn_flush(struct ctl *ctl)
{
    Fusuma__V1__FlushConnectionsRequest request = FUSUMA__V1__FLUSH_CONNECTIONS_REQUEST__INIT;
    Fusuma__V1__ConnectionFilter filter;
    bool all = args_has(ctl->args, OPT_ALL);

    if (!conn_filter_from_args(ctl->args, "conn flush", &filter)) {
        return CTL_USAGE;
    }
    if (conn_filter_is_empty(&filter) != all) {
        ctl_error(
            all ? "'conn flush' takes --all, or says which ones"
                : "'conn flush' without a filter would end every connection; --all does that");
        return CTL_USAGE;
    }
    request.filter = &filter;
    request.all = all;
    return client_show(ctl, service, "FlushConnections", &request, print_flushed);
}

/* ---- stats ---- */

static void
print_states(const Fusuma__V1__ConnectionStats *s)
{
    struct columns c;

    columns_init(&c, "STATE >ENTRIES >TIMEOUT >UNDER-PRESSURE");
    for (size_t i = 0; i < s->n_states; i++) {
        columns_text(&c, s->states[i]->state);
        columns_number(&c, s->states[i]->entries);
        columns_format(&c, "%" PRIu32 " s", s->states[i]->timeout_s);
        columns_format(&c, "%" PRIu32 " s", s->states[i]->short_timeout_s);
    }
    columns_print(&c);
}

static void
print_ports(const Fusuma__V1__ConnectionStats *s)
{
    struct columns c;

    columns_init(&c, "PORT >OPEN >LIMIT >REFUSED-FULL >REFUSED-QUOTA");
    for (size_t i = 0; i < s->n_ports; i++) {
        const Fusuma__V1__PortConnections *p = s->ports[i];

        columns_text(&c, p->port);
        columns_number(&c, p->open);
        if (p->max) {
            columns_number(&c, p->max);
        } else {
            columns_text(&c, "");
        }
        columns_number(&c, p->refused_full);
        columns_number(&c, p->refused_quota);
    }
    columns_print(&c);
}

static void
print_stats(const void *reply)
{
    const Fusuma__V1__ConnectionStats *s = reply;

    output_field("Entries:", "%" PRIu32 " of %" PRIu32 " in use (%.1f %%)%s", s->live, s->max,
                 s->max ? 100.0 * s->live / s->max : 0,
                 s->under_pressure ? ", under pressure" : "");
    if (s->picks_up_midstream) {
        output_field("Picked up:", "TCP connections in their middle (--pick-up-midstream)");
    }
    output_field("Being opened:", "%" PRIu32 "; ended and not yet free: %" PRIu32, s->tentative,
                 s->unburied);
    output_field("Memory:", "%" PRIu32 " bytes an entry, %" PRIu64 " bytes with the index",
                 s->bytes_per_entry, s->table_bytes);
    output_field(
        "Refused:", "%" PRIu64 " for a full table, %" PRIu64 " over a desktop's limit of %" PRIu32,
        s->refused_full, s->refused_quota, s->port_max);
    output_field("Ended:", "%" PRIu64 " by age, %" PRIu64 " closed ones to make room", s->expired,
                 s->evicted);
    putchar('\n');
    print_states(s);
    putchar('\n');
    print_ports(s);
}

int
conn_stats(struct ctl *ctl)
{
    Fusuma__V1__GetConnectionStatsRequest request = FUSUMA__V1__GET_CONNECTION_STATS_REQUEST__INIT;

    return client_show(ctl, service, "GetConnectionStats", &request, print_stats);
}
