#include <config.h>

#include "filters.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { SRC, SRC_MASK, DST, DST_MASK, PROTO, PROTO_MASK, SPORT_LO, SPORT_HI, DPORT_LO, DPORT_HI };

typedef int32_t lanes __attribute__((vector_size(FILTER_LANES * sizeof(int32_t))));

static uint32_t
mask_of(unsigned len)
{
    return len ? UINT32_MAX << (32 - len) : 0;
}

/* @src/len  dst/len  lo : hi  lo : hi  0xproto/0xmask  0xflags/0xmask */
static bool
parse_line(const char *line, struct filter *filter)
{
    unsigned s[5], d[5], ports[4], protocol, mask;

    if (sscanf(line, "@%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x", &s[0], &s[1], &s[2],
               &s[3], &s[4], &d[0], &d[1], &d[2], &d[3], &d[4], &ports[0], &ports[1], &ports[2],
               &ports[3], &protocol, &mask) != 16 ||
        s[4] > 32 || d[4] > 32 || (mask != 0 && mask != 0xff)) {
        return false;
    }
    *filter = (struct filter){
        .src_mask = mask_of(s[4]),
        .dst_mask = mask_of(d[4]),
        .sport = { (uint16_t) ports[0], (uint16_t) ports[1] },
        .dport = { (uint16_t) ports[2], (uint16_t) ports[3] },
        .protocol = (uint8_t) (protocol & mask),
        .protocol_mask = (uint8_t) mask,
    };
    filter->src = (s[0] << 24 | s[1] << 16 | s[2] << 8 | s[3]) & filter->src_mask;
    filter->dst = (d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3]) & filter->dst_mask;
    return true;
}

static bool
build_columns(struct filters *filters)
{
    filters->n_padded = (filters->n + FILTER_LANES - 1) / FILTER_LANES * FILTER_LANES;
    for (int c = 0; c < 10; c++) {
        filters->columns[c] =
            aligned_alloc(sizeof(lanes), (filters->n_padded + FILTER_LANES) * sizeof(int32_t));
        if (!filters->columns[c]) {
            return false;
        }
    }
    for (size_t i = 0; i < filters->n_padded; i++) {
        /* What fills up the last lanes has an empty range, and so never matches. */
        static const struct filter never = { .sport = { 1, 0 } };
        const struct filter *f = i < filters->n ? &filters->filters[i] : &never;

        filters->columns[SRC][i] = (int32_t) f->src;
        filters->columns[SRC_MASK][i] = (int32_t) f->src_mask;
        filters->columns[DST][i] = (int32_t) f->dst;
        filters->columns[DST_MASK][i] = (int32_t) f->dst_mask;
        filters->columns[PROTO][i] = f->protocol;
        filters->columns[PROTO_MASK][i] = f->protocol_mask;
        filters->columns[SPORT_LO][i] = f->sport.lo;
        filters->columns[SPORT_HI][i] = f->sport.hi;
        filters->columns[DPORT_LO][i] = f->dport.lo;
        filters->columns[DPORT_HI][i] = f->dport.hi;
    }
    return true;
}

bool
filters_read(struct filters *filters, const char *path)
{
    gzFile file = gzopen(path, "rb");
    size_t allocated = 0;
    bool ok = file != NULL;
    char line[256];

    *filters = (struct filters){ .n = 0 };
    while (ok && gzgets(file, line, sizeof line)) {
        if (filters->n == allocated) {
            void *grown = reallocarray(filters->filters, allocated = allocated * 2 + 64,
                                       sizeof *filters->filters);

            ok = grown != NULL;
            filters->filters = ok ? grown : filters->filters;
        }
        ok = ok && parse_line(line, &filters->filters[filters->n++]);
    }
    ok = ok && gzeof(file) && filters->n && build_columns(filters);
    if (file) {
        gzclose(file);
    }
    if (!ok) {
        fprintf(stderr, "%s: cannot read (line %zu)\n", path, filters->n);
    }
    return ok;
}

void
filters_destroy(struct filters *filters)
{
    free(filters->filters);
    for (int c = 0; c < 10; c++) {
        free(filters->columns[c]);
    }
}

uint32_t
filters_walk(const struct filters *filters, const struct header *header)
{
    const lanes zero = { 0 };
    const lanes src = zero + (int32_t) header->src, dst = zero + (int32_t) header->dst;
    const lanes sport = zero + header->sport, dport = zero + header->dport;
    const lanes protocol = zero + header->protocol;

#define COLUMN(C) (*(const lanes *) (filters->columns[C] + i))
    for (size_t i = 0; i < filters->n_padded; i += FILTER_LANES) {
        union {
            lanes v;
            int32_t lane[FILTER_LANES];
            int64_t half[FILTER_LANES / 2];
        } match;

        match.v =
            ((src & COLUMN(SRC_MASK)) == COLUMN(SRC)) & ((dst & COLUMN(DST_MASK)) == COLUMN(DST)) &
            ((protocol & COLUMN(PROTO_MASK)) == COLUMN(PROTO)) & (sport >= COLUMN(SPORT_LO)) &
            (sport <= COLUMN(SPORT_HI)) & (dport >= COLUMN(DPORT_LO)) & (dport <= COLUMN(DPORT_HI));
        if (match.half[0] | match.half[1]) {
            for (size_t lane = 0; lane < FILTER_LANES; lane++) {
                if (match.lane[lane]) {
                    return (uint32_t) (i + lane);
                }
            }
        }
    }
#undef COLUMN
    return ACL_RULE_DEFAULT;
}
