/* Files of captured packets: pcap (microseconds and nanoseconds, either byte order) and pcapng, of
 * Ethernet frames.  Bounded: no length in a file is believed before it is checked. */
#ifndef CTL_PACKET_FILE_H
#define CTL_PACKET_FILE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet_file;

struct packet {
    const uint8_t *data; /* valid until the next one is read */
    uint32_t captured, length;
    uint64_t n; /* the first is 1 */
};

/* "-" is standard input.  NULL, said on standard error, when it is no such file. */
struct packet_file *packet_file_open(const char *name);
/* The next frame; false at the end, or, said on standard error and packet_file_failed(), when the
 * file is cut short or wrong. */
bool packet_file_next(struct packet_file *, struct packet *);
bool packet_file_failed(const struct packet_file *);
void packet_file_close(struct packet_file *);

#endif
