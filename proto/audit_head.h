/* The head of an audit log: the last line that is known to be on the disk, in a file beside the log
 * ("audit.head").  The chain of a log (audit_chain.h) shows what was changed in it, but not that
 * its end was cut off, or that it is gone: that the head shows.
 *
 * It is written after its line is on the disk and in place, so that neither kill -9 nor the loss of
 * power makes it name a line that is not there.  Whoever can write to the directory can write a
 * head, too: keep one elsewhere. */
#ifndef PROTO_AUDIT_HEAD_H
#define PROTO_AUDIT_HEAD_H 1

#include "proto/audit_chain.h"

#define AUDIT_HEAD_NAME "audit.head"

struct audit_head {
    uint64_t seq;
    char hash[AUDIT_HASH_LEN + 1];
};

/* 0; ENOENT, also when it is empty; EINVAL when it is none; or why it cannot be read. */
int audit_head_read(const char *path, struct audit_head *);
/* 0, or a positive errno. */
int audit_head_write(int fd, const struct audit_head *);
/* Whether a log that ends as 'scan' says, and was scanned for the head's line (look_for), is the
 * one that the head is of.  If not, 'why' says so. */
bool audit_head_fits(const struct audit_head *, const struct audit_scan *scan, char why[128]);

#endif
