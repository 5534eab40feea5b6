/* What the bodies share.  For lookup*.c only. */
#ifndef ACL_LOOKUP_PRIV_H
#define ACL_LOOKUP_PRIV_H 1

#include "acl/lookup.h"

#define AT_ONCE 64
#define MAX_ROWS (2 + ACL_N_AXES)
#define NOT_FOUND UINT32_MAX

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
