/* Packets from the switch into a file: of a capture that is there, or of one for this command. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/capture.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "util.h"

struct sink {
    const char *name; /* of the file, or "standard output" */
    int fd;
    bool failed;
};

/* Nobody but its owner reads the file: it has other people's packets.  False, and said: it cannot
 * be written, or was not named. */
static bool
sink_open(const struct ctl *ctl, struct sink *sink)
{
    struct stat st;

    *sink = (struct sink){ .name = args_value(ctl->args, OPT_SAVE), .fd = STDOUT_FILENO };
    if (!sink->name) {
        ctl_error("where to?  -w FILE, or -w - for standard output");
        return false;
    }
    if (!strcmp(sink->name, "-")) {
        sink->name = "standard output";
        return true;
    }
    sink->fd = open(sink->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (sink->fd < 0 || fstat(sink->fd, &st) || (S_ISREG(st.st_mode) && fchmod(sink->fd, 0600))) {
        ctl_error("%s: %s", sink->name, ovs_strerror(errno));
        return false;
    }
    return true;
}

static bool
sink_put(struct sink *sink, const uint8_t *data, size_t n)
{
    while (n && !sink->failed) {
        ssize_t wrote = write(sink->fd, data, n);

        if (wrote < 0 && errno != EINTR) {
            ctl_error("%s: %s", sink->name, ovs_strerror(errno));
            sink->failed = true;
        } else if (wrote > 0) {
            data += wrote;
            n -= wrote;
        }
    }
    return !sink->failed;
}

/* What a full disk refused may show only now. */
static bool
sink_close(struct sink *sink)
{
    if (sink->fd != STDOUT_FILENO && close(sink->fd) && !sink->failed) {
        ctl_error("%s: %s", sink->name, ovs_strerror(errno));
        sink->failed = true;
    }
    return !sink->failed;
}

static int
take_bytes(const struct ctl *ctl OVS_UNUSED, const ProtobufCMessage *message, int patience_ms,
           void *sink)
{
    const Fusuma__V1__ReadCaptureResponse *m = (const Fusuma__V1__ReadCaptureResponse *) message;

    return sink_put(sink, m->data.data, m->data.len) ? patience_ms : -1;
}

/* An exit code. */
static int
read_capture(struct ctl *ctl, uint64_t id, bool follow, struct sink *sink)
{
    Fusuma__V1__ReadCaptureRequest request = FUSUMA__V1__READ_CAPTURE_REQUEST__INIT;
    char *error = NULL;
    enum rpc_status status;

    request.id = id;
    request.follow = follow;
    status = client_read(ctl, capture_service, "ReadCapture", &request,
                         follow ? 0 : ctl->timeout_ms, take_bytes, sink, &error);
    if (sink->failed) {
        free(error);
        return CTL_REFUSED;
    }
    return status == RPC_OK ? CTL_OK : client_fail(ctl, status, error);
}

int
capture_get(struct ctl *ctl)
{
    uint64_t id = capture_id(ctl->arg);
    struct sink sink;
    int code;

    if (!id || !sink_open(ctl, &sink)) {
        return CTL_USAGE;
    }
    code = read_capture(ctl, id, args_has(ctl->args, OPT_FOLLOW), &sink);
    return sink_close(&sink) ? code : CTL_REFUSED;
}

/* ---- a capture for this command ---- */

struct live {
    struct ctl *ctl;
    uint64_t id;
    sigset_t wanted;
};

/* Ctrl-C ends the capture on the switch; what it has comes yet, and the stream then ends by
 * itself. */
static void *
stop_on_signal(void *live_)
{
    struct live *live = live_;
    Fusuma__V1__StopCaptureRequest request = FUSUMA__V1__STOP_CAPTURE_REQUEST__INIT;
    ProtobufCMessage *reply;
    char *error = NULL;
    sigset_t ends = live->wanted;
    int signo;

    sigdelset(&ends, SIGUSR1);
    sigwait(&live->wanted, &signo);
    if (signo == SIGUSR1) {
        return NULL; /* it is over */
    }
    pthread_sigmask(SIG_UNBLOCK, &ends, NULL); /* the next one ends the program */
    request.id = live->id;
    if (client_try(live->ctl, capture_service, "StopCapture", &request, &reply, &error)) {
        client_fail(live->ctl, RPC_UNKNOWN, error);
    } else {
        client_free(reply);
    }
    return NULL;
}

static void
say(const Fusuma__V1__Capture *c)
{
    char *amount = capture_amount(c);

    fprintf(stderr, "%s\n", amount);
    free(amount);
}

/* On the switch nothing of it is left. */
static int
clean_up(struct ctl *ctl, uint64_t id)
{
    Fusuma__V1__StopCaptureRequest stop = FUSUMA__V1__STOP_CAPTURE_REQUEST__INIT;
    Fusuma__V1__DeleteCaptureRequest delete = FUSUMA__V1__DELETE_CAPTURE_REQUEST__INIT;
    Fusuma__V1__Capture *capture;
    ProtobufCMessage *reply;
    int code;

    stop.id = delete.id = id;
    code = client_call(ctl, capture_service, "StopCapture", &stop, &capture);
    if (code) {
        return code;
    }
    say(capture);
    if (capture->state == FUSUMA__V1__CAPTURE_STATE__CAPTURE_STATE_FAILED) {
        ctl_error("the capture has failed: %s", capture->why);
        code = CTL_REFUSED;
    }
    client_free(capture);
    if (!client_call(ctl, capture_service, "DeleteCapture", &delete, &reply)) {
        client_free(reply);
        return code;
    }
    ctl_error("capture %" PRIu64 " is left on the switch", id);
    return CTL_REFUSED;
}

static int
run_live(struct live *live, struct sink *sink)
{
    pthread_t thread;
    int code, cleaned;

    if (pthread_create(&thread, NULL, stop_on_signal, live)) {
        ctl_error("there is no memory for a thread");
        return CTL_REFUSED;
    }
    code = read_capture(live->ctl, live->id, true, sink);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    cleaned = clean_up(live->ctl, live->id);
    return code ? code : cleaned;
}

int
capture_live(struct ctl *ctl)
{
    Fusuma__V1__StartCaptureRequest request = FUSUMA__V1__START_CAPTURE_REQUEST__INIT;
    struct live live = { .ctl = ctl };
    Fusuma__V1__Capture *capture;
    struct sink sink;
    int code;

    if (!capture_request(ctl, &request) || !sink_open(ctl, &sink)) {
        return CTL_USAGE;
    }
    sigemptyset(&live.wanted); /* blocked before there are threads, which have it from here */
    sigaddset(&live.wanted, SIGINT);
    sigaddset(&live.wanted, SIGTERM);
    sigaddset(&live.wanted, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &live.wanted, NULL);
    signal(SIGPIPE, SIG_IGN); /* whoever reads may have had enough */
    code = client_call(ctl, capture_service, "StartCapture", &request, &capture);
    if (!code) {
        fprintf(stderr, "capturing %s to %s, as capture %" PRIu64 "; Ctrl-C ends it\n",
                request.port, sink.name, capture->id);
        live.id = capture->id;
        code = run_live(&live, &sink);
        client_free(capture);
    }
    return sink_close(&sink) ? code : CTL_REFUSED;
}
