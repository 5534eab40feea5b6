/* The TCP tracker and libopenvswitch's conntrack, side by side, and what is known of where they
 * differ.  One thread. */
#ifndef TESTS_DATAPATH_JUDGES_H
#define TESTS_DATAPATH_JUDGES_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/conn_tcp.h"

/* A connection as the tracker knows it.  'name' tells the tests' reader which one. */
struct judged {
    struct tcp_half half[2];
    const char *name;
    unsigned long id;
};

void judges_init(const char *program);
void judges_exit(void);
/* Forgets what conntrack knows. */
void judges_forget(void);

/* Whether the segment passes. */
bool judge_ours(struct judged *, unsigned from, const struct tcp_segment *);
/* The same of an Ethernet frame, at a time in milliseconds. */
bool judge_theirs(const uint8_t *frame, size_t len, long long now_ms);

/* The two differ about a segment that met these halves; 'ours': it passes here.  Unless
 * docs/tracking.md has a clause for it, it is shown and counted as unexplained. */
void judges_differ(const struct judged *, unsigned from, const struct tcp_segment *, bool ours);
/* Shows a segment that must not have been dropped, and counts it as unexplained. */
void judges_complain(const struct judged *, unsigned from, const struct tcp_segment *,
                     const char *what);
/* Prints what they differed about; returns how often without explanation. */
unsigned long judges_report(void);

#endif
