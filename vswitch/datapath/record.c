#include <config.h>

#include "datapath/record.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_memcpy.h>
#include <rte_random.h>

#include "datapath/capture.h"
#include "datapath/cell.h"
#include "datapath/frag.h"

#define RING_RECORDS 32768
#define NS_A_SECOND 1000000000ull
#define MERGE_NS NS_A_SECOND
/* Records of a port: 20,000 at once, a full port scan of a few peers. */
#define BUDGET_A_SECOND 5000
#define BUDGET_BURST_S 4
#define TICK_SLOTS 16

int
recorder_init(struct recorder *r)
{
    r->unsaid = calloc((size_t) DP_MAX_PORTS * N_DROP_REASONS, sizeof *r->unsaid);
    r->merge = calloc(MERGE_SLOTS, sizeof *r->merge);
    r->budget = calloc(DP_MAX_PORTS, sizeof *r->budget);
    r->sketches = calloc(DP_MAX_PORTS, sizeof *r->sketches);
    r->salt = rte_rand();
    if (!r->unsaid || !r->merge || !r->budget || !r->sketches ||
        drop_ring_init(&r->ring, RING_RECORDS)) {
        recorder_destroy(r);
        return ENOMEM;
    }
    return 0;
}

void
recorder_destroy(struct recorder *r)
{
    drop_ring_destroy(&r->ring);
    free(r->sketches);
    free(r->budget);
    free(r->merge);
    free(r->unsaid);
    memset(r, 0, sizeof *r);
}

/* vDSO: no system call. */
static uint64_t
clock_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static struct drop_unsaid *
unsaid_of(struct recorder *r, const struct drop_record *d)
{
    return &r->unsaid[d->port * N_DROP_REASONS + d->reason];
}

static void
send_record(struct recorder *r, const struct drop_record *d)
{
    if (!rate_take(&r->budget[d->port], BUDGET_A_SECOND, BUDGET_BURST_S, d->mono_ns, NS_A_SECOND) &&
        !(d->attempt == DROP_ATTEMPT &&
          sketch_may_tell(&r->sketches[d->port], d->mono_ns / NS_A_SECOND, d->peer_port))) {
        cell_add(&unsaid_of(r, d)->suppressed, d->count);
        return;
    }
    struct drop_record *to = drop_ring_reserve(&r->ring);
    if (!to) {
        cell_add(&unsaid_of(r, d)->lost, d->count);
        return;
    }
    *to = *d;
    drop_ring_push(&r->ring);
}

static bool
same_flow(const struct drop_record *a, const struct drop_record *b)
{
    return a->port == b->port && a->reason == b->reason && a->protocol == b->protocol &&
           a->dport == b->dport && acl_addr_equals(&a->dst, &b->dst) &&
           acl_addr_equals(&a->src, &b->src) && a->rule_slot == b->rule_slot &&
           a->ethertype == b->ethertype && a->vlan == b->vlan;
}

static uint32_t
merge_hash(const struct drop_record *d)
{
    uint64_t h = d->src.q[1] * 0x9e3779b97f4a7c15ull ^ d->dst.q[1] * 0xff51afd7ed558ccdull;

    h ^= ((uint64_t) d->dport << 32 | d->port << 16 | d->protocol << 8 | d->reason) *
         0xc4ceb9fe1a85ec53ull;
    h += d->rule_slot * 0x9fb21c651e98df25ull; /* audit mode tells one packet by several rules */
    return (h ^ h >> 29) >> 20;
}

static void
merge_out(struct recorder *r, struct merge_slot *s)
{
    if (s->used && s->repeats) {
        s->record.count = s->repeats;
        s->record.repeat = 1;
        s->repeats = 0;
        send_record(r, &s->record);
    }
    r->n_merging -= s->used;
    s->used = false;
}

/* What policy denies, and ARP and ND probes, but not of a station that the sender knows already: so
 * its stack keeps what it has learned (RFC 1122, 2.3.2.1; RFC 4861, 7.3.3).  What a late segment,
 * or the answer of a service, is for was reached before. */
