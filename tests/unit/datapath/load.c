#include <config.h>

#include "tests/unit/datapath/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define RING 4096
#define EXCHANGES 20 /* in a TCP connection */
#define SYN 0x02
#define FIN_ACK 0x11
#define SYN_ACK 0x12
#define PSH_ACK 0x18
#define ACK 0x10
#define DENIED_EVERY 64     /* polls */
#define TRIES_A_SECOND 1000 /* at first: each try waits twice as long as the one before, */
#define MAX_DOUBLINGS 6     /* or the ring of a host whose worker is not run for long fills up */

struct stamp {
    uint16_t flow;
    uint16_t side; /* that sent it */
    uint32_t seq;
};

struct load load;

static void
add(_Atomic uint64_t *cell, uint64_t n)
{
    atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

struct acl_addr
end_addr(uint16_t id)
{
    return acl_addr_from_v4(RTE_BE32(RTE_IPV4(10u, 0, 0, 1) + id));
}

uint64_t
end_mac(uint16_t id)
{
    return 0x020000000001ull + id;
}

bool
end_is_uplink(uint16_t id)
{
    return id == UPLINK || id == UPLINK2;
}

/* ---- packets ---- */

static unsigned
stamp_offset(uint8_t protocol)
{
    return protocol == IPPROTO_TCP ? 54 : 42;
}

/* Every connection begins with the same numbers and carries nothing, as the stamp lies behind the
 * IP packet: so the numbers follow from the flags, and a try from the beginning is a
 * retransmission. */
static void
number(struct rte_tcp_hdr *tcp, unsigned side, uint8_t flags)
{
    bool last = flags == ACK; /* acknowledges the FIN */

    tcp->data_off = 5 << 4;
    tcp->tcp_flags = flags;
    tcp->rx_win = RTE_BE16(65535);
    tcp->sent_seq = rte_cpu_to_be_32(flags & SYN ? 1000 : last ? 1002 : 1001);
    tcp->recv_ack = rte_cpu_to_be_32(flags == SYN                         ? 0
                                     : last || (flags == FIN_ACK && side) ? 1002
                                                                          : 1001);
}

static struct rte_mbuf *
make_packet(const struct flow *f, unsigned side, uint8_t flags, uint32_t seq)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(load.pool);
    struct stamp stamp = { .flow = f - load.flows, .side = side, .seq = seq };
    unsigned at = stamp_offset(f->protocol), size = at + sizeof stamp;
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
    struct rte_ipv4_hdr *ip = (void *) (p + 14);
    struct rte_udp_hdr *udp = (void *) (p + 34); /* ports are where TCP has them */
    uint16_t service = f->class == FLOW_TWIN ? TWIN_FIRST + seq % (TWIN_LAST - TWIN_FIRST + 1) : 0;
    uint16_t port[2] = { service ? service : f->sport, service ? service : f->dport };

    rte_pktmbuf_append(m, size);
    memset(p, 0, size);
    p[0] = p[6] = 2;
    p[5] = end_mac(f->end[!side]);
    p[11] = end_mac(f->end[side]);
    p[12] = 8;
    ip->version_ihl = 0x45;
    ip->total_length = rte_cpu_to_be_16((f->protocol == IPPROTO_TCP ? at : size) - 14);
    ip->time_to_live = 64;
    ip->next_proto_id = f->protocol;
    ip->src_addr = end_addr(f->end[side]).w[3];
    ip->dst_addr = end_addr(f->end[!side]).w[3];
    udp->src_port = rte_cpu_to_be_16(port[side]);
    udp->dst_port = rte_cpu_to_be_16(port[!side]);
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    if (f->protocol == IPPROTO_TCP) {
        number((void *) udp, side, flags);
        ((struct rte_tcp_hdr *) udp)->cksum = rte_ipv4_udptcp_cksum(ip, udp);
    } else {
        udp->dgram_len = rte_cpu_to_be_16(size - 34);
    }
    memcpy(p + at, &stamp, sizeof stamp);
    return m;
}

