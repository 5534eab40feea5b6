/* The chain that holds an audit log together: what a line is sealed with, and whether a file is
 * whole.
 *
 * A log is a file of JSON objects, one a line.  The last member of each is "hash": the SHA-256, in
 * hex, of the previous line's hash (its 64 characters) followed by the line without that member, as
 * it is written, "}" included.  Whoever changes, takes out or moves a line has to forge all that
 * follow; keep the last hash somewhere else to see that, and that nothing was cut off at the end
 * (audit_head.h).
 *
 * "seq" counts lines over all files.  A file begins with an "event": "begin", whose "prev" is the
 * hash of the last line of the file before it (64 zeros for the very first).
 *
 * A line that a power failure or a full disk has cut short is no line: it stays where it is, and
 * the next one, an "event": "torn" with its length and SHA-256, goes on from the line before it. */
#ifndef PROTO_AUDIT_CHAIN_H
#define PROTO_AUDIT_CHAIN_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define AUDIT_HASH_LEN 64
#define AUDIT_NO_HASH "0000000000000000000000000000000000000000000000000000000000000000"

/* SHA-256 of 'data' in hex. */
void audit_chain_hash(const void *data, size_t, char hash[AUDIT_HASH_LEN + 1]);
/* The line for 'body', a JSON object with at least one member, with its newline; 'hash' is the
 * previous line's, and becomes this one's.  The caller frees it; NULL: no memory. */
char *audit_chain_seal(char hash[AUDIT_HASH_LEN + 1], const char *body);

struct audit_scan {
    uint64_t n_lines;              /* whole ones */
    uint64_t first_seq, seq;       /* of the first and the last of them */
    char prev[AUDIT_HASH_LEN + 1]; /* that the file begins after */
    char hash[AUDIT_HASH_LEN + 1]; /* of the last whole line */
    uint64_t election;             /* the highest election id in it */
    uint64_t n_torn;               /* torn lines that the line after them tells of */
    uint64_t n_open;               /* changes that were begun and have no result */
    char *torn;                    /* the end of the file when it is no whole line, or NULL */
    size_t torn_len;
    bool no_newline;   /* the last line is whole, its newline missing */
    uint64_t bad_line; /* the first that does not belong here (from 1); 0: none */
    char why[128];
    char found[AUDIT_HASH_LEN + 1]; /* of the line whose seq was looked for, or empty */
};

/* Reads 'file' to its end or the first bad line; 'each' (or NULL) gets every whole line, without
 * its newline; 'look_for' is the seq of a line whose hash is wanted (0: of none).  0, or a positive
 * errno when it cannot be read.  Destroy 'scan' in any case. */
int audit_chain_scan(FILE *, uint64_t look_for, struct audit_scan *scan,
                     void (*each)(const char *line, size_t len, void *aux), void *aux);
void audit_scan_destroy(struct audit_scan *);

#endif
