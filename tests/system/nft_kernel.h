/* The kernel's side: a bridge with an nftables ruleset, and what it let through.
 *
 * A packet that does not come out counts as denied only when nothing can have been lost: a sentinel
 * that was sent after it on the same way has arrived, and the ruleset's own counters of what it
 * passed and denied add up to what was sent and what was received. */
#ifndef TESTS_NFT_KERNEL_H
#define TESTS_NFT_KERNEL_H 1

#include "tests/system/nft_packet.h"

#define WINDOW 256 /* packets in flight, at most */

/* Opens the interfaces called as the ends are, in this network namespace.  0 or an errno. */
int kernel_open(void);
void kernel_close(void);
/* Puts the ruleset in force; false after a message. */
bool kernel_set_policy(const struct random_policy *, int turned);
/* Sends packets 0..n by 'id' and notes in 'passed' which came out.  False after a message:
 * something came out where it should not or twice, or the kernel lost packets (try again). */
bool kernel_judge(const struct packet *, uint32_t n, bool *passed);

#endif
