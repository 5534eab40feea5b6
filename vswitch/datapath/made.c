#include <config.h>

#include "datapath/made.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

uint8_t *
made_build(struct rte_mempool *pool, const struct made *made, uint8_t protocol, uint16_t l4_len,
           struct pkt *out)
{
    bool v6 = !acl_addr_is_v4(made->dst);
    uint16_t ip_len = v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    char *data = m ? rte_pktmbuf_append(m, RTE_ETHER_HDR_LEN + ip_len + l4_len) : NULL;
    struct rte_ether_hdr *eth = (void *) data;

    if (!data) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    memset(data, 0, RTE_ETHER_HDR_LEN + ip_len + l4_len);
    mac_store(eth->dst_addr.addr_bytes, made->dmac);
    mac_store(eth->src_addr.addr_bytes, made->smac);
    eth->ether_type = rte_cpu_to_be_16(v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
    if (v6) {
        struct rte_ipv6_hdr *ip = (void *) (data + RTE_ETHER_HDR_LEN);
        ip->vtc_flow = RTE_BE32(6u << 28);
        ip->payload_len = rte_cpu_to_be_16(l4_len);
        ip->proto = protocol;
        ip->hop_limits = 64;
        memcpy(ip->src_addr, made->src, 16);
        memcpy(ip->dst_addr, made->dst, 16);
    } else {
        struct rte_ipv4_hdr *ip = (void *) (data + RTE_ETHER_HDR_LEN);
        ip->version_ihl = 0x45;
        ip->total_length = rte_cpu_to_be_16(sizeof *ip + l4_len);
        ip->time_to_live = 64;
        ip->next_proto_id = protocol;
        ip->src_addr = made->src->w[3];
        ip->dst_addr = made->dst->w[3];
        ip->hdr_checksum = rte_ipv4_cksum(ip);
    }
    *out = (struct pkt){ .m = m,
                         .src = *made->src,
                         .dst = *made->dst,
                         .protocol = protocol,
                         .flags = v6 ? PKT_IP | PKT_V6 : PKT_IP,
                         .l3_off = RTE_ETHER_HDR_LEN,
                         .l4_off = RTE_ETHER_HDR_LEN + ip_len,
                         .l4_len = l4_len };
    return (uint8_t *) data + out->l4_off;
}
