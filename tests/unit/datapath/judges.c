#include <config.h>

#include "tests/unit/datapath/judges.h"

#include <stdio.h>

#include "conntrack.h"
#include "dp-packet.h"
#include "flow.h"
#include "ovs-rcu.h"
#include "packets.h"
#include "util.h"

static struct conntrack *oracle;
static unsigned long n_unknown;

void
judges_init(const char *program)
{
    set_program_name(program);
    oracle = conntrack_init();
    conntrack_set_maxconns(oracle, 1 << 20);
}

void
judges_forget(void)
{
    conntrack_flush(oracle, NULL);
    ovsrcu_quiesce();
}

void
judges_exit(void)
{
    conntrack_destroy(oracle);
    ovsrcu_exit();
}

bool
judge_theirs(const uint8_t *frame, size_t len, long long now_ms)
{
    struct dp_packet packet;
    struct dp_packet_batch batch;
    struct flow flow;

    dp_packet_use_const(&packet, frame, len);
    pkt_metadata_init(&packet.md, 1);
    flow_extract(&packet, &flow);
    dp_packet_batch_init_packet(&batch, &packet);
    conntrack_execute(oracle, &batch, htons(ETH_TYPE_IP), false, true, 0, NULL, NULL, 0, 0, NULL,
                      NULL, now_ms, 0);
    return !(packet.md.ct_state & CS_INVALID);
}

bool
judge_ours(struct judged *x, unsigned from, const struct tcp_segment *s)
{
    switch (tcp_track(&x->half[from], &x->half[!from], s)) {
    case TCP_PASS:
    case TCP_PASS_ASIDE:
    case TCP_BEGINS_ANEW:
        return true;
    default:
        return false;
    }
}

static bool
before(uint32_t a, uint32_t b)
{
    return (int32_t) (a - b) < 0;
}

/* ---- differences ---- */

static uint32_t
val(const _Atomic uint32_t *cell)
{
    return atomic_load(cell);
}

static uint8_t
said_by(const struct tcp_half *h)
{
    return atomic_load(&h->said);
}

/* A made-up segment and the halves that it met. */
struct made_up {
    const struct tcp_segment *s;
    const struct tcp_half *me, *peer;
    uint32_t end;
    uint8_t kind; /* of its flags: SYN, ACK, RST, FIN */
    bool open;    /* both have sent their SYN */
};

/* Whether 'x' is not in the part of the circle from 'low' to 'high'. */
static bool
outside(uint32_t low, uint32_t x, uint32_t high)
{
    return x - low > high - low;
}

static bool
acks_the_unsent_or_long_past(const struct made_up *m)
{
    uint32_t sent = val(&m->peer->end), since = sent - val(&m->peer->first);
    uint32_t window = val(&m->me->window);

    return m->kind & TCPF_ACK && outside(sent - MIN(since, window), m->s->ack, sent);
}

static bool
is_outside_the_window(const struct made_up *m)
{
    uint32_t low = val(&m->me->end) - val(&m->peer->window);
    uint32_t edge = said_by(m->peer) & TCP_SAID_SYN_ACK
                        ? val(&m->peer->edge)
                        : val(&m->me->first) + val(&m->peer->window);

    return outside(low, m->kind & TCPF_RST ? m->s->seq : m->end, edge);
}

static bool
writes_after_its_fin(const struct made_up *m)
{
    return said_by(m->me) & TCP_SAID_FIN && before(val(&m->me->end), m->end);
}

static bool
comes_before_the_handshake(const struct made_up *m)
{
    return !m->open && !(m->kind & (TCPF_SYN | TCPF_RST));
}

static bool
is_rst_of_nothing(const struct made_up *m)
{
    return m->kind & TCPF_RST && !m->open;
}

static bool
is_other_syn_ack(const struct made_up *m)
{
    return m->kind == (TCPF_SYN | TCPF_ACK) && m->open && m->s->seq + 1 != val(&m->me->first);
}

static bool
is_syn_ack_of_nothing(const struct made_up *m)
{
    return m->kind == (TCPF_SYN | TCPF_ACK) && !said_by(m->peer);
}

static bool
is_syn(const struct made_up *m)
{
    return m->kind == TCPF_SYN && m->open;
}

static bool
is_rst_inside(const struct made_up *m)
{
    return m->kind & TCPF_RST && m->open && !is_outside_the_window(m);
}

