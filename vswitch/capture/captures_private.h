/* What the register of captures and their thread share. */
#ifndef CAPTURE_CAPTURES_PRIVATE_H
#define CAPTURE_CAPTURES_PRIVATE_H 1

#include <pthread.h>

#include "capture/captures.h"
#include "openvswitch/list.h"
#include "openvswitch/ofpbuf.h"

/* Control puts it in; only the thread takes it out and frees it. */
struct capture {
    /* Do not change. */
    uint16_t port_id;
    uint64_t generation;
    uint64_t lost_before; /* on the port's account */
    char description[256];

    /* With the mutex. */
    struct ovs_list node;
    struct capture_info info;
    bool stopping;         /* its port is not marked for its sake any more, ... */
    bool settled;          /* ... on any worker */
    bool deleting, broken; /* it was being written when the switch was killed */

    /* The thread's. */
    int fd;
    struct ofpbuf buffer;
    uint64_t packets, written; /* the buffer's included; the file's */
    bool full;
    bool ending, stopped; /* this turn; by control */
};

struct captures {
    struct captures_options options;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_t thread;
    bool running, stop;
    struct ovs_list all; /* of struct capture, by rising id */
    size_t n;
    uint64_t last_id;
    bool marked; /* some port is, or may be */
    bool work;   /* the thread has not seen all */
};
extern struct captures captures;

/* Packets of the port that found no room in a ring, ever. */
uint64_t captures_lost(uint16_t port_id);
/* Copies a text, cut short between characters. */
void captures_text(char *to, size_t size, const char *text);

/* The thread's program. */
void *capture_thread_main(void *);

#endif
