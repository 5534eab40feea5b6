#include <config.h>
#include "perf/frame.h"

#include <stdlib.h>
#include <string.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_udp.h>

#define FRAME_MAGIC 0x66757375

struct payload {
    uint32_t magic;
    uint32_t flow;
    uint32_t seq;
    uint32_t not_seq;
    uint8_t pad[FRAME_LEN - sizeof(struct rte_ether_hdr) - sizeof(struct rte_ipv4_hdr) -
                sizeof(struct rte_udp_hdr) - 16];
} __attribute__((packed));

struct frame {
    struct rte_ether_hdr eth;
    struct rte_ipv4_hdr ip;
    struct rte_udp_hdr udp;
    struct payload payload;
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct frame) == FRAME_LEN, "a frame fills its size exactly");

struct flow {
    struct frame template; /* with number 0 */
    uint32_t sent;
    uint32_t arrived; /* the highest number seen, plus one */
};

struct frame_set {
    uint32_t n_flows, n_denied;
    struct flow flows[];
};

static void
template_init(struct frame *f, const struct frame_spec *spec, uint32_t flow)
{
    bool denied = flow >= spec->n_flows - spec->n_denied;

    memset(f, 0, sizeof *f);
    f->eth.src_addr = spec->src_mac;
    f->eth.dst_addr = spec->dst_mac;
    f->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);

    f->ip.version_ihl = RTE_IPV4_VHL_DEF;
    f->ip.total_length = rte_cpu_to_be_16(FRAME_LEN - sizeof f->eth);
    f->ip.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
    f->ip.time_to_live = 64;
    f->ip.next_proto_id = IPPROTO_UDP;
    f->ip.src_addr = rte_cpu_to_be_32(spec->src_ip);
    f->ip.dst_addr = rte_cpu_to_be_32(spec->dst_ip);
    f->ip.hdr_checksum = rte_ipv4_cksum(&f->ip);

    f->udp.src_port = rte_cpu_to_be_16(FRAME_FIRST_PORT + flow);
    f->udp.dst_port = rte_cpu_to_be_16(denied ? spec->denied_port : spec->allowed_port);
    f->udp.dgram_len = rte_cpu_to_be_16(sizeof f->udp + sizeof f->payload);

    f->payload.magic = FRAME_MAGIC;
    f->payload.flow = flow;
    f->payload.not_seq = ~0u;
    f->udp.dgram_cksum = rte_ipv4_udptcp_cksum(&f->ip, &f->udp);
}

struct frame_set *
frame_set_create(const struct frame_spec *spec)
{
    struct frame_set *set = calloc(1, sizeof *set + spec->n_flows * sizeof set->flows[0]);
    uint32_t i;

    if (!set) {
        return NULL;
    }
    set->n_flows = spec->n_flows;
    set->n_denied = spec->n_denied;
    for (i = 0; i < spec->n_flows; i++) {
        template_init(&set->flows[i].template, spec, i);
    }
    return set;
}

void
frame_set_destroy(struct frame_set *set)
{
    free(set);
}

void
frame_write(struct frame_set *set, uint32_t flow, void *out)
{
    struct flow *f = &set->flows[flow];
    struct frame *frame = out;
    uint32_t seq = f->sent++;

    memcpy(frame, &f->template, FRAME_LEN);
    frame->payload.seq = seq;
    frame->payload.not_seq = ~seq;
}

enum frame_verdict
frame_check(struct frame_set *set, const void *in, uint32_t len)
{
    const struct frame *frame = in;
    struct frame expected;
    struct flow *f;
    uint32_t seq;

    if (len < FRAME_LEN || frame->payload.magic != FRAME_MAGIC) {
        return FRAME_FOREIGN;
    }
    if (len != FRAME_LEN || frame->payload.flow >= set->n_flows) {
        return FRAME_CORRUPT;
    }

    f = &set->flows[frame->payload.flow];
    seq = frame->payload.seq;
    memcpy(&expected, &f->template, FRAME_LEN);
    expected.payload.seq = seq;
    expected.payload.not_seq = ~seq;
    if (memcmp(&expected, frame, FRAME_LEN)) {
        return FRAME_CORRUPT;
    }
    if (frame_is_denied(set, frame->payload.flow)) {
        return FRAME_DENIED;
    }
    if (seq < f->arrived) {
        return FRAME_REORDERED;
    }
    f->arrived = seq + 1;
    return FRAME_GOOD;
}

bool
frame_arrived(const struct frame_set *set, uint32_t flow)
{
    return set->flows[flow].arrived > 0;
}

bool
frame_is_denied(const struct frame_set *set, uint32_t flow)
{
    return flow >= set->n_flows - set->n_denied;
}

const char *
frame_verdict_name(enum frame_verdict verdict)
{
    static const char *const names[FRAME_N_VERDICTS] = {
        [FRAME_GOOD] = "good",     [FRAME_FOREIGN] = "foreign",     [FRAME_CORRUPT] = "corrupt",
        [FRAME_DENIED] = "denied", [FRAME_REORDERED] = "reordered",
    };

    return names[verdict];
}
