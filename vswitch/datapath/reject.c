#include <config.h>

#include "datapath/reject.h"

#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "datapath/csum.h"
#include "datapath/output.h"

#define ANSWERS_A_SECOND 2000

static bool
within_rate(struct worker *w)
{
    if (w->now - w->reject_refilled > rte_get_tsc_hz()) {
        w->reject_refilled = w->now;
        w->reject_tokens = ANSWERS_A_SECOND;
    }
    return w->reject_tokens && w->reject_tokens--;
}

static void
swap_ethernet(const struct pkt *p, struct rte_ether_hdr *eth)
{
    const struct rte_ether_hdr *in = rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);

    eth->dst_addr = in->src_addr;
    eth->src_addr = in->dst_addr;
    eth->ether_type = in->ether_type;
}

/* Headers from p's destination to its source, for 'l4_len' bytes of 'protocol'; returns where these
 * go, or NULL when there is no buffer. */
static uint8_t *
build(struct worker *w, const struct pkt *p, uint8_t protocol, uint16_t l4_len, struct pkt *out)
{
    uint16_t ip_len = p->flags & PKT_V6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
    struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);
    char *data = m ? rte_pktmbuf_append(m, RTE_ETHER_HDR_LEN + ip_len + l4_len) : NULL;

    if (!data) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    memset(data, 0, RTE_ETHER_HDR_LEN + ip_len + l4_len);
    swap_ethernet(p, (void *) data);
    if (p->flags & PKT_V6) {
        struct rte_ipv6_hdr *ip = (void *) (data + RTE_ETHER_HDR_LEN);
        ip->vtc_flow = RTE_BE32(6u << 28);
        ip->payload_len = rte_cpu_to_be_16(l4_len);
        ip->proto = protocol;
        ip->hop_limits = 64;
        memcpy(ip->src_addr, &p->dst, 16);
        memcpy(ip->dst_addr, &p->src, 16);
    } else {
        struct rte_ipv4_hdr *ip = (void *) (data + RTE_ETHER_HDR_LEN);
        ip->version_ihl = 0x45;
        ip->total_length = rte_cpu_to_be_16(sizeof *ip + l4_len);
        ip->time_to_live = 64;
        ip->next_proto_id = protocol;
        ip->src_addr = p->dst.w[3];
        ip->dst_addr = p->src.w[3];
        ip->hdr_checksum = rte_ipv4_cksum(ip);
    }
    *out = (struct pkt){ .m = m,
                         .src = p->dst,
                         .dst = p->src,
                         .protocol = protocol,
                         .flags = p->flags,
                         .l4_off = RTE_ETHER_HDR_LEN + ip_len,
                         .l4_len = l4_len };
    return (uint8_t *) data + out->l4_off;
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
    tcp = (void *) build(w, p, IPPROTO_TCP, sizeof *tcp, out);
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

/* As much of the packet as RFC 1812 and RFC 4443 ask for at least: its header and eight bytes. */
static bool
build_unreachable(struct worker *w, const struct pkt *p, struct pkt *out)
{
    bool v6 = p->flags & PKT_V6;
    uint16_t there = rte_pktmbuf_data_len(p->m) - p->l3_off; /* less than a datagram in fragments */
    uint16_t quote = RTE_MIN(p->l4_off - p->l3_off + RTE_MIN(p->l4_len, (uint16_t) 64), there);
    uint8_t *icmp;
    uint8_t type = p->icmp >> 8;

    if (v6 ? p->protocol == IPPROTO_ICMPV6 && type < 128
           : p->protocol == IPPROTO_ICMP && type != 8) {
        return false; /* errors are never answered by errors */
    }
    icmp = build(w, p, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 8 + quote, out);
    if (!icmp) {
        return false;
    }
    icmp[0] = v6 ? 1 : 3;
    icmp[1] = v6 ? 1 : 13;
    memcpy(icmp + 8, rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l3_off), quote);
    return true;
}

void
reject_answer(struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    struct ledger_page *page = page_of(w, from);
    struct pkt out;

    if (p->flags & PKT_GROUP || !within_rate(w) ||
        !(p->protocol == IPPROTO_TCP ? build_reset(w, p, &out) : build_unreachable(w, p, &out))) {
        return;
    }
    csum_fill(&out);
    page->originated++;
    page->forwarded++;
    output_packet(w, from, from, out.m, p->vlan);
}
