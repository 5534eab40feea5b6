#include <config.h>

#include <stdlib.h>

#include "acl/classes.h"
#include "suites.h"

static void
test_intern(void)
{
    struct acl_classes *classes = acl_classes_create();
    const uint32_t one[] = { 7 }, two[] = { 7, 9 };
    const uint32_t *groups;
    uint32_t a, b;
    size_t n;

    CU_ASSERT_PTR_NOT_NULL_FATAL(classes);
    CU_ASSERT_EQUAL(acl_classes_count(classes), 1);
    CU_ASSERT_EQUAL(acl_classes_intern(classes, NULL, 0), ACL_CLASS_NONE);
    a = acl_classes_intern(classes, one, 1);
    b = acl_classes_intern(classes, two, 2);
    CU_ASSERT(a != b && a != ACL_CLASS_NONE && b != ACL_CLASS_NONE);
    groups = acl_classes_groups(classes, b, &n);
    CU_ASSERT(n == 2 && groups[0] == 7 && groups[1] == 9);
    for (uint32_t i = 0; i < 5000; i++) {
        CU_ASSERT_EQUAL(acl_classes_intern(classes, &i, 1), i == 7 ? a : i + (i < 7 ? 3 : 2));
    }
    CU_ASSERT_EQUAL(acl_classes_intern(classes, one, 1), a);
    CU_ASSERT_EQUAL(acl_classes_intern(classes, two, 2), b);
    CU_ASSERT_PTR_EQUAL(acl_classes_groups(classes, b, &n), groups);
    acl_classes_destroy(classes);
    acl_classes_destroy(NULL);
}

static void
test_empty_map(void)
{
    struct acl_classes *classes = acl_classes_create();
    struct acl_classmap *map = acl_classmap_build(classes, NULL, NULL, 0);
    struct acl_addr addr;

    CU_ASSERT_PTR_NOT_NULL_FATAL(map);
    CU_ASSERT(acl_addr_parse("255.255.255.255", &addr));
    CU_ASSERT_EQUAL(acl_classmap_lookup(map, &addr), ACL_CLASS_NONE);
    CU_ASSERT(acl_addr_parse("2001:db8::1", &addr));
    CU_ASSERT_EQUAL(acl_classmap_lookup(map, &addr), ACL_CLASS_NONE);
    acl_classmap_destroy(map);
    acl_classmap_destroy(NULL);
    acl_classes_destroy(classes);
}

/* Adds 'by' to the whole 128-bit number. */
static void
step(struct acl_addr *addr, int by)
{
    for (int i = 15; i >= 0; i--) {
        int sum = addr->b[i] + by;

        addr->b[i] = (uint8_t) sum;
        if (sum >= 0 && sum <= UINT8_MAX) {
            return;
        }
    }
}

/* Few distinct bits, so that prefixes nest and meet; both families, and ::/0. */
static struct acl_prefix
random_prefix(void)
{
    struct acl_prefix prefix = { .len = (uint8_t) test_below(129) };
    unsigned kind = test_below(4);

    if (kind < 2) {
        prefix.addr = acl_addr_from_v4((uint32_t) test_random() & (kind ? 0xff00ff0f : 0xffffffff));
        prefix.len = (uint8_t) (96 + test_below(33));
    } else if (kind == 2) {
        prefix.addr.b[0] = (uint8_t) test_below(4);
        prefix.addr.b[15] = (uint8_t) test_random();
    } else {
        prefix.addr.q[0] = test_random();
        prefix.addr.q[1] = test_below(2) ? ~UINT64_C(0) : test_random();
    }
    for (unsigned bit = prefix.len; bit < 128; bit++) {
        prefix.addr.b[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
    }
    return prefix;
}

static bool
map_is_right(const struct acl_classes *classes, const struct acl_classmap *map,
             const struct acl_member *members, size_t n, const struct acl_addr *addr)
{
    uint32_t class = acl_classmap_lookup(map, addr);
    size_t n_groups, n_expected = 0;
    const uint32_t *groups;
    bool expected[64] = { false };

    if (class >= acl_classes_count(classes)) {
        return false;
    }
    groups = acl_classes_groups(classes, class, &n_groups);
    for (size_t i = 0; i < n; i++) {
        if (acl_prefix_contains(&members[i].prefix, addr) && !expected[members[i].group]) {
            expected[members[i].group] = true;
            n_expected++;
        }
    }
    for (size_t i = 0; i < n_groups; i++) {
        if (!expected[groups[i]] || (i && groups[i - 1] >= groups[i])) {
            return false;
        }
    }
    return n_groups == n_expected;
}

static void
check_random_map(size_t n)
{
    struct acl_classes *classes = acl_classes_create();
    struct acl_member *members = calloc(n, sizeof *members);
    struct acl_classmap *map;
    size_t wrong = 0;

    for (size_t i = 0; i < n; i++) {
        members[i].prefix =
            i && !test_below(8) ? members[test_below((uint32_t) i)].prefix : random_prefix();
        members[i].group = test_below(64);
    }
    map = acl_classmap_build(classes, NULL, members, n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(map);
    for (size_t i = 0; i < n; i++) {
        struct acl_addr first = members[i].prefix.addr, last = first, random = first;

        for (unsigned bit = members[i].prefix.len; bit < 128; bit++) {
            last.b[bit / 8] |= (uint8_t) (0x80u >> (bit % 8));
            random.b[bit / 8] |= (uint8_t) (test_below(2) * (0x80u >> (bit % 8)));
        }
        wrong += !map_is_right(classes, map, members, n, &first);
        wrong += !map_is_right(classes, map, members, n, &last);
        wrong += !map_is_right(classes, map, members, n, &random);
        step(&first, -1);
        step(&last, 1);
        wrong += !map_is_right(classes, map, members, n, &first);
        wrong += !map_is_right(classes, map, members, n, &last);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    acl_classmap_destroy(map);
    acl_classes_destroy(classes);
    free(members);
}

static void
test_random_maps(void)
{
    for (size_t n = 1; n < 60; n++) {
        check_random_map(n);
    }
    check_random_map(1500);
}

static void
test_deep_nesting(void)
{
    struct acl_classes *classes = acl_classes_create();
    struct acl_member members[129] = { { .group = 0 } };
    struct acl_addr addr = { .q = { 0, 0 } };
    struct acl_classmap *map;
    size_t n;

    for (uint32_t len = 0; len <= 128; len++) {
        members[len] = (struct acl_member){ .prefix = { .len = (uint8_t) len }, .group = len };
    }
    map = acl_classmap_build(classes, NULL, members, 129);
    CU_ASSERT_PTR_NOT_NULL_FATAL(map);
    acl_classes_groups(classes, acl_classmap_lookup(map, &addr), &n);
    CU_ASSERT_EQUAL(n, 129);
    memset(addr.b, 0xff, sizeof addr.b);
    acl_classes_groups(classes, acl_classmap_lookup(map, &addr), &n);
    CU_ASSERT_EQUAL(n, 1);
    acl_classmap_destroy(map);
    acl_classes_destroy(classes);
}

CU_TestInfo classes_tests[] = {
    { "interning", test_intern },
    { "a map of nothing", test_empty_map },
    { "random maps against a walk over the prefixes", test_random_maps },
    { "a prefix of every length", test_deep_nesting },
    CU_TEST_INFO_NULL,
};
