/* The transport from within: our client against our server. */
#include <config.h>

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/descriptor_set.h"
#include "proto/rpc.h"
#include "toy_server.h"

#include "fusuma/v1/counter.pb-c.h"
#include "fusuma/v1/port.pb-c.h"

#define PORTS &fusuma__v1__port_service__descriptor
#define COUNTERS &fusuma__v1__counter_service__descriptor

#define PATIENCE_MS 10000 /* on a busy machine; no test waits that long */

static char directory[] = "/tmp/fusuma-rpc-XXXXXX";
static char endpoint[64];
static struct toy_server *toy;
static struct rpc_channel *channel;

static int
set_up(void)
{
    char *error = NULL;

    snprintf(endpoint, sizeof endpoint, "unix:%s/toy.sock", directory);
    toy = toy_server_start(endpoint, &error);
    if (!toy) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    channel = rpc_channel_open(endpoint, NULL);
    return 0;
}

static int
tear_down(void)
{
    rpc_channel_close(channel);
    toy_server_stop(toy);
    unlink(endpoint + strlen("unix:"));
    return 0;
}

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static enum rpc_status
get_port(struct rpc_channel *c, const char *name, int timeout_ms, uint64_t *generation,
         char **error)
{
    Fusuma__V1__GetPortRequest request = FUSUMA__V1__GET_PORT_REQUEST__INIT;
    ProtobufCMessage *reply;
    enum rpc_status status;

    request.name = (char *) name;
    status = rpc_unary(c, PORTS, "GetPort", &request.base, timeout_ms, &reply, error);
    CU_ASSERT_EQUAL(status == RPC_OK, reply != NULL);
    CU_ASSERT_EQUAL(status == RPC_OK, *error == NULL);
    if (reply) {
        *generation = ((Fusuma__V1__Port *) reply)->generation;
        protobuf_c_message_free_unpacked(reply, NULL);
    }
    return status;
}

/* Expects a failure whose sentence holds 'words'. */
static void
expect_failure(struct rpc_channel *c, const char *name, enum rpc_status want, const char *words)
{
    uint64_t generation;
    char *error = NULL;
    enum rpc_status status = get_port(c, name, PATIENCE_MS, &generation, &error);

    CU_ASSERT_EQUAL(status, want);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    if (!strstr(error, words)) {
        fprintf(stderr, "\n%s\n", error);
        CU_FAIL("another sentence was expected");
    }
    free(error);
}

static void
test_unary(void)
{
    Fusuma__V1__PortSpec spec = FUSUMA__V1__PORT_SPEC__INIT;
    Fusuma__V1__AddPortRequest request = FUSUMA__V1__ADD_PORT_REQUEST__INIT;
    Fusuma__V1__Port *port;
    ProtobufCMessage *reply;
    uint64_t generation = 0;
    char *error;

    spec.name = "d1";
    request.spec = &spec;
    CU_ASSERT_EQUAL(rpc_unary(channel, PORTS, "AddPort", &request.base, 0, &reply, &error), RPC_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    port = (Fusuma__V1__Port *) reply;
    CU_ASSERT_STRING_EQUAL(port->spec->name, "d1");
    CU_ASSERT_EQUAL(port->id, 7);
    protobuf_c_message_free_unpacked(reply, NULL);

    CU_ASSERT_EQUAL(get_port(channel, "late", PATIENCE_MS, &generation, &error), RPC_OK);
    CU_ASSERT_EQUAL(generation, 42);
    expect_failure(channel, "nope", RPC_NOT_FOUND, "no port 'nope'");
    CU_ASSERT_STRING_EQUAL(rpc_status_name(RPC_NOT_FOUND), "NOT_FOUND");
}

static void
test_bad_strings(void)
{
    expect_failure(channel, "\xc3\x28", RPC_INVALID_ARGUMENT, "field 'name' is not valid UTF-8");
    expect_failure(channel, "\xe2\x82", RPC_INVALID_ARGUMENT, "field 'name' is not valid UTF-8");
}

static void
test_deadline(void)
{
    uint64_t generation;
    char *error;

    CU_ASSERT_EQUAL(get_port(channel, "never", 150, &generation, &error), RPC_DEADLINE_EXCEEDED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(error, "within 150 ms"));
    free(error);
}

static void
test_server_missing(void)
{
    struct rpc_channel *c;
    double start = seconds();
    char missing[64];

    snprintf(missing, sizeof missing, "unix:%s/missing", directory);
    c = rpc_channel_open(missing, NULL);
    expect_failure(c, "x", RPC_UNAVAILABLE, missing);
    expect_failure(c, "x", RPC_UNAVAILABLE, "No such file or directory");
    rpc_channel_close(c);
    c = rpc_channel_open("127.0.0.1:1", NULL);
    expect_failure(c, "x", RPC_UNAVAILABLE, "cannot connect to 127.0.0.1:1: Connection refused");
    rpc_channel_close(c);
    CU_ASSERT(seconds() - start < PATIENCE_MS / 2000.0);
}

/* One client outlives two servers. */
static void
test_server_comes_back(void)
{
    char other[64], *error = NULL;
    struct rpc_channel *c;
    struct toy_server *server;
    uint64_t generation;
    enum rpc_status status;
    double start;

    snprintf(other, sizeof other, "unix:%s/other", directory);
    c = rpc_channel_open(other, NULL);
    expect_failure(c, "sent", RPC_UNAVAILABLE, "cannot connect");
    for (int i = 0; i < 2; i++) {
        server = toy_server_start(other, &error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(server);
        start = seconds();
        do {
            usleep(10000);
            status = get_port(c, "sent", PATIENCE_MS, &generation, &error);
            free(error);
        } while (status == RPC_UNAVAILABLE && seconds() - start < PATIENCE_MS / 1000);
        CU_ASSERT_EQUAL(status, RPC_OK);
        toy_server_stop(server);
        expect_failure(c, "sent", RPC_UNAVAILABLE, other);
    }
    rpc_channel_close(c);
}

static void
expect_bad_endpoint(const char *bad, const char *words)
{
    struct rpc_channel *c = rpc_channel_open(bad, NULL);
    char *error = NULL;

    expect_failure(c, "x", RPC_INVALID_ARGUMENT, words);
    rpc_channel_close(c);
    CU_ASSERT_PTR_NULL(toy_server_start(bad, &error));
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, words));
    free(error);
}

