/* Address sets: addresses that a controller gives and changes by themselves, for policies to name.
 *
 * A set is there once it has been put; a policy may name one that is not (yet): it is empty.
 * Control thread only. */
#ifndef CONTROL_SETS_H
#define CONTROL_SETS_H 1

#include "acl/addr.h"
#include "openvswitch/shash.h"

#define SETS_MAX 4096
#define SET_PREFIXES_MAX 65536 /* of one set */

struct address_set {
    struct acl_prefix *prefixes; /* sorted, each once */
    size_t n;
    uint64_t revision;  /* rises with each change */
    int64_t changed_us; /* Unix time at which it was last put, changed or confirmed */
};

struct sets {
    struct shash by_name; /* of struct address_set */
};

void sets_init(struct sets *);
void sets_destroy(struct sets *);
/* NULL: there is none. */
struct address_set *sets_find(const struct sets *, const char *name);

/* A set of its own: 'old' (NULL: empty) without 'remove' and with 'add'.  What is there already, or
 * not there, is no error.  The caller owns it. */
struct address_set *set_changed(const struct address_set *old, const struct acl_prefix *add,
                                size_t n_add, const struct acl_prefix *remove, size_t n_remove);
void set_destroy(struct address_set *);
/* Puts 'set' (then the sets') in the place of the one called 'name', which is returned, or NULL;
 * 'set' NULL takes it out. */
struct address_set *sets_replace(struct sets *, const char *name, struct address_set *set);

#endif
