#include <config.h>

#include "telemetry/flow_account.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>

#include "acl/policy.h"
#include "telemetry/drop_log.h"
#include "util.h"

struct flow_told {
    uint32_t serial;       /* of which connection of the entry; 0: none */
    uint32_t hour : 31;    /* that was last told */
    uint32_t answered : 1; /* ... as one that was */
    uint64_t packets[2], bytes[2];
};
_Static_assert(sizeof(struct flow_told) == 40, "flow_account.h and the documentation say it");

/* What a connection has carried since it was last told, by sides. */
struct news {
    const struct conn *conn;
    struct flow_part part; /* but for names and counts */
    uint64_t last;         /* conn_clock() */
    uint32_t hour;
    uint64_t packets[2], bytes[2];
};

int
flow_account_open(struct flow_account *a, struct conn_table *table, struct flow_store *store)
{
    *a = (struct flow_account){ .table = table, .store = store, .next = 1 };
    /* Untouched pages of it cost nothing. */
    a->told = calloc(conn_table_max(table) + 1ul, sizeof *a->told);
    return a->told ? conn_collect_begin(table) : ENOMEM;
}

void
flow_account_close(struct flow_account *a)
{
    free(a->told);
    a->told = NULL;
}

/* ---- time ---- */

static void
look_at_clocks(struct flow_account *a)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    a->now_ns = t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
    a->now = conn_clock();
    flow_store_set_time(a->store, a->now_ns);
}

static uint64_t
wall_ns(const struct flow_account *a, uint64_t then)
{
    double ago = then < a->now ? (double) (a->now - then) * 1e9 / (double) conn_clock_hz() : 0;

    return ago < (double) a->now_ns ? a->now_ns - (uint64_t) ago : 0;
}

/* ---- a flow of one side ---- */

static uint16_t
service_of(const struct conn_key *k, unsigned asked)
{
    switch (k->protocol) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
        return k->l4[asked];
    case IPPROTO_ICMP: /* only echoes are connections, and they have their identifier there */
        return 8 << 8;
    case IPPROTO_ICMPV6:
        return 128 << 8;
    default:
        return 0;
    }
}

/* With a reference for the caller. */
static struct flow_name *
rule_of(struct flow_account *a, const struct conn *c, enum acl_direction direction)
{
    uint32_t slot = atomic_load_explicit(&c->rule_slot[direction], memory_order_acquire);
    char name[FLOW_NAME_SIZE] = "";

    if (slot != UINT32_MAX) {
        drop_log_rule_name(slot, name);
    }
    return flow_names_intern(a->store->names, name);
}

static const struct flow_era *
era_of(const struct flow_account *a, const struct conn *c, unsigned side)
{
    return flow_names_port(a->store->names,
                           atomic_load_explicit(&c->port[side], memory_order_relaxed), c->opened);
}

static void
tell_side(struct flow_account *a, const struct news *news, unsigned me)
{
    const struct conn *c = news->conn;
    unsigned asked = !(c->initiator & 1);
    enum acl_direction direction = me == asked ? ACL_INGRESS : ACL_EGRESS;
    const struct flow_era *mine = era_of(a, c, me), *theirs = era_of(a, c, !me);
    struct flow_part part = news->part;

    if (!mine || !mine->name) {
        a->unnamed += !mine && news->part.connections;
        return;
    }
    struct flow_key key = { .port = mine->name,
                            .peer = c->key.addr[!me],
                            .hour = news->hour,
                            .vlan = c->key.vlan,
                            .service = service_of(&c->key, asked),
                            .protocol = c->key.protocol,
                            .direction = direction };
    part.user = mine->user;
    part.peer_port = theirs ? theirs->name : NULL;
    part.sessions = flow_names_sessions(a->store->names, c->port[me], news->last);
    part.rule = rule_of(a, c, direction);
    part.packets_out = news->packets[me];
    part.bytes_out = news->bytes[me];
    part.packets_in = news->packets[!me];
    part.bytes_in = news->bytes[!me];
    flow_store_add(a->store, &key, &part);
    flow_names_assign(a->store->names, &part.rule, NULL);
}

/* ---- what is new ---- */

static uint64_t
get(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

/* A connection counts in every hour in which it has had packets. */
static void
count_connection(struct flow_told *t, struct news *news)
{
    bool answered = t->packets[0] && t->packets[1];

    news->part.connections = t->hour != news->hour;
    news->part.answered = answered && (t->hour != news->hour || !t->answered);
    t->hour = news->hour;
    t->answered = answered;
}

/* Packets and bytes are not read at one moment: what one look misses of a packet, the next one
 * finds. */
static bool
tell(struct conn *c, void *account)
{
    struct flow_account *a = account;
    uint64_t id = conn_id(a->table, c);
    struct flow_told *t = &a->told[(uint32_t) id];
    struct news news = { .conn = c };
    bool is_new = t->serial != id >> 32, any = false;

    if (is_new) {
        *t = (struct flow_told){ .serial = id >> 32 };
    }
    for (int i = 0; i < 2; i++) {
        uint64_t packets = get(&c->half[i].packets), bytes = get(&c->half[i].bytes);

        news.packets[i] = packets - t->packets[i];
        news.bytes[i] = bytes - t->bytes[i];
        any |= news.packets[i] || news.bytes[i];
        t->packets[i] = packets;
        t->bytes[i] = bytes;
    }
    if (!any) {
        return true;
    }
    news.last = MAX(get(&c->half[0].last_seen), get(&c->half[1].last_seen));
    news.part.last_ns = wall_ns(a, news.last);
    news.part.first_ns = is_new ? wall_ns(a, c->opened) : news.part.last_ns;
    news.hour = news.part.last_ns / FLOW_NS_PER_HOUR;
    count_connection(t, &news);
    tell_side(a, &news, 0);
    tell_side(a, &news, 1);
    return true;
}

uint32_t
flow_account_collect(struct flow_account *a, uint32_t n)
{
    look_at_clocks(a);
    return conn_collect(a->table, n, tell, a);
}

bool
flow_account_sweep(struct flow_account *a, uint32_t n)
{
    look_at_clocks(a);
    a->next = conn_collect_walk(a->table, a->next, n, tell, a);
    if (a->next) {
        return false;
    }
    a->next = 1;
    return true;
}

void
flow_account_rewind(struct flow_account *a)
{
    a->next = 1;
}

void
flow_account_finish(struct flow_account *a)
{
    while (flow_account_collect(a, UINT32_MAX)) {
    }
    conn_collect_rest(a->table, tell, a);
    flow_account_rewind(a);
    flow_account_sweep(a, conn_table_max(a->table));
}
