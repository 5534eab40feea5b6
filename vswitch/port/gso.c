#include <config.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/virtio_net.h>

#include "port/gso.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80 };

static uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
    return (uint32_t) get16(p) << 16 | get16(p + 2);
}

static void
put16(uint8_t *p, uint16_t v)
{
    p[0] = v >> 8;
    p[1] = v;
}

static void
put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v);
}

static uint32_t
sum(const uint8_t *p, uint32_t len)
{
    uint32_t s = 0;

    for (uint32_t i = 0; i + 1 < len; i += 2) {
        s += get16(p + i);
    }
    return s;
}

static uint16_t
fold(uint32_t s)
{
    s = (s & 0xffff) + (s >> 16);
    return s + (s >> 16);
}

/* Returns the offset of the L4 header, 0 when the chain is cut short or ends in something else. */
static uint32_t
skip_ipv6(struct gso *g)
{
    uint32_t at = g->l3 + 40;
    uint8_t next = g->frame[g->l3 + 6];

    while (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS) {
        if (at + 8 > g->len) {
            return 0;
        }
        next = g->frame[at];
        at += (g->frame[at + 1] + 1) * 8;
    }
    return next == g->protocol ? at : 0;
}

static uint32_t
skip_ipv4(struct gso *g)
{
    const uint8_t *ip = g->frame + g->l3;
    uint32_t len = (ip[0] & 15) * 4;

    return ip[0] >> 4 == 4 && len >= 20 && ip[9] == g->protocol ? g->l3 + len : 0;
}

static uint32_t
skip_ethernet(const uint8_t *frame, uint32_t len, bool *ipv6)
{
    uint32_t at = 12;

    while (at + 4 < len && (get16(frame + at) == 0x8100 || get16(frame + at) == 0x88a8)) {
        at += 4;
    }
    if (at + 2 > len) {
        return 0;
    }
    *ipv6 = get16(frame + at) == 0x86dd;
    return *ipv6 || get16(frame + at) == 0x0800 ? at + 2 : 0;
}

static int
find_headers(struct gso *g)
{
    uint32_t l3 = skip_ethernet(g->frame, g->len, &g->ipv6);
    uint32_t l4, end;

    if (!l3 || l3 + (g->ipv6 ? 40 : 20) > g->len) {
        return EINVAL;
    }
    g->l3 = l3;
    l4 = g->ipv6 ? skip_ipv6(g) : skip_ipv4(g);
    if (!l4 || l4 + (g->protocol == IPPROTO_TCP ? 20 : 8) > g->len) {
        return EINVAL;
    }
    end = l4 + (g->protocol == IPPROTO_TCP ? (g->frame[l4 + 12] >> 4) * 4 : 8);
    if ((g->protocol == IPPROTO_TCP && end < l4 + 20) || end > g->len || end > GSO_MAX_HEADERS) {
        return EINVAL;
    }
    g->l4 = l4;
    g->headers = end;
    return 0;
}

int
gso_begin(struct gso *g, const uint8_t *frame, uint32_t len, uint8_t type, uint16_t size)
{
    int err;

    memset(g, 0, sizeof *g);
    g->frame = frame;
    g->len = len;
    g->size = size;
    switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
    case VIRTIO_NET_HDR_GSO_TCPV6:
        g->protocol = IPPROTO_TCP;
        break;
    case VIRTIO_NET_HDR_GSO_UDP_L4:
        g->protocol = IPPROTO_UDP;
        break;
    default: /* VIRTIO_NET_HDR_GSO_UDP asks for IP fragments */
        return ENOTSUP;
    }
    err = find_headers(g);
    if (err || !size) {
        return EINVAL;
    }
    g->offset = g->headers;
    return 0;
}

static void
set_ip(const struct gso *g, uint8_t *headers, uint32_t l4_len)
{
    uint8_t *ip = headers + g->l3;

    if (g->ipv6) {
        put16(ip + 4, g->l4 - g->l3 - 40 + l4_len);
        return;
    }
    put16(ip + 2, g->l4 - g->l3 + l4_len);
    put16(ip + 4, get16(ip + 4) + g->n);
    put16(ip + 10, 0);
    put16(ip + 10, ~fold(sum(ip, g->l4 - g->l3)));
}

/* The sum that a kernel leaves in a partial checksum: not inverted, as csum_start begins at L4. */
static uint16_t
pseudo_sum(const struct gso *g, const uint8_t *headers, uint32_t l4_len)
{
    const uint8_t *ip = headers + g->l3;
    uint32_t addresses = g->ipv6 ? sum(ip + 8, 32) : sum(ip + 12, 8);

    return fold(addresses + g->protocol + l4_len);
}

bool
gso_next(struct gso *g, uint8_t headers[GSO_MAX_HEADERS], const uint8_t **payload,
         uint32_t *payload_len)
{
    uint32_t left = g->len - g->offset;
    uint32_t take = left < g->size ? left : g->size;
    uint32_t l4_len = g->headers - g->l4 + take;
    uint8_t *l4 = headers + g->l4;

    if (!left && g->n) {
        return false;
    }
    memcpy(headers, g->frame, g->headers);
    set_ip(g, headers, l4_len);
    if (g->protocol == IPPROTO_TCP) {
        put32(l4 + 4, get32(l4 + 4) + (g->offset - g->headers));
        if (take < left) {
            l4[13] &= ~(TCP_FIN | TCP_PSH);
        }
        if (g->n) {
            l4[13] &= ~TCP_CWR; /* RFC 3168: once for each reduction of the window */
        }
        put16(l4 + 16, pseudo_sum(g, headers, l4_len));
    } else {
        put16(l4 + 4, l4_len);
        put16(l4 + 6, pseudo_sum(g, headers, l4_len));
    }
    *payload = g->frame + g->offset;
    *payload_len = take;
    g->offset += take;
    g->n++;
    return true;
}
