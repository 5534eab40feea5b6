/* Fuzzing the parser: whatever the bytes, it stays inside of them, what it says lies inside of
 * them, and where it takes a packet, it sees the same as Open vSwitch's flow_extract(). */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "datapath/parse.h"
#include "dp-packet.h"
#include "flow.h"
#include "packets.h"
#include "util.h"

#define CHECK(CONDITION)                                                                           \
    do {                                                                                           \
        if (!(CONDITION)) {                                                                        \
            __builtin_trap();                                                                      \
        }                                                                                          \
    } while (0)

static void
check_bounds(const struct pkt *p, enum drop_reason reason, size_t size)
{
    CHECK(p->l3_off <= size);
    if (p->flags & PKT_IP) {
        CHECK(p->l4_off + p->l4_len <= size);
    }
    if (p->flags & PKT_FRAGMENT && reason == DROP_NONE) {
        CHECK(!(p->flags & PKT_TRACKED));
        CHECK(p->l4_len && p->frag_off + p->l4_len <= 65535);
    }
}

static struct acl_addr
addr4(ovs_be32 a)
{
    return acl_addr_from_v4(a);
}

/* Theirs follows extension headers, too, but less strictly: it is asked where ours has an answer.
 */
static void
check_against_ovs(const struct pkt *p, const uint8_t *data, size_t size)
{
    struct dp_packet packet;
    struct flow flow;

    dp_packet_use_const(&packet, data, size);
    pkt_metadata_init(&packet.md, 0);
    flow_extract(&packet, &flow);
    CHECK(eth_addr_to_uint64(flow.dl_src) == p->smac);
    CHECK(eth_addr_to_uint64(flow.dl_dst) == p->dmac);
    if (!(p->flags & PKT_IP)) {
        return;
    }
    if (p->flags & PKT_V6) {
        CHECK(!memcmp(&flow.ipv6_src, &p->src, 16));
        CHECK(!memcmp(&flow.ipv6_dst, &p->dst, 16));
    } else {
        struct acl_addr src = addr4(flow.nw_src), dst = addr4(flow.nw_dst);
        CHECK(acl_addr_equals(&src, &p->src));
        CHECK(acl_addr_equals(&dst, &p->dst));
    }
    if (p->flags & PKT_FRAGMENT) {
        /* It gives up on a chain that goes on behind the fragment header. */
        CHECK(flow.nw_frag & FLOW_NW_FRAG_ANY || (p->flags & PKT_V6 && !flow.nw_proto));
        return;
    }
    /* It leaves the type at 0 where a header of its own stands in a later place. */
    if (flow.nw_proto != p->protocol) {
        return;
    }
    if ((p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP) && flow.tp_dst) {
        CHECK(ntohs(flow.tp_src) == p->sport);
        CHECK(ntohs(flow.tp_dst) == p->dport);
        if (p->protocol == IPPROTO_TCP) {
            CHECK((ntohs(flow.tcp_flags) & 0x3f) == p->tcp.flags);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A buffer of exactly its size: a read past the end is seen. */
    uint8_t *copy = malloc(size ? size : 1);
    struct rte_mbuf m = {
        .buf_addr = copy, .data_len = size, .pkt_len = size, .nb_segs = 1, .buf_len = size
    };
    struct pkt p = { .m = &m };
    struct pkt_quoted q;
    enum drop_reason reason;

    if (size > 65535) {
        free(copy);
        return -1;
    }
    memcpy(copy, data, size);
    reason = pkt_parse(&p);
    CHECK(reason < N_DROP_REASONS);
    check_bounds(&p, reason, size);
    if (reason == DROP_NONE) {
        check_against_ovs(&p, copy, size);
        if (p.flags & PKT_ICMP_ERROR) {
            pkt_parse_quoted(&p, &q);
        }
        if (p.flags & PKT_FRAGMENT && !p.frag_off) {
            uint32_t total = p.l4_len + (size & 1 ? 1400 : 0);
            reason = pkt_parse_datagram(&p, total);
            CHECK(reason < N_DROP_REASONS);
            CHECK(reason != DROP_NONE || p.l4_off <= size);
        }
    }
    free(copy);
    return 0;
}
