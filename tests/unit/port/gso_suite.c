#include <config.h>

#include <errno.h>
#include <string.h>

#include <CUnit/CUnit.h>
#include <linux/virtio_net.h>

#include "port/gso.h"
#include "tests/unit/port/suites.h"

enum { UDP_L4 = 5 /* VIRTIO_NET_HDR_GSO_UDP_L4, newer than some kernel headers */ };
enum { FIN = 1, PSH = 8, ACK = 16, CWR = 128 };

/* A super-frame in the making, and where its headers are. */
struct super {
    uint8_t bytes[70000];
    uint32_t len, l3, l4, headers;
    bool ipv6, udp;
};

struct shape {
    bool ipv6, udp, vlan, options;
    uint32_t payload;
    uint16_t size;
    uint32_t segments;
};

static struct super super;

static uint32_t
read16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static void
push(struct super *s, const void *bytes, uint32_t n)
{
    memcpy(s->bytes + s->len, bytes, n);
    s->len += n;
}

static void
push_ip(struct super *s, bool options)
{
    static const uint8_t v4[20] = { 0x45, 2, 0,  0, 0xff, 0xfe, 0x40, 0, 64, 6,
                                    0,    0, 10, 0, 0,    1,    10,   0, 0,  2 };
    static const uint8_t v6[40] = { 0x60, 0, 0, 0, 0, 0, 6, 64, 0xfd, [23] = 1, 0xfd, [39] = 2 };
    static const uint8_t hop_by_hop[8] = { 6, 0, 1, 4 }; /* PadN */
    static const uint8_t nop[4] = { 1, 1, 1, 0 };

    s->l3 = s->len;
    if (s->ipv6) {
        push(s, v6, sizeof v6);
        s->bytes[s->l3 + 6] = options ? 0 : s->udp ? 17 : 6;
        if (options) {
            push(s, hop_by_hop, sizeof hop_by_hop);
            s->bytes[s->l3 + 40] = s->udp ? 17 : 6;
        }
        return;
    }
    push(s, v4, sizeof v4);
    s->bytes[s->l3 + 9] = s->udp ? 17 : 6;
    if (options) {
        s->bytes[s->l3] = 0x46;
        push(s, nop, sizeof nop);
    }
}

static void
make(struct super *s, const struct shape *shape)
{
    static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
    static const uint8_t tag[4] = { 0x81, 0, 0x20, 7 };
    static const uint8_t tcp[32] = { 0xc0, 1, 0, 80, 0xff, 0xff, 0xff,
                                     0,    0, 0, 0,  9,    0x80, FIN | PSH | ACK | CWR };
    static const uint8_t udp[8] = { 0xc0, 1, 0, 53 };

    memset(s, 0, sizeof *s);
    s->ipv6 = shape->ipv6;
    s->udp = shape->udp;
    push(s, macs, sizeof macs);
    if (shape->vlan) {
        push(s, tag, sizeof tag);
    }
    push(s, shape->ipv6 ? "\x86\xdd" : "\x08\x00", 2);
    push_ip(s, shape->options);
    s->l4 = s->len;
    push(s, shape->udp ? udp : tcp, shape->udp ? sizeof udp : sizeof tcp);
    s->headers = s->len;
    for (uint32_t i = 0; i < shape->payload; i++) {
        s->bytes[s->len++] = i * 7 + (i >> 8);
    }
}

static uint8_t
gso_type(const struct shape *shape)
{
    return shape->udp ? UDP_L4 : shape->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
}

/* RFC 1071, over 'n' bytes; 0xffff when a checksum is among them and right. */
static uint32_t
ones_sum(const uint8_t *p, uint32_t n, uint32_t s)
{
    for (uint32_t i = 0; i < n; i++) {
        s += i & 1 ? p[i] : p[i] << 8;
    }
    while (s >> 16) {
        s = (s & 0xffff) + (s >> 16);
    }
    return s;
}

static void
check_ip(const struct super *s, const uint8_t *h, uint32_t n, uint32_t l4_len)
{
    const uint8_t *ip = h + s->l3;

    if (s->ipv6) {
        CU_ASSERT_EQUAL(read16(ip + 4), s->l4 - s->l3 - 40 + l4_len);
        return;
    }
    CU_ASSERT_EQUAL(read16(ip + 2), s->l4 - s->l3 + l4_len);
    CU_ASSERT_EQUAL(read16(ip + 4), (0xfffe + n) & 0xffff);
    CU_ASSERT_EQUAL(ones_sum(ip, s->l4 - s->l3, 0), 0xffff);
}

