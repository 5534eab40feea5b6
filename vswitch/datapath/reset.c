#include <config.h>

#include "datapath/reset.h"

#include <netinet/in.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "datapath/csum.h"
#include "datapath/made.h"
#include "datapath/output.h"

#define BATCH 32 /* so that what arrives meanwhile does not wait long */

static uint32_t
get(const _Atomic uint32_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static const struct port_leaf *
leaf_of(const struct snapshot *s, const struct conn *c, unsigned side)
{
    uint16_t id = atomic_load_explicit(&c->port[side], memory_order_relaxed);

    return id < DP_MAX_PORTS ? s->ports[id] : NULL;
}

bool
reset_of(const struct snapshot *s, const struct conn *c, unsigned to, uint16_t charged,
         struct reset *r)
{
    const struct port_leaf *from_leaf = leaf_of(s, c, !to), *to_leaf = leaf_of(s, c, to);

    if (c->key.protocol != IPPROTO_TCP || !from_leaf || !to_leaf ||
        (from_leaf->role == PORT_UPLINK && to_leaf->role == PORT_UPLINK)) {
        return false; /* between uplinks only one of the MACs is known */
    }
    *r = (struct reset){ .src = c->key.addr[!to],
                         .dst = c->key.addr[to],
                         .smac = from_leaf->role == PORT_DESKTOP ? from_leaf->mac : c->hop,
                         .dmac = to_leaf->role == PORT_DESKTOP ? to_leaf->mac : c->hop,
                         .seq = get(&c->half[!to].tcp.end),
                         .ack = get(&c->half[to].tcp.end),
                         .sport = c->key.l4[!to],
                         .dport = c->key.l4[to],
                         .vlan = c->key.vlan,
                         .charged = charged,
                         .to = to_leaf->id };
    return true;
}

static struct rte_mbuf *
build(struct worker *w, const struct reset *r)
{
    const struct made m = { .src = &r->src, .dst = &r->dst, .smac = r->smac, .dmac = r->dmac };
    struct pkt out;
    struct rte_tcp_hdr *tcp = (void *) made_build(w->pool, &m, IPPROTO_TCP, sizeof *tcp, &out);

    if (!tcp) {
        return NULL;
    }
    tcp->src_port = rte_cpu_to_be_16(r->sport);
    tcp->dst_port = rte_cpu_to_be_16(r->dport);
    tcp->data_off = 5 << 4;
    tcp->sent_seq = rte_cpu_to_be_32(r->seq);
    tcp->recv_ack = rte_cpu_to_be_32(r->ack);
    tcp->tcp_flags = TCPF_RST | TCPF_ACK;
    csum_fill(&out);
    return out.m;
}

static bool
send_one(struct worker *w, const struct reset *r)
{
    const struct port_leaf *charged = w->snapshot->ports[r->charged];
    const struct port_leaf *to = w->snapshot->ports[r->to];
    struct rte_mbuf *m = charged && to ? build(w, r) : NULL;

    if (m) {
        output_made(w, charged, to, m, r->vlan);
    }
    return m;
}

uint32_t
reset_send(struct worker *w)
{
    struct reset_job *job = atomic_load_explicit(&w->reset_job, memory_order_acquire);
    uint32_t end = RTE_MIN(job->next + BATCH, job->n), begin = job->next;

    w->now = rte_rdtsc();
    w->now_s = w->now / rte_get_tsc_hz();
    ledger_enter(&w->ledger);
    while (job->next < end && w->snapshot) {
        job->sent += send_one(w, &job->resets[job->next++]);
    }
    output_flush(w);
    ledger_leave(&w->ledger);
    if (job->next == job->n || !w->snapshot) {
        atomic_store_explicit(&w->reset_job, NULL, memory_order_relaxed);
        atomic_store_explicit(&job->done, true, memory_order_release); /* it is gone after this */
    }
    return end - begin;
}
