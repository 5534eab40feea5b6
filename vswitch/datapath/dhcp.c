#include <config.h>

#include "datapath/dhcp.h"

#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#define MAGIC 0x63825363 /* RFC 2131, 3 */

/* DHCPv4: a fixed part (RFC 2131, figure 1), the magic number, options. */
#define V4_CIADDR 12
#define V4_YIADDR 16
#define V4_GIADDR 24
#define V4_CHADDR 28
#define V4_MAGIC 236
#define V4_OPTIONS 240
enum { BOOTREQUEST = 1, BOOTREPLY = 2 };
enum {
    OPTION_PAD = 0,
    OPTION_REQUESTED = 50,
    OPTION_LEASE = 51,
    OPTION_TYPE = 53,
    OPTION_END = 255
};
enum { DHCPDECLINE = 4, DHCPACK = 5, DHCPRELEASE = 7 };

/* DHCPv6: type, transaction, options (RFC 8415, 8, 21). */
enum { V6_REPLY = 7, V6_RELEASE = 8, V6_DECLINE = 9, V6_RELAY_FORWARD = 12 };
enum { V6_IA_NA = 3, V6_IA_TA = 4, V6_IAADDR = 5 };
#define V6_IA_NA_HEAD 12 /* IAID, T1, T2 */
#define V6_IA_TA_HEAD 4
#define V6_IAADDR_HEAD 24 /* address, preferred and valid lifetime */

static uint32_t
get32(const uint8_t *b)
{
    uint32_t v;

    memcpy(&v, b, sizeof v);
    return rte_be_to_cpu_32(v);
}

static uint16_t
get16(const uint8_t *b)
{
    return (uint16_t) (b[0] << 8 | b[1]);
}

static struct acl_addr
get_v4(const uint8_t *b)
{
    uint32_t ip;

    memcpy(&ip, b, sizeof ip);
    return acl_addr_from_v4(ip);
}

static void
add_lease(struct dhcp_message *d, const struct acl_addr *a, uint32_t seconds)
{
    if (d->n_leases < DHCP_MAX_LEASES) {
        d->lease[d->n_leases++] = (struct dhcp_lease){ *a, seconds };
    }
}

/* ---- DHCPv4 ---- */

struct v4_options {
    uint8_t type;
    uint32_t seconds;
    const uint8_t *requested;
};

/* False when an option lies about its length. */
static bool
read_v4_options(const uint8_t *b, const uint8_t *end, struct v4_options *o)
{
    while (b < end && *b != OPTION_END) {
        if (*b == OPTION_PAD) {
            b++;
            continue;
        }
        if (end - b < 2 || b[1] > end - b - 2) {
            return false;
        }
        if (*b == OPTION_TYPE && b[1] == 1) {
            o->type = b[2];
        } else if (*b == OPTION_LEASE && b[1] == 4) {
            o->seconds = get32(b + 2);
        } else if (*b == OPTION_REQUESTED && b[1] == 4) {
            o->requested = b + 2;
        }
        b += 2 + b[1];
    }
    return true;
}

static bool
parse_v4(const uint8_t *b, uint32_t len, bool request, struct dhcp_message *d)
{
    struct v4_options o = { .type = 0 };
    struct acl_addr a;

    if (len < V4_OPTIONS || get32(b + V4_MAGIC) != MAGIC || b[1] != 1 || b[2] != 6 ||
        b[0] != (request ? BOOTREQUEST : BOOTREPLY) ||
        !read_v4_options(b + V4_OPTIONS, b + len, &o)) {
        return false;
    }
    d->id = get32(b + 4);
    d->chaddr = (uint64_t) get16(b + V4_CHADDR) << 32 | get32(b + V4_CHADDR + 2);
    memcpy(&d->giaddr, b + V4_GIADDR, sizeof d->giaddr);
    d->ciaddr = get_v4(b + V4_CIADDR);
    if (!request && o.type == DHCPACK && o.seconds) { /* DHCPINFORM is answered without a time */
        d->kind = DHCP_BINDS;
        a = get_v4(b + V4_YIADDR);
        add_lease(d, &a, o.seconds);
    } else if (request && o.type == DHCPRELEASE) {
        d->kind = DHCP_ENDS;
        add_lease(d, &d->ciaddr, 0);
    } else if (request && o.type == DHCPDECLINE && o.requested) {
        d->kind = DHCP_ENDS;
        a = get_v4(o.requested);
        add_lease(d, &a, 0);
    }
    return true;
}

/* ---- DHCPv6 ---- */

/* The option at '*bp'; moves on to the next one.  False at the end, or when it is cut short. */
static bool
next_v6_option(const uint8_t **bp, const uint8_t *end, uint16_t *code, const uint8_t **data,
               uint16_t *len)
{
    const uint8_t *b = *bp;

    if (end - b < 4 || get16(b + 2) > end - b - 4) {
        return false;
    }
    *code = get16(b);
    *len = get16(b + 2);
    *data = b + 4;
    *bp = b + 4 + *len;
    return true;
}

static void
read_v6_addresses(const uint8_t *b, const uint8_t *end, struct dhcp_message *d)
{
    const uint8_t *data;
    uint16_t code, len;

    while (next_v6_option(&b, end, &code, &data, &len)) {
        if (code == V6_IAADDR && len >= V6_IAADDR_HEAD) {
            struct acl_addr a;

            memcpy(a.b, data, sizeof a.b);
            add_lease(d, &a, d->kind == DHCP_BINDS ? get32(data + 20) : 0);
        }
    }
}

static bool
parse_v6(const uint8_t *b, uint32_t len, bool request, struct dhcp_message *d)
{
    const uint8_t *end = b + len, *data;
    uint16_t code, size;
    uint8_t type;

    if (len < 4) {
        return false;
    }
    d->relayed = b[0] >= V6_RELAY_FORWARD;
    if (d->relayed) {
        return true;
    }
    type = b[0];
    d->id = get32(b) & 0xffffff;
    d->kind = !request && type == V6_REPLY                            ? DHCP_BINDS
              : request && (type == V6_RELEASE || type == V6_DECLINE) ? DHCP_ENDS
                                                                      : DHCP_OTHER;
    b += 4;
    while (d->kind != DHCP_OTHER && next_v6_option(&b, end, &code, &data, &size)) {
        uint16_t head = code == V6_IA_NA ? V6_IA_NA_HEAD : code == V6_IA_TA ? V6_IA_TA_HEAD : 0;

        if (head && size >= head) {
            read_v6_addresses(data + head, data + size, d);
        }
    }
    return true;
}

bool
dhcp_parse(const struct pkt *p, struct dhcp_message *d)
{
    uint32_t off = p->l4_off + sizeof(struct rte_udp_hdr);
    const uint8_t *udp = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off);
    uint16_t len = get16(udp + 4) - sizeof(struct rte_udp_hdr); /* the parser looked at it */

    memset(d, 0, sizeof *d);
    return p->flags & PKT_V6 ? parse_v6(rte_pktmbuf_mtod_offset(p->m, const uint8_t *, off), len,
                                        dhcp_is_request(p), d)
                             : parse_v4(rte_pktmbuf_mtod_offset(p->m, const uint8_t *, off), len,
                                        dhcp_is_request(p), d);
}