static bool
is_syn_ack_again(const struct made_up *m)
{
    return m->kind == (TCPF_SYN | TCPF_ACK) && m->s->seq + 1 == val(&m->me->first);
}

static bool
is_old(const struct made_up *m)
{
    return before(m->s->seq, val(&m->me->end)) && !is_outside_the_window(m);
}

static bool
is_granted_by_the_syn(const struct made_up *m)
{
    return m->open && !(said_by(m->peer) & TCP_SAID_SYN_ACK) && !is_outside_the_window(m);
}

static bool
is_acceptable(const struct made_up *m)
{
    return m->open && !is_outside_the_window(m) && !acks_the_unsent_or_long_past(m);
}

/* Where the two differ, and what decides.  RFC 9293 unless another is named. */
static struct difference {
    bool ours; /* what we say: true, it passes */
    const char *why;
    bool (*applies)(const struct made_up *);
    unsigned long count;
} differences[] = {
    { false, "acknowledges what was not sent, or is older than a window: 3.10.7.4, fifth check",
      acks_the_unsent_or_long_past, 0 },
    { false, "outside of the window: 3.10.7.4, first check", is_outside_the_window, 0 },
    { false, "data after the FIN: 3.6", writes_after_its_fin, 0 },
    { false, "neither SYN nor RST before both SYNs: 3.10.7.3", comes_before_the_handshake, 0 },
    { false, "a RST that answers no SYN: 3.10.7.3, second check", is_rst_of_nothing, 0 },
    { false, "a SYN and ACK with another number: 3.10.7.4, fourth check", is_other_syn_ack, 0 },
    { false, "a SYN and ACK that answers no SYN: 3.10.7.3, first check", is_syn_ack_of_nothing, 0 },
    { true, "a SYN, for its receiver to challenge: RFC 5961, 4.2", is_syn, 0 },
    { true, "a RST in the window, for its receiver to challenge: RFC 5961, 3.2 (3)", is_rst_inside,
      0 },
    { true, "a SYN and ACK again: 3.10.7.4, fourth check", is_syn_ack_again, 0 },
    { true, "a duplicate, or a keep-alive, no older than a window: 3.8.4", is_old, 0 },
    { true, "in the window that the peer's SYN has offered: 3.8", is_granted_by_the_syn, 0 },
    { true, "in the window, and acknowledges what is in flight: 3.10.7.4", is_acceptable, 0 },
};

static void
show(const struct judged *x, unsigned from, const struct tcp_segment *s, const char *what)
{
    const struct tcp_half *me = &x->half[from], *peer = &x->half[!from];

    printf("%s: %s %lu, from %u: flags %02x seq %u ack %u len %u window %u scale %u\n", what,
           x->name, x->id, from, s->flags, s->seq, s->ack, s->len, s->window, s->scale);
    for (int i = 0; i < 2; i++) {
        const struct tcp_half *h = i ? peer : me;
        printf("    %s: first %u end %u ack %u edge %u window %u said %02x scale %u\n",
               i ? "peer" : "me  ", val(&h->first), val(&h->end), val(&h->ack), val(&h->edge),
               val(&h->window), atomic_load(&h->said), atomic_load(&h->scale));
    }
}

void
judges_differ(const struct judged *x, unsigned from, const struct tcp_segment *s, bool ours)
{
    struct made_up m = { .s = s,
                         .me = &x->half[from],
                         .peer = &x->half[!from],
                         .end = s->seq + s->len + !!(s->flags & TCPF_FIN),
                         .kind = s->flags & (TCPF_SYN | TCPF_ACK | TCPF_RST | TCPF_FIN) };

    m.open = said_by(m.me) & said_by(m.peer) & TCP_SAID_SYN;
    for (size_t i = 0; i < ARRAY_SIZE(differences); i++) {
        struct difference *d = &differences[i];
        if (d->ours == ours && d->applies(&m)) {
            d->count++;
            return;
        }
    }
    if (n_unknown++ < 40) {
        show(x, from, s, ours ? "passes here, invalid there" : "invalid here, passes there");
    }
}

void
judges_complain(const struct judged *x, unsigned from, const struct tcp_segment *s,
                const char *what)
{
    if (n_unknown++ < 40) {
        show(x, from, s, what);
    }
}

unsigned long
judges_report(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(differences); i++) {
        printf("%8lu %s: %s\n", differences[i].count,
               differences[i].ours ? "pass here only" : "pass there only", differences[i].why);
    }
    printf("%lu unexplained\n", n_unknown);
    return n_unknown;
}
