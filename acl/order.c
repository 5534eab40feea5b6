#include <config.h>

#include "acl/order.h"

#include <stdlib.h>
#include <string.h>

#include "acl/table_priv.h"

/* A rule is wide in an address field when it accepts one class in this many, or more. */
#define WIDE 32

enum { WIDE_PEER = 1, WIDE_LOCAL = 2, N_KINDS = 4 };

/* The groups of one address field that are wide. */
struct side {
    bool *wide;
    size_t n;
};

uint32_t *
acl_order_count_members(const struct acl_classes *classes, size_t n_groups)
{
    size_t n_classes = acl_classes_count(classes);
    uint32_t *members = calloc(n_groups + 1, sizeof *members);

    for (size_t c = 0; members && c < n_classes; c++) {
        size_t n;
        const uint32_t *groups = acl_classes_groups(classes, (uint32_t) c, &n);

        for (size_t i = 0; i < n; i++) {
            members[groups[i] < n_groups ? groups[i] : n_groups]++;
        }
    }
    return members;
}

static bool
side_init(struct side *side, const struct acl_table_rule *rules, size_t n, bool local,
          const struct acl_classes *classes)
{
    size_t n_groups, n_classes = acl_classes_count(classes);
    uint32_t *members;

    side->n = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t *groups = acl_groups_of(&rules[i], local, &n_groups);

        for (size_t j = 0; j < n_groups; j++) {
            side->n = groups[j] >= side->n ? (size_t) groups[j] + 1 : side->n;
        }
    }
    members = acl_order_count_members(classes, side->n);
    side->wide = malloc(side->n + 1);
    for (size_t g = 0; members && side->wide && g < side->n; g++) {
        side->wide[g] = (size_t) members[g] * WIDE >= n_classes;
    }
    free(members);
    return members && side->wide;
}

static bool
is_wide(const struct side *side, const uint32_t *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (side->wide[groups[i]]) {
            return true;
        }
    }
    return !n;
}

/* Rules of a kind beside each other, in their order. */
static void
sort_by_kind(struct acl_order *order, const uint8_t *kinds, size_t n)
{
    size_t place[N_KINDS + 1] = { 0 };

    for (size_t i = 0; i < n; i++) {
        place[kinds[i] + 1]++;
    }
    for (size_t kind = 1; kind < N_KINDS; kind++) {
        place[kind] += place[kind - 1];
    }
    for (size_t i = 0; i < n; i++) {
        order->rule[place[kinds[i]]++] = (uint16_t) i;
    }
}

static int
compare_rules(const void *a_, const void *b_)
{
    const uint16_t *a = a_, *b = b_;

    return (*a > *b) - (*a < *b);
}

/* A block in which a kind ends and the next one begins does not ascend yet. */
static void
sort_block(uint16_t *rules, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (rules[i] < rules[i - 1]) {
            qsort(rules, n, sizeof *rules, compare_rules);
            return;
        }
    }
}

static size_t
block_size(size_t n, size_t block)
{
    size_t left = n - block * ACL_ORDER_BLOCK;

    return left < ACL_ORDER_BLOCK ? left : ACL_ORDER_BLOCK;
}

static void
sort_blocks(struct acl_order *order, size_t n)
{
    size_t n_blocks = (n + ACL_ORDER_BLOCK - 1) / ACL_ORDER_BLOCK;

    for (size_t b = 0; b < n_blocks; b++) {
        sort_block(order->rule + b * ACL_ORDER_BLOCK, block_size(n, b));
    }
    for (size_t b = 0; b < n_blocks; b++) {
        uint16_t last = order->rule[b * ACL_ORDER_BLOCK + block_size(n, b) - 1];

        for (size_t other = 0; other < n_blocks; other++) {
            bool may = order->rule[other * ACL_ORDER_BLOCK] < last;

            order->may_precede[b] |= (uint32_t) may << other;
        }
    }
}

bool
acl_order_build(struct acl_order *order, const struct acl_table_rule *rules, size_t n,
                const struct acl_classes *peer, const struct acl_classes *local)
{
    struct side peers = { .wide = NULL }, locals = { .wide = NULL };
    uint8_t *kinds;
    bool ok;

    *order = (struct acl_order){ .rule = NULL };
    if (n <= ACL_ROWS_FLAT * 64 || n > ACL_ORDER_MAX) {
        return true;
    }
    order->rule = malloc(n * sizeof *order->rule);
    kinds = malloc(n);
    ok = order->rule && kinds && side_init(&peers, rules, n, false, peer) &&
         (!local || side_init(&locals, rules, n, true, local));
    for (size_t i = 0; ok && i < n; i++) {
        const struct acl_table_rule *rule = &rules[i];

        kinds[i] = is_wide(&peers, rule->peer_groups, rule->n_peer_groups) ? WIDE_PEER : 0;
        if (local && is_wide(&locals, rule->local_groups, rule->n_local_groups)) {
            kinds[i] |= WIDE_LOCAL;
        }
    }
    if (ok) {
        sort_by_kind(order, kinds, n);
        sort_blocks(order, n);
    }
    free(kinds);
    free(peers.wide);
    free(locals.wide);
    return ok;
}

void
acl_order_destroy(struct acl_order *order)
{
    free(order->rule);
}

struct acl_table_rule *
acl_order_sort(const struct acl_order *order, const struct acl_table_rule *rules, size_t n)
{
    struct acl_table_rule *sorted = malloc(n * sizeof *sorted);

    for (size_t i = 0; sorted && i < n; i++) {
        sorted[i] = rules[order->rule[i]];
    }
    return sorted;
}
