/* Paths of unix sockets: whether one can be listened on, or connected to. */
#ifndef PORT_UNIX_SOCKET_H
#define PORT_UNIX_SOCKET_H 1

#include <stddef.h>

#define UNIX_SOCKET_PATH_MAX 107 /* sun_path less its terminating zero */

/* 0, or a positive errno and a sentence in 'reason': too long, or its folder cannot be used. */
int unix_socket_check(const char *path, char *reason, size_t size);
/* Removes a socket file that nobody listens on.  0 when nothing is at 'path' afterwards; EEXIST
 * when it is no socket, EADDRINUSE when somebody listens. */
int unix_socket_clear_stale(const char *path, char *reason, size_t size);

/* For who connects: 0 when a socket or nothing yet is at 'path', else EEXIST. */
int unix_socket_check_peer(const char *path, char *reason, size_t size);

#endif
