#include <config.h>

#include "datapath/learn.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "datapath/csum.h"
#include "datapath/fdb.h"
#include "datapath/forward.h"
#include "datapath/guard.h"
#include "datapath/output.h"
#include "datapath/relation.h"

#define LESSONS 1024  /* that wait for control */
#define BURST_S 16    /* lessons come at one a second: a desktop that starts needs a few at once */
#define UPLINK_FOLD 8 /* an uplink has many stations behind it */

struct handed_back {
    struct rte_mbuf *m;
    uint64_t from;
};

struct learner {
    struct rte_ring *lessons;     /* of struct lesson */
    struct rte_ring *handed_back; /* of struct handed_back: has room for all lessons */
    uint32_t n_held;
};

static struct rte_ring *
create_ring(const char *what, uint32_t worker, unsigned size)
{
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof name, "%s_%u", what, worker);
    return rte_ring_create_elem(name, size, LESSONS, rte_socket_id(),
                                RING_F_SP_ENQ | RING_F_SC_DEQ);
}

struct learner *
learner_create(uint32_t worker)
{
    struct learner *l = rte_zmalloc("learner", sizeof *l, 64);

    if (l) {
        l->lessons = create_ring("lessons", worker, sizeof(struct lesson));
        l->handed_back = create_ring("handed_back", worker, sizeof(struct handed_back));
        if (!l->lessons || !l->handed_back) {
            learner_destroy(l);
            l = NULL;
        }
    }
    return l;
}

void
learner_destroy(struct learner *l)
{
    struct lesson lesson;
    struct rte_mbuf *m;
    uint16_t from;

    if (!l) {
        return;
    }
    while (l->lessons && learner_take(l, &lesson)) {
        rte_pktmbuf_free(lesson.held);
    }
    while (l->handed_back && learn_handed_back(l, &m, &from)) {
        rte_pktmbuf_free(m);
    }
    rte_ring_free(l->lessons);
    rte_ring_free(l->handed_back);
    rte_free(l);
}

bool
learner_take(struct learner *l, struct lesson *lesson)
{
    return !rte_ring_sc_dequeue_elem(l->lessons, lesson, sizeof *lesson);
}

/* There is room: no more are held than the ring takes. */
void
learner_hand_back(struct learner *l, const struct lesson *lesson)
{
    struct handed_back h = { lesson->held, lesson->from };

    rte_ring_sp_enqueue_elem(l->handed_back, &h, sizeof h);
}

bool
learn_is_handed_back(const struct learner *l)
{
    return !rte_ring_empty(l->handed_back);
}

bool
learn_handed_back(struct learner *l, struct rte_mbuf **m, uint16_t *from)
{
    struct handed_back h;

    if (rte_ring_sc_dequeue_elem(l->handed_back, &h, sizeof h)) {
        return false;
    }
    l->n_held--;
    *m = h.m;
    *from = h.from;
    return true;
}

/* ---- reporting ---- */

static bool
has_token(struct worker *w, const struct port_leaf *from)
{
    return rate_take(&w->rates[from->id].lessons, from->role == PORT_UPLINK ? UPLINK_FOLD : 1,
                     BURST_S, w->now, rte_get_tsc_hz());
}

/* All of it, for the ring copies what lies between its members, too. */
static void
begin(struct lesson *lesson, enum lesson_kind kind, const struct port_leaf *about,
      const struct pkt *p)
{
    memset(lesson, 0, sizeof *lesson);
    lesson->kind = kind;
    lesson->port = about->id;
    lesson->vlan = p->vlan;
}

static bool
report(struct worker *w, struct lesson *lesson)
{
    return !rte_ring_sp_enqueue_elem(w->learner->lessons, lesson, sizeof *lesson);
}

/* ---- DHCP ---- */

/* A desktop asks for itself only, and lets go of its own only: others' hardware addresses would
 * empty the server's pool, a relay's address would have the answer sent elsewhere. */
