#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <rte_mbuf.h>

#include "datapath/csum.h"
#include "datapath/parse.h"
#include "tests/unit/datapath/suites.h"

static enum drop_reason
parse(struct rte_mbuf *m, struct pkt *p)
{
    p->m = m;
    return pkt_parse(p);
}

static void
test_tcp(void)
{
    struct pkt p;
    struct rte_mbuf *m = packet_tcp(1, 2, 40000, 445, 0x02);

    CU_ASSERT_EQUAL(parse(m, &p), DROP_NONE);
    CU_ASSERT_EQUAL(p.smac, TEST_MAC(1));
    CU_ASSERT_EQUAL(p.dmac, TEST_MAC(2));
    CU_ASSERT_EQUAL(p.sport, 40000);
    CU_ASSERT_EQUAL(p.dport, 445);
    CU_ASSERT_EQUAL(p.tcp.flags, 0x02);
    CU_ASSERT_EQUAL(p.l4_len, 20);
    CU_ASSERT_EQUAL(p.flags, PKT_IP | PKT_TRACKED);
    rte_pktmbuf_free(m);
}

/* Every prefix of a good packet, and every value of every header byte, must end in a verdict; run
 * under a sanitizer this is what finds a read past the end. */
static void
test_cut_and_bent(void)
{
    struct pkt p;

    for (uint16_t len = 0; len < 54; len++) {
        struct rte_mbuf *m = packet_tcp(1, 2, 1, 2, 2);
        rte_pktmbuf_trim(m, 54 - len);
        CU_ASSERT_EQUAL(parse(m, &p), DROP_MALFORMED);
        rte_pktmbuf_free(m);
    }
    for (int at = 12; at < 54; at++) {
        for (int value = 0; value < 256; value++) {
            struct rte_mbuf *m = packet_tcp(1, 2, 1, 2, 2);
            rte_pktmbuf_mtod(m, uint8_t *)[at] = value;
            if (parse(m, &p) == DROP_NONE && p.flags & PKT_IP) {
                CU_ASSERT_TRUE(p.l4_off + p.l4_len <= 54);
            }
            rte_pktmbuf_free(m);
        }
    }
}

static void
test_refusals(void)
{
    struct pkt p;
    struct rte_mbuf *m = packet_tcp(1, 2, 1, 2, 2);
    uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

    data[20] = 0x20; /* more fragments, but 20 bytes are no multiple of eight */
    CU_ASSERT_EQUAL(parse(m, &p), DROP_MALFORMED);
    data[20] = 0x1f; /* ends past the largest datagram */
    data[21] = 0xff;
    CU_ASSERT_EQUAL(parse(m, &p), DROP_MALFORMED);
    data[20] = 0;
    data[21] = 1;
    CU_ASSERT_EQUAL(parse(m, &p), DROP_NONE);
    CU_ASSERT_EQUAL(p.flags, PKT_IP | PKT_FRAGMENT);
    CU_ASSERT_EQUAL(p.frag_off, 8);
    data[21] = 0;
    data[46] = 4 << 4; /* a TCP header that is too short */
    CU_ASSERT_EQUAL(parse(m, &p), DROP_MALFORMED);
    data[46] = 5 << 4;
    data[12] = 0x81;
    data[13] = 0;
    CU_ASSERT_EQUAL(parse(m, &p), DROP_VLAN);
    data[12] = 0x88;
    data[13] = 0xcc;
    CU_ASSERT_EQUAL(parse(m, &p), DROP_ETHERTYPE);
    data[12] = 8;
    data[13] = 0;
    memcpy(data + 30, data + 26, 4);
    CU_ASSERT_EQUAL(parse(m, &p), DROP_LAND);
    rte_pktmbuf_free(m);
}

/* IPv6 with a hop-by-hop header, then UDP to port 53. */
static const uint8_t v6_udp[] = {
    2,  0,  0,    0,  0,    2,    2,    0,    0,    0,    0, 1,  0x86, 0xdd, 0x60, 0, 0, 0,
    0,  16, 0,    64, 0x20, 1,    0x0d, 0xb8, 0,    0,    0, 0,  0,    0,    0,    0, 0, 0,
    0,  1,  0x20, 1,  0x0d, 0xb8, 0,    0,    0,    0,    0, 0,  0,    0,    0,    0, 0, 2,
    17, 0,  1,    4,  0,    0,    0,    0,    0x9c, 0x40, 0, 53, 0,    8,    0,    0,
};

static void
test_ipv6_extensions(void)
{
    struct pkt p;
    struct rte_mbuf *m = packet_raw(v6_udp, sizeof v6_udp);
    uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

    CU_ASSERT_EQUAL(parse(m, &p), DROP_NONE);
    CU_ASSERT_EQUAL(p.protocol, 17);
    CU_ASSERT_EQUAL(p.dport, 53);
    data[55] = 9; /* the extension says it is longer than the packet */
    CU_ASSERT_EQUAL(parse(m, &p), DROP_IPV6_EXT);
    data[55] = 0;
    data[54] = 44; /* a fragment header follows, and nothing behind it */
    CU_ASSERT_EQUAL(parse(m, &p), DROP_MALFORMED);
    data[54] = 43; /* a routing header of type 0 with a hop left */
    data[62] = data[63] = data[64] = 0;
    data[65] = 1;
    CU_ASSERT_EQUAL(parse(m, &p), DROP_SOURCE_ROUTE);
    rte_pktmbuf_free(m);
}

