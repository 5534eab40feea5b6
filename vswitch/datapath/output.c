#include <config.h>

#include "datapath/output.h"

#include <rte_ether.h>
#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "datapath/vlan.h"

static void
refuse(struct worker *w, uint16_t to, const uint16_t *from, struct rte_mbuf **m, uint16_t n,
       enum tx_drop_reason reason)
{
    if (n) {
        w->ledger.pages[to].tx_drops[reason] += n;
        rte_pktmbuf_free_bulk(m, n);
    }
    for (uint16_t i = 0; i < n; i++) {
        w->ledger.pages[from[i]].tx_drops_caused++;
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
    if (!atomic_load_explicit(&leaf->port->up, memory_order_relaxed)) {
        refuse(w, id, b->from, b->m, b->n, TX_DROP_DOWN);
    } else {
        sent = leaf->port->ops->tx(leaf->port, w->index, b->m, b->n);
        page->accepted += sent;
        page->accepted_bytes += bytes[sent];
        if (sent) {
            note_passed(w, b->from[0], id);
        }
        refuse(w, id, b->from + sent, b->m + sent, b->n - sent, TX_DROP_FULL);
    }
    b->n = 0;
}

void
output_lost(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
            enum tx_drop_reason reason)
{
    page_of(w, to)->offered++;
    page_of(w, to)->tx_drops[reason]++;
    page_of(w, from)->tx_drops_caused++;
}

static void
lose(struct worker *w, const struct port_leaf *from, const struct port_leaf *to, struct rte_mbuf *m,
     enum tx_drop_reason reason)
{
    output_lost(w, from, to, reason);
    rte_pktmbuf_free(m);
}

/* What is not of the port's untagged VLAN.  NULL: lost. */
static struct rte_mbuf *
tag(struct worker *w, const struct port_leaf *from, const struct port_leaf *to, struct rte_mbuf *m,
    uint16_t vlan)
{
    struct rte_mbuf *tagged;

    if (!port_carries(to, vlan)) {
        lose(w, from, to, m, TX_DROP_VLAN);
        return NULL;
    }
    tagged = vlan_tag(w->pool, m, vlan);
    if (!tagged) {
        lose(w, from, to, m, TX_DROP_NO_BUFFER);
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
              struct rte_mbuf *m, uint16_t vlan)
{
    struct tx_buffer *b = &w->tx[to->id];

    if (is_too_long(to, rte_pktmbuf_pkt_len(m))) {
        lose(w, from, to, m, TX_DROP_TOO_LONG);
        return;
    }
    if (unlikely(vlan != to->vlan)) {
        m = tag(w, from, to, m, vlan);
        if (!m) {
            return;
        }
    }
    if (!b->n) {
        w->dirty[w->n_dirty++] = to->id;
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
output_flush(struct worker *w)
{
    while (w->n_dirty) {
        flush_port(w, w->dirty[--w->n_dirty]);
    }
}
