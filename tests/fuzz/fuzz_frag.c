/* Fuzzing the fragments: a desktop sends pieces of a few datagrams, some of which the policy
 * denies, in any order, any sizes, with gaps, overlaps and changed bytes.
 *
 * What leaves is whole: put together without any rule for overlaps it is one datagram, each byte
 * once, and one that the policy allows.  Nothing is held beyond its limits, nor for ever.
 *
 * An input is a row of operations of 4 bytes: what, of which datagram, where, how much. */
#include <config.h>

#include <string.h>

#include <rte_mbuf.h>

#include "datapath/frag.h"
#include "tests/fuzz/oracle.h"
#include "tests/fuzz/world.h"

#define DATAGRAMS 8
#define MAX_L4 2048 /* bytes of a datagram's fragmentable part */
#define MAX_OPERATIONS 256
#define PEER UPLINK1

struct datagram {
    uint8_t l4[MAX_L4]; /* what is cut in pieces */
    uint16_t len;
    uint8_t protocol; /* that its (fragment) header names */
    bool v6;
};

static struct datagram datagrams[DATAGRAMS];
static bool udp_is_open;

static void
put16(uint8_t *b, unsigned v)
{
    b[0] = v >> 8;
    b[1] = v;
}

static void
put_macs(uint8_t *f, unsigned from, unsigned to, unsigned type)
{
    memset(f, 0, 12);
    f[0] = f[6] = 2;
    f[5] = to;
    f[11] = from;
    put16(f + 12, type);
}

/* Behind 'skip' bytes of extension header a TCP SYN or a UDP datagram to 'dport', checksum and all.
 */
static void
make_datagram(struct datagram *d, bool v6, unsigned skip, uint8_t protocol, unsigned dport,
              uint16_t len)
{
    uint8_t *l4 = d->l4 + skip;
    struct seen s = { .type = v6 ? 0x86dd : 0x0800, .protocol = protocol };

    d->v6 = v6;
    d->len = len;
    d->protocol = skip ? 60 : protocol;
    for (unsigned i = 0; i < len; i++) {
        d->l4[i] = i * 7 + i / 256;
    }
    if (skip) { /* destination options that are padding */
        memset(d->l4, 0, skip);
        d->l4[0] = protocol;
        d->l4[1] = skip / 8 - 1;
        d->l4[2] = 1;
        d->l4[3] = skip - 4;
    }
    memset(l4, 0, 20);
    put16(l4, 1000);
    put16(l4 + 2, dport);
    if (protocol == 6) {
        l4[12] = 5 << 4;
        l4[13] = 2;
        put16(l4 + 14, 65535);
    } else {
        put16(l4 + 4, len - skip);
    }
    memcpy(s.src, world_addr[DESK1][v6].b, 16);
    memcpy(s.dst, world_addr[PEER][v6].b, 16);
    s.l4 = l4;
    s.l4_len = len - skip;
    put16(l4 + (protocol == 6 ? 16 : 6), oracle_l4_sum(&s));
}

/* The piece of 'd' from 'off' on as a frame; returns its length. */
static size_t
cut(const struct datagram *d, uint32_t id, unsigned off, unsigned len, bool more, uint8_t *f)
{
    uint8_t *ip = f + 14, *data = ip + (d->v6 ? 48 : 20);

    put_macs(f, DESK1, PEER, d->v6 ? 0x86dd : 0x0800);
    memset(ip, 0, data - ip);
    if (d->v6) {
        ip[0] = 0x60;
        put16(ip + 4, 8 + len);
        ip[6] = 44;
        ip[7] = 64;
        memcpy(ip + 8, world_addr[DESK1][1].b, 16);
        memcpy(ip + 24, world_addr[PEER][1].b, 16);
        ip[40] = d->protocol;
        put16(ip + 42, off | more);
        put16(ip + 46, id);
    } else {
        ip[0] = 0x45;
        put16(ip + 2, 20 + len);
        put16(ip + 4, id);
        put16(ip + 6, off / 8 | (more ? 0x2000 : 0));
        ip[8] = 64;
        ip[9] = d->protocol;
        memcpy(ip + 12, world_addr[DESK1][0].b + 12, 4);
        memcpy(ip + 16, world_addr[PEER][0].b + 12, 4);
        put16(ip + 10, oracle_sum(ip, 20, 0));
    }
    memcpy(data, d->l4 + off, len);
    return data + len - f;
}

/* ---- what leaves ---- */

