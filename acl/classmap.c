/* Class maps: sorted, disjoint intervals of the 128-bit address space, each with its class.
 *
 * Prefixes either nest or are disjoint, so one sweep in address order with a stack of the prefixes
 * that are open finds all intervals: an interval begins where a prefix begins, and where one ends
 * and its parent goes on.  The block that IPv4 lies in inherits nothing: what is around it is IPv6
 * (addr.h).  IPv4 gets a search tree of its own (tree.h), because it is nearly all of the traffic.
 */
#include <config.h>

#include "acl/classes.h"
#include "acl/policy.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "acl/lookup.h"

typedef unsigned __int128 u128;

#define V4_BASE ((u128) 0xffff << 32)
#define V4_BLOCK UINT32_MAX /* no group: the member that says where IPv4 lies */
#define MAX_NESTING 130     /* one open prefix of each length, and the bottom */

struct acl_classmap {
    /* Interval i covers starts[i] .. starts[i + 1] - 1; starts[0] is 0. */
    u128 *starts;
    uint32_t *classes;
    size_t n;

    struct acl_tree v4; /* the same for IPv4 */
};

static u128
to_u128(const struct acl_addr *addr)
{
    return ((u128) be64toh(addr->q[0]) << 64) | be64toh(addr->q[1]);
}

static u128
last_of(const struct acl_prefix *prefix)
{
    /* A shift by 128, for ::/0, is undefined. */
    return to_u128(&prefix->addr) |
           (prefix->len ? ((u128) 1 << (128 - prefix->len)) - 1 : ~(u128) 0);
}

static bool
goes_before(const struct acl_member *a, const struct acl_member *b)
{
    int order = acl_prefix_compare(&a->prefix, &b->prefix);

    return order ? order < 0 : a->group < b->group;
}

#define FEW 12 /* sorted by insertion */

static void
sort_few(struct acl_member *members, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct acl_member member = members[i];
        size_t j = i;

        for (; j && goes_before(&member, &members[j - 1]); j--) {
            members[j] = members[j - 1];
        }
        members[j] = member;
    }
}

/* Merges halves, with room for half of them in 'scratch'.  Address sets come sorted, and halves
 * that are in order are left as they are: of a set of which one member has changed, the rest costs
 * a comparison for each few. */
static void
sort_members(struct acl_member *members, size_t n, struct acl_member *scratch)
{
    size_t half = n / 2, i = 0, j = half, out = 0;

    if (n <= FEW) {
        sort_few(members, n);
        return;
    }
    sort_members(members, half, scratch);
    sort_members(members + half, n - half, scratch);
    if (!goes_before(&members[half], &members[half - 1])) {
        return;
    }
    memcpy(scratch, members, half * sizeof *members);
    while (i < half) {
        members[out++] =
            j < n && goes_before(&members[j], &scratch[i]) ? members[j++] : scratch[i++];
    }
}

static bool
same_prefix(const struct acl_prefix *a, const struct acl_prefix *b)
{
    return a->len == b->len && acl_addr_equals(&a->addr, &b->addr);
}

/* From 'start' on the class is 'class'.  An interval that begins where the one before it began
 * replaces it: a prefix and its parent may share their first address. */
static void
emit(struct acl_classmap *map, u128 start, uint32_t class)
{
    if (map->n && map->starts[map->n - 1] == start) {
        map->n--;
    }
    if (!map->n || map->classes[map->n - 1] != class) {
        map->starts[map->n] = start;
        map->classes[map->n++] = class;
    }
}

/* Class of 'parent' with the groups of members[0..n), sorted, added. */
static uint32_t
join(struct acl_classes *classes, uint32_t parent, const struct acl_member *members, size_t n,
     uint32_t *scratch)
{
    size_t n_parent, n_out = 0, i = 0, j = 0;
    const uint32_t *groups = acl_classes_groups(classes, parent, &n_parent);

    while (i < n_parent || j < n) {
        bool take_parent = j == n || (i < n_parent && groups[i] <= members[j].group);
        uint32_t group = take_parent ? groups[i++] : members[j++].group;

        if (!n_out || scratch[n_out - 1] != group) {
            scratch[n_out++] = group;
        }
    }
    return acl_classes_intern(classes, scratch, n_out);
}

struct open {
    u128 last; /* of the prefix */
    uint32_t class;
};

static bool
sweep(struct acl_classmap *map, struct acl_classes *classes, const struct acl_member *members,
      size_t n, uint32_t *scratch)
{
    struct open stack[MAX_NESTING] = { { .last = ~(u128) 0, .class = ACL_CLASS_NONE } };
    size_t top = 0, end;

    emit(map, 0, ACL_CLASS_NONE);
    for (size_t i = 0; i < n; i = end) {
        u128 first = to_u128(&members[i].prefix.addr);
        uint32_t class;
        bool v4;

        for (end = i + 1; end < n && same_prefix(&members[i].prefix, &members[end].prefix); end++) {
            continue;
        }
        /* The bottom never closes: no address lies behind its last one. */
        for (; stack[top].last < first; top--) {
            emit(map, stack[top].last + 1, stack[top - 1].class);
        }
        v4 = members[end - 1].group == V4_BLOCK; /* the last of its prefix */
        class = join(classes, v4 ? ACL_CLASS_NONE : stack[top].class, &members[i], end - i - v4,
                     scratch);
        if (class == ACL_CLASS_INVALID) {
            return false;
        }
        stack[++top] = (struct open){ .last = last_of(&members[i].prefix), .class = class };
        emit(map, first, class);
    }
    for (; top; top--) {
        if (stack[top].last != ~(u128) 0) {
            emit(map, stack[top].last + 1, stack[top - 1].class);
        }
    }
    return true;
}

