/* Fuzzing the connections: a desktop that may ask for TCP 80, UDP 53 and echoes, and a host behind
 * the uplink that may ask for nothing, say to each other whatever the input says.
 *
 * Of TCP a little model notes what has passed: the promises of docs/tracking.md must hold for it.
 *
 * An input is a row of operations of 4 bytes: who says what, with which flags and length, with
 * which numbers, and the window. */
#include <config.h>

#include <string.h>

#include "tests/fuzz/oracle.h"
#include "tests/fuzz/world.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10
#define MAX_OPERATIONS 128
#define NO_SCALE 0xff

enum what { TCP_WEB, UDP_DNS, ECHO, TCP_OTHER, N_WHATS };

/* ---- the model: what of TCP_WEB has passed, by side ---- */

struct side {
    uint32_t nxt; /* that it would send next, as it sees it */
    uint32_t first, end, ack, edge, window;
    uint8_t scale;
    bool syn, acked, fin;
    bool much; /* so many bytes that 'first' says nothing any more */
};

struct model {
    struct side side[2];
    bool asked_anew; /* a SYN has passed in an open connection: an answer makes it another */
    bool lost;       /* ... and was answered */
};

static struct model model;
static bool opened[N_WHATS];

struct said {
    enum what what;
    unsigned from; /* 0: the desktop */
    uint32_t seq, ack, end;
    uint16_t len, window;
    uint8_t flags, scale;
};

static bool
after(uint32_t a, uint32_t b)
{
    return (int32_t) (a - b) > 0;
}

static uint32_t
window_of(const struct said *t)
{
    const struct side *s = model.side;
    bool scaled = s[0].scale != NO_SCALE && s[1].scale != NO_SCALE && !(t->flags & SYN);
    uint32_t w = scaled ? (uint32_t) t->window << s[t->from].scale : t->window;

    return w ? w : 1;
}

/* Nothing before it belongs to 'me' any more.  What went past the grant, with a SYN, is not sent.
 */
static uint32_t
low_of(const struct side *me, const struct side *peer)
{
    return (after(me->end, peer->edge) ? peer->edge : me->end) - peer->window;
}

static void
check_rst(const struct said *t, bool closes)
{
    const struct side *me = &model.side[t->from], *peer = &model.side[!t->from];
    bool exact = t->seq == me->end || t->seq == me->first || (peer->acked && t->seq == peer->ack);

    if (!me->syn) { /* it refuses */
        CHECK(t->flags & ACK && !after(t->ack, peer->end) && !after(peer->first, t->ack));
    } else if (closes) {
        CHECK(exact);
    } else if (peer->syn) {
        CHECK(exact || (!after(t->seq, peer->edge) && !after(low_of(me, peer), t->seq)));
    }
}

/* Nothing that was not sent, nothing from before the SYN, nothing that is more than a window
 * behind.
 *
 * Distances go back from the peer's end: that is at most a window from where it was at the last
 * segment, and the largest window, 65535 << 14, is less than 2^30, so 'much' is noted before the
 * difference to 'first' wraps (to compare with 'first' itself, forwards, fails from 2^30 bytes on:
 * first + 2^30 + 2^30 is behind first on the circle). */
static void
check_ack(const struct said *t)
{
    const struct side *me = &model.side[t->from], *peer = &model.side[!t->from];
    uint32_t behind = peer->end - t->ack;

    CHECK(behind <= (me->window < 66000 ? 66000 : me->window));
    CHECK(peer->much || behind <= peer->end - peer->first);
}

/* A SYN+ACK that comes again may bring again what an earlier one has sent past the grant. */
static void
check_bounds(const struct said *t)
{
    const struct side *me = &model.side[t->from], *peer = &model.side[!t->from];

    CHECK(me->syn && peer->syn);
    CHECK(!after(t->end, peer->edge) || (t->flags & SYN && !after(t->end, me->end)));
    CHECK(!after(low_of(me, peer), t->end));
    check_ack(t);
    CHECK(!me->fin || !after(t->end, me->end));
}

static void
note_syn(const struct said *t)
{
    struct side *me = &model.side[t->from], *peer = &model.side[!t->from];

    if (me->syn && peer->syn) {
        model.lost |= model.asked_anew && t->flags & ACK;
        model.asked_anew |= !(t->flags & ACK);
        return;
    }
    me->first = t->seq + 1;
    me->end = t->end;
    me->scale = t->scale;
    me->window = window_of(t);
    me->edge = (t->flags & ACK ? t->ack : peer->first) + me->window;
    me->syn = true;
    peer->edge = peer->syn && !peer->acked ? me->first + peer->window : peer->edge;
}