static bool
asks_for_itself(const struct port_leaf *from, const struct pkt *p, const struct dhcp_message *d)
{
    if (p->flags & PKT_V6) {
        return !d->relayed;
    }
    return d->chaddr == from->mac && !d->giaddr &&
           (!d->ciaddr.w[3] || guard_is_bound(from, &d->ciaddr));
}

static void
hold(struct worker *w, const struct port_leaf *from, const struct port_leaf *to, struct pkt *p,
     const struct dhcp_message *d)
{
    struct lesson lesson;

    begin(&lesson, LESSON_LEASE, to, p);
    lesson.from = from->id;
    lesson.held = p->m;
    lesson.n_leases = d->n_leases;
    memcpy(lesson.lease, d->lease, sizeof lesson.lease);
    p->m->vlan_tci = p->vlan;
    /* One less than the ring has room for, and those on their way back count. */
    if (w->learner->n_held + 1 >= LESSONS || !report(w, &lesson)) {
        forward_drop(w, from, p, DROP_LEARN_LIMIT);
        return;
    }
    w->learner->n_held++;
    page_of(w, from)->held++;
    p->m = NULL;
}

/* The desktop that a reply is for: who asked may have no address yet. */
static const struct port_leaf *
asker(const struct worker *w, const struct pkt *p, const struct dhcp_message *d)
{
    const struct port_leaf *to =
        forward_leaf(w, fdb_lookup(p->flags & PKT_V6 ? p->dmac : d->chaddr, p->vlan));

    return to && to->role == PORT_DESKTOP ? to : NULL;
}

static void
decide_reply(const struct worker *w, const struct port_leaf *from, const struct pkt *p,
             const struct dhcp_message *d, struct dhcp_fate *fate)
{
    const struct port_leaf *to = fate->to = d->relayed ? NULL : asker(w, p, d);

    if (!to ||
        !relation_holds(w->relations, to->id, relation_key(p->dport, p->sport, d->id), w->now)) {
        return;
    }
    if (!forward_could_ask(w, to, from, p, &fate->judgement)) {
        fate->kind = DHCP_DENIED;
    } else if (!csum_holds(p)) {
        fate->kind = DHCP_DROPPED;
        fate->reason = DROP_CSUM;
    } else if (to->learns && d->kind == DHCP_BINDS && d->n_leases && !w->handing_back) {
        fate->kind = DHCP_HELD;
    } else if (!p->conn) { /* otherwise a renewal, by its connection */
        fate->kind = DHCP_DELIVERED;
    }
}

void
learn_dhcp_decide(const struct worker *w, const struct port_leaf *from, const struct pkt *p,
                  struct dhcp_message *d, struct dhcp_fate *fate)
{
    bool asks = from->role == PORT_DESKTOP && dhcp_is_request(p);

    *fate = (struct dhcp_fate){ .kind = DHCP_GOES_ON };
    if (p->frag || !dhcp_parse(p, d)) {
        /* Nobody's answer passes by a relation when it cannot be read.  Nor does a desktop's
         * request, for nobody could say in whose name it is. */
        if (asks) {
            fate->kind = DHCP_DROPPED;
            fate->reason = p->frag ? DROP_FRAGMENT : DROP_MALFORMED;
        }
    } else if (asks && !asks_for_itself(from, p, d)) {
        fate->kind = DHCP_DROPPED;
        fate->reason = DROP_SPOOF_DHCP;
    } else if (asks) {
        fate->kind = DHCP_ASKED;
    } else if (from->role != PORT_DESKTOP && dhcp_is_reply(p)) {
        decide_reply(w, from, p, d, fate);
    }
}

