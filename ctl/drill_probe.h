/* A desktop's connection attempt, made from its network namespace. */
#ifndef CTL_DRILL_PROBE_H
#define CTL_DRILL_PROBE_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct drill_peer {
    const char *text; /* as it was given */
    char ip[INET6_ADDRSTRLEN];
    uint16_t port;
    struct sockaddr_storage addr;
};

/* "ADDRESS:PORT", "[ADDRESS6]:PORT", or an address alone when 'port' is not 0.  False: it is
 * neither. */
bool drill_peer_parse(const char *text, uint16_t port, struct drill_peer *);

enum drill_probe {
    PROBE_CONNECTED, /* there was an answer that only the peer can give */
    PROBE_REFUSED,   /* there was an answer, by the peer or by the switch in its place */
    PROBE_SILENCE,
    PROBE_FAILED, /* nothing was sent: errno says why */
};

/* One attempt to connect by TCP, which is given up after 'timeout_ms' and ended at once where it
 * succeeds; no data is sent.  'netns' is a network namespace's name, or a path with a slash in it.
 * A child of the process enters it, so that nothing else is done there. */
enum drill_probe drill_probe(const char *netns, const struct drill_peer *, int timeout_ms);

#endif
