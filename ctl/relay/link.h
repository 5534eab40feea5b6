/* A connection to a syslog receiver: UDP, TCP, or TLS over TCP. */
#ifndef CTL_RELAY_LINK_H
#define CTL_RELAY_LINK_H 1

#include <stdbool.h>
#include <stddef.h>

#include "ctl/relay/config.h"

struct relay_link;

/* Reads the files of TLS; connects to nothing.  'config' outlives it.  0, or a positive errno and
 * '*error', which the caller frees. */
int relay_link_new(const struct relay_sink_config *config, struct relay_link **, char **error);
void relay_link_free(struct relay_link *); /* accepts NULL */

/* Connects, unless it is; waits for the configuration's timeout at most for each step.  With TLS
 * the receiver's certificate is of the CA and for its name, or there is no connection.  0, or a
 * positive errno and '*error'. */
int relay_link_connect(struct relay_link *, char **error);
/* Sends all of it: over UDP as one datagram.  On failure the link is down. */
int relay_link_send(struct relay_link *, const void *, size_t n, char **error);
void relay_link_down(struct relay_link *);
bool relay_link_is_up(const struct relay_link *);
/* Whether a link that is up still is: the receiver has not closed it and, over UDP, no ICMP error
 * said that there is none.  If not, it is down. */
bool relay_link_alive(struct relay_link *);

#endif
