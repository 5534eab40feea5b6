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

/* Sorts by port, by counting: first by the low byte, then by the high one. */
static void
sort_events(struct event *events, struct event *scratch, size_t n)
{
    for (int shift = 0; shift <= 8; shift += 8) {
        size_t place[257] = { 0 };
        struct event *from = shift ? scratch : events, *to = shift ? events : scratch;

        for (size_t i = 0; i < n; i++) {
            place[(from[i].port >> shift & 0xff) + 1]++;
        }
        for (size_t i = 1; i < 257; i++) {
            place[i] += place[i - 1];
        }
        for (size_t i = 0; i < n; i++) {
            to[place[from[i].port >> shift & 0xff]++] = from[i];
        }
    }
}

static size_t
add_events(struct event *events, size_t n_events, const struct acl_range *ranges, size_t n_ranges,
           uint32_t rule)
{
    for (size_t j = 0; j < n_ranges; j++) {
        events[n_events++] = (struct event){ ranges[j].lo, true, rule };
        if (ranges[j].hi != UINT16_MAX) {
            events[n_events++] = (struct event){ (uint16_t) (ranges[j].hi + 1), false, rule };
        }
    }
    return n_events;
}

/* All changes in port order, '*n_events' of them; 'bits' gets the rules that accept every port.
 * Since a rule's ranges are joined first, it never starts twice, nor stops and starts at one
 * port: the order of events at the same port does not matter. */
static struct event *
collect_events(const struct acl_table_rule *rules, size_t n, bool source, struct acl_bits *bits,
               size_t *n_events)
{
    size_t total = 0, n_ranges;
    struct event *events = NULL, *spare;
    struct acl_range *scratch;

    for (size_t i = 0; i < n; i++) {
        ranges_of(&rules[i], source, &n_ranges);
        total += n_ranges;
    }
    *n_events = 0;
    scratch = malloc((total + 1) * sizeof *scratch);
    spare = malloc((2 * total + 1) * sizeof *spare);
    if (!scratch || !spare) {
        goto out;
    }
    events = malloc((2 * total + 1) * sizeof *events);
    if (!events) {
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        const struct acl_range *ranges = ranges_of(&rules[i], source, &n_ranges);

        if (acl_ranges_are_any(ranges, n_ranges)) {
            acl_bits_set(bits, i);
            continue;
        }
        memcpy(scratch, ranges, n_ranges * sizeof *scratch);
        n_ranges = acl_ranges_normalise(scratch, n_ranges);
        *n_events = add_events(events, *n_events, scratch, n_ranges, (uint32_t) i);
    }
    sort_events(events, spare, *n_events);

out:
    free(scratch);
    free(spare);
    return events;
}

/* Number of the leaf of which every value has this class.  Leaves of several classes are not
 * compared with each other. */
static uint8_t
add_uniform_leaf(struct acl_portmap *map, uint32_t class, const bool uniform[256])
{
    uint32_t i = 0;

    while (i < map->n_leaves && !(uniform[i] && map->leaves[i][0] == class)) {
        i++;
    }
    for (size_t j = 0; i == map->n_leaves && j < 256; j++) {
        map->leaves[i][j] = (uint16_t) class;
    }
    map->n_leaves += i == map->n_leaves;
    return (uint8_t) i;
}

/* Goes from event to event, keeping in 'bits' the rules that accept the present port.  As no row is
 * added before the events of port 0, there are at most 65,536. */
static bool
fill(struct acl_portmap *map, const struct event *events, size_t n_events, struct acl_bits *bits,
     struct acl_rows *rows)
{
    bool uniform[256] = { false };
    uint32_t class = 0;
    size_t next = 0;

    for (unsigned high = 0; high < 256; high++) {
        uint16_t *leaf = map->leaves[map->n_leaves];
        bool first = true;

        if (high && (next == n_events || events[next].port >> 8 > (int) high)) {
            map->leaf[high] = add_uniform_leaf(map, class, uniform);
            uniform[map->leaf[high]] = true;
            continue;
        }
        for (unsigned low = 0; low < 256; low++) {
            size_t before = next;

            for (; next < n_events && events[next].port == (high << 8 | low); next++) {
                (events[next].accepts ? acl_bits_set : acl_bits_clear)(bits, events[next].rule);
            }
            if ((next != before || (!high && first)) && !acl_rows_add(rows, bits, &class)) {
                return false;
            }
            first = false;
            leaf[low] = (uint16_t) class;
        }
        map->leaf[high] = (uint8_t) map->n_leaves++;
    }
    return true;
}

static bool
is_used(const struct acl_table_rule *rules, size_t n, bool source)
{
    for (size_t i = 0; i < n; i++) {
        size_t n_ranges;
        const struct acl_range *ranges = ranges_of(&rules[i], source, &n_ranges);

        if (!acl_ranges_are_any(ranges, n_ranges)) {
            return true;
        }
    }
    return false;
}

bool
acl_portmap_build(struct acl_portmap *map, const struct acl_table_rule *rules, size_t n,
                  bool source, struct acl_rows *rows)
{
    struct event *events = NULL;
    struct acl_bits bits;
    size_t n_events;
    void *leaves;
    bool ok = false;

    memset(map, 0, sizeof *map);
    map->used = is_used(rules, n, source);
    if (!map->used) {
        return true;
    }
    map->leaves = malloc(256 * sizeof *map->leaves);
    if (!acl_bits_init(&bits, n) || !map->leaves) {
        goto out;
    }
    events = collect_events(rules, n, source, &bits, &n_events);
    ok = events && fill(map, events, n_events, &bits, rows);
    leaves = ok ? realloc(map->leaves, map->n_leaves * sizeof *map->leaves) : NULL;
    map->leaves = leaves ? leaves : map->leaves;

out:
    free(events);
    acl_bits_destroy(&bits);
    return ok;
}

void
acl_portmap_destroy(struct acl_portmap *map)
{
    free(map->leaves);
}

size_t
acl_portmap_bytes(const struct acl_portmap *map)
{
    return map->n_leaves * sizeof *map->leaves;
}
