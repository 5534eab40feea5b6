#include <config.h>

#include "acl/portmap.h"

#include <stdlib.h>
#include <string.h>

/* The rule starts or stops accepting at this port. */
struct event {
    uint16_t port;
    bool accepts;
    uint32_t rule;
};

static const struct acl_range *
ranges_of(const struct acl_table_rule *rule, bool source, size_t *n)
{
    *n = source ? rule->n_sports : rule->n_dports;
    return source ? rule->sports : rule->dports;
}

static int
compare_ranges(const void *a_, const void *b_)
{
    const struct acl_range *a = a_, *b = b_;

    return (a->lo > b->lo) - (a->lo < b->lo);
}

static int
compare_events(const void *a_, const void *b_)
{
    const struct event *a = a_, *b = b_;

    return (a->port > b->port) - (a->port < b->port);
}

size_t
acl_ranges_normalise(struct acl_range *ranges, size_t n)
{
    size_t n_out = 0;

    qsort(ranges, n, sizeof *ranges, compare_ranges);
    for (size_t i = 0; i < n; i++) {
        if (ranges[i].lo > ranges[i].hi) {
            continue;
        }
        if (n_out && ranges[i].lo <= ranges[n_out - 1].hi + 1) {
            if (ranges[i].hi > ranges[n_out - 1].hi) {
                ranges[n_out - 1].hi = ranges[i].hi;
            }
        } else {
            ranges[n_out++] = ranges[i];
        }
    }
    return n_out;
}

bool
acl_ranges_are_any(const struct acl_range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!ranges[i].lo && ranges[i].hi == UINT16_MAX) {
            return true;
        }
    }
    return !n;
}

/* All changes in port order, '*n_events' of them; 'bits' gets the rules that accept every port.
 * Since a rule's ranges are joined first, it never starts twice, nor stops and starts at one
 * port: the order of events at the same port does not matter. */
static struct event *
collect_events(const struct acl_table_rule *rules, size_t n, bool source, uint64_t *bits,
               size_t *n_events)
{
    size_t total = 0, n_ranges;
    struct acl_range *scratch;
    struct event *events;

    for (size_t i = 0; i < n; i++) {
        ranges_of(&rules[i], source, &n_ranges);
        total += n_ranges;
    }
    *n_events = 0;
    scratch = malloc((total + 1) * sizeof *scratch);
    events = malloc((2 * total + 1) * sizeof *events);
    if (!scratch || !events) {
        free(scratch);
        free(events);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        const struct acl_range *ranges = ranges_of(&rules[i], source, &n_ranges);

        if (acl_ranges_are_any(ranges, n_ranges)) {
            acl_bit_set(bits, i);
            continue;
        }
        memcpy(scratch, ranges, n_ranges * sizeof *scratch);
        n_ranges = acl_ranges_normalise(scratch, n_ranges);
        for (size_t j = 0; j < n_ranges; j++) {
            events[(*n_events)++] = (struct event){ scratch[j].lo, true, (uint32_t) i };
            if (scratch[j].hi != UINT16_MAX) {
                uint16_t end = (uint16_t) (scratch[j].hi + 1);

                events[(*n_events)++] = (struct event){ end, false, (uint32_t) i };
            }
        }
    }
    free(scratch);
    qsort(events, *n_events, sizeof *events, compare_events);
    return events;
}

static uint8_t
add_leaf(struct acl_portmap *map, const uint32_t leaf[256])
{
    uint32_t i;

    for (i = 0; i < map->n_leaves; i++) {
        if (!memcmp(map->leaves[i], leaf, sizeof map->leaves[i])) {
            return (uint8_t) i;
        }
    }
    memcpy(map->leaves[i], leaf, sizeof map->leaves[i]);
    map->n_leaves++;
    return (uint8_t) i;
}

/* Walks the ports upwards, keeping in 'bits' the rules that accept the present one. */
static bool
fill(struct acl_portmap *map, const struct event *events, size_t n_events, uint64_t *bits)
{
    uint32_t leaf[256], row;
    size_t next = 0;

    if (!acl_rows_add(&map->rows, bits, &row)) {
        return false;
    }
    for (unsigned port = 0; port <= UINT16_MAX; port++) {
        size_t before = next;

        for (; next < n_events && events[next].port == port; next++) {
            (events[next].accepts ? acl_bit_set : acl_bit_clear)(bits, events[next].rule);
        }
        if (next != before && !acl_rows_add(&map->rows, bits, &row)) {
            return false;
        }
        leaf[port & 0xff] = row;
        if ((port & 0xff) == 0xff) {
            map->leaf[port >> 8] = add_leaf(map, leaf);
        }
    }
    return true;
}

bool
acl_portmap_build(struct acl_portmap *map, const struct acl_table_rule *rules, size_t n,
                  bool source)
{
    size_t n_events, n_ranges;
    struct event *events = NULL;
    uint64_t *bits = NULL;
    bool ok = false;

    memset(map, 0, sizeof *map);
    acl_rows_init(&map->rows, n);
    for (size_t i = 0; i < n && !map->used; i++) {
        const struct acl_range *ranges = ranges_of(&rules[i], source, &n_ranges);

        map->used = !acl_ranges_are_any(ranges, n_ranges);
    }
    if (!map->used) {
        return true;
    }
    bits = calloc(acl_rows_words(n), sizeof *bits);
    map->leaves = malloc(256 * sizeof *map->leaves);
    if (!bits || !map->leaves) {
        goto out;
    }
    events = collect_events(rules, n, source, bits, &n_events);
    ok = events && fill(map, events, n_events, bits);
    if (ok) {
        void *leaves = realloc(map->leaves, map->n_leaves * sizeof *map->leaves);

        map->leaves = leaves ? leaves : map->leaves;
        acl_rows_freeze(&map->rows);
    }

out:
    free(events);
    free(bits);
    return ok;
}

void
acl_portmap_destroy(struct acl_portmap *map)
{
    free(map->leaves);
    acl_rows_destroy(&map->rows);
}

size_t
acl_portmap_bytes(const struct acl_portmap *map)
{
    return map->n_leaves * sizeof *map->leaves + acl_rows_bytes(&map->rows);
}
