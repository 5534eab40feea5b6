/* The register, its thread and its directory; the test plays the worker. */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "capture/captures.h"
#include "capture/pcapng.h"
#include "tests/unit/capture/suites.h"
#include "util.h"

#define PORT 5

static char dir[64];
static struct capture_ring ring;
static struct capture_ring *rings[] = { &ring };
static uint64_t generation = 1;

static void
port_name(uint16_t id, char name[64])
{
    snprintf(name, 64, "port%u", id);
}

static void
rule_name(uint32_t slot, char name[64])
{
    snprintf(name, 64, "rule%u", slot);
}

static void
changed(void *aux, bool news)
{
    (void) aux;
    (void) news;
}

static void
open_with(uint64_t budget)
{
    const struct captures_options options = { .dir = dir,
                                              .budget = budget,
                                              .application = "test",
                                              .rings = rings,
                                              .n_rings = 1,
                                              .port_name = port_name,
                                              .rule_name = rule_name,
                                              .changed = changed };

    CU_ASSERT_EQUAL_FATAL(captures_open(&options), 0);
}

static void
shut(void)
{
    captures_finish();
    captures_close();
}

static int
clear(void)
{
    char *command = xasprintf("rm -rf %s", dir);
    int status = system(command);

    free(command);
    return status;
}

static int
open_suite(void)
{
    snprintf(dir, sizeof dir, "/tmp/captures-test.%d", (int) getpid());
    return capture_ring_init(&ring);
}

static int
close_suite(void)
{
    capture_ring_destroy(&ring);
    return clear();
}

static uint64_t
begin(uint16_t port, bool only_dropped, struct capture_limits limits)
{
    const struct capture_order order = { .port = "desk",
                                         .port_id = port,
                                         .description = "a desktop",
                                         .only_dropped = only_dropped,
                                         .snaplen = only_dropped ? 100 : 1000,
                                         .limits = limits,
                                         .who = "somebody",
                                         .comment = "why",
                                         .generation = generation };

    return captures_begin(&order);
}

static const struct capture_limits none;

/* What a worker does with a packet of 'n' bytes. */
static void
record(uint16_t port, enum capture_outcome outcome, uint32_t n)
{
    struct capture_record *r = capture_ring_reserve(&ring, port, n);

    if (r) {
        r->outcome = outcome;
        r->length = n;
        r->peer = 2;
        r->n_to = 1;
        r->rule_slot = UINT32_MAX;
        r->generation = generation;
        memset(r + 1, 'x', n);
        capture_ring_show(&ring);
    }
}

static struct capture_info
info(uint64_t id)
{
    struct capture_info i = { .id = 0 };

    CU_ASSERT_TRUE(captures_find(id, &i));
    return i;
}

/* Its state, when it is over, or for as long as that may take. */
static enum capture_state
state_when_over(uint64_t id)
{
    for (int i = 0; i < 1000; i++) {
        struct capture_info now = info(id);

        if (capture_is_over(&now)) {
            return now.state;
        }
        usleep(10000);
    }
    return info(id).state;
}

static enum capture_state
stop(uint64_t id)
{
    captures_stop(id, "the test");
    captures_settled();
    return state_when_over(id);
}

static struct pcapng_whole
file_of(uint64_t id)
{
    struct pcapng_whole w = { .packets = UINT64_MAX };
    int fd = captures_open_file(id);

    if (fd >= 0) {
        CU_ASSERT_TRUE(pcapng_look(fd, &w));
        close(fd);
    }
    return w;
}

static enum capture_mode
mark(uint16_t port, uint16_t *snaplen)
{
    struct capture_mark marks[CAPTURE_MAX_PORTS];

    captures_marks(marks);
    *snaplen = marks[port].snaplen;
    return marks[port].mode;
}

static bool
file_says(uint64_t id, const char *text)
{
    static char data[1 << 20];
    int fd = captures_open_file(id);
    ssize_t n = read(fd, data, sizeof data);

    close(fd);
    return n > 0 && memmem(data, n, text, strlen(text));
}

/* ---- tests ---- */

