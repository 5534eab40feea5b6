/* Address sets: addresses that a controller gives and changes by themselves, for policies to name.
 *
 * A set is there once it has been put; a policy may name one that is not (yet): it is empty.
 * Control thread only. */
#ifndef CONTROL_SETS_H
#define CONTROL_SETS_H 1

#include "acl/addr.h"
#include "acl/policy.h"
#include "openvswitch/shash.h"
#include "sset.h"

#define SETS_MAX 4096
#define SET_PREFIXES_MAX 65536       /* of one set */
#define SETS_PREFIXES_MAX (1u << 20) /* of all of them */

struct address_set {
    struct acl_prefix *prefixes; /* sorted, each once */
    size_t n;
    uint64_t revision;  /* another one after each change of the prefixes */
    int64_t changed_us; /* Unix time at which it was last put, changed or confirmed */
    long long fresh_ms; /* time_msec() at which that was: ages hold when the clock is set */
};

struct sets {
    struct shash by_name; /* of struct address_set */
    struct sset stale;    /* as the log has it */
};

void sets_init(struct sets *);
void sets_destroy(struct sets *);
/* NULL: there is none. */
struct address_set *sets_find(const struct sets *, const char *name);
size_t sets_count_prefixes(const struct sets *);
/* What 'policy' (NULL: there is none) says of the set; NULL: it does not name it. */
const struct acl_group *sets_group(const struct acl_policy *, const char *name);

/* A set of its own: 'old' (NULL: empty) without 'remove' and with 'add'.  What is there already, or
 * not there, is no error.  The caller owns it. */
struct address_set *set_changed(const struct address_set *old, const struct acl_prefix *add,
                                size_t n_add, const struct acl_prefix *remove, size_t n_remove);
void set_destroy(struct address_set *);
/* The prefixes of 'a' that are not in 'b' (NULL: empty); the caller frees the array. */
struct acl_prefix *set_minus(const struct address_set *a, const struct address_set *b, size_t *n);
/* It is up to date now; 'changed': and its prefixes are others than those of the revision it has.
 */
void set_touch(struct address_set *, bool changed);
/* It had this revision, and was up to date at this Unix time.  A time that is yet to come says that
 * the clock has been set, and counts as if it were as long ago. */
void set_restore(struct address_set *, uint64_t revision, int64_t changed_us);
uint64_t set_age_s(const struct address_set *);
/* Whether 'set' (NULL: nobody has put it) is older than its group (NULL: none) bears. */
bool set_is_stale(const struct address_set *, const struct acl_group *);

/* The one spelling of a prefix, with its length; the caller frees it. */
char *prefix_text(const struct acl_prefix *);
/* Puts 'set' (then the sets') in the place of the one called 'name', which is returned, or NULL;
 * 'set' NULL takes it out. */
struct address_set *sets_replace(struct sets *, const char *name, struct address_set *set);

#endif
