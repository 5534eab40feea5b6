/* Fuzzing the guard: any frame, sent in by a desktop and by an uplink between which all traffic is
 * allowed.  What comes out is read again (oracle.c), and nobody may have spoken in another's name.
 */
#include <config.h>

#include <string.h>

#include <rte_mbuf.h>

#include "tests/fuzz/oracle.h"
#include "tests/fuzz/world.h"

#define DHCP 0x00440043u /* ports 68 and 67: a client's */
#define DHCP_SERVER 0x00430044u
#define DHCP6_SERVER 0x02230222u

static const uint8_t nobody4[16] = { [10] = 0xff, 0xff }, nobody6[16];

static bool
is_desktop_mac(uint64_t mac)
{
    return mac == WORLD_MAC(DESK1) || mac == WORLD_MAC(DESK2);
}

static bool
is_desktop_addr(const uint8_t a[16])
{
    return world_is_addr(DESK1, a) || world_is_addr(DESK2, a);
}

static bool
is_nd(const struct seen *s)
{
    return s->protocol == 58 && oracle_u8(s, 0) >= 133 && oracle_u8(s, 0) <= 137;
}

/* Every link-layer address that an ND message tells is 'mac'; 0: is no desktop's. */
static void
check_nd_options(const struct seen *s, uint64_t mac)
{
    static const uint8_t options[] = { 8, 16, 24, 24, 40 };
    size_t at = options[oracle_u8(s, 0) - 133];

    CHECK(s->l4_len >= at);
    while (at + 8 <= s->l4_len && oracle_u8(s, at + 1)) {
        unsigned kind = oracle_u8(s, at);
        if (kind == 1 || kind == 2) {
            uint64_t told = (uint64_t) oracle_u16(s, at + 2) << 32 | oracle_u32(s, at + 4);
            CHECK(mac ? told == mac : !is_desktop_mac(told));
        }
        at += oracle_u8(s, at + 1) * 8;
    }
}

static void
check_arp(const struct seen *s, const uint8_t *frame)
{
    unsigned op = frame[20] << 8 | frame[21];

    CHECK(op == 1 || op == 2);
    CHECK(!memcmp(frame + 22, frame + 6, 6)); /* is at the MAC that it is sent from */
    (void) s;
}

static void
check_from_desktop(const struct seen *s, const uint8_t *frame)
{
    bool no_address = !memcmp(s->src, s->type == 0x86dd ? nobody6 : nobody4, 16);

    CHECK(s->smac == WORLD_MAC(DESK1));
    if (s->type == 0x0806) {
        check_arp(s, frame);
        CHECK(no_address || world_is_addr(DESK1, s->src));
        return;
    }
    CHECK(s->type == 0x0800 || s->type == 0x86dd);
    if (no_address) {
        CHECK(s->type == 0x86dd ? s->protocol == 58
                                : s->protocol == 17 && oracle_u32(s, 0) == DHCP);
    } else {
        CHECK(world_is_addr(DESK1, s->src));
    }
    if (s->protocol == 17) {
        CHECK(oracle_u32(s, 0) != DHCP_SERVER && oracle_u32(s, 0) != DHCP6_SERVER);
    }
    if (!is_nd(s)) {
        return;
    }
    CHECK(s->hop_limit == 255 && !oracle_u8(s, 1));
    CHECK(oracle_u8(s, 0) != 134 && oracle_u8(s, 0) != 137);
    CHECK(oracle_u8(s, 0) != 136 || world_is_addr(DESK1, s->l4 + 8));
    check_nd_options(s, WORLD_MAC(DESK1));
}

static void
check_from_uplink(const struct seen *s, const uint8_t *frame)
{
    CHECK(!is_desktop_mac(s->smac) && !(s->smac >> 40 & 1));
    CHECK(s->type == 0x0806 || s->type == 0x0800 || s->type == 0x86dd);
    if (s->type == 0x0806) {
        check_arp(s, frame);
        CHECK(!is_desktop_addr(s->src));
    } else if (is_nd(s)) {
        CHECK(s->hop_limit == 255 && !oracle_u8(s, 1));
        CHECK(!is_desktop_addr(s->src));
        CHECK((oracle_u8(s, 0) != 136 && oracle_u8(s, 0) != 137) || !is_desktop_addr(s->l4 + 8));
        check_nd_options(s, 0);
    }
}

/* What the switch says itself: who has a bound address, and nothing else. */
static void
check_answer(const uint8_t *frame, size_t len, uint16_t to)
{
    struct seen s;
    unsigned owner;

    CHECK(oracle_read(frame, len, &s));
    owner = s.smac & 0xff;
    CHECK(s.smac == WORLD_MAC(owner) && (owner == DESK1 || owner == DESK2) && owner != to);
    if (s.type == 0x0806) {
        CHECK(frame[21] == 2 && !memcmp(frame + 22, frame + 6, 6));
        CHECK(!memcmp(frame + 32, frame, 6) && world_is_addr(owner, s.src));
        return;
    }
    CHECK(s.type == 0x86dd && s.protocol == 58 && oracle_u8(&s, 0) == 136);
    CHECK(s.hop_limit == 255 && s.l4_len == 32 && oracle_l4_sum_holds(&s));
    CHECK(world_is_addr(owner, s.l4 + 8) && !memcmp(s.l4 + 8, s.src, 16));
    check_nd_options(&s, s.smac);
}

/* A desktop's own is addressed to it, or to a group. */
static void
check_addressed(const struct seen *s, unsigned to)
{
    if (!(s->dmac >> 40 & 1) && (s->type == 0x0800 || s->type == 0x86dd) && !is_nd(s)) {
        CHECK(world_is_addr(to, s->dst));
    }
}

/* The frame without its priority tag (VLAN 0; IEEE 802.1Q-2018, 6.9), which the switch takes off.
 */
static size_t
untagged(const uint8_t *data, size_t size, uint8_t frame[1514])
{
    bool tagged = size >= 18 && data[12] == 0x81 && !data[13] && !(data[14] & 0xf) && !data[15];

    memcpy(frame, data, tagged ? 12 : size);
    if (tagged) {
        memcpy(frame + 12, data + 16, size - 16);
    }
    return tagged ? size - 4 : size;
}

static void
send_in(uint16_t from, const uint8_t *data, size_t size)
{
    uint64_t no_buffer = world->ledger.pages[from].drops[DROP_NO_BUFFER];
    unsigned n = world_send(from, data, size, true);
    uint8_t want[1514];
    size_t want_size = untagged(data, size, want);

    if (world->ledger.pages[from].drops[DROP_NO_BUFFER] != no_buffer) {
        n = world_send(from, data, size, false);
    }
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *frame = rte_pktmbuf_mtod(world_out[i].m, const uint8_t *);
        size_t len = rte_pktmbuf_data_len(world_out[i].m);
        struct seen s;

        if (world_out[i].port == from) {
            CHECK(n == 1);
            check_answer(frame, len, from);
            continue;
        }
        CHECK(len == want_size && !memcmp(frame, want, len));
        CHECK(oracle_read(frame, len, &s));
        CHECK(!s.fragment);
        if (from == DESK1) {
            check_from_desktop(&s, frame);
        } else {
            check_from_uplink(&s, frame);
        }
        if (world_out[i].port <= DESK2) {
            check_addressed(&s, world_out[i].port);
        }
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;
    world_init(WORLD_ANYTHING);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1514) {
        return -1;
    }
    send_in(DESK1, data, size);
    world_reset();
    send_in(UPLINK1, data, size);
    world_reset();
    return 0;
}
