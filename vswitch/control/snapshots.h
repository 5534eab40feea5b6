/* What workers go by, made of what is wanted: the leaves of ports, bindings, decoys.  publish.h
 * says when.  Control thread. */
#ifndef CONTROL_SNAPSHOTS_H
#define CONTROL_SNAPSHOTS_H 1

#include "acl/compile.h"
#include "control/desired.h"

struct policy;
struct publisher;
struct snapshot;

/* Whose tables a desktop has. */
struct place {
    bool known;
    size_t scope;
    const struct acl_pool *pool;
    bool open; /* lists of its quarantine are there ... */
    size_t open_scope;
};

/* The next generation, with the publisher's policy and classes; it has a new leaf for each port
 * that has changed ('tables_changed': each desktop), and shares the others with the one in force.
 */
struct snapshot *snapshot_build(struct publisher *, const struct desired *, bool tables_changed);
/* With leaves of its own for all open ports, by 'places' (by port), and classes that are only lent.
 */
struct snapshot *snapshot_preview(const struct publisher *, const struct desired *,
                                  const struct policy *, const struct place *places,
                                  const struct acl_classmap *,
                                  struct acl_classmap *const *vlan_classmaps);
/* With those of its leaves that 'new' (or NULL) does not share. */
void snapshot_free(struct snapshot *old, const struct snapshot *new);

#endif
