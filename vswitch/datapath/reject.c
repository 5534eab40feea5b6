#include <config.h>

#include "datapath/reject.h"

#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "datapath/csum.h"
#include "datapath/made.h"
#include "datapath/output.h"

#define ANSWERS_A_SECOND 250 /* of one port: a scan gets no more */
#define UPLINK_FOLD 8        /* an uplink has many stations behind it */
/* An error quotes as much as lets it still fit everywhere: RFC 1812, 4.3.2.3; RFC 4443, 2.4 (c). */
#define QUOTE_MAX (576 - 20 - 8)
#define QUOTE_MAX_V6 (1280 - 40 - 8)

static bool
within_rate(struct worker *w, const struct port_leaf *from)
{
    return rate_take(&w->rates[from->id].rejects,
                     ANSWERS_A_SECOND * (from->role == PORT_UPLINK ? UPLINK_FOLD : 1), 1, w->now,
                     rte_get_tsc_hz());
}

/* Headers back from p's destination to its source, or the way of p, for 'l4_len' bytes of
 * 'protocol'; returns where these go, or NULL when there is no buffer. */
static uint8_t *
build(struct worker *w, const struct pkt *p, bool back, uint8_t protocol, uint16_t l4_len,
      struct pkt *out)
{
    const struct made made = { .src = back ? &p->dst : &p->src,
                               .dst = back ? &p->src : &p->dst,
                               .smac = back ? p->dmac : p->smac,
                               .dmac = back ? p->smac : p->dmac };

    return made_build(w->pool, &made, protocol, l4_len, out);
}

static bool
build_reset(struct worker *w, const struct pkt *p, struct pkt *out)
{
    const struct rte_tcp_hdr *in =
        rte_pktmbuf_mtod_offset(p->m, const struct rte_tcp_hdr *, p->l4_off);
    struct rte_tcp_hdr *tcp;
    uint32_t length = p->l4_len - (in->data_off >> 4) * 4 + !!(p->tcp.flags & TCPF_SYN) +
                      !!(p->tcp.flags & TCPF_FIN);

    if (p->tcp.flags & TCPF_RST) { /* a reset is never answered */
        return false;
    }
    tcp = (void *) build(w, p, true, IPPROTO_TCP, sizeof *tcp, out);
    if (!tcp) {
        return false;
    }
    tcp->src_port = in->dst_port;
    tcp->dst_port = in->src_port;
    tcp->data_off = 5 << 4;
    if (p->tcp.flags & TCPF_ACK) {
        tcp->sent_seq = in->recv_ack;
        tcp->tcp_flags = TCPF_RST;
    } else {
        tcp->recv_ack = rte_cpu_to_be_32(p->tcp.seq + length);
        tcp->tcp_flags = TCPF_RST | TCPF_ACK;
    }
    return true;
}

static bool
build_unreachable(struct worker *w, const struct pkt *p, struct pkt *out)
{
    bool v6 = p->flags & PKT_V6;
    uint16_t there = rte_pktmbuf_data_len(p->m) - p->l3_off; /* less than a datagram in fragments */
    uint16_t quote = RTE_MIN(p->l4_off - p->l3_off + p->l4_len, there);
    uint8_t *icmp;
    uint8_t type = p->icmp >> 8;

    if (v6 ? p->protocol == IPPROTO_ICMPV6 && type < 128
           : p->protocol == IPPROTO_ICMP && type != 8) {
        return false; /* errors are never answered by errors */
    }
    quote = RTE_MIN(quote, v6 ? QUOTE_MAX_V6 : QUOTE_MAX);
    icmp = build(w, p, true, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 8 + quote, out);
    if (!icmp) {
        return false;
    }
    icmp[0] = v6 ? 1 : 3;
    icmp[1] = v6 ? 1 : 13;
    memcpy(icmp + 8, rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l3_off), quote);
    return true;
}

static void
send_answer(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
            const struct pkt *p, struct pkt *out)
{
    csum_fill(out);
    output_made(w, from, to, out->m, p->vlan);
}

void
reject_answer(struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    struct pkt out;

    if (!(p->flags & PKT_GROUP) && within_rate(w, from) &&
        (p->protocol == IPPROTO_TCP ? build_reset(w, p, &out) : build_unreachable(w, p, &out))) {
        send_answer(w, from, from, p, &out);
    }
}

void
reject_peer(struct worker *w, const struct port_leaf *from, const struct port_leaf *to,
            const struct pkt *p, uint32_t seq)
{
    const struct rte_tcp_hdr *in =
        rte_pktmbuf_mtod_offset(p->m, const struct rte_tcp_hdr *, p->l4_off);
    struct rte_tcp_hdr *tcp;
    struct pkt out;

    if (p->tcp.flags & TCPF_RST || !within_rate(w, from)) {
        return;
    }
    tcp = (void *) build(w, p, false, IPPROTO_TCP, sizeof *tcp, &out);
    if (tcp) {
        tcp->src_port = in->src_port;
        tcp->dst_port = in->dst_port;
        tcp->data_off = 5 << 4;
        tcp->sent_seq = rte_cpu_to_be_32(seq);
        tcp->recv_ack = in->recv_ack;
        tcp->tcp_flags = TCPF_RST | (p->tcp.flags & TCPF_ACK);
        send_answer(w, from, to, p, &out);
    }
}
