/* What every part of swctl shares: the exit codes, one invocation, and how it calls the switch. */
#ifndef CTL_CTL_H
#define CTL_CTL_H 1

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

#include "ctl/options.h"
#include "proto/rpc.h"

enum {
    CTL_OK = 0,
    CTL_REFUSED = 1,     /* the switch refused, the ledger does not add up, output got lost */
    CTL_USAGE = 2,       /* wrong words or options, or a file that cannot be read */
    CTL_UNREACHABLE = 3, /* no switch at the target, or no answer in time */
    CTL_INTERRUPTED = 130,
};

struct ctl {
    const struct args *args;
    const char *arg;          /* the command's own (first) argument, or NULL */
    const char *const *words; /* ... and all of them */
    size_t n_words;
    const char *target;
    struct rpc_tls_files tls; /* all three names or none */
    bool structured; /* objects are printed, as output.h says, instead of text for people */
    int timeout_ms;
    struct rpc_channel *channel;
};

/* "swctl: what" on standard error, on one line and cleaned as output.h says. */
void ctl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sets 'target' and 'tls' by options, environment and defaults.  False, and said: they are wrong.
 */
bool ctl_set_target(struct ctl *);

/* Makes ready to call, which does not block: before threads that call share 'ctl'. */
void client_open(struct ctl *);
/* One unary call.  On RPC_OK '*replyp' is the caller's to free with client_free(); otherwise
 * '*error' is, or goes to client_fail(). */
enum rpc_status client_try(struct ctl *, const ProtobufCServiceDescriptor *, const char *method,
                           const void *request, void *replyp, char **error);
/* Says on standard error why a call failed, frees 'error', returns the exit code. */
int client_fail(const struct ctl *, enum rpc_status, char *error);
/* The same of a mistake in a file: "FILE:3:7: what", without our name before it, as editors know
 * it. */
int client_fail_at(char *error);
/* Both: an exit code; '*replyp' is set when that is CTL_OK. */
int client_call(struct ctl *, const ProtobufCServiceDescriptor *, const char *method,
                const void *request, void *replyp);
/* Calls, and prints the reply: as output_message() does, or with 'print'. */
int client_show(struct ctl *, const ProtobufCServiceDescriptor *, const char *method,
                const void *request, void (*print)(const void *reply));
void client_free(void *message);

/* Takes a message of a stream, which stays the caller's.  Returns for how long to wait for the next
 * one: 'patience_ms', as it was for this one, or 0, for ever; or negative: it has had enough. */
typedef int client_take(const struct ctl *, const ProtobufCMessage *, int patience_ms, void *aux);
/* Calls a server stream, and returns how it ended ('*error' goes to client_fail()), or
 * RPC_CANCELLED and no error when 'take' had enough.  A switch that is silent for longer than
 * 'patience_ms' (0: none is too long) ends the program. */
enum rpc_status client_read(struct ctl *, const ProtobufCServiceDescriptor *, const char *method,
                            const void *request, int patience_ms, client_take *, void *aux,
                            char **error);
/* Calls a server stream and prints each message as it comes: as output_event() does, or with
 * 'print'.  'patience_ms' is how long it waits for each message, 0 for ever. */
int client_stream(struct ctl *, const ProtobufCServiceDescriptor *, const char *method,
                  const void *request, int patience_ms, void (*print)(const void *message));

#endif
