#include "tests/fuzz/oracle.h"

#include <string.h>

static uint32_t
be(const uint8_t *b, int n)
{
    uint32_t v = 0;

    while (n--) {
        v = v << 8 | *b++;
    }
    return v;
}

static void
mapped(uint8_t to[16], const uint8_t v4[4])
{
    memset(to, 0, 10);
    memset(to + 10, 0xff, 2);
    memcpy(to + 12, v4, 4);
}

static bool
read_arp(const uint8_t *b, size_t len, struct seen *s)
{
    if (len < 28) {
        return false;
    }
    mapped(s->src, b + 14);
    mapped(s->dst, b + 24);
    return true;
}

static bool
read_ipv4(const uint8_t *b, size_t len, struct seen *s)
{
    size_t header, total;

    if (len < 20) {
        return false;
    }
    header = (b[0] & 15) * 4;
    total = be(b + 2, 2);
    if (b[0] >> 4 != 4 || header < 20 || header > total || total > len) {
        return false;
    }
    mapped(s->src, b + 12);
    mapped(s->dst, b + 16);
    s->protocol = b[9];
    s->hop_limit = b[8];
    s->id = be(b + 4, 2);
    s->offset = (be(b + 6, 2) & 0x1fff) * 8;
    s->more = b[6] & 0x20;
    s->fragment = s->more || s->offset;
    s->l3_len = total;
    s->l4 = b + header;
    s->l4_len = total - header;
    return true;
}

/* Header after header; one that makes a fragment is the last that can be read. */
static bool
read_ipv6(const uint8_t *b, size_t len, struct seen *s)
{
    const uint8_t *at = b + 40, *end;
    unsigned next;

    if (len < 40 || b[0] >> 4 != 6 || be(b + 4, 2) > len - 40) {
        return false;
    }
    end = at + be(b + 4, 2);
    s->l3_len = end - b;
    memcpy(s->src, b + 8, 16);
    memcpy(s->dst, b + 24, 16);
    s->hop_limit = b[7];
    next = b[6];
    for (;;) {
        size_t size = 0;

        s->protocol = next;
        s->l4 = at;
        s->l4_len = end - at;
        if (next == 0 || next == 43 || next == 60) {
            size = 8;
        } else if (next == 51 || next == 44) {
            size = 8;
        } else {
            return true;
        }
        if (s->l4_len < size) {
            return false;
        }
        if (next == 51) {
            size = (at[1] + 2) * 4;
        } else if (next != 44) {
            size = (at[1] + 1) * 8;
        }
        if (s->l4_len < size) {
            return false;
        }
        if (next == 44 && (be(at + 2, 2) & 0xfff9)) {
            s->fragment = true;
            s->more = at[3] & 1;
            s->offset = be(at + 2, 2) & 0xfff8;
            s->id = be(at + 4, 4);
            s->protocol = at[0];
            s->l4 = at + 8;
            s->l4_len -= 8;
            return true;
        }
        next = at[0];
        at += size;
    }
}

bool
oracle_read(const uint8_t *frame, size_t len, struct seen *s)
{
    memset(s, 0, sizeof *s);
    s->protocol = -1u;
    if (len < 14) {
        return false;
    }
    s->dmac = (uint64_t) be(frame, 2) << 32 | be(frame + 2, 4);
    s->smac = (uint64_t) be(frame + 6, 2) << 32 | be(frame + 8, 4);
    s->type = be(frame + 12, 2);
    s->l3 = frame + 14;
    switch (s->type) {
    case 0x0800:
        return read_ipv4(frame + 14, len - 14, s);
    case 0x86dd:
        return read_ipv6(frame + 14, len - 14, s);
    case 0x0806:
        return read_arp(frame + 14, len - 14, s);
    default:
        return true;
    }
}

unsigned
oracle_u8(const struct seen *s, size_t at)
{
    return at < s->l4_len ? s->l4[at] : 0;
}

unsigned
oracle_u16(const struct seen *s, size_t at)
{
    return at + 2 <= s->l4_len ? be(s->l4 + at, 2) : 0;
}

uint32_t
oracle_u32(const struct seen *s, size_t at)
{
    return at + 4 <= s->l4_len ? be(s->l4 + at, 4) : 0;
}

uint16_t
oracle_sum(const uint8_t *b, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++) {
        sum += i & 1 ? b[i] : b[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

uint16_t
oracle_l4_sum(const struct seen *s)
{
    size_t len = s->protocol == 17 ? oracle_u16(s, 4) : s->l4_len;
    uint32_t sum = 0;

    if (len > s->l4_len) {
        return 1;
    }
    if (s->protocol != 1) { /* the pseudo-header */
        size_t from = s->type == 0x86dd ? 0 : 12;
        sum = (uint16_t) ~oracle_sum(s->src + from, 16 - from, s->protocol + len);
        sum = (uint16_t) ~oracle_sum(s->dst + from, 16 - from, sum);
    }
    return oracle_sum(s->l4, len, sum);
}

bool
oracle_l4_sum_holds(const struct seen *s)
{
    if (s->protocol != 6 && s->protocol != 17 && s->protocol != 1 && s->protocol != 58) {
        return true;
    }
    if (s->protocol == 17 && !oracle_u16(s, 6)) {
        return s->type != 0x86dd;
    }
    return !oracle_l4_sum(s);
}