static void
test_one(void)
{
    uint16_t snaplen;
    uint64_t id;

    open_with(1 << 30);
    CU_ASSERT_EQUAL(mark(PORT, &snaplen), CAPTURE_OFF);
    id = begin(PORT, false, none);
    CU_ASSERT_EQUAL(mark(PORT, &snaplen), CAPTURE_ALL);
    CU_ASSERT_EQUAL(snaplen, 1000);
    CU_ASSERT_EQUAL(mark(PORT + 1, &snaplen), CAPTURE_OFF);
    for (int i = 0; i < 100; i++) {
        record(PORT, CAPTURED_PASSED, 60);
        record(PORT + 1, CAPTURED_PASSED, 60); /* not this one's */
    }
    CU_ASSERT_EQUAL(captures_next_running("desk", false, 0), id);
    CU_ASSERT_EQUAL(captures_next_running("desk", false, id), 0);
    CU_ASSERT_EQUAL(captures_next_running("desk", true, 0), 0);
    CU_ASSERT_EQUAL(captures_next_running("other", false, 0), 0);
    captures_stop(id, "the test");
    CU_ASSERT_EQUAL(captures_next_running("desk", false, 0), 0);
    CU_ASSERT_EQUAL(mark(PORT, &snaplen), CAPTURE_OFF);
    record(PORT, CAPTURED_DROPPED, 60); /* by a worker that does not know yet */
    CU_ASSERT_FALSE(capture_is_over(&(struct capture_info){ .state = info(id).state }));
    captures_settled();
    CU_ASSERT_EQUAL(state_when_over(id), CAPTURE_ENDED);
    CU_ASSERT_EQUAL(info(id).packets, 101);
    CU_ASSERT_EQUAL(info(id).lost, 0);
    CU_ASSERT_STRING_EQUAL(info(id).why, "the test");
    CU_ASSERT_EQUAL(file_of(id).packets, 101);
    CU_ASSERT_EQUAL(file_of(id).bytes, info(id).bytes);
    CU_ASSERT_TRUE(file_of(id).ended);
    CU_ASSERT_TRUE(file_says(id, "to port2"));
    CU_ASSERT_TRUE(file_says(id, "of port desk, by somebody: why"));
    captures_stop(id, "again");
    captures_settled();
    CU_ASSERT_STRING_EQUAL(info(id).why, "the test");
    shut();
}

static void
test_two_of_one_port(void)
{
    uint16_t snaplen;
    uint64_t all, dropped;

    open_with(1 << 30);
    dropped = begin(PORT, true, none);
    CU_ASSERT_EQUAL(mark(PORT, &snaplen), CAPTURE_DROPPED);
    CU_ASSERT_EQUAL(snaplen, 100);
    record(PORT, CAPTURED_DROPPED, 500);
    generation++;
    all = begin(PORT, false, none);
    CU_ASSERT_EQUAL(mark(PORT, &snaplen), CAPTURE_ALL);
    CU_ASSERT_EQUAL(snaplen, 1000);
    record(PORT, CAPTURED_PASSED, 500);
    record(PORT, CAPTURED_TX_DROPPED, 500);
    CU_ASSERT_EQUAL(stop(all), CAPTURE_ENDED);
    CU_ASSERT_EQUAL(mark(PORT, &snaplen), CAPTURE_DROPPED);
    CU_ASSERT_EQUAL(stop(dropped), CAPTURE_ENDED);
    CU_ASSERT_EQUAL(file_of(all).packets, 2); /* not of a snapshot before its own */
    CU_ASSERT_EQUAL(file_of(dropped).packets, 2);
    CU_ASSERT_TRUE(info(dropped).bytes < 700); /* of each packet 100 bytes */
    shut();
}

static void
test_limits(void)
{
    uint16_t snaplen;
    uint64_t id;

    open_with(1 << 30);
    id = begin(PORT, false, (struct capture_limits){ .packets = 3 });
    for (int i = 0; i < 10; i++) {
        record(PORT, CAPTURED_PASSED, 60);
    }
    CU_ASSERT_EQUAL(state_when_over(id), CAPTURE_ENDED);
    CU_ASSERT_EQUAL(mark(PORT, &snaplen), CAPTURE_OFF);
    CU_ASSERT_EQUAL(file_of(id).packets, 3);

    id = begin(PORT, false, (struct capture_limits){ .bytes = 65536 });
    for (int i = 0; i < 100; i++) {
        record(PORT, CAPTURED_PASSED, 1000);
    }
    CU_ASSERT_EQUAL(state_when_over(id), CAPTURE_ENDED);
    CU_ASSERT(file_of(id).bytes <= 65536 && file_of(id).bytes > 64000 && file_of(id).ended);

    id = begin(PORT, false, (struct capture_limits){ .seconds = 1 });
    CU_ASSERT_EQUAL(state_when_over(id), CAPTURE_ENDED);
    CU_ASSERT_STRING_EQUAL(info(id).why, "its time is up");
    CU_ASSERT_EQUAL(file_of(id).packets, 0);
    shut();
}

static void
test_lost(void)
{
    uint64_t id, n = 2 * CAPTURE_RING_BYTES / 1024;

    open_with(1 << 30);
    id = begin(PORT, false, none);
    for (uint64_t i = 0; i < n; i++) { /* in no time, most of the time */
        record(PORT, CAPTURED_PASSED, 900);
    }
    CU_ASSERT_EQUAL(stop(id), CAPTURE_ENDED);
    CU_ASSERT_EQUAL(info(id).packets + info(id).lost, n);
    CU_ASSERT_EQUAL(file_of(id).packets, info(id).packets);
    id = begin(PORT, false, none); /* what others have lost is not its own loss */
    CU_ASSERT_EQUAL(stop(id), CAPTURE_ENDED);
    CU_ASSERT_EQUAL(info(id).lost, 0);
    shut();
}

