/* A desktop's refresh: from the logoff of its last session until a new machine is attached
 * (PortRefresh in port.proto).
 *
 * Here is what it is; refresh_changes.h makes it happen.  It outlives its port, which may be
 * deleted and added again on the way.  Control thread only. */
#ifndef CONTROL_REFRESH_H
#define CONTROL_REFRESH_H 1

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/shash.h"

#define REFRESHES_GONE 1024 /* of ports that are not there, that are kept */

struct refresh {
    char *port, *vm_id, *user; /* owned, not NULL */
    uint64_t session;          /* whose logoff it was: the last one */
    int64_t since_us;          /* the first logoff that the machine has seen; all in Unix time */
    int64_t gone_us;           /* when the machine was seen to go; 0: not yet */
    int64_t done_us;           /* when a new one was seen to come; 0: not yet */
    bool flushed;              /* it has begun; otherwise something holds it up */
    uint32_t seen;             /* 'attachment' of the port, up to where nothing is new */
    int64_t closed_us;         /* when its port was last closed; 0: not since the start */
    bool unstored;             /* it is not as it was last stored */
    unsigned changes;          /* grows when it is another to look at */
};

struct refresh *refresh_create(const char *port, const char *vm_id, uint64_t session,
                               const char *user);
void refresh_destroy(struct refresh *);
struct refresh *refresh_copy(const struct refresh *);

/* All of them, by port.  Puts one in the place of what there was of its port. */
void refreshes_put(struct shash *, struct refresh *);
void refreshes_destroy(struct shash *);

/* The last logoff of a session on the port, at 'at_us'.  'before': the port's refresh, or NULL; the
 * same machine is still there when that is not done. */
struct refresh *refresh_of_logoff(const struct refresh *before, const char *port, const char *vm_id,
                                  uint64_t session, const char *user, int64_t at_us);
/* The port is open anew, for the machine 'vm_id': what is attached first is what was there before,
 * unless that was seen to go. */
void refresh_port_opened(struct refresh *, const char *vm_id, int64_t now_us);
/* Looks at the port's 'attachment'.  Whether the refresh is done by that.  While it is in
 * quarantine nothing that comes counts as new. */
bool refresh_look(struct refresh *, uint32_t attachment, bool quarantined, int64_t now_us);
/* How long the machine lived after the logoff; of one that is done. */
int64_t refresh_lived_us(const struct refresh *);
/* Why it is held: "quarantine", "spec" (its port does not ask for it any more) or "session"; NULL:
 * it is not. */
const char *refresh_held_by(const struct refresh *, bool quarantined, bool asked_for);

#endif
