/* The log of drop events: numbered, kept in memory for readers that keep up and on the disk for
 * those that resume.
 *
 * An event is shown to readers when it is committed.  A disk that fails, or is silent for some
 * seconds, does not hold up an alarm: events are then shown from memory, and the log says that
 * it is not storing (drop_log_storing()); what it can still store later, it does.
 *
 * There is one log.  Any thread, unless it says otherwise. */
#ifndef TELEMETRY_DROP_LOG_H
#define TELEMETRY_DROP_LOG_H 1

#include <stdbool.h>

#include "acl/policy.h"
#include "telemetry/drop_event.h"

/* Opens the journal 'path' (NULL: memory only) that holds the newest 'keep' events, and begins an
 * epoch.  'shown' is called from the writer thread when there is more for readers.  A journal that
 * cannot be used is logged, and leaves a log in memory.  0, or a positive errno when memory is
 * short.  Before the telemetry thread starts; writer_start() may come before or after. */
int drop_log_open(const char *path, uint64_t keep, void (*shown)(void *aux), void *aux);
/* After writer_stop(). */
void drop_log_close(void);

/* Names that events of this port or rule carry from now on; see store.h. */
void drop_log_name_port(uint16_t id, const char *name, const char *user);
void drop_log_name_rule(uint32_t slot, const char *rule_id);
/* The names that events of this port and this rule carry now; "": none. */
void drop_log_port_name(uint16_t id, char name[64]);
void drop_log_rule_name(uint32_t slot, char name[64]);
/* What records of this port with that session slot carry; see store.h. */
void drop_log_set_sessions(uint16_t id, uint32_t slot, const char *sessions);
/* Whether they carry this name; "" when they have none. */
bool drop_log_port_is(uint16_t id, const char *name);

/* The telemetry thread: adds events, then hands what is new to the writer. */
/* Returns its n; '*names' hold for this thread's next STORE_EVENTS events. */
uint64_t drop_log_add_record(const struct drop_record *, struct drop_names *names);
void drop_log_add_unsaid(uint16_t port, uint8_t reason, uint64_t suppressed, uint64_t lost);
void drop_log_commit(void);
/* What was told late of who was logged in; see store.h. */
void drop_log_correct(uint16_t port, const char *session, const struct drop_correction *);

/* Positions after which reading gives everything that is held, and only what is to come. */
struct drop_position drop_log_oldest(void);
struct drop_position drop_log_newest(void);
uint64_t drop_log_epoch(void);
/* Copies the event that follows '*at' and moves '*at' to it.  A gap event comes where something is
 * missing: it is no longer held, its epoch is not known here, or its epoch ended without being
 * stored to the end.  False when there is none yet. */
bool drop_log_next(struct drop_position *at, struct drop_event *);
/* Whether the disk takes what is shown. */
bool drop_log_storing(void);
/* Records of this epoch by log class (enum acl_log), and the packets that they stand for. */
struct drop_log_counts {
    uint64_t records[ACL_LOG_NONE + 1], packets[ACL_LOG_NONE + 1];
};
void drop_log_counts(struct drop_log_counts *);

#endif