static uint64_t
fill(uint64_t bytes)
{
    uint64_t id = begin(PORT, false, (struct capture_limits){ .bytes = bytes });

    for (uint64_t i = 0; i < bytes / 1000 + 10; i++) {
        record(PORT, CAPTURED_PASSED, 1000);
        usleep(i % 100 ? 0 : 1000);
    }
    CU_ASSERT_EQUAL(stop(id), CAPTURE_ENDED);
    return id;
}

static void
test_budget(void)
{
    uint64_t first, second, third, big;

    clear();
    open_with(1 << 20);
    first = fill(400000);
    second = fill(400000);
    CU_ASSERT_EQUAL(info(first).state, CAPTURE_ENDED);
    third = fill(400000);
    CU_ASSERT_EQUAL(info(first).state, CAPTURE_REMOVED);
    CU_ASSERT_EQUAL(info(first).bytes, 0);
    CU_ASSERT_TRUE(captures_open_file(first) < 0);
    CU_ASSERT_EQUAL(info(second).state, CAPTURE_ENDED);
    shut();
    open_with(1 << 20); /* they count after a restart, too */
    CU_ASSERT_EQUAL(info(first).state, CAPTURE_REMOVED);
    fill(400000);
    CU_ASSERT_EQUAL(info(second).state, CAPTURE_REMOVED);
    CU_ASSERT_EQUAL(info(third).state, CAPTURE_ENDED);
    big = begin(PORT, false, none); /* there is no end of it, until nothing is left to go */
    for (int i = 0; i < 3000; i++) {
        record(PORT, CAPTURED_PASSED, 1000);
        usleep(i % 100 ? 0 : 1000);
    }
    CU_ASSERT_EQUAL(state_when_over(big), CAPTURE_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(info(big).why, "no"));
    CU_ASSERT_EQUAL(info(third).state, CAPTURE_REMOVED);
    CU_ASSERT(file_of(big).bytes <= 1 << 20 && file_of(big).bytes == info(big).bytes);
    shut();
}

static bool
is_gone(uint64_t id)
{
    struct capture_info i;

    for (int n = 0; n < 1000 && captures_find(id, &i); n++) {
        usleep(10000);
    }
    return !captures_find(id, &i);
}

static void
test_restart(void)
{
    struct capture_info before, after, *list;
    uint64_t id, deleted;
    size_t n;

    clear();
    open_with(1 << 30);
    id = begin(PORT, true, (struct capture_limits){ 1000, 2000000, 60 });
    record(PORT, CAPTURED_DROPPED, 60);
    shut(); /* it is running yet */
    open_with(1 << 30);
    before = info(id);
    CU_ASSERT_EQUAL(before.state, CAPTURE_ENDED);
    CU_ASSERT_STRING_EQUAL(before.why, "the switch stopped");
    CU_ASSERT_STRING_EQUAL(before.who, "somebody");
    CU_ASSERT_STRING_EQUAL(before.comment, "why");
    CU_ASSERT(before.packets == 1 && before.only_dropped && before.snaplen == 100);
    CU_ASSERT(before.limits.packets == 1000 && before.limits.bytes == 2000000 &&
              before.limits.seconds == 60);
    CU_ASSERT_TRUE(file_of(id).ended);
    deleted = begin(PORT, false, none);
    CU_ASSERT_EQUAL(deleted, id + 1);
    captures_delete(deleted); /* it is running */
    CU_ASSERT_EQUAL(stop(deleted), CAPTURE_ENDED);
    captures_delete(deleted);
    CU_ASSERT_TRUE(is_gone(deleted));
    shut();
    open_with(1 << 30);
    after = info(id);
    CU_ASSERT_FALSE(memcmp(&before, &after, sizeof before));
    list = captures_list(&n);
    CU_ASSERT_EQUAL(n, 1);
    free(list);
    CU_ASSERT_EQUAL(begin(PORT, false, none), deleted + 1); /* no id comes again */
    shut();
}

static void
append(const char *name, const char *text)
{
    char *path = xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "a");

    fputs(text, f);
    fclose(f);
    free(path);
}

static int64_t
size_of(uint64_t id)
{
    struct stat st = { .st_size = -1 };
    int fd = captures_open_file(id);

    CU_ASSERT_FALSE(fstat(fd, &st));
    close(fd);
    return st.st_size;
}

