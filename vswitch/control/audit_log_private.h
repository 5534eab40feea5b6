/* Shared by the files of the audit log; for nobody else. */
#ifndef CONTROL_AUDIT_LOG_PRIVATE_H
#define CONTROL_AUDIT_LOG_PRIVATE_H 1

#include "control/audit_log.h"
#include "openvswitch/dynamic-string.h"
#include "proto/audit_chain.h"
#include "proto/audit_head.h"

#define AUDIT_LOG_NAME "audit.log"
#define AUDIT_LOG_SEQ_DIGITS 12 /* of the name of a file that is full */

struct audit_log {
    char *dir, *path;
    int fd;
    size_t size, max_bytes;
    uint64_t seq, first_seq; /* of the last line; of this file's first */
    char hash[AUDIT_HASH_LEN + 1];
    uint64_t election;
    struct audit_head head; /* as it is in its file */
    int head_fd;            /* -1: it cannot be written */
    uint64_t lost;          /* lines that could not be written */
    char *torn;             /* what of a line is at the end of the file, or NULL */
    size_t torn_len;
    bool no_newline;
    bool rotation_failed;
    struct ds fresh; /* lines that were written and not handed out yet */
};

/* Opens the present file to append to it.  0, or a positive errno. */
int audit_log_open_file(struct audit_log *);
/* Writes the first line of a file; 'damaged' is the name of the one that was put aside, empty when
 * there is none, and 'why' it was; or both are NULL. */
int audit_log_begin_file(struct audit_log *, const char *damaged, const char *why);
/* All lines are on the disk; then the head says so. */
void audit_log_sync(struct audit_log *);
void audit_log_sync_dir(const struct audit_log *);

#endif
