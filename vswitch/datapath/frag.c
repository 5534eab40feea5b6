#include <config.h>

#include "datapath/frag.h"

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "datapath/record.h"

#define TICKS_A_SECOND 10

struct piece {
    struct rte_mbuf *m;
    uint16_t data; /* offset of its bytes in 'm' */
    uint16_t off, len;
};

struct frag_entry {
    struct pkt head;   /* of the newest fragment: what a record of it tells */
    uint64_t deadline; /* TSC */
    uint32_t total;    /* bytes of the datagram, 0 while the last one is not here */
    uint32_t bytes;    /* here */
    uint16_t port;     /* DP_PORT_NONE: the entry is free */
    uint16_t n;        /* pieces, by offset */
    bool refused;      /* overlapped: nothing of it is taken any more */
    bool whole;        /* on its way out */
    struct piece piece[FRAG_MAX_PIECES];
};

struct frag_table {
    struct frag_entry entry[FRAG_ENTRIES];
    uint16_t of_port[DP_MAX_PORTS]; /* entries in use */
    uint32_t n;
    uint64_t next_tick; /* TSC */
};

struct frag_table *
frag_table_create(void)
{
    struct frag_table *t = rte_zmalloc("frag_table", sizeof *t, 64);

    for (int i = 0; t && i < FRAG_ENTRIES; i++) {
        t->entry[i].port = DP_PORT_NONE;
    }
    return t;
}

void
frag_table_destroy(struct frag_table *t)
{
    for (int i = 0; t && i < FRAG_ENTRIES; i++) {
        for (uint16_t j = 0; t->entry[i].port != DP_PORT_NONE && j < t->entry[i].n; j++) {
            rte_pktmbuf_free(t->entry[i].piece[j].m);
        }
    }
    rte_free(t);
}

static void
release(struct frag_table *t, struct frag_entry *e)
{
    t->of_port[e->port]--;
    t->n--;
    e->port = DP_PORT_NONE;
    e->n = 0;
    e->bytes = e->total = 0;
    e->refused = e->whole = false;
}

/* The port may have left the snapshot by now: its number still has a page in the ledger. */
static void
drop_pieces(struct worker *w, struct frag_entry *e, enum drop_reason reason)
{
    struct port_leaf gone = { .id = e->port, .role = PORT_DESKTOP };
    const struct port_leaf *leaf = w->snapshot ? w->snapshot->ports[e->port] : NULL;

    for (uint16_t i = 0; i < e->n; i++) {
        struct pkt p = e->head;

        p.m = e->piece[i].m;
        p.reason = reason;
        w->ledger.pages[e->port].held--;
        record_guard_drop(w, leaf ? leaf : &gone, &p);
    }
    e->n = 0;
    e->bytes = 0;
}

static bool
same_datagram(const struct frag_entry *e, const struct port_leaf *from, const struct pkt *p)
{
    return e->port == from->id && !e->whole && e->head.frag_id == p->frag_id &&
           e->head.vlan == p->vlan && acl_addr_equals(&e->head.src, &p->src) &&
           acl_addr_equals(&e->head.dst, &p->dst) &&
           /* RFC 791: the protocol, too; in IPv6 that of the first one counts (RFC 8200, 4.5). */
           (p->flags & PKT_V6 || e->head.protocol == p->protocol);
}

/* The entry of p's datagram, a new one if need be; NULL when the port has too many. */
static struct frag_entry *
find_entry(struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    struct frag_table *t = w->frags;
    struct frag_entry *empty = NULL;

    for (int i = 0; i < FRAG_ENTRIES; i++) {
        struct frag_entry *e = &t->entry[i];
        if (e->port == DP_PORT_NONE) {
            empty = empty ? empty : e;
        } else if (same_datagram(e, from, p)) {
            return e;
        }
    }
    if (!empty || t->of_port[from->id] >= FRAG_PORT_ENTRIES) {
        return NULL;
    }
    empty->port = from->id;
    empty->deadline = w->now + FRAG_SECONDS * rte_get_tsc_hz();
    t->of_port[from->id]++;
    t->n++;
    return empty;
}

enum fit { FITS, IS_DUPLICATE, OVERLAPS, IS_TOO_MUCH };

/* Where a fragment goes among those that are here. */
static enum fit
fit(const struct frag_entry *e, const struct pkt *p, uint16_t *at)
{
    uint32_t begin = p->frag_off, end = begin + p->l4_len;
    uint16_t i = 0;

    while (i < e->n && e->piece[i].off < begin) {
        i++;
    }
    *at = i;
    if (i < e->n && e->piece[i].off == begin && e->piece[i].len == p->l4_len) {
        return IS_DUPLICATE;
    }
    if ((i && e->piece[i - 1].off + e->piece[i - 1].len > begin) ||
        (i < e->n && end > e->piece[i].off) || (e->total && end > e->total) ||
        (!(p->flags & PKT_MORE) && (e->total || i < e->n))) {
        return OVERLAPS;
    }
    return e->n == FRAG_MAX_PIECES ? IS_TOO_MUCH : FITS;
}

