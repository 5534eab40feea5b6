#include <config.h>

#include "datapath/output.h"

#include <rte_ether.h>
#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "datapath/capture.h"
#include "datapath/vlan.h"

static enum output_kind
kind_of(const struct tx_buffer *b, uint16_t i)
{
    return b->made >> i & 1 ? OUTPUT_MADE : b->copies >> i & 1 ? OUTPUT_COPY : OUTPUT_PACKET;
}

static void
capture_offer(struct worker *w, const struct port_leaf *to, const struct tx_buffer *b)
{
    for (uint16_t i = 0; i < b->n; i++) {
        capture_offered(w, b->from[i], to, b->m[i], kind_of(b, i));
    }
}

/* What the buffer holds from 'first' on. */
static void
refuse(struct worker *w, const struct port_leaf *to, struct tx_buffer *b, uint16_t first,
       enum tx_drop_reason reason)
{
    for (uint16_t i = first; i < b->n; i++) {
        w->ledger.pages[b->from[i]].tx_drops_caused++;
        if (unlikely(w->snapshot->captures)) {
            capture_lost(w, b->from[i], to, b->m[i], kind_of(b, i), true, reason);
        }
    }
    if (first < b->n) {
        w->ledger.pages[to->id].tx_drops[reason] += b->n - first;
        rte_pktmbuf_free_bulk(b->m + first, b->n - first);
    }
}

/* Of the packets in a buffer all come from the port whose burst it is; what the switch answers
 * itself goes back to that. */
static void
note_passed(struct worker *w, uint16_t from, uint16_t to)
{
    if (likely(from != to)) {
        atomic_store_explicit(&w->passed[from], w->now, memory_order_relaxed);
        atomic_store_explicit(&w->passed[to], w->now, memory_order_relaxed);
    }
}

static void
flush_port(struct worker *w, uint16_t id)
{
    struct tx_buffer *b = &w->tx[id];
    struct ledger_page *page = &w->ledger.pages[id];
    const struct port_leaf *leaf = w->snapshot->ports[id];
    uint64_t bytes[TX_BUFFER + 1];
    uint16_t sent = 0;

    page->offered += b->n;
    bytes[0] = 0;
    for (uint16_t i = 0; i < b->n; i++) { /* an accepted buffer is no longer ours to read */
        bytes[i + 1] = bytes[i] + rte_pktmbuf_pkt_len(b->m[i]);
    }
    if (unlikely(leaf->capture)) {
        capture_offer(w, leaf, b);
    }
    if (!atomic_load_explicit(&leaf->port->up, memory_order_relaxed)) {
        refuse(w, leaf, b, 0, TX_DROP_DOWN);
    } else {
        sent = leaf->port->ops->tx(leaf->port, w->index, b->m, b->n);
        page->accepted += sent;
        page->accepted_bytes += bytes[sent];
        if (sent) {
            note_passed(w, b->from[0], id);
        }
        refuse(w, leaf, b, sent, TX_DROP_FULL);
    }
    b->n = 0;
    b->copies = b->made = 0;
}

static void
count_lost(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
           const struct rte_mbuf *m, enum output_kind kind, enum tx_drop_reason reason)
{
    page_of(w, to)->offered++;
    page_of(w, to)->tx_drops[reason]++;
    page_of(w, from)->tx_drops_caused++;
    if (unlikely(w->snapshot->captures)) {
        capture_lost(w, from->id, to, m, kind, false, reason);
    }
}

void
output_no_copy(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
               const struct rte_mbuf *m)
{
    count_lost(w, from, to, m, OUTPUT_COPY, TX_DROP_NO_BUFFER);
}

static void
lose(struct worker *w, const struct port_leaf *from, const struct port_leaf *to, struct rte_mbuf *m,
     enum output_kind kind, enum tx_drop_reason reason)
{
    count_lost(w, from, to, m, kind, reason);
    rte_pktmbuf_free(m);
}

/* What is not of the port's untagged VLAN.  NULL: lost. */
static struct rte_mbuf *
tag(struct worker *w, const struct port_leaf *from, const struct port_leaf *to, struct rte_mbuf *m,
    uint16_t vlan, enum output_kind kind)
{
    struct rte_mbuf *tagged;

    if (!port_carries(to, vlan)) {
        lose(w, from, to, m, kind, TX_DROP_VLAN);
        return NULL;
    }
    tagged = vlan_tag(w->pool, m, vlan);
    if (!tagged) {
        lose(w, from, to, m, kind, TX_DROP_NO_BUFFER);
    } else if (unlikely(from->capture)) {
        capture_replaced(w, from, m, tagged);
    }
    return tagged;
}

static bool
is_too_long(const struct port_leaf *to, uint32_t len)
{
    return len > to->port->mtu + (uint32_t) RTE_ETHER_HDR_LEN;
}

enum tx_drop_reason
output_refusal(const struct port_leaf *to, uint32_t len, uint16_t vlan)
{
    return is_too_long(to, len)                                         ? TX_DROP_TOO_LONG
           : !port_carries(to, vlan)                                    ? TX_DROP_VLAN
           : !atomic_load_explicit(&to->port->up, memory_order_relaxed) ? TX_DROP_DOWN
                                                                        : N_TX_DROP_REASONS;
}

void
output_packet(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
              struct rte_mbuf *m, uint16_t vlan, enum output_kind kind)
{
    struct tx_buffer *b = &w->tx[to->id];

    if (is_too_long(to, rte_pktmbuf_pkt_len(m))) {
        lose(w, from, to, m, kind, TX_DROP_TOO_LONG);
        return;
    }
    if (unlikely(vlan != to->vlan)) {
        m = tag(w, from, to, m, vlan, kind);
        if (!m) {
            return;
        }
    }
    if (!b->n) {
        w->dirty[w->n_dirty++] = to->id;
    }
    if (unlikely(kind != OUTPUT_PACKET)) {
        *(kind == OUTPUT_MADE ? &b->made : &b->copies) |= UINT64_C(1) << b->n;
    }
    b->from[b->n] = from->id;
    b->m[b->n++] = m;
    if (b->n == TX_BUFFER) {
        flush_port(w, to->id);
        for (uint16_t i = 0; i < w->n_dirty; i++) {
            if (w->dirty[i] == to->id) {
                w->dirty[i] = w->dirty[--w->n_dirty];
                break;
            }
        }
    }
}

void
output_forward(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
               struct pkt *p)
{
    page_of(w, from)->forwarded++;
    if (unlikely(from->capture)) {
        capture_forwarded(w, from, to, p, 1);
    }
    output_packet(w, from, to, p->m, p->vlan, OUTPUT_PACKET);
    p->m = NULL;
}

void
output_made(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
            struct rte_mbuf *m, uint16_t vlan)
{
    page_of(w, from)->originated++;
    page_of(w, from)->forwarded++;
    output_packet(w, from, to, m, vlan, OUTPUT_MADE);
}

void
output_flush(struct worker *w)
{
    while (w->n_dirty) {
        flush_port(w, w->dirty[--w->n_dirty]);
    }
    capture_ring_show(&w->capture);
}
