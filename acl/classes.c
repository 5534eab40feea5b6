#include <config.h>

#include "acl/classes.h"

#include <stdlib.h>

#include "acl/hash.h"

struct group_set {
    uint32_t *groups; /* own allocation, so that what acl_classes_groups() returned stays valid */
    uint32_t n;
    uint64_t hash;
};

struct acl_classes {
    struct group_set *classes;
    size_t n, allocated;
    uint32_t *buckets; /* open addressing; class id + 1, 0 = empty; a power of two of them */
    size_t n_buckets;
};

static uint64_t
hash_groups(const uint32_t *groups, size_t n)
{
    uint64_t hash = acl_hash_mix(0, n);

    for (size_t i = 0; i < n; i++) {
        hash = acl_hash_mix(hash, groups[i]);
    }
    return hash;
}

static void
bucket_insert(uint32_t *buckets, size_t n_buckets, uint64_t hash, uint32_t id)
{
    size_t i = hash & (n_buckets - 1);

    while (buckets[i]) {
        i = (i + 1) & (n_buckets - 1);
    }
    buckets[i] = id + 1;
}

static bool
grow(struct acl_classes *classes)
{
    size_t allocated = classes->allocated ? classes->allocated * 2 : 16;
    uint32_t *buckets = calloc(allocated * 2, sizeof *buckets);
    struct group_set *array;

    if (!buckets) {
        return false;
    }
    array = reallocarray(classes->classes, allocated, sizeof *array);
    if (!array) {
        free(buckets);
        return false;
    }
    for (size_t i = 0; i < classes->n; i++) {
        bucket_insert(buckets, allocated * 2, array[i].hash, (uint32_t) i);
    }
    free(classes->buckets);
    classes->buckets = buckets;
    classes->n_buckets = allocated * 2;
    classes->classes = array;
    classes->allocated = allocated;
    return true;
}

struct acl_classes *
acl_classes_create(void)
{
    struct acl_classes *classes = calloc(1, sizeof *classes);

    /* The empty set comes first, so that it gets the id ACL_CLASS_NONE. */
    if (classes && acl_classes_intern(classes, NULL, 0) != ACL_CLASS_NONE) {
        acl_classes_destroy(classes);
        return NULL;
    }
    return classes;
}

void
acl_classes_destroy(struct acl_classes *classes)
{
    if (classes) {
        for (size_t i = 0; i < classes->n; i++) {
            free(classes->classes[i].groups);
        }
        free(classes->classes);
        free(classes->buckets);
        free(classes);
    }
}

static uint32_t
find(const struct acl_classes *classes, const uint32_t *groups, size_t n, uint64_t hash)
{
    for (size_t i = hash & (classes->n_buckets - 1); classes->buckets[i];
         i = (i + 1) & (classes->n_buckets - 1)) {
        const struct group_set *class = &classes->classes[classes->buckets[i] - 1];

        if (class->hash == hash && class->n == n &&
            (!n || !memcmp(class->groups, groups, n * sizeof *groups))) {
            return classes->buckets[i] - 1;
        }
    }
    return ACL_CLASS_INVALID;
}

uint32_t
acl_classes_intern(struct acl_classes *classes, const uint32_t *groups, size_t n)
{
    uint64_t hash = hash_groups(groups, n);
    struct group_set class = { .n = (uint32_t) n, .hash = hash };
    uint32_t id = classes->n ? find(classes, groups, n, hash) : ACL_CLASS_INVALID;

    if (id != ACL_CLASS_INVALID) {
        return id;
    }
    if (classes->n == classes->allocated && !grow(classes)) {
        return ACL_CLASS_INVALID;
    }
    if (n) {
        class.groups = malloc(n * sizeof *groups);
        if (!class.groups) {
            return ACL_CLASS_INVALID;
        }
        memcpy(class.groups, groups, n * sizeof *groups);
    }
    id = (uint32_t) classes->n++;
    classes->classes[id] = class;
    bucket_insert(classes->buckets, classes->n_buckets, hash, id);
    return id;
}

size_t
acl_classes_count(const struct acl_classes *classes)
{
    return classes->n;
}

const uint32_t *
acl_classes_groups(const struct acl_classes *classes, uint32_t class, size_t *n)
{
    *n = classes->classes[class].n;
    return classes->classes[class].groups;
}
