/* Who has which desktop, and when: intervals on ports, as brokers tell them.
 *
 * Control thread only.  Open sessions of a port are what its drop records carry: as one text, which
 * a slot number stands for in the packet path (datapath/snapshot.h). */
#ifndef CONTROL_SESSIONS_H
#define CONTROL_SESSIONS_H 1

#include <stddef.h>
#include <stdint.h>

#include "openvswitch/list.h"

#define SESSIONS_MAX 65536 /* that have ended and are kept, and that are open at once */
#define SESSION_TEXT_MAX 63

struct session {
    struct ovs_list node;
    uint64_t id;
    char *port, *vm_id, *user, *broker, *who; /* owned, none is NULL */
    int64_t from_us, to_us;                   /* Unix time; to_us 0: it is open */
};

struct sessions {
    struct ovs_list open, ended; /* by id; in the order in which they ended */
    size_t n_open, n_ended;
    uint64_t last_id;
};

void sessions_init(struct sessions *);
void sessions_destroy(struct sessions *);
void session_destroy(struct session *);

/* Takes a session, open or ended.  The oldest of too many ended ones goes. */
void sessions_add(struct sessions *, struct session *);
/* Takes an open one out again, which is the caller's then. */
void sessions_remove(struct sessions *, struct session *);
void sessions_end(struct sessions *, struct session *, int64_t to_us);

/* Open ones.  NULL: none; no broker's name is "". */
struct session *sessions_find(const struct sessions *, uint64_t id);
struct session *sessions_find_broker(const struct sessions *, const char *broker);
/* The first of the port behind 'after' (NULL: of all). */
struct session *sessions_next(const struct sessions *, const char *port,
                              const struct session *after);

/* What drop records carry of the open sessions of a port: a line "ID USER\n" each, the oldest
 * first, as many as there is room for; "" when there are none. */
void sessions_text(const struct sessions *, const char *port, char *text, size_t size);

#endif
