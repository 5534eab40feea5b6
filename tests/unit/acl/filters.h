/* ClassBench filter files, and a first-match walk over them. */
#ifndef TESTS_ACL_FILTERS_H
#define TESTS_ACL_FILTERS_H 1

#include "acl/table.h"

struct filter {
    uint32_t src, src_mask, dst, dst_mask; /* host byte order */
    struct acl_range sport, dport;
    uint8_t protocol, protocol_mask; /* the mask is 0xff or 0 */
};

struct header {
    uint32_t src, dst; /* host byte order */
    uint16_t sport, dport;
    uint8_t protocol;
};

struct filters {
    struct filter *filters;
    size_t n;
    /* The same, a column for each bound, for the walk; filled up to a multiple of FILTER_LANES. */
    int32_t *columns[10];
    size_t n_padded;
};

#define FILTER_LANES 4

/* Reads 'path', compressed or not.  False, with a message on stderr, when that fails. */
bool filters_read(struct filters *, const char *path);
void filters_destroy(struct filters *);
/* Index of the first filter that 'header' matches, or ACL_RULE_DEFAULT.  It compares addresses with
 * prefixes and knows nothing of classes, rows or maps. */
uint32_t filters_walk(const struct filters *, const struct header *header);

#endif
