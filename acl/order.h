/* The order of a table's rules in its bit vectors.
 *
 * Vectors are read in blocks of ACL_ORDER_BLOCK rules, and of these only the ones in which each
 * field accepts some rule.  Rules for any source mixed with rules for any destination make nearly
 * every block such a one, though no rule of it is accepted by both.  So rules that are wide in an
 * address field are kept apart from those that are not, as tuple-space search keeps apart what is
 * masked differently (Srinivasan, Suri and Varghese, SIGCOMM 1999), but with no more than four
 * kinds.
 *
 * A search goes through blocks by position and keeps the lowest rule that it finds.  In a block
 * rules ascend, so that the first bit that is found there is the lowest rule of it; and with that,
 * a block whose first rule is behind this block's last need not be read.
 *
 * Tables of one level of rows are a block or two, and those of three levels have none: there each
 * rule is at its own position. */
#ifndef ACL_ORDER_H
#define ACL_ORDER_H 1

#include "acl/table.h"

#define ACL_ORDER_BLOCK 512
#define ACL_ORDER_MAX_BLOCKS 32
#define ACL_ORDER_MAX (ACL_ORDER_BLOCK * ACL_ORDER_MAX_BLOCKS) /* rules; more: none is moved */

struct acl_order {
    uint16_t *rule; /* at each position; NULL: its own */
    /* A bit for each block: whether it may have a lower rule than one that is found in this block.
     */
    uint32_t may_precede[ACL_ORDER_MAX_BLOCKS];
};

/* How many of 'classes' each of the groups below 'n_groups' is in; NULL when memory is short. */
uint32_t *acl_order_count_members(const struct acl_classes *, size_t n_groups);

/* False when memory is short; destroy is due in either case.  'local' may be NULL, as for tables.
 */
bool acl_order_build(struct acl_order *, const struct acl_table_rule *, size_t n,
                     const struct acl_classes *peer, const struct acl_classes *local);
void acl_order_destroy(struct acl_order *);
/* A copy by position of rules that are not at their own.  NULL when memory is short. */
struct acl_table_rule *acl_order_sort(const struct acl_order *, const struct acl_table_rule *,
                                      size_t n);

static inline uint32_t
acl_order_rule(const struct acl_order *order, size_t position)
{
    return order->rule ? order->rule[position] : (uint32_t) position;
}

/* The first rule of the block of this word (of 64 positions). */
static inline uint32_t
acl_order_first(const struct acl_order *order, size_t word)
{
    return acl_order_rule(order, word * 64 / ACL_ORDER_BLOCK * ACL_ORDER_BLOCK);
}

#endif