/* kill -9 in the midst of a block; and files that are none of ours. */
static void
test_killed(void)
{
    uint64_t id;
    int64_t bytes;
    char *file;

    clear();
    open_with(1 << 30);
    id = begin(PORT, false, none);
    record(PORT, CAPTURED_PASSED, 60);
    record(PORT, CAPTURED_PASSED, 60);
    CU_ASSERT_EQUAL(stop(id), CAPTURE_ENDED);
    bytes = info(id).bytes;
    shut();
    file = xasprintf("%s/%" PRIu64 ".pcapng", dir, id);
    CU_ASSERT_EQUAL(truncate(file, bytes - 30), 0);
    free(file);
    file = xasprintf("sed -i s/ended\\\"/opening\\\"/ %s/%" PRIu64 ".json", dir, id);
    CU_ASSERT_EQUAL(system(file), 0);
    free(file);
    file = xasprintf("%" PRIu64 ".pcapng", id);
    for (int i = 0; i < 100; i++) {
        append(file, "what is no block");
    }
    free(file);
    append("77.json", "{ \"id\": 77, \"port\": \"");
    append("78.json", "{ \"id\": 79, \"port\": \"x\" }");
    append("80.json", "{ \"id\": 80, \"port\": \"y\" }"); /* has no packets */
    append("readme", "hello");
    open_with(1 << 30);
    CU_ASSERT_EQUAL(state_when_over(id), CAPTURE_ENDED);
    CU_ASSERT_STRING_EQUAL(info(id).why, "the switch was killed");
    for (int i = 0; i < 1000 && !file_of(id).ended; i++) {
        usleep(10000);
    }
    CU_ASSERT_TRUE(file_of(id).ended);
    CU_ASSERT_EQUAL(file_of(id).packets, 2);
    CU_ASSERT_EQUAL(size_of(id), bytes); /* nothing of that is left */
    CU_ASSERT_FALSE(captures_find(77, &(struct capture_info){ 0 }));
    CU_ASSERT_FALSE(captures_find(78, &(struct capture_info){ 0 }));
    CU_ASSERT_EQUAL(begin(PORT, false, none), 81);
    shut();
}

static void
test_no_directory(void)
{
    uint64_t id;
    int fd;

    clear();
    fd = open(dir, O_CREAT | O_WRONLY, 0600);
    close(fd);
    open_with(1 << 30);
    id = begin(PORT, false, none);
    CU_ASSERT_EQUAL(state_when_over(id), CAPTURE_FAILED);
    CU_ASSERT_STRING_EQUAL(info(id).why, "Not a directory");
    unlink(dir);
    id = begin(PORT, false, none); /* it is made when it is needed */
    record(PORT, CAPTURED_PASSED, 60);
    CU_ASSERT_EQUAL(stop(id), CAPTURE_ENDED);
    CU_ASSERT_EQUAL(file_of(id).packets, 1);
    shut();
}

static void
test_too_many(void)
{
    uint64_t ids[CAPTURES_RUNNING_MAX];

    clear();
    open_with(1 << 30);
    for (uint16_t i = 0; i < CAPTURES_RUNNING_MAX; i++) {
        ids[i] = begin(i, false, none);
        CU_ASSERT_TRUE(ids[i]);
    }
    CU_ASSERT_EQUAL(begin(PORT, false, none), 0);
    CU_ASSERT_EQUAL(stop(ids[3]), CAPTURE_ENDED);
    CU_ASSERT_TRUE(begin(PORT, false, none));
    shut();
}

static void
test_modes(void)
{
    struct stat st;
    uint64_t id;
    char *file;

    umask(0);
    clear();
    open_with(1 << 30);
    id = begin(PORT, false, none);
    CU_ASSERT_EQUAL(stop(id), CAPTURE_ENDED);
    CU_ASSERT(!stat(dir, &st) && (st.st_mode & 0777) == 0700);
    file = xasprintf("%s/%" PRIu64 ".pcapng", dir, id);
    CU_ASSERT(!stat(file, &st) && (st.st_mode & 0777) == 0600);
    strcpy(strrchr(file, '.'), ".json");
    CU_ASSERT(!stat(file, &st) && (st.st_mode & 0777) == 0600);
    free(file);
    shut();
}

void
suite_captures(void)
{
    CU_pSuite s = CU_add_suite("captures", open_suite, close_suite);

    CU_add_test(s, "one, from its beginning to its end", test_one);
    CU_add_test(s, "two of one port", test_two_of_one_port);
    CU_add_test(s, "packets, bytes, seconds", test_limits);
    CU_add_test(s, "what is lost is counted", test_lost);
    CU_add_test(s, "all of them together", test_budget);
    CU_add_test(s, "a restart", test_restart);
    CU_add_test(s, "killed within a write", test_killed);
    CU_add_test(s, "no directory", test_no_directory);
    CU_add_test(s, "too many", test_too_many);
    CU_add_test(s, "nobody else reads them", test_modes);
}
