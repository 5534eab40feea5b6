/* Community ID v1 of a flow: what Zeek, Suricata and others call the same flow, in either
 * direction. https://github.com/corelight/community-id-spec */
#ifndef CTL_RELAY_COMMUNITY_ID_H
#define CTL_RELAY_COMMUNITY_ID_H 1

#include <stdbool.h>
#include <stdint.h>

#define COMMUNITY_ID_SIZE 31 /* "1:", 28 of base64, NUL */

/* Addresses as text, both of one family; of ICMP and ICMPv6 the "ports" are type and code.  Seed 0.
 * False: they are no addresses. */
bool community_id(const char *src, const char *dst, uint8_t protocol, uint16_t src_port,
                  uint16_t dst_port, char out[COMMUNITY_ID_SIZE]);

#endif