static void
note(const struct said *t)
{
    struct side *me = &model.side[t->from];
    uint32_t w = window_of(t);

    if (after(t->end, me->end)) {
        me->end = t->end;
    }
    me->much |= me->end - me->first > 1u << 30;
    if (w > me->window) {
        me->window = w;
    }
    if (t->flags & ACK) {
        if (!me->acked || after(t->ack, me->ack)) {
            me->ack = t->ack;
        }
        if (after(t->ack + w, me->edge)) {
            me->edge = t->ack + w;
        }
        me->acked = true;
    }
    me->fin |= t->flags & FIN;
}

/* ---- packets ---- */

static void
put(uint8_t *b, uint32_t v, int n)
{
    while (n--) {
        b[n] = v;
        v >>= 8;
    }
}

static size_t
build_l4(const struct said *t, uint8_t *l4)
{
    static const uint16_t ports[N_WHATS][2] = {
        { 1000, 80 }, { 1001, 53 }, { 7, 7 }, { 1002, 81 }
    };
    size_t header = t->what == TCP_WEB || t->what == TCP_OTHER ? 20 : 8;

    memset(l4, 0, 24 + t->len);
    if (t->what == ECHO) {
        l4[0] = t->from ? 0 : 8;
        put(l4 + 4, ports[ECHO][0], 2);
        return 8 + t->len;
    }
    put(l4, ports[t->what][t->from], 2);
    put(l4 + 2, ports[t->what][!t->from], 2);
    if (t->what == UDP_DNS) {
        put(l4 + 4, 8 + t->len, 2);
        return 8 + t->len;
    }
    put(l4 + 4, t->seq, 4);
    put(l4 + 8, t->ack, 4);
    l4[13] = t->flags;
    put(l4 + 14, t->window, 2);
    if (t->scale != NO_SCALE) {
        put(l4 + 20, 0x01030300u | t->scale, 4);
        header = 24;
    }
    l4[12] = header / 4 << 4;
    return header + t->len;
}

static size_t
build(const struct said *t, uint8_t *f)
{
    static const uint8_t protocols[N_WHATS] = { 6, 17, 1, 6 }, at[N_WHATS] = { 16, 6, 2, 16 };
    unsigned me = t->from ? UPLINK1 : DESK1, peer = t->from ? DESK1 : UPLINK1;
    struct seen s = { .type = 0x0800, .protocol = protocols[t->what] };
    uint8_t *ip = f + 14;

    put(f, WORLD_MAC(peer) >> 32, 2);
    put(f + 2, (uint32_t) WORLD_MAC(peer), 4);
    put(f + 6, WORLD_MAC(me) >> 32, 2);
    put(f + 8, (uint32_t) WORLD_MAC(me), 4);
    put(f + 12, 0x0800, 2);
    s.l4 = ip + 20;
    s.l4_len = build_l4(t, ip + 20);
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put(ip + 2, 20 + s.l4_len, 2);
    ip[8] = 64;
    ip[9] = s.protocol;
    memcpy(s.src, world_addr[me][0].b, 16);
    memcpy(s.dst, world_addr[peer][0].b, 16);
    memcpy(ip + 12, s.src + 12, 4);
    memcpy(ip + 16, s.dst + 12, 4);
    put(ip + 10, oracle_sum(ip, 20, 0), 2);
    put(ip + 20 + at[t->what], oracle_l4_sum(&s), 2);
    return 34 + s.l4_len;
}

/* ---- operations ---- */

static struct conn *
web(void)
{
    return world_conn(&world_addr[DESK1][0], 1000, &world_addr[UPLINK1][0], 80, 6);
}