static uint8_t
attempt_of(const struct pkt *p)
{
    switch (p->reason) {
    case DROP_EGRESS_RULE:
    case DROP_EGRESS_DEFAULT:
    case DROP_INGRESS_RULE:
    case DROP_INGRESS_DEFAULT:
    case DROP_NO_POLICY:
        break;
    case DROP_PROBE:
        return p->flags & PKT_REFRESH ? DROP_NO_ATTEMPT : DROP_ATTEMPT;
    case DROP_DECOY:
        return DROP_ATTEMPT;
    default:
        return DROP_NO_ATTEMPT;
    }
    if (p->flags & (PKT_GROUP | PKT_ICMP_ERROR)) {
        return DROP_NO_ATTEMPT;
    }
    if (p->protocol == IPPROTO_TCP) {
        return p->tcp.flags & TCPF_SYN && !(p->tcp.flags & TCPF_ACK) ? DROP_ATTEMPT : DROP_LATE;
    }
    return p->protocol == IPPROTO_UDP && p->sport < IPPORT_RESERVED && p->dport >= IPPORT_RESERVED
               ? DROP_LATE
               : DROP_ATTEMPT;
}

static void
describe(const struct worker *w, const struct port_leaf *from, const struct pkt *p,
         const struct denial *why, struct drop_record *d)
{
    uint16_t len = rte_pktmbuf_data_len(p->m);

    memset(d, 0, offsetof(struct drop_record, bytes));
    d->mono_ns = clock_ns(CLOCK_MONOTONIC);
    d->wall_ns = clock_ns(CLOCK_REALTIME);
    d->generation = w->snapshot->generation;
    d->src = p->src;
    d->dst = p->dst;
    d->count = p->frag ? frag_packets(p->frag) : 1;
    d->rule_slot = why->rule_slot;
    d->port = from->id;
    d->peer_port = why->peer_port;
    d->sport = p->protocol == 6 || p->protocol == 17 ? p->sport : 0;
    d->dport = pkt_service(p);
    d->ethertype = p->ethertype;
    d->vlan = p->vlan == VLAN_NONE ? 0 : p->vlan;
    d->packet_len = rte_pktmbuf_pkt_len(p->m);
    d->protocol = p->protocol;
    d->reason = p->reason;
    d->attempt = attempt_of(p);
    d->log = why->log;
    d->direction = why->direction;
    d->user_slot = from->user_slot;
    d->n_bytes = RTE_MIN(len, DROP_RECORD_BYTES);
    rte_memcpy(d->bytes, rte_pktmbuf_mtod(p->m, void *), d->n_bytes);
}

static void
sketch(struct recorder *r, const struct drop_record *d)
{
    static const struct acl_addr nobody;
    uint64_t service = (uint64_t) d->protocol << 16 | d->dport;

    sketch_add(&r->sketches[d->port], d->mono_ns / NS_A_SECOND, hll_hash(&d->dst, 0, r->salt),
               hll_hash(&nobody, service, r->salt), d->count);
}

static void
report(struct worker *w, const struct port_leaf *from, const struct pkt *p,
       const struct denial *why)
{
    struct recorder *r = &w->recorder;
    struct drop_record d;

    describe(w, from, p, why, &d);
    if (why->log == ACL_LOG_NONE) {
        cell_add(&unsaid_of(r, &d)->suppressed, d.count);
        return;
    }
    if (d.attempt == DROP_ATTEMPT) {
        sketch(r, &d);
    }
    struct merge_slot *s = &r->merge[merge_hash(&d) % MERGE_SLOTS];
    if (s->used && same_flow(&s->record, &d)) {
        s->repeats += d.count;
        s->record = d;
        return;
    }
    merge_out(r, s);
    s->used = true;
    r->n_merging++;
    s->record = d;
    s->due_ns = d.mono_ns + MERGE_NS;
    send_record(r, &d);
}

