#include <config.h>

#include "datapath/conn_tcp.h"

#define MAX_SKEW 66000u /* acknowledgments may be this old, whatever the window */
#define MUCH (1u << 30)

static inline bool
seq_leq(uint32_t a, uint32_t b)
{
    return (int32_t) (a - b) <= 0;
}

/* Whether 'x' lies in the part of the circle that goes from 'low' up to 'high'. */
static inline bool
seq_between(uint32_t low, uint32_t x, uint32_t high)
{
    return x - low <= high - low;
}

static inline uint32_t
get(const _Atomic uint32_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static inline void
set(_Atomic uint32_t *cell, uint32_t value)
{
    atomic_store_explicit(cell, value, memory_order_relaxed);
}

static inline void
raise_to(_Atomic uint32_t *cell, uint32_t value)
{
    if (!seq_leq(value, get(cell))) {
        set(cell, value);
    }
}

/* 'said' comes last and is read first: what it promises has been written. */
static inline uint8_t
said(const struct tcp_half *h)
{
    return atomic_load_explicit(&h->said, memory_order_acquire);
}

static inline void
say(struct tcp_half *h, uint8_t flags)
{
    uint8_t old = atomic_load_explicit(&h->said, memory_order_relaxed);

    if ((old | flags) != old) {
        atomic_store_explicit(&h->said, old | flags, memory_order_release);
    }
}

static bool
flags_make_sense(uint8_t flags)
{
    switch (flags & (TCPF_SYN | TCPF_ACK | TCPF_RST | TCPF_FIN)) {
    case TCPF_SYN:
    case TCPF_SYN | TCPF_ACK:
    case TCPF_RST:
    case TCPF_RST | TCPF_ACK:
    case TCPF_FIN | TCPF_ACK:
    case TCPF_ACK:
        return true;
    default:
        return false;
    }
}

/* ---- the bounds ---- */

static uint32_t
upper_bound(const struct tcp_half *me, const struct tcp_half *peer)
{
    /* Who has not acknowledged the SYN has still said how much it takes. */
    return said(peer) & TCP_SAID_SYN_ACK ? get(&peer->edge) : get(&me->first) + get(&peer->window);
}

static uint32_t
lower_bound(const struct tcp_half *me, const struct tcp_half *peer)
{
    uint32_t end = get(&me->end), edge = upper_bound(me, peer);

    /* A SYN's data may go past what the peer grants: that is not where it stands. */
    return (seq_leq(end, edge) ? end : edge) - get(&peer->window);
}

/* How far an acknowledgment may lie behind what the peer has sent; never before its SYN. */
static uint32_t
max_skew(const struct tcp_half *me, const struct tcp_half *peer)
{
    uint32_t window = get(&me->window), skew = window < MAX_SKEW ? MAX_SKEW : window;
    uint32_t sent = get(&peer->end) - get(&peer->first);

    return !(said(peer) & TCP_SAID_MUCH) && sent < skew ? sent : skew;
}

static bool
acceptable(const struct tcp_half *me, const struct tcp_half *peer, const struct tcp_segment *s,
           uint32_t end, uint32_t limit)
{
    uint32_t peer_sent = get(&peer->end), acked = get(&me->ack);

    if (said(me) & TCP_SAID_PICKED_UP && seq_leq(peer_sent, acked)) {
        peer_sent = acked; /* of what was sent before anybody looked */
    }
    return seq_between(lower_bound(me, peer), end,
                       said(me) & TCP_SAID_FIN ? get(&me->end) : limit) &&
           seq_between(peer_sent - max_skew(me, peer), s->ack, peer_sent);
}

/* ---- SYN ---- */

/* The window of a SYN is never scaled (RFC 7323, 2.2). */
static void
begin(struct tcp_half *me, const struct tcp_segment *s)
{
    set(&me->first, s->seq + 1);
    set(&me->end, s->seq + 1 + s->len);
    set(&me->window, s->window ? s->window : 1);
    atomic_store_explicit(&me->scale, s->scale, memory_order_relaxed);
    say(me, TCP_SAID_SYN);
}

/* Notes an acknowledgment and the window with it.  Neither takes back what was granted before. */
static void
acknowledge(struct tcp_half *me, const struct tcp_half *peer, uint32_t ack, uint32_t window)
{
    if (!(said(me) & TCP_SAID_SYN_ACK)) { /* its SYN has granted from the peer's first number on */
        set(&me->ack, ack);
        set(&me->edge, get(&peer->first) + get(&me->window));
    }
    raise_to(&me->ack, ack);
    raise_to(&me->edge, ack + window);
    if (window > get(&me->window)) {
        set(&me->window, window);
    }
}

static void
acknowledge_syn(struct tcp_half *me, const struct tcp_half *peer, const struct tcp_segment *s)
{
    acknowledge(me, peer, s->ack, s->window ? s->window : 1);
    say(me, TCP_SAID_SYN_ACK);
}

static enum tcp_verdict
track_syn(struct tcp_half *me, const struct tcp_half *peer, const struct tcp_segment *s)
{
    bool again = said(me) & TCP_SAID_SYN;

    if ((!again || !(said(peer) & TCP_SAID_SYN)) &&
        !((said(me) | said(peer)) & TCP_SAID_PICKED_UP)) {
        begin(me, s); /* the first; a simultaneous open; or another try that begins elsewhere */
        return TCP_PASS;
    }
    if (s->seq + 1 != get(&me->first) || said(me) & TCP_SAID_PICKED_UP || !again) {
        set(&me->new_first, s->seq + 1);
        set(&me->new_end, s->seq + 1 + s->len);
        atomic_store_explicit(&me->new_window, s->window, memory_order_relaxed);
        atomic_store_explicit(&me->new_scale, s->scale, memory_order_relaxed);
        say(me, TCP_SAID_NEW_SYN);
    }
    return TCP_PASS_ASIDE;
}

/* One that comes again moves the bounds as every other segment does, and is held to them: it may
 * carry data, in SYN-RECEIVED its receiver takes them (RFC 9293, 3.10.7.4, which trims only the SYN
 * away), and it may acknowledge and grant more than the one before, or the SYN of a simultaneous
 * open. */
static enum tcp_verdict
track_syn_ack_again(struct tcp_half *me, const struct tcp_half *peer, const struct tcp_segment *s)
{
    uint32_t end = s->seq + 1 + s->len, sent = get(&me->end), edge = upper_bound(me, peer);

    /* What an earlier SYN has carried past the grant may come again. */
    if (s->seq + 1 != get(&me->first) ||
        !acceptable(me, peer, s, end, seq_leq(sent, edge) ? edge : sent)) {
        return TCP_BAD_SEQUENCE;
    }
    raise_to(&me->end, end);
    acknowledge_syn(me, peer, s);
    return TCP_PASS;
}

static enum tcp_verdict
track_syn_ack(struct tcp_half *me, const struct tcp_half *peer, const struct tcp_segment *s)
{
    uint32_t first = get(&peer->first);
    uint8_t peer_said = said(peer);

    if (peer_said & TCP_SAID_NEW_SYN) {
        uint32_t new_first = get(&peer->new_first);
        if (seq_between(new_first, s->ack, get(&peer->new_end))) {
            return TCP_BEGINS_ANEW;
        }
    }
    if (!(peer_said & TCP_SAID_SYN)) {
        return TCP_BAD_STATE;
    }
    if (!seq_between(first, s->ack, get(&peer->end))) {
        return TCP_BAD_SEQUENCE;
    }
    if (!(said(me) & TCP_SAID_SYN)) {
        begin(me, s);
        acknowledge_syn(me, peer, s);
        return TCP_PASS;
    }
    return track_syn_ack_again(me, peer, s);
}

/* ---- RST ---- */

static bool
in_window(const struct tcp_half *me, const struct tcp_half *peer, uint32_t seq)
{
    return seq_between(lower_bound(me, peer), seq, upper_bound(me, peer));
}

/* Where its receiver stands lies between what that has acknowledged and what was sent to it; a
 * reset at either end of this is taken at its word, one in between is its receiver's to judge. */
static enum tcp_verdict
track_rst(struct tcp_half *me, const struct tcp_half *peer, const struct tcp_segment *s)
{
    uint8_t mine = said(me), theirs = said(peer);
    bool exact, passes;

    if (!(mine & TCP_SAID_SYN) && theirs & TCP_SAID_PICKED_UP) { /* knows of no connection */
        exact = passes = s->seq == get(&peer->ack);
    } else if (!(mine & TCP_SAID_SYN)) { /* refuses the peer's SYN (RFC 9293, 3.5.3) */
        uint32_t first = get(&peer->first);
        exact = passes = s->flags & TCPF_ACK && seq_between(first, s->ack, get(&peer->end));
    } else if (!(theirs & TCP_SAID_SYN)) { /* takes its own back */
        exact = passes = s->seq == get(&me->first) || s->seq == get(&me->end);
    } else {
        exact = s->seq == get(&me->end) || (theirs & TCP_SAID_SYN_ACK && s->seq == get(&peer->ack));
        passes = exact || in_window(me, peer, s->seq);
    }
    if (exact) {
        say(me, TCP_SAID_RST);
    }
    return exact ? TCP_PASS : passes ? TCP_PASS_ASIDE : TCP_BAD_SEQUENCE;
}

/* ---- everything else ---- */

static uint32_t
scaled_window(const struct tcp_half *me, const struct tcp_half *peer, uint16_t window)
{
    uint8_t mine = atomic_load_explicit(&me->scale, memory_order_relaxed);
    uint8_t theirs = atomic_load_explicit(&peer->scale, memory_order_relaxed);
    uint32_t w =
        mine == TCP_NO_SCALE || theirs == TCP_NO_SCALE ? window : (uint32_t) window << mine;

    return w ? w : 1; /* a window of 0 still lets one byte probe it (RFC 9293, 3.8.6.1) */
}

/* ---- without its beginning ---- */

#define WINDOW_MAX (UINT32_C(65535) << TCP_MAX_SCALE)

static void
guess(struct tcp_half *me, const struct tcp_segment *s)
{
    uint32_t end = s->seq + s->len + !!(s->flags & TCPF_FIN);
    uint32_t window = s->window ? (uint32_t) s->window << TCP_MAX_SCALE : 1;

    set(&me->first, s->seq);
    set(&me->end, end);
    set(&me->ack, s->ack);
    set(&me->edge, s->ack + window);
    set(&me->window, window);
    atomic_store_explicit(&me->scale, TCP_MAX_SCALE, memory_order_relaxed);
    say(me, TCP_SAID_PICKED_UP | TCP_SAID_MUCH | TCP_SAID_SYN | TCP_SAID_SYN_ACK |
                (s->flags & TCPF_FIN ? TCP_SAID_FIN : 0));
}

void
tcp_pick_up(struct tcp_half *me, const struct tcp_segment *s)
{
    guess(me, s);
}

static bool
within(uint32_t a, uint32_t b, uint32_t distance)
{
    return a - b <= distance || b - a <= distance;
}

/* One side has been heard so far.  It may have been a repetition: the other one can have
 * acknowledged more, or less, than it has shown, and not more than a window either way. */
static enum tcp_verdict
track_unheard(struct tcp_half *me, const struct tcp_half *peer, const struct tcp_segment *s)
{
    if (!(said(me) & TCP_SAID_SYN)) {
        if (!within(s->ack, get(&peer->end), WINDOW_MAX) ||
            !seq_between(get(&peer->ack) - WINDOW_MAX, s->seq, get(&peer->edge))) {
            return TCP_BAD_SEQUENCE;
        }
        guess(me, s);
        if (said(peer) & TCP_SAID_FIN && seq_leq(get(&peer->end), s->ack)) {
            say(me, TCP_SAID_FIN_ACK);
        }
        return TCP_PASS;
    }
    if (!within(s->seq, get(&me->end), WINDOW_MAX) || !within(s->ack, get(&me->ack), WINDOW_MAX)) {
        return TCP_BAD_SEQUENCE;
    }
    raise_to(&me->end, s->seq + s->len + !!(s->flags & TCPF_FIN));
    raise_to(&me->ack, s->ack);
    raise_to(&me->edge, s->ack + ((uint32_t) s->window << TCP_MAX_SCALE));
    say(me, s->flags & TCPF_FIN ? TCP_SAID_FIN : 0);
    return TCP_PASS;
}

/* ---- with it ---- */

static enum tcp_verdict
track_rest(struct tcp_half *me, const struct tcp_half *peer, const struct tcp_segment *s)
{
    uint32_t end = s->seq + s->len + !!(s->flags & TCPF_FIN);
    uint8_t theirs = said(peer), now = TCP_SAID_SYN_ACK;

    if (!(said(me) & theirs & TCP_SAID_SYN)) {
        if ((said(me) | theirs) & TCP_SAID_PICKED_UP) {
            return track_unheard(me, peer, s);
        }
        return TCP_BAD_STATE;
    }
    if (!acceptable(me, peer, s, end, upper_bound(me, peer))) {
        return TCP_BAD_SEQUENCE;
    }
    raise_to(&me->end, end);
    acknowledge(me, peer, s->ack, scaled_window(me, peer, s->window));
    if (s->flags & TCPF_FIN) {
        now |= TCP_SAID_FIN;
    }
    if (get(&me->end) - get(&me->first) > MUCH) {
        now |= TCP_SAID_MUCH;
    }
    if (theirs & TCP_SAID_FIN && seq_leq(get(&peer->end), s->ack)) {
        now |= TCP_SAID_FIN_ACK;
    }
    say(me, now);
    return TCP_PASS;
}

enum tcp_verdict
tcp_track(struct tcp_half *me, const struct tcp_half *peer, const struct tcp_segment *s)
{
    if (!flags_make_sense(s->flags)) {
        return TCP_BAD_FLAGS;
    }
    if (s->flags & TCPF_SYN) {
        return s->flags & TCPF_ACK ? track_syn_ack(me, peer, s) : track_syn(me, peer, s);
    }
    return s->flags & TCPF_RST ? track_rst(me, peer, s) : track_rest(me, peer, s);
}

void
tcp_begin_anew(struct tcp_half *me, struct tcp_half *peer, const struct tcp_half *old_peer,
               const struct tcp_segment *s)
{
    struct tcp_segment asked = {
        .seq = get(&old_peer->new_first) - 1,
        .len = get(&old_peer->new_end) - get(&old_peer->new_first),
        .window = atomic_load_explicit(&old_peer->new_window, memory_order_relaxed),
        .scale = atomic_load_explicit(&old_peer->new_scale, memory_order_relaxed),
    };

    begin(peer, &asked);
    begin(me, s);
    acknowledge_syn(me, peer, s);
}

bool
tcp_may_have_sent(const struct tcp_half *me, const struct tcp_half *peer, uint32_t seq)
{
    if (!(said(me) & TCP_SAID_SYN)) {
        return false;
    }
    uint32_t sent = get(&me->end);

    if (!(said(peer) & TCP_SAID_SYN)) {
        return seq_between(get(&me->first) - 1, seq, sent);
    }
    return seq_between(sent - get(&peer->window) - 1, seq, sent);
}

enum tcp_state
tcp_state(const struct tcp_half *a, const struct tcp_half *b)
{
    uint8_t both = said(a) & said(b), any = said(a) | said(b);

    if (any & TCP_SAID_RST || both & TCP_SAID_FIN_ACK) {
        return TCP_CLOSED;
    }
    if (!(both & TCP_SAID_SYN)) {
        return TCP_SYN_SENT;
    }
    if (!(both & TCP_SAID_SYN_ACK)) {
        return TCP_SYN_RECEIVED;
    }
    return any & TCP_SAID_FIN ? TCP_CLOSING : TCP_ESTABLISHED;
}

#define READ(FIELD)                                                                                \
    atomic_store_explicit(&copy->FIELD, atomic_load_explicit(&h->FIELD, memory_order_relaxed),     \
                          memory_order_relaxed)

void
tcp_half_read(const struct tcp_half *h, struct tcp_half *copy)
{
    READ(first);
    READ(end);
    READ(ack);
    READ(edge);
    READ(window);
    READ(said);
    READ(scale);
    READ(new_scale);
    READ(new_window);
    READ(new_first);
    READ(new_end);
}
