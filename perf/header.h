/* Headers of test frames: Ethernet, IPv4 or IPv6, and UDP or TCP, with right checksums. */
#ifndef PERF_HEADER_H
#define PERF_HEADER_H 1

#include <stdbool.h>
#include <stdint.h>
#include <rte_ether.h>

#define HEADER_SIDES 4

struct rte_tcp_hdr;

/* Sides 0 and 1 talk to one another, and so do 2 and 3. */
struct header_spec {
    struct rte_ether_addr mac[HEADER_SIDES];
    uint32_t ip[HEADER_SIDES]; /* IPv4, host byte order; IPv6: fd00:: and this */
    bool v6, tcp;              /* otherwise IPv4, UDP */
};

struct header_segment {
    uint32_t seq, ack;
    uint8_t flags; /* RTE_TCP_*_FLAG */
};

/* Side i has the MAC 02:00:00:00:00:0(i+1) and the address 10.0.0.(i+1). */
void header_spec_init(struct header_spec *);

/* Where the layer 4 header begins, and where it ends. */
uint16_t header_l4(const struct header_spec *);
uint16_t header_end(const struct header_spec *);

/* Writes the headers of a frame of 'len' bytes from 'side', whose payload is there.  Of UDP, the
 * segment is not looked at. */
void header_write(const struct header_spec *, unsigned side, uint16_t len, uint16_t sport,
                  uint16_t dport, const struct header_segment *, void *);

/* Gives a TCP frame ports in the place of 0 and 0. */
void header_set_ports(const struct header_spec *, void *, uint16_t sport, uint16_t dport);

/* The TCP header of a frame of such a spec that is for 'side'; NULL when it is another one's. */
const struct rte_tcp_hdr *header_tcp_of(const struct header_spec *, unsigned side, const void *,
                                        uint32_t len);

#endif
