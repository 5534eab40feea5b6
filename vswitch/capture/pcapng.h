/* The pcapng format (draft-ietf-opsawg-pcapng), as far as captures of one Ethernet port need it:
 * blocks, in this host's byte order, appended to a buffer.  Times are Unix time in nanoseconds.
 * Pure; any thread. */
#ifndef CAPTURE_PCAPNG_H
#define CAPTURE_PCAPNG_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ofpbuf;

#define PCAPNG_TEXT_MAX 1024 /* bytes of an option that are written */

/* Section header.  'comment' may be "". */
void pcapng_section(struct ofpbuf *, const char *application, const char *comment);
/* Interface description: the first is number 0. */
void pcapng_interface(struct ofpbuf *, const char *name, const char *description, uint32_t snaplen);

struct pcapng_packet {
    uint64_t time_ns;
    const void *data;
    uint32_t captured, length; /* bytes that are there, and that it had */
    bool outbound;             /* otherwise inbound */
    const char *comment;
};
/* Enhanced packet, of interface 0. */
void pcapng_packet(struct ofpbuf *, const struct pcapng_packet *);

struct pcapng_statistics {
    uint64_t from_ns, to_ns, received, dropped;
};
/* Of interface 0. */
void pcapng_statistics(struct ofpbuf *, const struct pcapng_statistics *);
#define PCAPNG_STATISTICS_SIZE 76 /* bytes of it */

/* What of a file whose writer was killed is whole: its length up to the last whole block, and the
 * packets in it. */
struct pcapng_whole {
    uint64_t bytes, packets;
    bool ended; /* by statistics */
};
/* Reads it from its beginning; false with errno when that fails. */
bool pcapng_look(int fd, struct pcapng_whole *);

#endif
