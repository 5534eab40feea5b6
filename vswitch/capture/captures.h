/* Captures: which ports are captured, and the thread that writes what workers have copied of their
 * packets (telemetry/capture_ring.h) into pcapng files.
 *
 * Control begins a capture, publishes a snapshot in which the port is marked, and so on:
 *
 *     captures_begin() -> captures_marks() say so -> publish
 *     captures_stop()  -> captures_marks() say so no more -> publish -> captures_settled()
 *
 * so a file has every packet from the snapshot that marks the port to the one that does not, less
 * those that are counted as lost.  The thread opens files, and ends a capture by itself at a limit
 * or an error; 'changed' then has control look again.  It alone writes to the directory: a disk
 * that stalls or is full holds up nothing but captures.
 *
 * Of all captures the directory holds no more than its budget; the oldest that are over make room.
 * Control thread, except where it says otherwise. */
#ifndef CAPTURE_CAPTURES_H
#define CAPTURE_CAPTURES_H 1

#include <stddef.h>

#include "capture/capture_info.h"
#include "telemetry/capture_ring.h"

#define CAPTURES_RUNNING_MAX 16
#define CAPTURES_MAX 1000 /* that are listed */
#define CAPTURE_BYTES_MIN 65536

struct captures_options {
    const char *dir;
    uint64_t budget; /* bytes of all files */
    const char *application;
    struct capture_ring *const *rings; /* [n_rings], one a worker; they outlive the thread */
    size_t n_rings;
    /* Names for numbers; the capture thread. */
    void (*port_name)(uint16_t id, char name[64]);
    void (*rule_name)(uint32_t slot, char name[64]);
    /* The capture thread: a file has grown, or, with 'news', something began or is over. */
    void (*changed)(void *aux, bool news);
    void *aux;
};

/* Loads what the directory has, and starts the thread.  A directory that cannot be used is logged,
 * and is why each capture then fails.  0 or a positive errno. */
int captures_open(const struct captures_options *);
/* Ends what is running, and the thread.  The workers have stopped. */
void captures_finish(void);
/* Forgets all, when nobody asks any more. */
void captures_close(void);

struct capture_order {
    const char *port;
    uint16_t port_id;
    const char *description; /* of the port, for the file */
    bool only_dropped, quarantine;
    uint32_t snaplen;
    struct capture_limits limits;
    const char *who, *comment;
    uint64_t generation; /* of the snapshot that will mark the port */
};
/* Returns its id; 0: CAPTURES_RUNNING_MAX are running. */
uint64_t captures_begin(const struct capture_order *);
/* What ports' leaves are to say: what their captures need together. */
struct capture_mark {
    uint8_t mode; /* enum capture_mode */
    uint16_t snaplen;
};
void captures_marks(struct capture_mark marks[CAPTURE_MAX_PORTS]);
/* It is to end, and why; nothing when it does, or has. */
void captures_stop(uint64_t id, const char *why);
/* The snapshot in force, on every worker, marks what captures_marks() say. */
void captures_settled(void);
/* Its files are to be deleted; it is over. */
void captures_delete(uint64_t id);

/* Any thread: what is known of it now.  False: there is none, or no longer. */
bool captures_find(uint64_t id, struct capture_info *);
/* The first after the id 'after' that is running and of the port ('quarantine': and began with
 * one); 0: none is. */
uint64_t captures_next_running(const char *port, bool quarantine, uint64_t after);
/* Any thread: all, by rising id; the caller frees the array. */
struct capture_info *captures_list(size_t *n);
/* Any thread: its packets, to read as far as its 'bytes' go; the caller closes it.  Negative: errno
 * says why not. */
int captures_open_file(uint64_t id);

#endif
