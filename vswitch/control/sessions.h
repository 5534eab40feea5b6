/* Who has which desktop, and when: intervals on ports, as brokers tell them.
 *
 * Control thread only.  Open sessions of a port are what its drop records carry: as one text, which
 * a slot number stands for in the packet path (datapath/snapshot.h). */
#ifndef CONTROL_SESSIONS_H
#define CONTROL_SESSIONS_H 1

#include <stddef.h>
#include <stdint.h>

#include "openvswitch/list.h"
#include "proto/rpc.h"

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
size_t sessions_count(const struct sessions *, const char *port);
/* The first of the port behind 'after' (NULL: of all). */
struct session *sessions_next(const struct sessions *, const char *port,
                              const struct session *after);

/* "ID USER\n", as drop records carry it. */
#define SESSION_LINE_SIZE (SESSION_TEXT_MAX + 32)
void session_line(const struct session *, char line[SESSION_LINE_SIZE]);
/* What drop records carry of the open sessions of a port: a line "ID USER\n" each, the oldest
 * first, as many as there is room for; "" when there are none. */
void sessions_text(const struct sessions *, const char *port, char *text, size_t size);

/* Whether a session that is told late may have begun, or ended, at 'at_us', told at 'now_us', on a
 * port that is there since 'added_us' (0: not known).  '*at_us' is set to 'now_us' when it is a
 * little later, for clocks differ.  RPC_OK, or RPC_INVALID_ARGUMENT and '*error'. */
enum rpc_status session_may_begin(const struct sessions *, const struct session *, int64_t added_us,
                                  int64_t now_us, int64_t *at_us, char **error);
enum rpc_status session_may_end(const struct session *, int64_t now_us, int64_t *at_us,
                                char **error);

#endif
