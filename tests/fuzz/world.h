/* A switch in memory for the fuzz targets: two desktops and two uplinks, one worker, and ports that
 * keep what they are given.  One thread; what goes wrong traps. */
#ifndef TESTS_FUZZ_WORLD_H
#define TESTS_FUZZ_WORLD_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/conn.h"
#include "datapath/worker_private.h"

#define CHECK(CONDITION)                                                                           \
    do {                                                                                           \
        if (!(CONDITION)) {                                                                        \
            world_fail(#CONDITION, __FILE__, __LINE__);                                            \
        }                                                                                          \
    } while (0)

enum { NOWHERE, DESK1, DESK2, UPLINK1, UPLINK2, N_PORTS };

/* The port's MAC is 02:00:00:00:00:0N, its addresses are 10.0.0.N, fd00::N and fe80::N; an uplink's
 * are those of a host behind it and not bound. */
#define WORLD_MAC(N) (0x020000000000ull | (N))
#define WORLD_ADDRS 3
extern struct acl_addr world_addr[N_PORTS][WORLD_ADDRS];
bool world_is_addr(unsigned port, const uint8_t addr[16]); /* IPv4 in its mapped form */

extern struct worker *world;

/* What came out for the last packet that was sent in, in order.  Valid until the next. */
struct world_output {
    uint16_t port;
    struct rte_mbuf *m;
};
#define WORLD_OUTPUTS 128
extern struct world_output world_out[WORLD_OUTPUTS];

/* The policy of both desktops. */
enum world_policy {
    WORLD_ANYTHING, /* both ways */
    WORLD_CLIENT,   /* out: TCP 80, UDP 53, ICMP echo; in: nothing */
};
void world_init(enum world_policy);

/* Sends a frame in at 'port'; returns how many came out.  'tight': nothing behind its last byte may
 * be touched, nor has the buffer room for more. */
unsigned world_send(uint16_t port, const uint8_t *bytes, size_t n, bool tight);
/* Lets time pass. */
void world_wait(unsigned ms);
/* Forgets connections, fragments and records; all buffers have to be back and the ledgers even. */
void world_reset(void);
/* The connection between these two endpoints, or NULL. */
struct conn *world_conn(const struct acl_addr *a, uint16_t aport, const struct acl_addr *b,
                        uint16_t bport, uint8_t protocol);

void world_fail(const char *what, const char *file, int line) __attribute__((noreturn));

#endif