static struct flow *
read_packet(const struct rte_mbuf *m, struct stamp *stamp, uint8_t *flags)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

    memcpy(stamp, p + stamp_offset(p[23]), sizeof *stamp);
    *flags = p[23] == IPPROTO_TCP ? p[47] : 0;
    return &load.flows[stamp->flow];
}

/* ---- hosts ---- */

struct out {
    struct rte_mbuf **m;
    uint16_t n;
};

static void
send_one(struct flow *f, unsigned side, uint8_t flags, uint32_t seq, struct out *out)
{
    out->m[out->n++] = make_packet(f, side, flags, seq);
    add(&f->side[side].sent, 1);
    add(&load.offered[f->class], 1);
}

static bool
tries_again(const struct flow *f)
{
    return f->class == FLOW_SOME || f->class == FLOW_JAIL || f->class == FLOW_GUEST;
}

/* The initiator's next packet. */
static void
ask(struct flow *f, struct out *out)
{
    struct flow_side *me = &f->side[0];
    uint8_t flags = me->step == 0 ? SYN : me->step <= EXCHANGES ? PSH_ACK : FIN_ACK;

    me->seq++;
    me->waiting = true;
    me->due =
        rte_rdtsc() + (rte_get_tsc_hz() / TRIES_A_SECOND << RTE_MIN(me->tries, MAX_DOUBLINGS));
    send_one(f, 0, flags, me->seq, out);
}

static void
answered(struct flow *f, const struct stamp *stamp, struct out *out)
{
    struct flow_side *me = &f->side[0];

    if (stamp->seq != me->seq || !me->waiting) {
        add(&load.violations, !tries_again(f)); /* twice, or out of order */
        return;
    }
    me->waiting = false;
    me->tries = 0;
    if (f->protocol == IPPROTO_TCP && me->step == EXCHANGES + 1) {
        send_one(f, 0, ACK, me->seq, out);
        me->step = 0;
    } else if (f->protocol == IPPROTO_TCP) {
        me->step++;
    }
    if (!atomic_load_explicit(&load.paused, memory_order_relaxed) || me->step) {
        ask(f, out);
    }
}

/* Both sides send 'seq' and, when the other's has come, the next. */
static void
twin_answered(struct flow *f, unsigned side, const struct stamp *stamp)
{
    struct flow_side *me = &f->side[side];

    me->waiting = me->waiting && me->step != me->seq;
    add(&load.violations, stamp->seq != me->seq + !me->waiting);
    me->step = stamp->seq; /* the peer's latest */
}

static void
twin_ask(struct flow *f, unsigned side, struct out *out)
{
    struct flow_side *me = &f->side[side];

    me->waiting = me->waiting && me->step != me->seq;
    /* Who was asked answers also while all pause. */
    if (!me->waiting &&
        (!atomic_load_explicit(&load.paused, memory_order_relaxed) || me->step > me->seq)) {
        me->waiting = true;
        send_one(f, side, 0, ++me->seq, out);
    }
}

static void
receive(const struct end *e, struct rte_mbuf *m, struct out *out)
{
    struct stamp stamp;
    uint8_t flags;
    struct flow *f = read_packet(m, &stamp, &flags);
    unsigned side = !stamp.side;

    if (f->end[side] != e->port.id) {
        return; /* a copy of what was flooded to all uplinks */
    }
    add(&f->side[side].received, 1);
    if (f->class == FLOW_TWIN) {
        twin_answered(f, side, &stamp);
    } else if (side == 0) {
        answered(f, &stamp, out);
    } else if (flags != ACK) {
        send_one(f, 1, flags == SYN ? SYN_ACK : flags, stamp.seq, out);
    }
}

