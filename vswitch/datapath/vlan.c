#include <config.h>

#include "datapath/vlan.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#define MACS (2 * RTE_ETHER_ADDR_LEN)
#define VID_MASK 0xfff

static uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

/* The VLAN of what comes with a tag of 'vid', or VLAN_NONE.  The untagged VLAN's own frames have no
 * tag: two ways to say one thing would be one too many. */
static uint16_t
vlan_of(const struct port_leaf *from, uint16_t vid)
{
    if (!vid) {
        return from->vlan;
    }
    return vid != from->vlan && port_carries(from, vid) ? vid : VLAN_NONE;
}

enum drop_reason
vlan_untag(const struct port_leaf *from, struct pkt *p)
{
    uint8_t *data = rte_pktmbuf_mtod(p->m, uint8_t *);
    enum drop_reason reason;
    uint16_t vlan;

    if (p->ethertype != RTE_ETHER_TYPE_VLAN) {
        return DROP_VLAN; /* an outer tag of 802.1ad, or of what was before it */
    }
    if (rte_pktmbuf_data_len(p->m) < RTE_ETHER_HDR_LEN + VLAN_TAG_LEN) {
        return DROP_MALFORMED;
    }
    vlan = vlan_of(from, get16(data + MACS + 2) & VID_MASK);
    if (vlan == VLAN_NONE || pkt_is_tag(get16(data + MACS + VLAN_TAG_LEN))) {
        return DROP_VLAN;
    }
    memmove(data + VLAN_TAG_LEN, data, MACS);
    rte_pktmbuf_adj(p->m, VLAN_TAG_LEN);
    reason = pkt_parse(p);
    p->vlan = vlan;
    return reason;
}

struct rte_mbuf *
vlan_tag(struct rte_mempool *pool, struct rte_mbuf *m, uint16_t vlan)
{
    struct rte_mbuf *own = m;
    uint8_t *data;

    if (rte_mbuf_refcnt_read(m) != 1 || !RTE_MBUF_DIRECT(m) ||
        rte_pktmbuf_headroom(m) < VLAN_TAG_LEN) {
        own = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
        if (!own) {
            return NULL;
        }
        rte_pktmbuf_free(m);
    }
    rte_pktmbuf_prepend(own, VLAN_TAG_LEN); /* a fresh copy has RTE_PKTMBUF_HEADROOM */
    data = rte_pktmbuf_mtod(own, uint8_t *);
    memmove(data, data + VLAN_TAG_LEN, MACS);
    data[MACS] = RTE_ETHER_TYPE_VLAN >> 8;
    data[MACS + 1] = RTE_ETHER_TYPE_VLAN & 0xff;
    data[MACS + 2] = vlan >> 8;
    data[MACS + 3] = vlan & 0xff;
    return own;
}
