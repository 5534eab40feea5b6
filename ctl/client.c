#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/output.h"
#include "util.h"

void
ctl_error(const char *format, ...)
{
    struct ds line = DS_EMPTY_INITIALIZER;
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    output_pad(&line, text, 0);
    fprintf(stderr, "swctl: %s\n", ds_cstr(&line));
    ds_destroy(&line);
    free(text);
}

static struct rpc_channel *
channel(struct ctl *ctl)
{
    if (!ctl->channel) {
        ctl->channel = rpc_channel_open(ctl->target, ctl->tls.cert ? &ctl->tls : NULL);
    }
    return ctl->channel;
}

void
client_open(struct ctl *ctl)
{
    channel(ctl);
}

enum rpc_status
client_try(struct ctl *ctl, const ProtobufCServiceDescriptor *service, const char *method,
           const void *request, void *replyp, char **error)
{
    return rpc_unary(channel(ctl), service, method, request, ctl->timeout_ms, replyp, error);
}

int
client_fail(const struct ctl *ctl, enum rpc_status status, char *error)
{
    const char *why = error && error[0] ? error : rpc_status_name(status);
    int code;

    switch (status) {
    case RPC_UNAVAILABLE:
        ctl_error("cannot reach the switch: %s", why);
        code = CTL_UNREACHABLE;
        break;
    case RPC_DEADLINE_EXCEEDED:
        ctl_error("no answer from the switch at %s within %g s", ctl->target,
                  ctl->timeout_ms / 1000.0);
        code = CTL_UNREACHABLE;
        break;
    default:
        ctl_error("%s", why);
        code = CTL_REFUSED;
        break;
    }
    free(error);
    return code;
}

int
client_fail_at(char *error)
{
    struct ds line = DS_EMPTY_INITIALIZER;

    output_pad(&line, error, 0);
    fprintf(stderr, "%s\n", ds_cstr(&line));
    ds_destroy(&line);
    free(error);
    return CTL_REFUSED;
}

int
client_call(struct ctl *ctl, const ProtobufCServiceDescriptor *service, const char *method,
            const void *request, void *replyp)
{
    char *error = NULL;
    enum rpc_status status = client_try(ctl, service, method, request, replyp, &error);

    return status == RPC_OK ? CTL_OK : client_fail(ctl, status, error);
}

int
client_show(struct ctl *ctl, const ProtobufCServiceDescriptor *service, const char *method,
            const void *request, void (*print)(const void *reply))
{
    ProtobufCMessage *reply;
    int code = client_call(ctl, service, method, request, &reply);

    if (code == CTL_OK) {
        if (ctl->structured) {
            output_message(reply);
        } else {
            print(reply);
        }
        output_flush();
        client_free(reply);
    }
    return code;
}

void
client_free(void *message)
{
    if (message) {
        protobuf_c_message_free_unpacked(message, NULL);
    }
}

/* The reader has no deadline of its own, and nothing is left undone when a switch that went silent
 * ends the program: what was printed has been flushed. */
static char silence[512];

static void
give_up(int signo OVS_UNUSED)
{
    ssize_t n = write(STDERR_FILENO, silence, strlen(silence));

    (void) n; /* there is nobody left to tell */
    _exit(CTL_UNREACHABLE);
}

static void
be_patient(int ms)
{
    struct itimerval timer = { .it_value = { .tv_sec = ms / 1000,
                                             .tv_usec = ms % 1000 * INT64_C(1000) } };

    setitimer(ITIMER_REAL, &timer, NULL);
}

enum rpc_status
client_read(struct ctl *ctl, const ProtobufCServiceDescriptor *service, const char *method,
            const void *request, int patience_ms, client_take *take, void *aux, char **error)
{
    struct rpc_reader *reader = rpc_reader_open(channel(ctl), service, method, request);
    enum rpc_status status;
    ProtobufCMessage *message;
    bool enough = false;

    snprintf(silence, sizeof silence, "swctl: no answer from the switch at %s within %g s\n",
             ctl->target, patience_ms / 1000.0);
    signal(SIGALRM, give_up);
    do {
        be_patient(patience_ms);
        message = rpc_reader_next(reader, &status, error);
        be_patient(0);
        if (message) {
            patience_ms = take(ctl, message, patience_ms, aux);
            enough = patience_ms < 0;
            client_free(message);
        }
    } while (message && !enough);
    rpc_reader_close(reader);
    return enough ? RPC_CANCELLED : status;
}

/* A stream that is only printed. */
struct printed {
    void (*print)(const void *message);
    bool failed;
};

static int
take_printed(const struct ctl *ctl, const ProtobufCMessage *message, int patience_ms, void *printed)
{
    struct printed *p = printed;

    if (ctl->structured) {
        output_event(message);
    } else {
        p->print(message);
    }
    p->failed = !output_flush();
    return p->failed ? -1 : patience_ms;
}

int
client_stream(struct ctl *ctl, const ProtobufCServiceDescriptor *service, const char *method,
              const void *request, int patience_ms, void (*print)(const void *message))
{
    struct printed printed = { .print = print };
    char *error = NULL;
    enum rpc_status status =
        client_read(ctl, service, method, request, patience_ms, take_printed, &printed, &error);

    if (printed.failed) {
        return CTL_REFUSED;
    }
    return status == RPC_OK ? CTL_OK : client_fail(ctl, status, error);
}
