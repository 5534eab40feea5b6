#include <config.h>
#include "perf/frame.h"

#include <stdlib.h>
#include <string.h>
#include <rte_byteorder.h>
#include <rte_tcp.h>

#define ISN 1000  /* of both sides */
#define COPIED 64 /* of a frame that is no longer, which is most of them */

struct number {
    uint32_t seq, not_seq;
} __attribute__((packed));

struct flow {
    uint8_t data[FRAME_HEAD]; /* a data frame without its number */
    uint32_t sent;
    uint32_t arrived; /* the highest number seen, plus one */
    uint16_t len;
    bool at[2]; /* whether anything has arrived at this side */
};

struct frame_set {
    struct frame_spec spec;
    uint16_t l4, payload; /* offsets */
    struct header_spec syn;
    uint8_t stranger[FRAME_HEAD]; /* its ports are 0 */
    struct flow flows[];
};

/* ---- which flow ---- */

static uint16_t
sport_of(uint32_t flow)
{
    return FRAME_FIRST_PORT + flow % FRAME_PORTS;
}

static uint16_t
dport_of(const struct frame_set *set, uint32_t flow)
{
    return (frame_is_denied(set, flow) ? set->spec.denied_port : set->spec.allowed_port) +
           flow / FRAME_PORTS;
}

bool
frame_is_denied(const struct frame_set *set, uint32_t flow)
{
    return flow >= set->spec.n_flows - set->spec.n_denied;
}

/* n_flows: none. */
static uint32_t
flow_of(const struct frame_set *set, uint16_t sport, uint16_t dport)
{
    const struct frame_spec *s = &set->spec;
    uint32_t column = (uint16_t) (sport - FRAME_FIRST_PORT);

    for (int denied = 0; denied < 2 && column < FRAME_PORTS; denied++) {
        uint16_t row = dport - (denied ? s->denied_port : s->allowed_port);
        uint64_t flow = (uint64_t) row * FRAME_PORTS + column;

        if (flow < s->n_flows && frame_is_denied(set, flow) == denied) {
            return flow;
        }
    }
    return s->n_flows;
}

static void
number(const struct frame_set *set, uint8_t *frame, uint32_t seq)
{
    const struct number n = { seq, ~seq };

    memcpy(frame + set->payload, &n, sizeof n);
}

/* ---- the set ---- */

uint16_t
frame_min_len(const struct frame_spec *s)
{
    uint16_t len = header_end(&s->head) + sizeof(struct number);

    return RTE_MAX(len, RTE_ETHER_MIN_LEN);
}

static void
stranger_init(struct frame_set *set)
{
    static const struct header_segment syn = { ISN, 0, RTE_TCP_SYN_FLAG };

    set->syn = set->spec.head;
    set->syn.tcp = true;
    header_write(&set->syn, 2, header_end(&set->syn), 0, 0, &syn, set->stranger);
}

static void
flow_init(struct frame_set *set, uint32_t i)
{
    const struct frame_spec *s = &set->spec;
    struct flow *f = &set->flows[i];
    static const struct header_segment data = { ISN + 1, ISN + 1,
                                                RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG };
    uint8_t whole[FRAME_MAX_LEN] = { 0 };

    f->len = s->n_sizes ? s->sizes[i % s->n_sizes] : 0;
    f->len = RTE_MAX(f->len, frame_min_len(s));
    number(set, whole, 0);
    header_write(&s->head, 0, f->len, sport_of(i), dport_of(set, i), &data, whole);
    memcpy(f->data, whole, FRAME_HEAD);
}

struct frame_set *
frame_set_create(const struct frame_spec *spec)
{
    struct frame_set *set = calloc(1, sizeof *set + spec->n_flows * sizeof set->flows[0]);

    if (!set) {
        return NULL;
    }
    set->spec = *spec;
    set->l4 = header_l4(&spec->head);
    set->payload = header_end(&spec->head);
    stranger_init(set);
    for (uint32_t i = 0; i < spec->n_flows; i++) {
        flow_init(set, i);
    }
    return set;
}

void
frame_set_destroy(struct frame_set *set)
{
    free(set);
}

/* ---- data ---- */

static void
copy(const struct flow *f, uint8_t *out, uint32_t seq, const struct frame_set *set)
{
    memcpy(out, f->data, COPIED);
    if (f->len > COPIED) {
        memcpy(out + COPIED, f->data + COPIED, FRAME_HEAD - COPIED);
    }
    number(set, out, seq);
}