/* A fragment header in the place of the hop-by-hop header. */
static void
test_ipv6_fragments(void)
{
    struct pkt p;
    struct rte_mbuf *m = packet_raw(v6_udp, sizeof v6_udp);
    uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

    data[20] = 44;
    data[56] = data[57] = 0;
    CU_ASSERT_EQUAL(parse(m, &p), DROP_NONE); /* makes no fragment: RFC 6946 */
    CU_ASSERT_EQUAL(p.flags, PKT_IP | PKT_V6 | PKT_TRACKED | PKT_ATOMIC);
    CU_ASSERT_EQUAL(p.dport, 53);
    data[57] = 1; /* more follow */
    data[61] = 9;
    CU_ASSERT_EQUAL(parse(m, &p), DROP_NONE);
    CU_ASSERT_EQUAL(p.flags, PKT_IP | PKT_V6 | PKT_FRAGMENT | PKT_MORE);
    CU_ASSERT_EQUAL(p.frag_id, 9);
    CU_ASSERT_EQUAL(p.l4_len, 8);
    CU_ASSERT_EQUAL(pkt_parse_datagram(&p, 16), DROP_NONE);
    CU_ASSERT_EQUAL(p.dport, 53);
    rte_pktmbuf_free(m);
}

/* RFC 6980: neighbour discovery is no whole packet behind a fragment header; other messages are. */
static void
test_atomic_messages(void)
{
    static const uint8_t nd[] = { 133, 134, 135, 136, 137, 148, 149 }, others[] = { 1, 128, 143 };
    struct pkt p;
    struct rte_mbuf *m = packet_raw(v6_udp, sizeof v6_udp);
    uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

    data[20] = 44;
    data[54] = 58;
    data[56] = data[57] = 0;
    for (size_t i = 0; i < sizeof nd; i++) {
        data[62] = nd[i];
        data[20] = 44;
        CU_ASSERT_EQUAL(parse(m, &p), DROP_FRAGMENT);
        CU_ASSERT_EQUAL(p.icmp >> 8, nd[i]);
        data[20] = 60; /* the same bytes as another header */
        CU_ASSERT_EQUAL(parse(m, &p), DROP_NONE);
    }
    data[20] = 44;
    for (size_t i = 0; i < sizeof others; i++) {
        data[62] = others[i];
        CU_ASSERT_EQUAL(parse(m, &p), DROP_NONE);
    }
    data[62] = 134;
    data[57] = 1; /* a real one */
    CU_ASSERT_EQUAL(parse(m, &p), DROP_NONE);
    CU_ASSERT_EQUAL(pkt_parse_datagram(&p, 16), DROP_FRAGMENT);
    rte_pktmbuf_free(m);
}

static void
test_window_scale(void)
{
    static const uint8_t options[][4] = { { 1, 3, 3, 7 }, { 3, 3, 99, 0 }, { 3, 2, 7, 0 },
                                          { 0, 3, 3, 7 }, { 1, 1, 3, 3 },  { 8, 0, 0, 0 } };
    static const uint8_t expected[] = {
        7, TCP_MAX_SCALE, TCP_NO_SCALE, TCP_NO_SCALE, TCP_NO_SCALE, TCP_NO_SCALE
    };
    struct pkt p;

    for (size_t i = 0; i < sizeof expected; i++) {
        struct rte_mbuf *m = packet_tcp(1, 2, 1, 2, 2);
        uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
        memcpy(rte_pktmbuf_append(m, 4), options[i], 4);
        data[17] += 4;
        data[46] = 6 << 4;
        CU_ASSERT_EQUAL(parse(m, &p), DROP_NONE);
        CU_ASSERT_EQUAL(p.tcp.scale, expected[i]);
        CU_ASSERT_EQUAL(p.tcp.len, 0);
        rte_pktmbuf_free(m);
    }
}

static void
test_partial_checksum(void)
{
    struct pkt p;
    struct rte_mbuf *m = packet_tcp(1, 2, 40000, 80, 0x12);
    uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, 34);
    uint8_t full[2], wrong[2] = { 0x12, 0x34 };

    memcpy(full, l4 + 16, 2);
    CU_ASSERT_EQUAL(parse(m, &p), DROP_NONE);
    uint32_t sum = 0x0a00 + 1 + 0x0a00 + 2 + 6 + 20;
    l4[16] = sum >> 8;
    l4[17] = sum;
    csum_complete(&p, true);
    CU_ASSERT_EQUAL(memcmp(l4 + 16, full, 2), 0);
    memcpy(l4 + 16, wrong, 2);
    csum_complete(&p, true); /* a wrong checksum is not mended */
    CU_ASSERT_EQUAL(memcmp(l4 + 16, wrong, 2), 0);
    rte_pktmbuf_free(m);
}

void
suite_parse(void)
{
    CU_pSuite s = CU_add_suite("parse", NULL, NULL);

    CU_add_test(s, "tcp", test_tcp);
    CU_add_test(s, "cut and bent", test_cut_and_bent);
    CU_add_test(s, "refusals", test_refusals);
    CU_add_test(s, "ipv6 extensions", test_ipv6_extensions);
    CU_add_test(s, "ipv6 fragments", test_ipv6_fragments);
    CU_add_test(s, "neighbour discovery in atomic fragments", test_atomic_messages);
    CU_add_test(s, "window scale", test_window_scale);
    CU_add_test(s, "partial checksum", test_partial_checksum);
}
