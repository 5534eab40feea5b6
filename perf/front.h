/* A vhost-user front end as light as can be: a guest's side of one port, with one pair of split
 * rings, mergeable buffers and no offloads, on memory of its own.
 *
 * Sources: the vhost-user protocol of QEMU (docs/interop/vhost-user.rst), virtio 1.1, 2.6 (split
 * virtqueues) and 5.1 (network device).  One thread at a time. */
#ifndef PERF_FRONT_H
#define PERF_FRONT_H 1

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FRONT_MAX_FRAME 2000

struct front;

/* Connects to a switch's socket and starts the rings; NULL with errno when that fails. */
struct front *front_open(const char *socket);
void front_close(struct front *); /* accepts NULL */

/* Sends a frame: false when its ring is full. */
bool front_send(struct front *, const void *frame, uint32_t len);
/* A frame that has come, up to FRONT_MAX_FRAME bytes of it: its length, 0 when there is none. */
uint32_t front_receive(struct front *, void *frame);

#endif