uint16_t
frame_write(struct frame_set *set, uint32_t flow, void *out)
{
    struct flow *f = &set->flows[flow];

    copy(f, out, f->sent++, set);
    return f->len;
}

static uint32_t
find(const struct frame_set *set, unsigned side, const uint8_t *frame, uint32_t len)
{
    const struct rte_ether_hdr *eth = (const void *) frame;
    uint16_t ports[2];

    if (len < RTE_ETHER_MIN_LEN ||
        !rte_is_same_ether_addr(&eth->dst_addr, &set->spec.head.mac[side]) ||
        !rte_is_same_ether_addr(&eth->src_addr, &set->spec.head.mac[side ^ 1])) {
        return set->spec.n_flows;
    }
    memcpy(ports, frame + set->l4, sizeof ports);
    return flow_of(set, rte_be_to_cpu_16(ports[!side]), rte_be_to_cpu_16(ports[side]));
}

enum frame_verdict
frame_check(struct frame_set *set, const void *in, uint32_t len)
{
    uint32_t flow = find(set, 1, in, len), seq, n;
    uint8_t expected[FRAME_HEAD];
    struct flow *f;

    if (flow == set->spec.n_flows) {
        return FRAME_FOREIGN;
    }
    f = &set->flows[flow];
    memcpy(&seq, (const uint8_t *) in + set->payload, sizeof seq);
    copy(f, expected, seq, set);
    n = f->len > COPIED ? RTE_MIN(f->len, FRAME_HEAD) : COPIED;
    if (len != f->len || memcmp(expected, in, n)) {
        return FRAME_CORRUPT;
    }
    if (frame_is_denied(set, flow)) {
        return FRAME_DENIED;
    }
    if (seq < f->arrived) {
        return FRAME_REORDERED;
    }
    f->arrived = seq + 1;
    return FRAME_GOOD;
}

uint64_t
frame_nth(const struct frame_set *set, const void *frame)
{
    const uint8_t *data = frame;
    uint16_t ports[2];
    uint32_t seq;

    memcpy(ports, data + set->l4, sizeof ports);
    memcpy(&seq, data + set->payload, sizeof seq);
    return (uint64_t) seq * set->spec.n_flows +
           flow_of(set, rte_be_to_cpu_16(ports[0]), rte_be_to_cpu_16(ports[1]));
}

/* ---- opening ---- */

uint16_t
frame_write_step(struct frame_set *set, uint32_t flow, enum frame_step step, void *out)
{
    static const struct header_segment segments[FRAME_N_STEPS] = {
        [FRAME_BEGIN] = { ISN, 0, RTE_TCP_SYN_FLAG },
        [FRAME_ANSWER] = { ISN, ISN + 1, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG },
        [FRAME_CONFIRM] = { ISN + 1, ISN + 1, RTE_TCP_ACK_FLAG },
    };
    bool back = step == FRAME_ANSWER;
    uint16_t there = sport_of(flow), here = dport_of(set, flow);
    uint16_t len = set->spec.head.tcp ? set->payload : frame_min_len(&set->spec);

    memset(out, 0, FRAME_HEAD);
    header_write(&set->spec.head, back, len, back ? here : there, back ? there : here,
                 &segments[step], out);
    return RTE_MAX(len, RTE_ETHER_MIN_LEN);
}

void
frame_note(struct frame_set *set, unsigned side, const void *in, uint32_t len)
{
    uint32_t flow = find(set, side, in, len);

    if (flow < set->spec.n_flows) {
        set->flows[flow].at[side] = true;
    }
}

bool
frame_arrived(const struct frame_set *set, uint32_t flow, unsigned side)
{
    return set->flows[flow].at[side];
}

/* ---- strangers ---- */

uint16_t
frame_write_stranger(const struct frame_set *set, uint64_t n, void *out)
{
    memcpy(out, set->stranger, FRAME_HEAD);
    header_set_ports(&set->syn, out, FRAME_FIRST_PORT + n % FRAME_PORTS,
                     set->spec.denied_port +
                         n / FRAME_PORTS % (UINT16_MAX - set->spec.denied_port));
    return RTE_MAX(header_end(&set->syn), RTE_ETHER_MIN_LEN);
}

bool
frame_is_stranger(const struct frame_set *set, const void *in, uint32_t len)
{
    return len >= RTE_ETHER_MIN_LEN &&
           !memcmp(in, set->stranger, 2 * sizeof(struct rte_ether_addr));
}
