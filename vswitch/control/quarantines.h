/* Who is in quarantine.
 *
 * A quarantine is of a VM, or of a port's name where it has no VM id.  It holds a port when both
 * have a VM id and these are the same, or when one has none and the port is called as the one was
 * that was cut off: in doubt a port is shut.  So it follows the VM from port to port, outlives its
 * ports, and ends when a person says so.  Control thread only. */
#ifndef CONTROL_QUARANTINES_H
#define CONTROL_QUARANTINES_H 1

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/shash.h"
#include "svec.h"

#define QUARANTINE_LISTS_MAX 8

/* Strings are owned; none is NULL. */
struct quarantine {
    char *vm_id;      /* "": the name counts */
    char *port;       /* where it was cut off */
    int64_t since_us; /* Unix time; 0: not known */
    char *who, *comment;
    struct svec allow; /* lists of the policy, sorted, each once */
    bool resets;
};

struct quarantines {
    struct shash by_id; /* of struct quarantine */
    uint64_t version;   /* another one whenever something of them changes, or whom they hold */
};

void quarantines_init(struct quarantines *);
void quarantines_destroy(struct quarantines *);

struct quarantine *quarantine_copy(const struct quarantine *); /* of NULL: NULL */
void quarantine_destroy(struct quarantine *);                  /* accepts NULL */
/* "vm:VM-ID" or "port:NAME".  The caller frees it. */
char *quarantine_id(const struct quarantine *);

/* Puts it in, in the place of one of the same id, and takes it; NULL: nothing comes in the place of
 * that one.  Returns the one that was there, the caller's then, or NULL. */
struct quarantine *quarantines_put(struct quarantines *, const char *id, struct quarantine *);
/* The first, by id, that holds a port of this VM id ("": it has none) and name; NULL: none does. */
struct quarantine *quarantines_find(const struct quarantines *, const char *vm_id,
                                    const char *name);
bool quarantine_holds(const struct quarantine *, const char *vm_id, const char *name);

#endif
