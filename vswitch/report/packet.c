/* A packet's first bytes in words.  They are a suspect's: nothing is taken for granted, and what is
 * cut short is left out. */
#include <config.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "report/page.h"
#include "util.h"

#define ETHERNET 14
#define VLAN_TAG 4
#define HEX_BYTES 40

struct bytes {
    const uint8_t *p;
    size_t n;
};

static unsigned
get16(const struct bytes *b, size_t at)
{
    return at + 2 <= b->n ? b->p[at] << 8 | b->p[at + 1] : 0;
}

static struct bytes
after(const struct bytes *b, size_t n)
{
    n = MIN(n, b->n);
    return (struct bytes){ b->p + n, b->n - n };
}

static void
put_tcp_flags(struct ds *s, unsigned flags)
{
    static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR" };
    bool any = false;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (flags & 1u << i) {
            ds_put_format(s, " %s", names[i]);
            any = true;
        }
    }
    if (!any) {
        ds_put_cstr(s, " no flags");
    }
}

static void
put_transport(struct ds *s, unsigned protocol, const struct bytes *b)
{
    switch (protocol) {
    case IPPROTO_TCP:
        ds_put_cstr(s, ", TCP");
        if (b->n >= 14) {
            ds_put_format(s, " %u > %u", get16(b, 0), get16(b, 2));
            put_tcp_flags(s, b->p[13]);
        }
        break;
    case IPPROTO_UDP:
        ds_put_cstr(s, ", UDP");
        if (b->n >= 8) {
            ds_put_format(s, " %u > %u, %u bytes", get16(b, 0), get16(b, 2), get16(b, 4));
        }
        break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        ds_put_cstr(s, protocol == IPPROTO_ICMP ? ", ICMP" : ", ICMPv6");
        if (b->n >= 2) {
            ds_put_format(s, " type %u code %u", b->p[0], b->p[1]);
        }
        break;
    default:
        ds_put_format(s, ", protocol %u", protocol);
        break;
    }
}

static void
put_ipv4(struct ds *s, const struct bytes *b)
{
    size_t header = b->n ? (b->p[0] & 15) * 4 : 0;
    struct bytes rest;

    ds_put_cstr(s, "IPv4");
    if (b->n < 20 || header < 20 || b->p[0] >> 4 != 4) {
        return;
    }
    ds_put_format(s, ", ttl %u", b->p[8]);
    if (get16(b, 6) & 0x1fff) {
        ds_put_format(s, ", fragment at %u", (get16(b, 6) & 0x1fff) * 8);
        return;
    }
    rest = after(b, header);
    put_transport(s, b->p[9], &rest);
}

static void
put_ipv6(struct ds *s, const struct bytes *b)
{
    struct bytes rest = after(b, 40);

    ds_put_cstr(s, "IPv6");
    if (b->n < 40 || b->p[0] >> 4 != 6) {
        return;
    }
    ds_put_format(s, ", hop limit %u", b->p[7]);
    put_transport(s, b->p[6], &rest);
}

/* Both addresses of an ARP packet for IPv4 on Ethernet (RFC 826). */
static void
put_arp(struct ds *s, const struct bytes *b)
{
    char asks[INET_ADDRSTRLEN], about[INET_ADDRSTRLEN];

    ds_put_cstr(s, "ARP");
    if (b->n < 28 || get16(b, 2) != 0x0800 || !inet_ntop(AF_INET, b->p + 14, asks, sizeof asks) ||
        !inet_ntop(AF_INET, b->p + 24, about, sizeof about)) {
        return;
    }
    switch (get16(b, 6)) {
    case 1:
        ds_put_format(s, ", who has %s? tell %s", about, asks);
        break;
    case 2:
        ds_put_format(s, ", reply: I have %s", asks);
        break;
    default:
        ds_put_format(s, ", operation %u", get16(b, 6));
        break;
    }
}

static void
put_hex(struct ds *s, const struct bytes *b)
{
    for (size_t i = 0; i < MIN(b->n, HEX_BYTES); i++) {
        ds_put_format(s, "%s%02x", i % 2 ? "" : " ", b->p[i]);
    }
    if (b->n > HEX_BYTES) {
        ds_put_cstr(s, " ...");
    }
}

char *
packet_text(const uint8_t *data, size_t n)
{
    struct bytes frame = { data, n }, b = after(&frame, ETHERNET);
    unsigned type = get16(&frame, 12);
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, "");
    if (n < ETHERNET) {
        return ds_steal_cstr(&s);
    }
    while ((type == 0x8100 || type == 0x88a8) && b.n >= VLAN_TAG) {
        ds_put_format(&s, "VLAN %u, ", get16(&b, 0) & 0xfff);
        type = get16(&b, 2);
        b = after(&b, VLAN_TAG);
    }
    switch (type) {
    case 0x0800:
        put_ipv4(&s, &b);
        break;
    case 0x86dd:
        put_ipv6(&s, &b);
        break;
    case 0x0806:
        put_arp(&s, &b);
        break;
    default:
        ds_put_format(&s, "EtherType 0x%04x", type);
        break;
    }
    ds_put_cstr(&s, ":");
    put_hex(&s, &b);
    return ds_steal_cstr(&s);
}
