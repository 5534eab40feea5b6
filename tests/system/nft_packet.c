#include <config.h>

#include "tests/system/nft_packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t magic[8] = "FsmNft\x01\x02";
#define MARK_BYTES (sizeof magic + sizeof(uint32_t))
#define ETHER 14

static uint8_t *
put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t) (value >> 8);
    p[1] = (uint8_t) value;
    return p + 2;
}

static uint8_t *
put(uint8_t *p, const void *bytes, size_t n)
{
    memcpy(p, bytes, n);
    return p + n;
}

static uint8_t *
put_ethernet(uint8_t *p, uint8_t from, uint8_t to, uint16_t type)
{
    const uint8_t head[12] = { 2, 0, 0, 0, 1, to, 2, 0, 0, 0, 1, from };

    return put16(put(p, head, sizeof head), type);
}

static void
end_with_mark(struct packet *p, uint8_t *end, uint32_t id)
{
    end = put(end, magic, sizeof magic);
    end = put(end, &id, sizeof id);
    p->len = (uint16_t) (end - p->frame);
}

/* ---- what is in it ---- */

struct header {
    bool v6;
    uint8_t src[16], dst[16];
    uint8_t protocol;
    uint16_t sport, dport; /* ICMP: dport is type << 8 | code */
};

static void
desk_address(uint8_t end, bool v6, uint8_t addr[16])
{
    inet_pton(v6 ? AF_INET6 : AF_INET, desk_addrs[end][v6], addr);
}

/* The first or the last of the prefix, one beyond either, or one between. */
static void
near_cidr(struct dice *d, const struct cidr *c, uint8_t addr[16])
{
    unsigned bytes = c->v6 ? 16 : 4, kind = dice_below(d, 6);
    int carry = kind == 4 ? -1 : kind == 5 ? 1 : 0;

    memcpy(addr, c->addr, bytes);
    for (unsigned i = c->len; i < bytes * 8; i++) {
        if (kind == 1 || kind == 5 || (kind > 1 && kind < 4 && dice_below(d, 2))) {
            addr[i / 8] |= (uint8_t) (0x80 >> i % 8);
        }
    }
    for (unsigned i = bytes; carry && i--;) {
        int value = addr[i] + carry;

        addr[i] = (uint8_t) value;
        carry = value < 0 ? -1 : value > 255 ? 1 : 0;
    }
}

static void
random_address(struct dice *d, const struct random_policy *p, bool v6, uint8_t addr[16])
{
    const struct group *g = p->n_groups ? &p->group[dice_below(d, p->n_groups)] : NULL;
    const struct cidr *c = g && g->n ? &g->cidr[dice_below(d, g->n)] : NULL;

    if (c && c->v6 == v6 && dice_below(d, 8)) {
        near_cidr(d, c, addr);
    } else if (dice_below(d, 3)) {
        desk_address((uint8_t) dice_below(d, N_DESKS), v6, addr);
    } else {
        for (int i = 0; i < 16; i++) {
            addr[i] = (uint8_t) dice_roll(d);
        }
    }
}

/* Addresses that mean something of their own to whoever parses them. */
static bool
is_plain(const struct header *h)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    return memcmp(h->src, h->dst, h->v6 ? 16 : 4) &&
           !(h->v6 && (!memcmp(h->src, mapped, 12) || !memcmp(h->dst, mapped, 12)));
}

static uint16_t
near_entry(struct dice *d, const struct acl_range *e)
{
    switch (dice_below(d, 6)) {
    case 0:
        return e->lo;
    case 1:
        return e->hi;
    case 2:
        return (uint16_t) (e->lo - 1);
    case 3:
        return (uint16_t) (e->hi + 1);
    default:
        return (uint16_t) (e->lo + dice_below(d, (uint32_t) (e->hi - e->lo) + 1));
    }
}

static bool
is_neighbourly(const struct header *h)
{
    uint8_t type = (uint8_t) (h->dport >> 8);

    return h->protocol == IPPROTO_IGMP ||
           (h->protocol == IPPROTO_ICMPV6 && ((type >= 130 && type <= 137) || type == 143));
}

/* Protocol numbers that are headers of another kind, in their family. */
static bool
is_extension(const struct header *h)
{
    static const uint8_t numbers[] = { 0, 43, 44, 51, 59, 60, 135, 139, 140 };

    return h->v6 && memchr(numbers, h->protocol, sizeof numbers);
}

static void
random_service(struct dice *d, const struct random_policy *p, struct header *h)
{
    static const uint8_t protocols[] = { 6, 17, 1, 47, 41, 4, 50, 132, 94, 97, 115, 137 };
    static const uint16_t tunnels[] = { 1701, 3544, 4754, 4789, 4790, 6081, 8472 };
    const struct rule *r = &p->rule[dice_below(d, p->n_rules)];

    h->protocol = (uint8_t) (dice_below(d, 4) && r->protocol >= 0 ? r->protocol
                             : dice_below(d, 8)                   ? protocols[dice_below(d, 12)]
                                                                  : (int) dice_below(d, 256));
    if (h->protocol == IPPROTO_ICMP || h->protocol == IPPROTO_ICMPV6) {
        h->protocol = h->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    }
    h->sport = (uint16_t) dice_roll(d);
    h->dport = r->n && dice_below(d, 5) ? near_entry(d, &r->entry[dice_below(d, r->n)])
               : dice_below(d, 3)       ? (uint16_t) dice_roll(d)
                                        : tunnels[dice_below(d, 7)];
}

