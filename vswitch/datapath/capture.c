#include <config.h>

#include "datapath/capture.h"

#include <time.h>

#include <rte_common.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "datapath/fdb.h"
#include "datapath/vlan.h"

/* vDSO: no system call. */
static uint64_t
wall_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static void
copy_bytes(const struct rte_mbuf *m, uint32_t off, uint32_t len, uint8_t *to)
{
    const void *data = rte_pktmbuf_read(m, off, len, to);

    if (data != to) {
        memcpy(to, data, len);
    }
}

/* As it came by the port, or would leave: a tag that was taken off is there again, less its
 * priority. */
static void
copy_frame(const struct rte_mbuf *m, uint16_t tag, uint32_t captured, uint8_t *to)
{
    uint8_t head[2 * RTE_ETHER_ADDR_LEN + VLAN_TAG_LEN] = { 0 };
    uint32_t n = RTE_MIN(captured, sizeof head);

    if (tag == VLAN_NONE) {
        copy_bytes(m, 0, captured, to);
        return;
    }
    copy_bytes(m, 0, 2 * RTE_ETHER_ADDR_LEN, head);
    head[12] = RTE_ETHER_TYPE_VLAN >> 8;
    head[13] = RTE_ETHER_TYPE_VLAN & 0xff;
    head[14] = tag >> 8;
    head[15] = tag & 0xff;
    memcpy(to, head, n);
    copy_bytes(m, 2 * RTE_ETHER_ADDR_LEN, captured - n, to + n);
}

/* 'vlan' is what 'm' is in, if it has no tag now; VLAN_NONE: it is as it is.  NULL: it is lost. */
static struct capture_record *
record(struct worker *w, const struct port_leaf *leaf, bool to_port, const struct rte_mbuf *m,
       uint16_t vlan)
{
    uint16_t tag =
        vlan == leaf->vlan || rte_pktmbuf_pkt_len(m) < RTE_ETHER_HDR_LEN ? VLAN_NONE : vlan;
    uint32_t length = rte_pktmbuf_pkt_len(m) + (tag == VLAN_NONE ? 0 : VLAN_TAG_LEN);
    struct capture_record *r =
        capture_ring_reserve(&w->capture, leaf->id, RTE_MIN(length, leaf->snaplen));

    if (r) {
        r->length = length;
        r->to_port = to_port;
        r->rule_slot = UINT32_MAX;
        r->peer = DP_PORT_NONE;
        r->wall_ns = wall_ns();
        r->generation = w->snapshot->generation;
        copy_frame(m, tag, r->captured, (uint8_t *) (r + 1));
    }
    return r;
}

/* ---- what comes from a port ---- */

void
capture_forwarded(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
                  const struct pkt *p, uint16_t n_to)
{
    struct capture_record *r =
        from->capture == CAPTURE_ALL ? record(w, from, false, p->m, p->vlan) : NULL;

    if (r) {
        r->outcome = CAPTURED_PASSED;
        r->peer = to->id;
        r->n_to = n_to;
        r->buffer = n_to > 1 ? NULL : p->m; /* of a flood, no copy's loss is the packet's */
    }
}

void
capture_taken(struct worker *w, const struct port_leaf *from, const struct pkt *p,
              enum capture_outcome outcome)
{
    struct capture_record *r =
        from->capture == CAPTURE_ALL ? record(w, from, false, p->m, p->vlan) : NULL;

    if (r) {
        r->outcome = outcome;
    }
}

static void
record_dropped(struct worker *w, const struct port_leaf *leaf, bool to_port, const struct pkt *p,
               uint16_t peer, enum drop_reason reason, uint32_t rule_slot)
{
    struct capture_record *r = record(w, leaf, to_port, p->m, p->vlan);

    if (r) {
        r->outcome = CAPTURED_DROPPED;
        r->reason = reason;
        r->rule_slot = rule_slot;
        r->peer = peer;
    }
}

/* Whom the packet was for, if its fate left that open: who has its MAC, there. */
static uint16_t
destination(const struct pkt *p, const struct denial *why)
{
    if (why->peer_port != DP_PORT_NONE) {
        return why->peer_port;
    }
    return p->dmac && !(p->flags & PKT_GROUP) && p->reason != DROP_VLAN
               ? fdb_lookup(p->dmac, p->vlan)
               : DP_PORT_NONE;
}

void
capture_dropped(struct worker *w, const struct port_leaf *from, const struct pkt *p,
                const struct denial *why)
{
    uint16_t peer = destination(p, why);
    const struct port_leaf *to = peer < DP_MAX_PORTS ? w->snapshot->ports[peer] : NULL;

    if (from->capture) {
        record_dropped(w, from, false, p, peer, p->reason, why->rule_slot);
    }
    if (to && to != from && to->capture) {
        record_dropped(w, to, true, p, from->id, p->reason, why->rule_slot);
    }
}

/* ---- what is to leave by a port ---- */

void
capture_withheld(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
                 const struct pkt *p, const struct judgement *j)
{
    record_dropped(w, to, true, p, from->id, j->reason, j->denial.rule_slot);
}

void
capture_replaced(struct worker *w, const struct port_leaf *from, const struct rte_mbuf *was,
                 const struct rte_mbuf *m)
{
    struct capture_record *r = capture_ring_find(&w->capture, from->id, false, was);

    if (r) {
        r->buffer = m;
    }
}

void
capture_offered(struct worker *w, uint16_t from, const struct port_leaf *to,
                const struct rte_mbuf *m, enum output_kind kind)
{
    struct capture_record *r =
        to->capture == CAPTURE_ALL ? record(w, to, true, m, VLAN_NONE) : NULL;

    if (r) {
        r->outcome = CAPTURED_PASSED;
        r->peer = from;
        r->made = kind == OUTPUT_MADE;
        r->buffer = m;
    }
}

/* In the record that 'm' has by now ('recorded': if there was room for it), or in one of its own.
 */
static void
record_lost(struct worker *w, const struct port_leaf *leaf, bool to_port, bool recorded,
            uint16_t peer, const struct rte_mbuf *m, enum output_kind kind,
            enum tx_drop_reason reason)
{
    struct capture_record *r = recorded ? capture_ring_find(&w->capture, leaf->id, to_port, m)
                                        : record(w, leaf, to_port, m, VLAN_NONE);

    if (r) {
        r->outcome = CAPTURED_TX_DROPPED;
        r->reason = reason;
        r->peer = peer;
        r->made = kind == OUTPUT_MADE;
        r->buffer = NULL;
    }
}

void
capture_lost(struct worker *w, uint16_t from, const struct port_leaf *to, const struct rte_mbuf *m,
             enum output_kind kind, bool offered, enum tx_drop_reason reason)
{
    const struct port_leaf *leaf = w->snapshot->ports[from];

    if (to->capture) {
        record_lost(w, to, true, offered && to->capture == CAPTURE_ALL, from, m, kind, reason);
    }
    /* A flood that reaches others is no loss, and what the switch makes did not come from it. */
    if (leaf && leaf->capture && kind == OUTPUT_PACKET) {
        record_lost(w, leaf, false, leaf->capture == CAPTURE_ALL, to->id, m, kind, reason);
    }
}
