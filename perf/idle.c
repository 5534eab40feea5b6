/* Desktops that do nothing, and two of them that do, once in a while.
 *
 *     idle SOCKET-0 SOCKET-1 [SOCKET...]
 *
 * Prints "ready" when all are connected.  A line "ping" on standard input sends a datagram from
 * side 0 to side 1 of perf/header.h; "pong NANOSECONDS" says how long it was under way, "lost" that
 * it did not arrive within a second.  Ends with its input. */
#include <config.h>
#include "perf/front.h"
#include "perf/header.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define LEN 64
#define PORT 1024
#define SERVICE 5001

static int64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

static int64_t
wait_for(struct front *to, const uint8_t *frame, int64_t since)
{
    uint8_t came[FRONT_MAX_FRAME];
    int64_t now;

    do {
        uint32_t len = front_receive(to, came);

        now = now_ns();
        if (len == LEN && !memcmp(came, frame, LEN)) {
            return now - since;
        }
    } while (now - since < SECOND);
    return -1;
}

static void
ping(struct front *from, struct front *to, uint8_t *frame)
{
    uint8_t came[FRONT_MAX_FRAME];
    int64_t since = now_ns(), took;

    while (front_receive(from, came)) {
        /* What the switch floods is not answered. */
    }
    if (!front_send(from, frame, LEN)) {
        puts("lost");
        return;
    }
    took = wait_for(to, frame, since);
    if (took < 0) {
        puts("lost");
    } else {
        printf("pong %ld\n", took);
    }
}

int
main(int argc, char *argv[])
{
    struct header_spec head = { .tcp = false };
    struct front **fronts = calloc((size_t) argc, sizeof *fronts);
    uint8_t frame[LEN] = { 0 };
    char line[16];

    if (argc < 3 || !fronts) {
        fputs("usage: idle SOCKET-0 SOCKET-1 [SOCKET...]\n", stderr);
        return EXIT_FAILURE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        fronts[i - 1] = front_open(argv[i]);
        if (!fronts[i - 1]) {
            fprintf(stderr, "idle: %s: %s\n", argv[i], strerror(errno));
            return EXIT_FAILURE;
        }
    }
    header_spec_init(&head);
    header_write(&head, 0, LEN, PORT, SERVICE, NULL, frame);
    puts("ready");
    while (fgets(line, sizeof line, stdin)) {
        ping(fronts[0], fronts[1], frame);
    }
    for (int i = 0; i < argc - 1; i++) {
        front_close(fronts[i]);
    }
    free(fronts);
    return EXIT_SUCCESS;
}