static void
capture_all(struct worker *w, const struct port_leaf *from, struct pkt *p, const struct denial *why,
            struct rte_mbuf **m, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        p->m = m[i];
        capture_dropped(w, from, p, why);
    }
}

static void
free_packets(struct worker *w, const struct port_leaf *from, struct pkt *p,
             const struct denial *why)
{
    struct rte_mbuf *m[FRAG_MAX_PIECES];
    uint16_t n = 1;

    m[0] = p->m;
    if (p->frag) {
        n = frag_take(w, p, m);
    }
    if (unlikely(w->snapshot->captures)) {
        capture_all(w, from, p, why, m, n);
    }
    rte_pktmbuf_free_bulk(m, n);
    p->m = NULL;
}

static uint32_t
packets_of(const struct pkt *p)
{
    return p->frag ? frag_packets(p->frag) : 1;
}

static void
hit(struct worker *w, const struct pkt *p, const struct denial *why)
{
    if (why->rule_slot < w->ledger.n_rules) {
        w->ledger.rules[why->rule_slot].packets += packets_of(p);
        w->ledger.rules[why->rule_slot].bytes +=
            p->frag ? frag_bytes(p->frag) : rte_pktmbuf_pkt_len(p->m);
    }
}

void
record_drop(struct worker *w, const struct port_leaf *from, struct pkt *p, const struct denial *why)
{
    page_of(w, from)->drops[p->reason] += packets_of(p);
    hit(w, p, why);
    report(w, from, p, why);
    free_packets(w, from, p, why);
}

static const struct denial guard_denial = { .rule_slot = UINT32_MAX,
                                            .peer_port = DP_PORT_NONE,
                                            .log = ACL_LOG_INCIDENT };

void
record_guard_drop(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct denial why = guard_denial;

    /* What strays in from an uplink is counted; it accuses no desktop. */
    if (p->reason == DROP_STORM) {
        why.log = ACL_LOG_RECORD; /* who looks for the cause wants to see it, wherever it is */
    } else if (from->role == PORT_UPLINK) {
        why.log = ACL_LOG_NONE;
    }
    record_drop(w, from, p, &why);
}

void
record_probe(struct worker *w, const struct port_leaf *from, const struct pkt *p,
             const struct acl_addr *target)
{
    struct pkt probe = *p;
    struct denial why = guard_denial;
    const struct binding *b = snapshot_binding(w->snapshot, target, p->vlan);

    probe.dst = *target;
    probe.reason = DROP_PROBE;
    probe.flags |= b && b->mac == p->dmac ? PKT_REFRESH : 0;
    why.log = ACL_LOG_RECORD;
    why.peer_port = b ? b->port : DP_PORT_NONE;
    page_of(w, from)->probes++;
    report(w, from, &probe, &why);
}

void
record_stranger(struct worker *w, const struct port_leaf *from, const struct pkt *p,
                const struct acl_addr *target)
{
    struct sketch *s = &w->recorder.sketches[from->id];

    if (sketch_is_strange(s, clock_ns(CLOCK_MONOTONIC) / NS_A_SECOND, target)) {
        record_probe(w, from, p, target);
    }
}

void
record_audit(struct worker *w, const struct port_leaf *from, const struct pkt *p,
             const struct denial *why)
{
    struct pkt told = *p;

    told.reason = DROP_AUDIT;
    page_of(w, from)->would_drop += packets_of(p);
    hit(w, p, why);
    report(w, from, &told, why);
}

static void
tick(struct recorder *r, int n_slots)
{
    uint64_t now;

    if (!r->n_merging) {
        return;
    }
    now = clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < n_slots; i++) {
        struct merge_slot *s = &r->merge[r->next_flush++ % MERGE_SLOTS];
        if (s->used && now >= s->due_ns) {
            merge_out(r, s);
        }
    }
}

void
record_tick(struct worker *w)
{
    tick(&w->recorder, TICK_SLOTS);
}

void
record_tick_all(struct worker *w)
{
    tick(&w->recorder, MERGE_SLOTS);
}