/* What a host does unasked. */
static void
act(struct flow *f, const struct end *e, struct out *out)
{
    struct flow_side *me = &f->side[0];

    if (f->class == FLOW_TWIN) {
        twin_ask(f, f->end[1] == e->port.id, out);
    } else if (f->end[0] != e->port.id) {
        return;
    } else if (f->class == FLOW_DENIED) {
        if (e->polls % DENIED_EVERY == 0 && !atomic_load(&load.paused)) {
            send_one(f, 0, SYN, ++me->seq, out);
        }
    } else if (me->waiting ? tries_again(f) && rte_rdtsc() > me->due
                           : !atomic_load_explicit(&load.paused, memory_order_relaxed)) {
        me->step = 0;
        me->tries += me->waiting;
        me->waiting = false;
        if (!atomic_load(&load.paused)) {
            ask(f, out);
        }
    }
}

/* ---- ports ---- */

static uint16_t
end_rx(struct dp_port *port, struct rte_mbuf **m, uint16_t n)
{
    struct end *e = (struct end *) port;
    struct rte_mbuf *got[DP_BURST];
    struct out out = { .m = m };
    unsigned n_got;

    if (atomic_exchange(&e->polled, true)) {
        add(&load.violations, 1); /* two workers poll it */
        return 0;
    }
    atomic_load_explicit(&e->pushed, memory_order_acquire);
    n_got = rte_ring_sc_dequeue_burst(e->in, (void **) got, n / 2, NULL);
    for (unsigned i = 0; i < n_got; i++) { /* of one come two at most */
        receive(e, got[i], &out);
    }
    rte_pktmbuf_free_bulk(got, n_got);
    e->polls++;
    for (unsigned i = 0; i < load.n_flows && out.n < n; i++) {
        struct flow *f = &load.flows[(i + e->polls) % load.n_flows];
        if (f->end[0] == port->id || f->end[1] == port->id) {
            act(f, e, &out);
        }
    }
    add(&e->given, out.n);
    atomic_store(&e->polled, false);
    return out.n;
}

static void
check_passed(const struct rte_mbuf *m)
{
    struct stamp stamp;
    uint8_t flags;
    const struct flow *f = read_packet(m, &stamp, &flags);

    add(&load.passed[f->class], 1);
    if (atomic_load(&load.forbid[f->class])) {
        add(&load.violations, 1);
    }
}

static uint16_t
end_tx(struct dp_port *port, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
    struct end *e = (struct end *) port;

    (void) queue;
    for (uint16_t i = 0; i < n; i++) {
        check_passed(m[i]);
    }
    n = rte_ring_mp_enqueue_burst(e->in, (void **) m, n, NULL);
    atomic_fetch_add_explicit(&e->pushed, n, memory_order_release);
    add(&e->taken, n);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&e->armed, memory_order_relaxed)) {
        end_wake(e);
    }
    return n;
}

void
end_wake(struct end *e)
{
    uint64_t one = 1;

    if (write(e->fd, &one, sizeof one) < 0) {
        /* The counter is at its limit: it is readable anyway. */
    }
}

static int
end_arm(struct dp_port *port, bool on)
{
    struct end *e = (struct end *) port;
    uint64_t drained;

    atomic_store(&e->armed, on);
    if (!on && read(e->fd, &drained, sizeof drained) < 0) {
        /* Nothing came. */
    }
    return e->fd;
}

static const struct dp_port_ops end_ops = {
    .type = "end", .rx = end_rx, .tx = end_tx, .arm = end_arm
};

struct end *
end_create(uint16_t id)
{
    static unsigned serial;
    struct end *e = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof *e, 64));

    if (!e) {
        return NULL;
    }
    memset(e, 0, sizeof *e);
    e->port = (struct dp_port){ .ops = &end_ops, .id = id, .mtu = 1500, .up = true };
    snprintf(e->ring_name, sizeof e->ring_name, "end%u", serial++);
    e->in = rte_ring_create(e->ring_name, RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
    e->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!e->in || e->fd < 0) {
        rte_ring_free(e->in);
        free(e);
        return NULL;
    }
    return e;
}

void
end_destroy(struct end *e)
{
    void *m;

    if (e) {
        while (!rte_ring_dequeue(e->in, &m)) {
            rte_pktmbuf_free(m);
        }
        rte_ring_free(e->in);
        close(e->fd);
        free(e);
    }
}

