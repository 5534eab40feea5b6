#include <config.h>

#include "datapath/csum.h"

#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "datapath/frag.h"

/* Offset of the checksum in the L4 header, or -1. */
static int
csum_offset(const struct pkt *p)
{
    switch (p->protocol) {
    case IPPROTO_TCP:
        return 16;
    case IPPROTO_UDP:
        return 6;
    case IPPROTO_ICMPV6:
    case IPPROTO_ICMP:
        return 2;
    default:
        return -1;
    }
}

static uint16_t
fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static uint16_t
pseudo_sum(const struct pkt *p, uint16_t len)
{
    uint32_t sum = rte_cpu_to_be_16(len) + rte_cpu_to_be_16(p->protocol);

    if (p->protocol == IPPROTO_ICMP) {
        return 0;
    }
    if (p->flags & PKT_V6) {
        sum += rte_raw_cksum(p->src.b, 16);
        sum += rte_raw_cksum(p->dst.b, 16);
    } else {
        sum += rte_raw_cksum(&p->src.w[3], 4);
        sum += rte_raw_cksum(&p->dst.w[3], 4);
    }
    return fold(sum);
}

/* The field already holds the pseudo-header's sum, so the sum over the L4 bytes is the whole. */
static void
sum_in_place(struct pkt *p, uint8_t *l4, int offset)
{
    uint16_t sum = ~rte_raw_cksum(l4, p->l4_len);

    if (p->protocol == IPPROTO_UDP && !sum) {
        sum = 0xffff; /* RFC 768: zero means none */
    }
    memcpy(l4 + offset, &sum, sizeof sum);
}

void
csum_complete(struct pkt *p, bool guess)
{
    bool marked = (p->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;
    int offset = csum_offset(p);
    uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_off);
    uint16_t field;

    if ((!marked && !guess) || offset < 0 || p->l4_len < offset + 2) {
        return;
    }
    memcpy(&field, l4 + offset, sizeof field);
    if (field == pseudo_sum(p, p->l4_len)) {
        sum_in_place(p, l4, offset);
    }
    p->m->ol_flags &= ~RTE_MBUF_F_RX_L4_CKSUM_MASK;
}

static bool
ip_sum_holds(const struct pkt *p)
{
    const uint8_t *ip = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l3_off);

    return p->flags & PKT_V6 || rte_raw_cksum(ip, (*ip & 0xf) * 4) == 0xffff;
}

bool
csum_holds(const struct pkt *p)
{
    const uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off);
    uint16_t len = p->l4_len;
    uint32_t sum;

    if (!ip_sum_holds(p)) {
        return false;
    }
    if (csum_offset(p) < 0) {
        return true;
    }
    if (p->protocol == IPPROTO_UDP) {
        if (!l4[6] && !l4[7]) {
            return !(p->flags &
                     PKT_V6); /* RFC 768: none was computed; RFC 8200, 8.1: one must be */
        }
        len = l4[4] << 8 | l4[5];
    }
    sum = p->frag ? frag_l4_sum(p, len) : rte_raw_cksum(l4, len);
    return fold(sum + pseudo_sum(p, len)) == 0xffff;
}

void
csum_fill(struct pkt *p)
{
    uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_off);
    int offset = csum_offset(p);
    uint16_t pseudo = pseudo_sum(p, p->l4_len);

    memcpy(l4 + offset, &pseudo, sizeof pseudo);
    sum_in_place(p, l4, offset);
}