static size_t
find(const struct acl_classmap *map, u128 addr)
{
    size_t lo = 0, hi = map->n - 1;

    while (lo < hi) {
        size_t mid = (lo + hi + 1) / 2;

        if (map->starts[mid] <= addr) {
            lo = mid;
        } else {
            hi = mid - 1;
        }
    }
    return lo;
}

static bool
build_v4(struct acl_classmap *map)
{
    size_t first = find(map, V4_BASE), last = find(map, V4_BASE + UINT32_MAX);
    size_t n = last - first + 1;
    uint32_t *starts = malloc(n * sizeof *starts);
    bool ok;

    for (size_t i = 0; starts && i < n; i++) {
        starts[i] = i ? (uint32_t) map->starts[first + i] : 0;
    }
    ok = starts && acl_tree_build(&map->v4, starts, map->classes + first, n);
    free(starts);
    return ok;
}

/* Puts in the place of raw classes what they mean. */
static bool
resolve(struct acl_classmap *map, const struct acl_policy *policy, const struct acl_classes *raw,
        struct acl_classes *classes)
{
    uint32_t *ids = malloc(acl_classes_count(raw) * sizeof *ids);
    uint32_t *groups = malloc((policy->n_groups + 1) * sizeof *groups);
    bool ok = ids && groups;

    for (uint32_t c = 0; ok && c < acl_classes_count(raw); c++) {
        size_t n_raw, n;
        const uint32_t *set = acl_classes_groups(raw, c, &n_raw);

        ok = acl_groups_resolve(policy, set, n_raw, groups, &n);
        ids[c] = ok ? acl_classes_intern(classes, groups, n) : ACL_CLASS_INVALID;
        ok = ids[c] != ACL_CLASS_INVALID;
    }
    for (size_t i = 0; ok && i < map->n; i++) {
        map->classes[i] = ids[map->classes[i]];
    }
    free(groups);
    free(ids);
    return ok;
}

static bool
fill(struct acl_classmap *map, struct acl_classes *classes, const struct acl_policy *policy,
     const struct acl_member *sorted, size_t n, uint32_t *scratch)
{
    struct acl_classes *raw = policy ? acl_classes_create() : NULL;
    bool ok = (!policy || raw) && sweep(map, raw ? raw : classes, sorted, n, scratch) &&
              (!raw || resolve(map, policy, raw, classes)) && build_v4(map);

    acl_classes_destroy(raw);
    return ok;
}

struct acl_classmap *
acl_classmap_build(struct acl_classes *classes, const struct acl_policy *policy,
                   const struct acl_member *members, size_t n)
{
    struct acl_classmap *map = calloc(1, sizeof *map);
    const struct acl_member v4 = {
        .prefix = { .addr = acl_addr_from_v4(0), .len = ACL_V4_LEN },
        .group = V4_BLOCK,
    };
    /* Half as much again to sort with. */
    struct acl_member *sorted = malloc((n + 1 + n / 2 + 1) * sizeof *sorted);
    uint32_t *scratch = malloc((n + 1) * sizeof *scratch);
    bool ok = false;

    if (!map || !sorted || !scratch) {
        goto out;
    }
    /* A prefix begins one interval and ends in another at most. */
    map->starts = malloc((2 * n + 3) * sizeof *map->starts);
    map->classes = malloc((2 * n + 3) * sizeof *map->classes);
    if (!map->starts || !map->classes) {
        goto out;
    }
    if (n) {
        memcpy(sorted, members, n * sizeof *sorted);
    }
    sorted[n] = v4;
    sort_members(sorted, n + 1, sorted + n + 1);
    ok = fill(map, classes, policy, sorted, n + 1, scratch);

out:
    free(scratch);
    free(sorted);
    if (!ok) {
        acl_classmap_destroy(map);
        return NULL;
    }
    return map;
}

void
acl_classmap_destroy(struct acl_classmap *map)
{
    if (map) {
        free(map->starts);
        free(map->classes);
        acl_tree_destroy(&map->v4);
        free(map);
    }
}

void
acl_classmap_lookup_bulk(const struct acl_classmap *map, const struct acl_addr *addrs,
                         size_t stride, size_t n, uint32_t *classes, size_t class_stride)
{
    if (acl_body()->tree(&map->v4, addrs, stride, n, classes, class_stride)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct acl_addr *addr = acl_at(addrs, stride, i);

        if (!acl_addr_is_v4(addr)) {
            *(uint32_t *) acl_at(classes, class_stride, i) = map->classes[find(map, to_u128(addr))];
        }
    }
}

uint32_t
acl_classmap_lookup(const struct acl_classmap *map, const struct acl_addr *addr)
{
    uint32_t class;

    acl_classmap_lookup_bulk(map, addr, 0, 1, &class, 0);
    return class;
}
