/* rte_acl as the peer of the rule tables: the same rule set, the same headers. */
#ifndef PERF_ACL_PEER_H
#define PERF_ACL_PEER_H 1

#include "tests/unit/acl/filters.h"

struct rte_acl_ctx;

/* The 5-tuple as DPDK's examples lay it out, in network byte order. */
struct acl_peer_tuple {
    uint8_t protocol;
    uint32_t src, dst;
    uint16_t sport, dport;
} __attribute__((packed));

/* Starts EAL in this process; ends it when that fails.  'no_huge': on ordinary pages. */
void acl_peer_start(bool no_huge, unsigned int lcore);
/* A context with the filters added and nothing built.  NULL, with a message, when that fails. */
struct rte_acl_ctx *acl_peer_add(const struct filters *);
/* What is measured as its build. */
bool acl_peer_build(struct rte_acl_ctx *);
void acl_peer_destroy(struct rte_acl_ctx *);
/* The widest of its algorithms that this CPU runs: "avx512x32", ...; set when it was built. */
const char *acl_peer_widest(struct rte_acl_ctx *);
size_t acl_peer_bytes(void); /* in DPDK's heap */
void acl_peer_tuple_set(struct acl_peer_tuple *, const struct header *);

#endif