static void
test_bad_endpoints(void)
{
    char path[5 + 108 + 1] = "unix:/";

    expect_bad_endpoint("", "neither unix:PATH nor HOST:PORT");
    expect_bad_endpoint("switch.sock", "neither");
    expect_bad_endpoint("127.0.0.1:0", "neither");
    expect_bad_endpoint("127.0.0.1:65536", "neither");
    expect_bad_endpoint("127.0.0.1:80x", "neither");
    expect_bad_endpoint("::1:80", "neither");
    expect_bad_endpoint(":80", "neither");
    expect_bad_endpoint("unix:", "no path");
    expect_bad_endpoint("0.0.0.0:80", "TLS");
    expect_bad_endpoint("[::]:80", "TLS");
    expect_bad_endpoint("192.168.0.1:80", "TLS");
    expect_bad_endpoint("switch.example:80", "TLS");
    memset(path + 6, 'x', 107);
    expect_bad_endpoint(path, "at most 107 bytes, this one has 108");
}

static void
expect_no_listener(const char *where, const char *words)
{
    char *error = NULL;

    CU_ASSERT_PTR_NULL(toy_server_start(where, &error));
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, words));
    free(error);
}

static void
test_cannot_listen(void)
{
    struct toy_server *server = NULL;
    char where[64], *error = NULL;
    FILE *file;

    expect_no_listener("unix:/no/such/directory/x", "No such file or directory");
    snprintf(where, sizeof where, "unix:%s/file", directory);
    file = fopen(where + strlen("unix:"), "w");
    fclose(file);
    expect_no_listener(where, "Address already in use");
    unlink(where + strlen("unix:"));

    for (int port = 20000; port < 20100 && !server; port++) {
        snprintf(where, sizeof where, "localhost:%d", port);
        server = toy_server_start(where, &error);
        free(error);
        error = NULL;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
    expect_no_listener(where, "Address already in use");
    toy_server_stop(server);
}

/* A socket on which somebody listens is somebody's; one that was left behind is nobody's. */
static void
test_socket_is_live(void)
{
    struct toy_server *server;
    char where[64], *error = NULL;
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    uint64_t generation = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    expect_no_listener(endpoint, "Address already in use");
    CU_ASSERT_EQUAL(get_port(channel, "late", PATIENCE_MS, &generation, &error), RPC_OK);
    CU_ASSERT_EQUAL(access(endpoint + strlen("unix:"), F_OK), 0);

    snprintf(where, sizeof where, "unix:%s/stale", directory);
    strcpy(un.sun_path, where + strlen("unix:"));
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *) &un, sizeof un), 0);
    close(fd);
    server = toy_server_start(where, &error);
    CU_ASSERT_PTR_NOT_NULL(server);
    toy_server_stop(server);
}

