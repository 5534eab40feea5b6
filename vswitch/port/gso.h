/* Cutting the super-frames of kernel stacks (TCP and UDP segmentation offload) into frames.
 *
 * Pure: reads the super-frame, makes headers, copies no payload.  The frame has to stay in place
 * until gso_next() returns false. */
#ifndef PORT_GSO_H
#define PORT_GSO_H 1

#include <stdbool.h>
#include <stdint.h>

/* Ethernet, two VLAN tags, IPv4 options or IPv6 extension headers, TCP options. */
#define GSO_MAX_HEADERS 256

struct gso {
    const uint8_t *frame;
    uint32_t len;     /* of the super-frame, without padding */
    uint32_t offset;  /* of the payload not yet sent */
    uint32_t n;       /* segments made so far */
    uint16_t l3, l4;  /* offsets of the headers */
    uint16_t headers; /* length of all headers */
    uint16_t size;    /* payload of a segment */
    uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    bool ipv6;
};

/* 'type' and 'size' as in struct virtio_net_hdr.  0; EINVAL when the headers are not what 'type'
 * says or are cut short; ENOTSUP for a type that is not segmented here. */
int gso_begin(struct gso *, const uint8_t *frame, uint32_t len, uint8_t type, uint16_t size);
/* The next segment: g->headers bytes to 'headers' and a view of its payload.  The L4 checksum field
 * holds the pseudo-header's sum; IPv4's own checksum is complete.  False after the last one. */
bool gso_next(struct gso *, uint8_t headers[GSO_MAX_HEADERS], const uint8_t **payload,
              uint32_t *payload_len);

#endif