/* ---- flows ---- */

#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP

static const struct flow_group {
    uint8_t class, protocol, from, to, n;
    uint16_t dport;
} groups[] = {
    { FLOW_STEADY, TCP, DESK, DESK + 1, 4, SERVICE_STEADY },
    { FLOW_STEADY, TCP, DESK + 1, DESK, 4, SERVICE_STEADY },
    { FLOW_STEADY, UDP, DESK + 1, DESK + 2, 4, SERVICE_STEADY },
    { FLOW_STEADY, TCP, DESK + 2, DESK + 3, 4, SERVICE_STEADY },
    { FLOW_STEADY, UDP, DESK + 3, DESK, 4, SERVICE_STEADY },
    { FLOW_STEADY, TCP, DESK, UPLINK, 4, SERVICE_STEADY },
    { FLOW_STEADY, TCP, DESK + 1, UPLINK, 4, SERVICE_STEADY },
    { FLOW_STEADY, TCP, UPLINK2, DESK + 2, 4, SERVICE_STEADY },
    { FLOW_DENIED, TCP, DESK, DESK + 1, 1, SERVICE_DENIED },
    { FLOW_DENIED, UDP, DESK + 2, DESK + 3, 1, SERVICE_DENIED },
    { FLOW_SOME, TCP, DESK, DESK + 3, 4, SERVICE_SOME },
    { FLOW_SOME, UDP, DESK + 1, DESK + 3, 4, SERVICE_SOME },
    { FLOW_JAIL, TCP, JAIL, DESK, 2, SERVICE_OTHER },
    { FLOW_JAIL, UDP, DESK + 1, JAIL, 2, SERVICE_OTHER },
    { FLOW_JAIL, TCP, JAIL, UPLINK, 2, SERVICE_OTHER },
    { FLOW_GUEST, TCP, GUEST, DESK + 2, 2, SERVICE_OTHER },
    { FLOW_GUEST, UDP, DESK + 3, GUEST, 2, SERVICE_OTHER },
    { FLOW_GUEST, TCP, GUEST, UPLINK, 2, SERVICE_OTHER },
    { FLOW_TWIN, UDP, TWIN, TWIN2, 1, 0 },
};

int
load_init(struct rte_mempool *pool)
{
    unsigned n = 0;

    for (unsigned i = 0; i < RTE_DIM(groups); i++) {
        n += groups[i].n;
    }
    load.pool = pool;
    load.flows = aligned_alloc(64, n * sizeof *load.flows);
    if (!load.flows) {
        return ENOMEM;
    }
    memset(load.flows, 0, n * sizeof *load.flows);
    for (unsigned i = 0; i < RTE_DIM(groups); i++) {
        const struct flow_group *g = &groups[i];
        for (uint8_t k = 0; k < g->n; k++) {
            struct flow *f = &load.flows[load.n_flows++];
            f->class = g->class;
            f->protocol = g->protocol;
            f->end[0] = g->from;
            f->end[1] = g->to;
            f->sport = 40000 + load.n_flows;
            f->dport = g->dport;
        }
    }
    return 0;
}

void
load_exit(void)
{
    free(load.flows);
}

bool
load_is_settled(bool tell)
{
    bool settled = true;

    for (unsigned i = 0; i < load.n_flows; i++) {
        const struct flow *f = &load.flows[i];
        if (f->class != FLOW_STEADY && f->class != FLOW_TWIN) {
            continue;
        }
        for (int side = 0; side < 2; side++) {
            uint64_t sent = atomic_load(&f->side[side].sent);
            uint64_t received = atomic_load(&f->side[!side].received);
            settled = settled && sent == received;
            if (tell && sent != received) {
                printf("flow %u, protocol %u, from port %u: sent %lu, received %lu\n", i,
                       f->protocol, f->end[side], sent, received);
            }
        }
    }
    return settled;
}