static void
drop(struct worker *w, const struct port_leaf *from, struct pkt *p, enum drop_reason reason)
{
    p->reason = reason;
    record_guard_drop(w, from, p);
}

static void
insert(struct worker *w, struct frag_entry *e, struct pkt *p, uint16_t at)
{
    memmove(&e->piece[at + 1], &e->piece[at], (e->n - at) * sizeof e->piece[0]);
    e->piece[at] =
        (struct piece){ .m = p->m, .data = p->l4_off, .off = p->frag_off, .len = p->l4_len };
    e->n++;
    e->bytes += p->l4_len;
    if (!(p->flags & PKT_MORE)) {
        e->total = p->frag_off + p->l4_len;
    }
    /* The first one's header is the datagram's. */
    if (!at || e->n == 1) {
        e->head = *p;
    }
    w->ledger.pages[e->port].held++;
    p->m = NULL;
}

bool
frag_input(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct frag_entry *e = find_entry(w, from, p);
    enum fit how;
    uint16_t at;

    if (!e) {
        drop(w, from, p, DROP_FRAG_LIMIT);
        return false;
    }
    how = e->refused ? OVERLAPS : fit(e, p, &at);
    if (how == IS_DUPLICATE || how == IS_TOO_MUCH) {
        drop(w, from, p, how == IS_DUPLICATE ? DROP_FRAG_OVERLAP : DROP_FRAG_LIMIT);
        return false;
    }
    if (how == OVERLAPS) {
        drop_pieces(w, e, DROP_FRAG_OVERLAP);
        e->head = *p;
        e->refused = true;
        drop(w, from, p, DROP_FRAG_OVERLAP);
        return false;
    }
    insert(w, e, p, at);
    if (e->bytes != e->total) {
        return false;
    }
    e->whole = true;
    *p = e->head;
    p->m = e->piece[0].m;
    p->frag = e;
    p->reason = pkt_parse_datagram(p, e->total);
    return true;
}

uint16_t
frag_take(struct worker *w, struct pkt *p, struct rte_mbuf *m[FRAG_MAX_PIECES])
{
    struct frag_entry *e = p->frag;
    uint16_t n = e->n;

    for (uint16_t i = 0; i < n; i++) {
        m[i] = e->piece[i].m;
    }
    w->ledger.pages[e->port].held -= n;
    p->frag = NULL;
    release(w->frags, e);
    return n;
}

uint32_t
frag_packets(const struct frag_entry *e)
{
    return e->n;
}

uint32_t
frag_bytes(const struct frag_entry *e)
{
    uint32_t bytes = 0;

    for (uint16_t i = 0; i < e->n; i++) {
        bytes += rte_pktmbuf_pkt_len(e->piece[i].m);
    }
    return bytes;
}

uint32_t
frag_l4_sum(const struct pkt *p, uint16_t len)
{
    const struct frag_entry *e = p->frag;
    uint16_t skip = p->l4_off - e->piece[0].data; /* headers before L4, multiples of 8 bytes */
    uint32_t sum = 0;

    for (uint16_t i = 0; i < e->n && len; i++) {
        uint16_t n = RTE_MIN(e->piece[i].len - skip, len);
        sum += rte_raw_cksum(
            rte_pktmbuf_mtod_offset(e->piece[i].m, const void *, e->piece[i].data + skip), n);
        len -= n;
        skip = 0;
    }
    return sum;
}

static void
expire(struct worker *w, struct frag_entry *e)
{
    ledger_enter(&w->ledger);
    drop_pieces(w, e, DROP_FRAG_TIMEOUT);
    capture_ring_show(&w->capture);
    ledger_leave(&w->ledger);
    release(w->frags, e);
}

void
frag_tick(struct worker *w, uint64_t now)
{
    struct frag_table *t = w->frags;

    if (!t->n || (int64_t) (now - t->next_tick) < 0) {
        return;
    }
    t->next_tick = now + rte_get_tsc_hz() / TICKS_A_SECOND;
    for (int i = 0; i < FRAG_ENTRIES; i++) {
        struct frag_entry *e = &t->entry[i];
        if (e->port != DP_PORT_NONE && (int64_t) (now - e->deadline) > 0) {
            expire(w, e);
        }
    }
}

void
frag_forget(struct worker *w)
{
    struct frag_table *t = w->frags;

    for (int i = 0; t->n && i < FRAG_ENTRIES; i++) {
        struct frag_entry *e = &t->entry[i];
        const struct port_leaf *leaf;

        if (e->port == DP_PORT_NONE) {
            continue;
        }
        leaf = w->snapshot ? w->snapshot->ports[e->port] : NULL;
        if (!leaf || leaf->worker != w->index) {
            expire(w, e);
        }
    }
}