static void
test_socket_mode(void)
{
    struct stat st;

    CU_ASSERT_EQUAL_FATAL(stat(endpoint + strlen("unix:"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0117, 0);
}

/* ---- streams ---- */

static struct rpc_reader *
watch_counters(unsigned n, char *port)
{
    Fusuma__V1__WatchCountersRequest request = FUSUMA__V1__WATCH_COUNTERS_REQUEST__INIT;

    request.interval_ms = n;
    request.n_ports = port ? 1 : 0;
    request.ports = &port;
    return rpc_reader_open(channel, COUNTERS, "WatchCounters", &request.base);
}

static void
expect_counter(struct rpc_reader *reader, uint64_t n)
{
    enum rpc_status status;
    char *error;
    ProtobufCMessage *message = rpc_reader_next(reader, &status, &error);

    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_EQUAL(((Fusuma__V1__Counters *) message)->monotonic_ns, n);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void
expect_end(struct rpc_reader *reader, enum rpc_status want, const char *words)
{
    enum rpc_status status;
    char *error;

    for (int i = 0; i < 2; i++) { /* it stays ended */
        CU_ASSERT_PTR_NULL(rpc_reader_next(reader, &status, &error));
        CU_ASSERT_EQUAL(status, want);
        CU_ASSERT_EQUAL(error != NULL, words != NULL);
        CU_ASSERT(!words || (error && strstr(error, words)));
        free(error);
    }
    rpc_reader_close(reader);
}

static void
expect_streams_closed(void)
{
    double start = seconds();

    while (toy_server_open_streams(toy) && seconds() - start < PATIENCE_MS / 1000) {
        usleep(1000);
    }
    CU_ASSERT_EQUAL(toy_server_open_streams(toy), 0);
}

static void
test_stream(void)
{
    struct rpc_reader *reader = watch_counters(1000, NULL);

    for (int i = 1; i <= 1000; i++) {
        expect_counter(reader, i);
    }
    expect_end(reader, RPC_OK, NULL);
    expect_end(watch_counters(1, "refused"), RPC_NOT_FOUND, "no port 'refused'");
    expect_streams_closed();
}

static void *
cancel_soon(void *reader)
{
    usleep(50000);
    rpc_reader_cancel(reader);
    return NULL;
}

static void
test_stream_cancelled(void)
{
    struct rpc_reader *reader = watch_counters(0, NULL);
    enum rpc_status status;
    ProtobufCMessage *message;
    pthread_t thread;
    char *error;

    expect_counter(reader, 1);
    pthread_create(&thread, NULL, cancel_soon, reader);
    while ((message = rpc_reader_next(reader, &status, &error)) != NULL) {
        protobuf_c_message_free_unpacked(message, NULL);
    }
    pthread_join(thread, NULL);
    free(error);
    CU_ASSERT_EQUAL(status, RPC_CANCELLED);
    rpc_reader_close(reader);

    rpc_reader_close(watch_counters(0, NULL)); /* before the first message */
    expect_streams_closed();
}

/* A server that stops ends its streams and forgets the calls that it has not answered. */
static void *
stop_soon(void *server)
{
    usleep(100000);
    toy_server_stop(server);
    return NULL;
}

static void
test_stop_under_load(void)
{
    Fusuma__V1__WatchCountersRequest request = FUSUMA__V1__WATCH_COUNTERS_REQUEST__INIT;
    char other[64], *error = NULL;
    struct rpc_channel *c;
    struct toy_server *server;
    struct rpc_reader *reader;
    ProtobufCMessage *message;
    enum rpc_status status;
    pthread_t thread;

    snprintf(other, sizeof other, "unix:%s/other", directory);
    server = toy_server_start(other, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
    c = rpc_channel_open(other, NULL);
    reader = rpc_reader_open(c, COUNTERS, "WatchCounters", &request.base);
    message = rpc_reader_next(reader, &status, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    protobuf_c_message_free_unpacked(message, NULL);
    pthread_create(&thread, NULL, stop_soon, server);
    expect_failure(c, "never", RPC_UNAVAILABLE, "the server is stopping");
    while ((message = rpc_reader_next(reader, &status, &error)) != NULL) {
        protobuf_c_message_free_unpacked(message, NULL);
    }
    CU_ASSERT_EQUAL(status, RPC_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(error, "the server is stopping"));
    free(error);
    pthread_join(thread, NULL);
    rpc_reader_close(reader);
    rpc_channel_close(c);
}

int
main(void)
{
    CU_pSuite suite;
    unsigned failures;

    if (!mkdtemp(directory) || CU_initialize_registry() != CUE_SUCCESS) {
        return 1;
    }
    suite = CU_add_suite("rpc", set_up, tear_down);
    CU_ADD_TEST(suite, test_unary);
    CU_ADD_TEST(suite, test_bad_strings);
    CU_ADD_TEST(suite, test_deadline);
    CU_ADD_TEST(suite, test_server_missing);
    CU_ADD_TEST(suite, test_server_comes_back);
    CU_ADD_TEST(suite, test_bad_endpoints);
    CU_ADD_TEST(suite, test_cannot_listen);
    CU_ADD_TEST(suite, test_socket_is_live);
    CU_ADD_TEST(suite, test_socket_mode);
    CU_ADD_TEST(suite, test_stream);
    CU_ADD_TEST(suite, test_stream_cancelled);
    CU_ADD_TEST(suite, test_stop_under_load);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
    CU_cleanup_registry();
    rmdir(directory);
    return failures ? 1 : 0;
}