static void
random_header(struct dice *d, const struct random_policy *policy, const struct packet *p,
              struct header *h)
{
    do {
        *h = (struct header){ .v6 = dice_below(d, 2) };
        random_address(d, policy, h->v6, h->src);
        random_address(d, policy, h->v6, h->dst);
        if (p->from != UP) {
            desk_address(p->from, h->v6, h->src);
        }
        if (p->to != UP) {
            desk_address(p->to, h->v6, h->dst);
        }
        random_service(d, policy, h);
    } while (!is_plain(h) || is_neighbourly(h) || is_extension(h));
}

/* ---- as bytes ---- */

static uint8_t *
put_l4(struct dice *d, uint8_t *p, const struct header *h)
{
    switch (h->protocol) {
    case IPPROTO_TCP: {
        const uint8_t rest[16] = { [8] = 5 << 4, 2, 0xff, 0xff };

        p = put16(put16(p, h->sport), h->dport);
        return put(p, rest, sizeof rest);
    }
    case IPPROTO_UDP:
        p = put16(put16(p, h->sport), h->dport);
        return put16(put16(p, 8 + MARK_BYTES), 0);
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        p = put16(p, h->dport);
        return put16(put16(put16(p, 0), h->sport), 1);
    default:
        for (int i = 0; i < 8; i++) {
            *p++ = (uint8_t) dice_roll(d);
        }
        return p;
    }
}

static unsigned
checksum(const uint8_t *p, size_t n)
{
    unsigned sum = 0;

    for (size_t i = 0; i < n; i += 2) {
        sum += (unsigned) (p[i] << 8 | p[i + 1]);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return ~(sum + (sum >> 16)) & 0xffff;
}

/* Sometimes there are options or extension headers between, which are no matter of policy. */
static void
put_ipv4(struct dice *d, struct packet *p, const struct header *h, uint32_t id)
{
    unsigned options = dice_below(d, 8) ? 0 : 4 * (1 + dice_below(d, 10));
    uint8_t *ip = p->frame + ETHER, *l4 = ip + 20 + options;

    put_ethernet(p->frame, p->from, p->to, 0x0800);
    memset(ip, 0, 20);
    ip[0] = (uint8_t) (0x45 + options / 4);
    ip[8] = 64;
    ip[9] = h->protocol;
    memcpy(ip + 12, h->src, 4);
    memcpy(ip + 16, h->dst, 4);
    memset(ip + 20, 1, options); /* no operation */
    end_with_mark(p, put_l4(d, l4, h), id);
    put16(ip + 2, p->len - ETHER);
    put16(ip + 10, checksum(ip, 20 + options)); /* of the others nobody asks */
}

static void
put_ipv6(struct dice *d, struct packet *p, const struct header *h, uint32_t id)
{
    static const uint8_t kinds[] = { IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT };
    uint8_t *ip = p->frame + ETHER, *next = ip + 6, *l4 = ip + 40;

    put_ethernet(p->frame, p->from, p->to, 0x86dd);
    memset(ip, 0, 40);
    ip[0] = 0x60;
    ip[7] = 64;
    memcpy(ip + 8, h->src, 16);
    memcpy(ip + 24, h->dst, 16);
    for (unsigned n = dice_below(d, 8) ? 0 : 1 + dice_below(d, 3); n--; l4 += 8) {
        const uint8_t padding[8] = { 0, 0, 1, 4 }; /* or a fragment header of the whole, RFC 6946 */

        *next = kinds[dice_below(d, 3)];
        memcpy(l4, padding, 8);
        if (*next == IPPROTO_FRAGMENT) {
            memset(l4, 0, 8);
        }
        next = l4;
    }
    *next = h->protocol;
    end_with_mark(p, put_l4(d, l4, h), id);
    put16(ip + 4, p->len - ETHER - 40);
}

void
packet_random(struct dice *d, const struct random_policy *policy, uint32_t id, struct packet *p)
{
    struct header h;

    p->from = (uint8_t) dice_below(d, N_ENDS);
    p->to = (uint8_t) ((p->from + 1 + dice_below(d, N_ENDS - 1)) % N_ENDS);
    random_header(d, policy, p, &h);
    if (h.v6) {
        put_ipv6(d, p, &h, id);
    } else {
        put_ipv4(d, p, &h, id);
    }
}

void
packet_sentinel(uint8_t from, uint8_t to, uint32_t id, struct packet *p)
{
    *p = (struct packet){ .from = from, .to = to };
    put_ethernet(p->frame, from, to, SENTINEL_TYPE);
    end_with_mark(p, p->frame + 60 - MARK_BYTES, id);
}

void
packet_print(const struct packet *p)
{
    printf("%s -> %s, %u bytes:", end_names[p->from], end_names[p->to], p->len);
    for (uint16_t i = 0; i < p->len; i++) {
        printf("%s%02x", i == ETHER || i % 16 == 0 ? " " : "", p->frame[i]);
    }
    printf("\n");
}

bool
packet_read_mark(const uint8_t *frame, size_t len, uint32_t *id, uint8_t *from, uint8_t *to,
                 bool *sentinel)
{
    if (len < ETHER + MARK_BYTES || memcmp(frame + len - MARK_BYTES, magic, sizeof magic) ||
        frame[5] >= N_ENDS || frame[11] >= N_ENDS) {
        return false;
    }
    memcpy(id, frame + len - sizeof *id, sizeof *id);
    *to = frame[5];
    *from = frame[11];
    *sentinel = (frame[12] << 8 | frame[13]) == SENTINEL_TYPE;
    return true;
}
