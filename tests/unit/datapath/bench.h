/* A small switch for suites: two desktops that may send anything to anybody, one that may not, and
 * two uplinks, whose ports keep what they are given.  One worker, which the test plays. */
#ifndef TESTS_DATAPATH_BENCH_H
#define TESTS_DATAPATH_BENCH_H 1

#include <stdbool.h>

#include "datapath/worker_private.h"

enum { BENCH_D1 = 1, BENCH_D2, BENCH_MUTE, BENCH_UP1, BENCH_UP2, BENCH_END };

extern struct worker *bench;
extern struct port_leaf bench_leaf[BENCH_END];

/* Addresses are 10.0.0.'id' and fe80::'id', MACs TEST_MAC(id); what is behind an uplink is unknown
 * until it speaks.  0, as CUnit wants it. */
int bench_open(void);
int bench_close(void);
/* Publishes what was changed in the leaves. */
void bench_publish(void);
/* Takes in what the worker reported, as control does, at a time in seconds. */
void bench_learn(uint32_t now_s);

/* The worker's clock (TSC), which stands still; 'seconds' later. */
void bench_wait(double seconds);

/* Sends one packet in at 'id'; what came out where is then in bench_got, until the next one.
 * Asserts that the ledger adds up. */
void bench_send(uint16_t id, struct rte_mbuf *);
extern unsigned bench_got[BENCH_END];
/* The same of resets that control has the worker send, all of them; how many it sent. */
struct reset;
uint32_t bench_resets(const struct reset *, uint32_t n);
/* ... exactly at the ports of the set, once each. */
#define BIT(ID) (1u << (ID))
bool bench_got_only(unsigned set);
/* The first packet that came out at 'id', or NULL. */
const struct rte_mbuf *bench_first(uint16_t id);

uint64_t bench_drops(uint16_t id, enum drop_reason);
/* Takes the oldest record, or says that there is none. */
bool bench_record(struct drop_record *);
/* How many packets 'id' takes at once from now on. */
void bench_takes(uint16_t id, uint16_t n);

#endif