static void
note_request(struct worker *w, const struct port_leaf *from, const struct pkt *p,
             const struct dhcp_message *d)
{
    struct lesson lesson;

    relation_note(w->relations, from->id, relation_key(p->sport, p->dport, d->id), w->now);
    if (d->kind == DHCP_ENDS && d->n_leases && !from->quarantined && csum_holds(p) &&
        has_token(w, from)) {
        begin(&lesson, LESSON_RELEASE, from, p);
        lesson.n_leases = d->n_leases;
        memcpy(lesson.lease, d->lease, sizeof lesson.lease);
        report(w, &lesson); /* one that is lost ends with its time */
    }
}

bool
learn_dhcp(struct worker *w, const struct port_leaf *from, struct pkt *p)
{
    struct dhcp_message d;
    struct dhcp_fate fate;

    learn_dhcp_decide(w, from, p, &d, &fate);
    switch (fate.kind) {
    case DHCP_GOES_ON:
        return false;
    case DHCP_ASKED:
        note_request(w, from, p, &d);
        return false;
    case DHCP_DROPPED:
        forward_drop(w, from, p, fate.reason);
        break;
    case DHCP_DENIED:
        forward_deny(w, from, p, &fate.judgement);
        break;
    case DHCP_HELD:
        hold(w, from, fate.to, p, &d);
        break;
    case DHCP_DELIVERED:
        forward_hit(w, fate.judgement.rule_slot[ACL_EGRESS], 1, rte_pktmbuf_pkt_len(p->m));
        output_forward(w, from, fate.to, p);
        break;
    }
    return true;
}

/* ---- neighbour discovery ---- */

void
learn_claim(struct worker *w, const struct port_leaf *from, const struct pkt *p,
            const struct acl_addr *target)
{
    struct lesson lesson;

    if (csum_holds(p) && has_token(w, from)) {
        begin(&lesson, LESSON_CLAIM, from, p);
        lesson.addr = *target;
        report(w, &lesson); /* lost: the desktop cannot use the address, and may ask again */
    }
}

void
learn_defence(struct worker *w, const struct port_leaf *from, const struct pkt *p,
              const struct acl_addr *target)
{
    struct lesson lesson;

    if (csum_holds(p) && has_token(w, from)) {
        begin(&lesson, LESSON_DEFENCE, from, p);
        lesson.addr = *target;
        report(w, &lesson);
    }
}

#define RA_HEADER 16
#define RA_PREFIX 3 /* option, RFC 4861, 4.6.2 */
#define RA_PREFIX_LEN 32
#define RA_PREFIX_AUTONOMOUS 0x40

/* Prefixes that addresses may be formed from. */
static void
read_prefixes(const uint8_t *b, const uint8_t *end, struct lesson *lesson)
{
    for (; end - b >= 8 && b[1] && b[1] * 8 <= end - b; b += b[1] * 8) {
        uint32_t seconds;

        if (b[0] != RA_PREFIX || b[1] * 8 != RA_PREFIX_LEN || !(b[3] & RA_PREFIX_AUTONOMOUS) ||
            b[2] > 128 || lesson->n_leases == DHCP_MAX_LEASES) {
            continue;
        }
        memcpy(&seconds, b + 4, sizeof seconds);
        lesson->prefix_len[lesson->n_leases] = b[2];
        lesson->lease[lesson->n_leases].seconds = rte_be_to_cpu_32(seconds);
        memcpy(lesson->lease[lesson->n_leases++].addr.b, b + 16, 16);
    }
}

void
learn_router(struct worker *w, const struct port_leaf *from, const struct pkt *p)
{
    const uint8_t *ra = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off);
    struct lesson lesson;

    if (p->l4_len < RA_HEADER || !csum_holds(p) || !has_token(w, from)) {
        return;
    }
    begin(&lesson, LESSON_ROUTER, from, p);
    lesson.addr = p->src;
    lesson.seconds = (uint32_t) (ra[6] << 8 | ra[7]);
    read_prefixes(ra + RA_HEADER, ra + p->l4_len, &lesson);
    report(w, &lesson);
}
