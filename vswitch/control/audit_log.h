/* The audit log: STATE-DIR/audit.log, lines of JSON that proto/audit_chain.h chains together.
 *
 * Lines are only ever appended.  When the file has its size, it is renamed to audit.log.SEQ (of its
 * first line, 12 digits) and a new one goes on with the chain; none is deleted.  A file whose chain
 * is broken is renamed to audit.log.damaged-TIME, and a new one says so.
 *
 * The control thread until the writer thread starts, then that one; after it has ended, the control
 * thread again. */
#ifndef CONTROL_AUDIT_LOG_H
#define CONTROL_AUDIT_LOG_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit_log;

/* Opens or begins the log in 'dir', and says in it what was wrong with it.  'each' gets every line
 * that the present file has, without its newline.  0, or a positive errno and '*error' (the caller
 * frees it). */
int audit_log_open(const char *dir, size_t max_bytes, void (*each)(const char *line, void *aux),
                   void *aux, struct audit_log **, char **error);
/* Accepts NULL. */
void audit_log_close(struct audit_log *);

/* The highest election id that the log knows of. */
uint64_t audit_log_election(const struct audit_log *);

/* Appends 'entry', whose members come between "seq" and "hash".  With 'durable' it is on the disk
 * when this returns, with all before it.  0 and '*seqp'; or a positive errno: the line is lost, and
 * the next one that is written says how many were ("lost").  '*linesp' (the caller's) are the lines
 * that were written, each with its newline: those of the log itself ("torn", "begin") are among
 * them. Either may be NULL. */
int audit_log_append(struct audit_log *, json_t *entry, bool durable, uint64_t *seqp,
                     char **linesp);

/* What an entry begins with: "time" (now) and "event". */
json_t *audit_entry(const char *event);

#endif
