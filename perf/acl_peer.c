#include <config.h>

#include "perf/acl_peer.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_acl.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_vect.h>

enum { PROTOCOL, SRC, DST, SPORT, DPORT, N_FIELDS };
RTE_ACL_RULE_DEF(peer_rule, N_FIELDS);

/* As in DPDK's examples/l3fwd: fields of one input index are read as one word of four bytes. */
static const struct rte_acl_field_def fields[N_FIELDS] = {
    { RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, offsetof(struct acl_peer_tuple, protocol) },
    { RTE_ACL_FIELD_TYPE_MASK, 4, 1, 1, offsetof(struct acl_peer_tuple, src) },
    { RTE_ACL_FIELD_TYPE_MASK, 4, 2, 2, offsetof(struct acl_peer_tuple, dst) },
    { RTE_ACL_FIELD_TYPE_RANGE, 2, 3, 3, offsetof(struct acl_peer_tuple, sport) },
    { RTE_ACL_FIELD_TYPE_RANGE, 2, 4, 3, offsetof(struct acl_peer_tuple, dport) },
};

void
acl_peer_start(bool no_huge, unsigned int lcore)
{
    char cpu[16];
    char *argv[16] = { "acl",
                       "-l",
                       cpu,
                       "--no-pci",
                       "--no-telemetry",
                       "--log-level=error",
                       "-m",
                       no_huge ? "1024" : "700" };
    int argc = 8;

    snprintf(cpu, sizeof cpu, "%u", lcore);
    argv[argc++] = no_huge ? "--no-huge" : "--in-memory";
    argv[argc++] = "--no-shconf";
    /* Without this it leaves AVX-512 alone. */
    argv[argc++] = "--force-max-simd-bitwidth=512";
    if (rte_eal_init(argc, argv) < 0) {
        fprintf(stderr, "acl: EAL: %s\n", rte_strerror(rte_errno));
        exit(EXIT_FAILURE);
    }
}

static void
set_rule(struct peer_rule *rule, const struct filter *f, size_t i)
{
    *rule = (struct peer_rule){
        .data = { .category_mask = 1,
                  .priority = RTE_ACL_MAX_PRIORITY - (int) i,
                  .userdata = (uint32_t) i + 1 },
    };
    rule->field[PROTOCOL].value.u8 = f->protocol;
    rule->field[PROTOCOL].mask_range.u8 = f->protocol_mask;
    rule->field[SRC].value.u32 = f->src;
    rule->field[SRC].mask_range.u32 = (uint32_t) __builtin_popcount(f->src_mask);
    rule->field[DST].value.u32 = f->dst;
    rule->field[DST].mask_range.u32 = (uint32_t) __builtin_popcount(f->dst_mask);
    rule->field[SPORT].value.u16 = f->sport.lo;
    rule->field[SPORT].mask_range.u16 = f->sport.hi;
    rule->field[DPORT].value.u16 = f->dport.lo;
    rule->field[DPORT].mask_range.u16 = f->dport.hi;
}

struct rte_acl_ctx *
acl_peer_add(const struct filters *filters)
{
    const struct rte_acl_param param = { .name = "peer",
                                         .socket_id = SOCKET_ID_ANY,
                                         .rule_size = RTE_ACL_RULE_SZ(N_FIELDS),
                                         .max_rule_num = (uint32_t) filters->n };
    struct rte_acl_ctx *ctx = rte_acl_create(&param);

    if (!ctx) {
        fprintf(stderr, "acl: rte_acl_create: %s\n", rte_strerror(rte_errno));
        return NULL;
    }
    for (size_t i = 0; i < filters->n; i++) {
        struct peer_rule rule;
        int rc;

        set_rule(&rule, &filters->filters[i], i);
        rc = rte_acl_add_rules(ctx, (const struct rte_acl_rule *) &rule, 1);
        if (rc) {
            fprintf(stderr, "acl: rule %zu: rte_acl_add_rules: %s\n", i, rte_strerror(-rc));
            rte_acl_free(ctx);
            return NULL;
        }
    }
    return ctx;
}

bool
acl_peer_build(struct rte_acl_ctx *ctx)
{
    struct rte_acl_config config = { .num_categories = 1, .num_fields = N_FIELDS };
    int rc;

    memcpy(config.defs, fields, sizeof fields);
    rc = rte_acl_build(ctx, &config);
    if (rc) {
        fprintf(stderr, "acl: rte_acl_build: %s\n", rte_strerror(-rc));
    }
    return !rc;
}

void
acl_peer_destroy(struct rte_acl_ctx *ctx)
{
    rte_acl_free(ctx);
}

const char *
acl_peer_widest(struct rte_acl_ctx *ctx)
{
    static const struct {
        enum rte_acl_classify_alg alg;
        const char *name;
    } algs[] = {
        { RTE_ACL_CLASSIFY_AVX512X32, "avx512x32" },
        { RTE_ACL_CLASSIFY_AVX512X16, "avx512x16" },
        { RTE_ACL_CLASSIFY_AVX2, "avx2" },
        { RTE_ACL_CLASSIFY_SSE, "sse" },
    };

    for (size_t i = 0; i < sizeof algs / sizeof *algs; i++) {
        if (!rte_acl_set_ctx_classify(ctx, algs[i].alg)) {
            return algs[i].name;
        }
    }
    return "scalar";
}

size_t
acl_peer_bytes(void)
{
    struct rte_malloc_socket_stats stats;

    return rte_malloc_get_socket_stats(0, &stats) ? 0 : stats.heap_allocsz_bytes;
}

void
acl_peer_tuple_set(struct acl_peer_tuple *tuple, const struct header *h)
{
    *tuple = (struct acl_peer_tuple){ .protocol = h->protocol,
                                      .src = htonl(h->src),
                                      .dst = htonl(h->dst),
                                      .sport = htons(h->sport),
                                      .dport = htons(h->dport) };
}