/* Writes each piece to where it says it belongs, and counts how often each byte was written. */
static size_t
reassemble(unsigned n, uint8_t *whole, struct seen *first)
{
    static uint8_t times[4096];
    size_t end = 0, total = 0;

    memset(times, 0, sizeof times);
    for (unsigned i = 0; i < n; i++) {
        struct seen s;

        CHECK(world_out[i].port == PEER);
        CHECK(oracle_read(rte_pktmbuf_mtod(world_out[i].m, const uint8_t *),
                          rte_pktmbuf_data_len(world_out[i].m), &s));
        CHECK(s.l4_len && (s.fragment || n == 1) && s.offset + s.l4_len <= sizeof times);
        CHECK(s.more || !total);
        total = s.more ? total : s.offset + s.l4_len;
        end = s.offset + s.l4_len > end ? s.offset + s.l4_len : end;
        for (size_t j = 0; j < s.l4_len; j++) {
            times[s.offset + j]++;
            whole[s.offset + j] = s.l4[j];
        }
        if (!i) {
            CHECK(!s.offset); /* they leave in their order */
            *first = s;
        }
        CHECK(s.id == first->id && s.type == first->type);
        CHECK(!memcmp(s.src, first->src, 16) && !memcmp(s.dst, first->dst, 16));
        CHECK(s.type == 0x86dd || s.protocol == first->protocol);
    }
    CHECK(total && end == total);
    for (size_t j = 0; j < total; j++) {
        CHECK(times[j] == 1);
    }
    return total;
}

/* The policy lets out TCP to port 80 and UDP to port 53. */
static void
check_leaving(unsigned n)
{
    static uint8_t frame[54 + 4096];
    struct seen first, s;
    size_t total = reassemble(n, frame + 54, &first);
    unsigned dport;

    CHECK(world_is_addr(DESK1, first.src));
    s = first;
    s.l4 = frame + 54;
    s.l4_len = total;
    if (s.protocol == 60) {
        size_t skip = (s.l4[1] + 1) * 8;
        CHECK(skip < total);
        s.protocol = s.l4[0];
        s.l4 += skip;
        s.l4_len -= skip;
    }
    dport = oracle_u16(&s, 2);
    CHECK((s.protocol == 6 && dport == 80) || (s.protocol == 17 && dport == 53));
    CHECK(s.protocol == 6 ? s.l4_len >= 20 && (oracle_u8(&s, 13) & 0x3f) == 2 : s.l4_len >= 8);
    /* Of a flow that is open only the SYNs are summed up. */
    CHECK(oracle_l4_sum_holds(&s) || (s.protocol == 17 && udp_is_open));
    udp_is_open |= s.protocol == 17;
}

/* ---- operations ---- */

static void
send_piece(const uint8_t op[4])
{
    const struct datagram *d = &datagrams[op[1] % DATAGRAMS];
    unsigned off = op[2] * 8, len = op[3] * 8, n;
    bool more = true;
    uint8_t frame[1514];
    size_t size;

    if (off >= d->len) {
        return;
    }
    if (len >= d->len - off || !len) {
        len = d->len - off;
        more = false;
    }
    if (len > 1400) {
        return;
    }
    more ^= (op[0] & 0x07) == 7;
    size = cut(d, op[1] / DATAGRAMS, off, len, more, frame);
    if ((op[0] & 0x18) == 0x18) {
        frame[size - 1 - op[0] / 32 % len] ^= 1 << (op[0] & 7); /* a changed byte */
    }
    n = world_send(DESK1, frame, size, true);
    if (n) {
        check_leaving(n);
    }
}

static void
check_limits(void)
{
    uint64_t held = world->ledger.pages[DESK1].held;

    CHECK(held <= FRAG_PORT_ENTRIES * FRAG_MAX_PIECES);
    CHECK(held + rte_mempool_avail_count(world->pool) >= 1023 - WORLD_OUTPUTS);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;
    world_init(WORLD_CLIENT);
    make_datagram(&datagrams[0], false, 0, 6, 80, 20 + 100);
    make_datagram(&datagrams[1], false, 0, 17, 53, 2000);
    make_datagram(&datagrams[2], false, 0, 6, 22, 20 + 100);
    make_datagram(&datagrams[3], false, 0, 17, 54, 400);
    make_datagram(&datagrams[4], true, 0, 6, 80, 20 + 100);
    make_datagram(&datagrams[5], true, 16, 17, 53, 600);
    make_datagram(&datagrams[6], true, 16, 6, 23, 20 + 200);
    make_datagram(&datagrams[7], true, 0, 17, 53, 64);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 4 <= size && i < MAX_OPERATIONS * 4; i += 4) {
        if (data[i] == 0xff) {
            world_wait(data[i + 1] * 32);
        } else {
            send_piece(data + i);
        }
        check_limits();
    }
    world_reset();
    udp_is_open = false;
    return 0;
}
