#include <config.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "port/af_packet.h"

static uint32_t
slot_status(const struct tpacket2_hdr *slot)
{
    return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);
}

static void
release(struct af_packet_port *p)
{
    __atomic_store_n(&p->current.slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    p->current.slot = NULL;
    p->next = p->next + 1 == p->n_frames ? 0 : p->next + 1;
}

static void
count_discarded(struct af_packet_port *p)
{
    atomic_fetch_add_explicit(&p->discarded, 1, memory_order_relaxed);
}

/* Frames too long for a slot wait whole in the socket's queue, in the order of their slots. */
static bool
fetch_super_frame(struct af_packet_port *p)
{
    struct virtio_net_hdr vnet;
    struct iovec iov[2] = { { &vnet, sizeof vnet }, { p->super_frame, AF_PACKET_SUPER_FRAME } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    ssize_t n = recvmsg(p->rx_fd, &msg, MSG_DONTWAIT);

    p->current.data = p->super_frame;
    p->current.len = p->current.slot->tp_len;
    return n == (ssize_t) (sizeof vnet + p->current.len) && !(msg.msg_flags & MSG_TRUNC);
}

static void
take_vlan(struct af_packet_current *c, uint32_t status)
{
    uint16_t tpid = status & TP_STATUS_VLAN_TPID_VALID ? c->slot->tp_vlan_tpid : ETH_P_8021Q;

    c->has_vlan = status & TP_STATUS_VLAN_VALID;
    c->vlan[0] = tpid >> 8;
    c->vlan[1] = tpid;
    c->vlan[2] = c->slot->tp_vlan_tci >> 8;
    c->vlan[3] = c->slot->tp_vlan_tci;
}

static bool
take_offloads(struct af_packet_current *c, const struct virtio_net_hdr *vnet)
{
    c->segmenting = vnet->gso_type != VIRTIO_NET_HDR_GSO_NONE;
    if (c->segmenting) {
        c->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
        return !gso_begin(&c->gso, c->data, c->len, vnet->gso_type, vnet->gso_size);
    }
    c->ol_flags = vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM   ? RTE_MBUF_F_RX_L4_CKSUM_NONE
                  : vnet->flags & VIRTIO_NET_HDR_F_DATA_VALID ? RTE_MBUF_F_RX_L4_CKSUM_GOOD
                                                              : 0;
    return true;
}

/* Makes the next usable frame current.  False when the ring is empty. */
static bool
take_next(struct af_packet_port *p)
{
    struct af_packet_current *c = &p->current;

    for (;;) {
        struct tpacket2_hdr *slot = (void *) (p->ring + (size_t) p->next * p->frame_size);
        uint32_t status = slot_status(slot);
        const uint8_t *mac = (const uint8_t *) slot + slot->tp_mac;
        struct virtio_net_hdr vnet;
        bool whole = true;

        if (!(status & TP_STATUS_USER)) {
            return false;
        }
        c->slot = slot;
        c->data = mac;
        c->len = slot->tp_snaplen;
        take_vlan(c, status);
        memcpy(&vnet, mac - sizeof vnet, sizeof vnet);
        if (status & TP_STATUS_COPY) {
            whole = fetch_super_frame(p);
        } else {
            whole = slot->tp_snaplen == slot->tp_len;
        }
        if (likely(whole && c->len >= ETH_HLEN && take_offloads(c, &vnet))) {
            return true;
        }
        count_discarded(p);
        release(p);
    }
}

static bool
append(struct rte_mempool *pool, struct rte_mbuf *m, const uint8_t *data, uint32_t len)
{
    struct rte_mbuf *last = rte_pktmbuf_lastseg(m);

    while (len) {
        uint32_t room = rte_pktmbuf_tailroom(last);
        uint32_t n = len < room ? len : room;

        memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), data, n);
        last->data_len += n;
        m->pkt_len += n;
        data += n;
        len -= n;
        if (len) {
            struct rte_mbuf *more = rte_pktmbuf_alloc(pool);
            if (!more) {
                return false;
            }
            last->next = more;
            m->nb_segs++;
            last = more;
        }
    }
    return true;
}

/* 'head' begins with both MAC addresses; the tag goes in behind them. */
static bool
fill(struct af_packet_port *p, struct rte_mbuf *m, const uint8_t *head, uint32_t head_len,
     const uint8_t *payload, uint32_t payload_len)
{
    const uint32_t macs = 2 * ETH_ALEN;

    if (!p->current.has_vlan) {
        return append(p->pool, m, head, head_len) && append(p->pool, m, payload, payload_len);
    }
    return append(p->pool, m, head, macs) &&
           append(p->pool, m, p->current.vlan, sizeof p->current.vlan) &&
           append(p->pool, m, head + macs, head_len - macs) &&
           append(p->pool, m, payload, payload_len);
}

/* Returns false when what is current has been used up by this. */
static bool
fill_from_current(struct af_packet_port *p, struct rte_mbuf *m, bool *filled)
{
    struct af_packet_current *c = &p->current;
    uint8_t headers[GSO_MAX_HEADERS];
    const uint8_t *payload;
    uint32_t payload_len;

    if (!c->segmenting) {
        *filled = fill(p, m, c->data, c->len, NULL, 0);
        return false;
    }
    gso_next(&c->gso, headers, &payload, &payload_len);
    *filled = fill(p, m, headers, c->gso.headers, payload, payload_len);
    return c->gso.offset < c->gso.len;
}

uint16_t
af_packet_rx(struct dp_port *dp, struct rte_mbuf **pkts, uint16_t n)
{
    struct af_packet_port *p = (struct af_packet_port *) dp;
    uint16_t count = 0;

    while (count < n && (p->current.slot || take_next(p))) {
        struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);
        bool filled;

        if (unlikely(!m)) {
            break; /* the frame stays in the ring; the kernel counts what then finds no place */
        }
        m->ol_flags = p->current.ol_flags;
        if (!fill_from_current(p, m, &filled)) {
            release(p);
        }
        if (likely(filled)) {
            pkts[count++] = m;
        } else {
            count_discarded(p);
            rte_pktmbuf_free(m);
        }
    }
    return count;
}
