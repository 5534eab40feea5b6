/* What the bodies share.  For lookup*.c only. */
#ifndef ACL_LOOKUP_PRIV_H
#define ACL_LOOKUP_PRIV_H 1

#include <string.h>

#include "acl/lookup.h"

#define AT_ONCE 64
#define MAX_ROWS (2 + ACL_N_AXES)
#define NOT_FOUND UINT32_MAX

/* What a lookup goes by, out of the table, so that no pointer is loaded again for each packet.  The
 * rows of a lookup are first those of addresses, which have bases, then those of other fields. */
struct fields {
    const uint64_t *const *peers, *const *local, *data, *none;
    size_t n_peers, n_local;
    const uint16_t *protocol;
    const struct acl_portmap *dports, *sports;
    struct acl_part parts[ACL_N_AXES];
    const struct acl_rows *shape;                   /* of the other fields */
    const uint64_t *words[2], *summary[2], *top[2]; /* of the bases */
    unsigned n_based, n;
};

static inline struct fields
fields_of(const struct acl_table *table)
{
    const struct acl_bulk *bulk = table->bulk;
    const struct acl_bits *peer = &bulk->peer.base, *local = &bulk->local_fan.base;
    unsigned n_based = bulk->local_used ? 2 : 1;
    struct fields f = {
        .peers = table->peers,
        .local = bulk->local,
        .data = bulk->fields.rows.data,
        .none = bulk->fields.rows.data + bulk->fields.none,
        .n_peers = table->n_peers,
        .n_local = bulk->n_local,
        .protocol = bulk->fields.protocol,
        .dports = &bulk->fields.dports,
        .sports = &bulk->fields.sports,
        .shape = &bulk->fields.rows,
        .words = { peer->words, local->words },
        .summary = { peer->summary, local->summary },
        .top = { peer->top, local->top },
        .n_based = n_based,
        .n = n_based + bulk->fields.n_parts,
    };

    memcpy(f.parts, bulk->fields.parts, sizeof f.parts);
    return f;
}

/* A row's difference from its base, if it has one, in the 64 words of a summary word.  'dense': all
 * of the words are there. */
struct piece {
    uint64_t summary;
    const uint64_t *words;
};

/* for each R below N, the number of rows, which is a constant wherever this is inlined */
#define FOR_EACH_ROW(R, N) _Pragma("GCC unroll 5") for (unsigned R = 0; R < (N); R++)

#define INLINE static inline __attribute__((always_inline)) TARGET

/* The piece of a row of two levels. */
static inline __attribute__((always_inline)) struct piece
piece_of(const uint64_t *row, bool dense, size_t n_summary, size_t s)
{
    return (struct piece){ row[s], dense ? row + ACL_ROWS_DENSE_HEAD + s * 64
                                         : acl_row_block(row, n_summary, s * 8) };
}

#endif