static void
check_l4(const struct super *s, const uint8_t *h, uint32_t n, bool last, uint32_t l4_len,
         uint32_t offset)
{
    const uint8_t *l4 = h + s->l4;
    uint32_t pseudo =
        ones_sum(h + s->l3 + (s->ipv6 ? 8 : 12), s->ipv6 ? 32 : 8, (s->udp ? 17 : 6) + l4_len);

    CU_ASSERT_EQUAL(read16(l4 + (s->udp ? 6 : 16)), pseudo);
    if (s->udp) {
        CU_ASSERT_EQUAL(read16(l4 + 4), l4_len);
        return;
    }
    CU_ASSERT_EQUAL(read16(l4 + 4) << 16 | read16(l4 + 6), 0xffffff00u + offset);
    CU_ASSERT_EQUAL(l4[13], ACK | (n ? 0 : CWR) | (last ? FIN | PSH : 0));
}

static void
check_shape(const struct shape *shape)
{
    uint8_t h[GSO_MAX_HEADERS];
    const uint8_t *payload;
    uint32_t len, n = 0, offset = 0;
    struct gso g;

    make(&super, shape);
    CU_ASSERT_EQUAL_FATAL(gso_begin(&g, super.bytes, super.len, gso_type(shape), shape->size), 0);
    CU_ASSERT_EQUAL(g.headers, super.headers);
    while (gso_next(&g, h, &payload, &len)) {
        bool last = offset + len == shape->payload;
        CU_ASSERT(len == shape->size || last);
        CU_ASSERT_PTR_EQUAL(payload, super.bytes + super.headers + offset);
        CU_ASSERT_EQUAL(memcmp(h, super.bytes, super.l3), 0);
        check_ip(&super, h, n, super.headers - super.l4 + len);
        check_l4(&super, h, n, last, super.headers - super.l4 + len, offset);
        offset += len;
        n++;
    }
    CU_ASSERT_EQUAL(offset, shape->payload);
    CU_ASSERT_EQUAL(n, shape->segments);
}

static void
test_segments(void)
{
    static const struct shape shapes[] = {
        { .payload = 3000, .size = 1448, .segments = 3 },
        { .payload = 2896, .size = 1448, .segments = 2 },
        { .payload = 100, .size = 1448, .segments = 1 },
        { .payload = 0, .size = 1448, .segments = 1 },
        { .payload = 5, .size = 1, .segments = 5 },
        { .payload = 65000, .size = 1448, .segments = 45 },
        { .vlan = true, .options = true, .payload = 4000, .size = 1400, .segments = 3 },
        { .ipv6 = true, .payload = 3000, .size = 1428, .segments = 3 },
        { .ipv6 = true,
          .options = true,
          .vlan = true,
          .payload = 65000,
          .size = 1420,
          .segments = 46 },
        { .udp = true, .payload = 3000, .size = 1200, .segments = 3 },
        { .ipv6 = true, .udp = true, .payload = 2400, .size = 1200, .segments = 2 },
    };

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        check_shape(&shapes[i]);
    }
}

static void
test_refused(void)
{
    struct shape shape = { .payload = 3000, .size = 1448 };
    struct gso g;

    make(&super, &shape);
    CU_ASSERT_EQUAL(gso_begin(&g, super.bytes, super.len, VIRTIO_NET_HDR_GSO_UDP, 1448), ENOTSUP);
    CU_ASSERT_EQUAL(gso_begin(&g, super.bytes, super.len, UDP_L4, 1448), EINVAL);
    CU_ASSERT_EQUAL(gso_begin(&g, super.bytes, super.len, VIRTIO_NET_HDR_GSO_TCPV4, 0), EINVAL);
    super.bytes[super.l3] = 0x44; /* shorter than an IPv4 header can be */
    CU_ASSERT_EQUAL(gso_begin(&g, super.bytes, super.len, VIRTIO_NET_HDR_GSO_TCPV4, 9), EINVAL);
    super.bytes[super.l3] = 0x45;
    super.bytes[super.l4 + 12] = 0x40; /* likewise TCP */
    CU_ASSERT_EQUAL(gso_begin(&g, super.bytes, super.len, VIRTIO_NET_HDR_GSO_TCPV4, 9), EINVAL);
    super.bytes[12] = 0x88; /* no IP */
    CU_ASSERT_EQUAL(gso_begin(&g, super.bytes, super.len, VIRTIO_NET_HDR_GSO_TCPV4, 9), EINVAL);
}

/* The sanitizers watch this one: every frame is copied to a buffer of exactly its length. */
static void
test_cut_short(void)
{
    for (int i = 0; i < 16; i++) {
        struct shape shape = { i & 1, i & 2, i & 4, i & 8, 0, 1448, 1 };
        make(&super, &shape);
        for (uint32_t len = 0; len < super.len; len++) {
            uint8_t exact[len ? len : 1];
            struct gso g;
            memcpy(exact, super.bytes, len);
            CU_ASSERT_EQUAL(gso_begin(&g, exact, len, gso_type(&shape), 1448), EINVAL);
        }
    }
}

void
suite_gso(void)
{
    CU_pSuite s = CU_add_suite("gso", NULL, NULL);

    CU_add_test(s, "segments", test_segments);
    CU_add_test(s, "refused", test_refused);
    CU_add_test(s, "cut short", test_cut_short);
}