static struct said
decode(const uint8_t op[4])
{
    static const uint8_t flags[] = { SYN,       SYN | ACK, ACK,       FIN | ACK, RST,
                                     RST | ACK, 0x18,      SYN | FIN, 0,         0x3f };
    static const uint8_t usual[] = { ACK, SYN, SYN | ACK, FIN | ACK, RST };
    static const int32_t off[] = { 0,      0,       0,     -1,      1,       100,       -100, 65535,
                                   -65535, 1 << 20, 70000, -200000, 1 << 30, INT32_MIN, 2,    -2 };
    static const uint16_t windows[] = { 65535, 0, 1, 1000 };
    static const uint8_t scales[] = { NO_SCALE, 0, 7, 14 };
    struct said t = { .what = op[0] >> 1 & 3, .from = op[0] & 1, .scale = NO_SCALE };
    unsigned kind = op[0] >> 4;

    t.flags = kind < 10 ? flags[kind] : usual[kind % 5];
    t.len = (op[3] & 7) == 7 ? 1000 : (op[3] & 7) * 10;
    t.window = windows[op[3] >> 3 & 3];
    if (t.flags & SYN) {
        t.scale = scales[op[3] >> 5 & 3];
        t.len = op[3] & 0x80 ? t.len : 0;
    }
    t.seq = model.side[t.from].nxt + off[op[1] & 15];
    t.ack = t.flags & ACK ? model.side[!t.from].nxt + off[op[1] >> 4] : 0;
    t.seq -= op[2] & 1 ? t.len : 0; /* again */
    t.end = t.seq + t.len + !!(t.flags & SYN) + !!(t.flags & FIN);
    return t;
}

static void
take(const struct said *t)
{
    if (t->flags & RST) {
        return;
    }
    if (t->flags & SYN) {
        bool again = model.side[0].syn && model.side[1].syn;
        note_syn(t);
        if (model.lost || !(t->flags & ACK)) {
            return;
        }
        if (again) {
            CHECK(t->seq + 1 == model.side[t->from].first);
            check_bounds(t);
        }
    } else if (!model.lost) {
        check_bounds(t);
    }
    note(t);
}

/* One segment of TCP_WEB. */
static void
say_web(const struct said *t, const uint8_t *frame, size_t size)
{
    struct conn *c = web();
    struct tcp_half before[2] = { 0 };
    enum conn_state state = c ? conn_state(c) : CONN_CLOSED;
    unsigned n;

    if (c) {
        memcpy(&before[0], &c->half[0].tcp, sizeof before[0]);
        memcpy(&before[1], &c->half[1].tcp, sizeof before[1]);
    }
    if (!c || (state == CONN_CLOSED && t->flags == SYN)) {
        uint32_t nxt[2] = { model.side[0].nxt, model.side[1].nxt };
        memset(&model, 0, sizeof model);
        model.side[0].nxt = nxt[0];
        model.side[1].nxt = nxt[1];
    }
    n = world_send(t->from ? UPLINK1 : DESK1, frame, size, true);
    if (n) {
        CHECK(n == 1 && world_out[0].port == (t->from ? DESK1 : UPLINK1));
        CHECK(c || (!t->from && t->flags == SYN)); /* nothing else opens it */
        opened[TCP_WEB] |= !t->from;
    } else if (c && c == web()) { /* what is dropped changes nothing */
        CHECK(!memcmp(&before[0], &c->half[0].tcp, sizeof before[0]));
        CHECK(!memcmp(&before[1], &c->half[1].tcp, sizeof before[1]));
    }
    c = web();
    if (n && t->flags & RST && !model.lost) {
        check_rst(t, state != CONN_CLOSED && conn_state(c) == CONN_CLOSED);
    }
    if (n) {
        take(t);
        model.side[t->from].nxt = t->end;
    }
    if (c) {
        CHECK(atomic_load(&c->port[c->initiator]) == DESK1);
        CHECK(conn_state(c) != CONN_ESTABLISHED || (model.side[0].syn && model.side[1].syn));
        CHECK(conn_state(c) != CONN_ESTABLISHED || (model.side[0].acked && model.side[1].acked) ||
              model.lost);
    }
}

static void
say(const uint8_t op[4])
{
    struct said t = decode(op);
    uint8_t frame[1514];
    size_t size = build(&t, frame);

    if (op[2] & 0x80 && op[2] & 0x40) {
        frame[size - 1] ^= 1; /* the checksum is wrong now */
    }
    if (t.what == TCP_WEB) {
        say_web(&t, frame, size);
        return;
    }
    unsigned n = world_send(t.from ? UPLINK1 : DESK1, frame, size, true);
    CHECK(!n || (n == 1 && t.what != TCP_OTHER));
    CHECK(!n || !t.from || opened[t.what]);
    opened[t.what] |= n && !t.from;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;
    world_init(WORLD_CLIENT);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&model, 0, sizeof model);
    memset(opened, 0, sizeof opened);
    model.side[0].nxt = 0xfffffff0u;
    model.side[1].nxt = 1000;
    for (size_t i = 0; i + 4 <= size && i < MAX_OPERATIONS * 4; i += 4) {
        if (data[i] == 0xff) {
            world_wait(data[i + 1] * 500);
        } else {
            say(data + i);
        }
    }
    world_reset();
    return 0;
}
