#include <config.h>

#include "ctl/broker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ctl/broker_actors.h"
#include "ctl/broker_upstream.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "proto/rpc_endpoint.h"
#include "proto/tls_files.h"
#include "util.h"

#define MAX_CONNECTIONS 256
#define TIMEOUT_S 30
#define MAX_EVENT (64u << 10)
#define MAX_UDS (1u << 20)
#define TOKEN_MIN 16
#define TOKEN_MAX 1024

/* ---- options ---- */

static bool
needs(const struct ctl *ctl, enum option_id option, const char *adapter)
{
    if (!args_has(ctl->args, option)) {
        ctl_error("'broker' with --adapter %s needs --%s", adapter, option_table[option].name);
        return false;
    }
    return true;
}

static bool
does_not_take(const struct ctl *ctl, enum option_id option, const char *adapter)
{
    if (args_has(ctl->args, option)) {
        ctl_error("--%s is not for --adapter %s", option_table[option].name, adapter);
        return false;
    }
    return true;
}

/* The first line of the file. */
static bool
read_token(struct broker *b, const char *path)
{
    char line[TOKEN_MAX + 2] = "";
    FILE *file = fopen(path, "re");
    size_t length;
    bool ok;

    if (!file || (!fgets(line, sizeof line, file) && ferror(file))) {
        ctl_error("%s: %s", path, ovs_strerror(errno));
        if (file) {
            fclose(file);
        }
        return false;
    }
    fclose(file);
    length = strcspn(line, "\r\n");
    ok = length >= TOKEN_MIN && length <= TOKEN_MAX && strcspn(line, " \t") >= length;
    if (ok) {
        webhook_digest(line, length, b->token);
    } else {
        ctl_error("%s: its first line is no token: %d to %d characters, no blanks", path, TOKEN_MIN,
                  TOKEN_MAX);
    }
    OPENSSL_cleanse(line, sizeof line);
    return ok;
}

static bool
set_webhook(struct broker *b, struct http_server_options *o)
{
    const struct ctl *ctl = b->ctl;

    o->handle = webhook_handle;
    o->max_body = MAX_EVENT;
    return does_not_take(ctl, OPT_UPSTREAM, "webhook") &&
           does_not_take(ctl, OPT_UPSTREAM_CA, "webhook") &&
           needs(ctl, OPT_TOKEN_FILE, "webhook") &&
           read_token(b, args_value(ctl->args, OPT_TOKEN_FILE));
}

static bool
set_uds(struct broker *b, struct http_server_options *o)
{
    const struct ctl *ctl = b->ctl;
    char *error = NULL;

    o->handle = uds_handle;
    o->max_body = MAX_UDS;
    if (!does_not_take(ctl, OPT_TOKEN_FILE, "uds") || !needs(ctl, OPT_UPSTREAM, "uds")) {
        return false;
    }
    if (upstream_create(args_value(ctl->args, OPT_UPSTREAM), args_value(ctl->args, OPT_UPSTREAM_CA),
                        ctl->timeout_ms, &b->upstream, &error)) {
        ctl_error("--upstream: %s", error);
        free(error);
        return false;
    }
    return true;
}

static bool
set_adapter(struct broker *b, struct http_server_options *o)
{
    const char *name = args_value(b->ctl->args, OPT_ADAPTER);

    if (name && !strcmp(name, "webhook")) {
        return set_webhook(b, o);
    } else if (name && !strcmp(name, "uds")) {
        return set_uds(b, o);
    } else if (name) {
        ctl_error("--adapter: '%s' is none of webhook, uds", name);
    } else {
        ctl_error("'broker' needs --adapter");
    }
    return false;
}

/* Beyond loopback a token, or an actor's, is not sent in the clear. */
static bool
set_listen(const struct ctl *ctl, struct http_server_options *o, struct tls_texts *tls)
{
    struct rpc_tls_files files = { .cert = args_value(ctl->args, OPT_LISTEN_CERT),
                                   .key = args_value(ctl->args, OPT_LISTEN_KEY) };
    enum rpc_endpoint_kind kind = RPC_ENDPOINT_NETWORK;
    char *error = NULL;

    o->listen = args_value(ctl->args, OPT_LISTEN);
    if (!o->listen || !rpc_endpoint_is_address(o->listen)) {
        ctl_error(o->listen ? "--listen: %s: not ADDRESS:PORT" : "'broker' needs --listen",
                  o->listen);
        return false;
    }
    free(rpc_endpoint_target(o->listen, &kind, &error));
    if (!files.cert != !files.key) {
        ctl_error("--listen-cert and --listen-key go together");
        return false;
    } else if (!files.cert && kind != RPC_ENDPOINT_LOOPBACK) {
        ctl_error("--listen: %s: beyond loopback there is only TLS: --listen-cert and --listen-key "
                  "are needed",
                  o->listen);
        return false;
    } else if (files.cert && tls_texts_read(&files, tls, &error)) {
        ctl_error("%s", error);
        free(error);
        return false;
    }
    o->cert = tls->cert;
    o->key = tls->key;
    return true;
}

/* ---- the command ---- */

/* Signals come to this thread, which waits for one of them. */
static int
serve(struct broker *b, const struct http_server_options *options, sigset_t *ends)
{
    struct http_server *server;
    char *error = NULL;
    int signo;

    client_open(b->ctl);
    if (b->upstream) {
        b->actors = actors_create(b);
    }
    if (http_server_start(options, &server, &error)) {
        ctl_error("--listen: %s", error ? error : "no memory");
        free(error);
        actors_destroy(b->actors);
        return CTL_USAGE;
    }
    output_line("listening on %s", options->listen);
    output_flush();
    sigwait(ends, &signo);
    http_server_stop(server);
    actors_destroy(b->actors);
    return CTL_OK;
}

int
broker(struct ctl *ctl)
{
    struct broker b = { .ctl = ctl, .printing = PTHREAD_MUTEX_INITIALIZER };
    struct http_server_options options = {
        .max_connections = MAX_CONNECTIONS, .timeout_s = TIMEOUT_S, .patient = true, .aux = &b
    };
    struct tls_texts tls = { .ca = NULL };
    int code = CTL_USAGE;
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    signal(SIGPIPE, SIG_IGN); /* who hangs up ends no more than his own connection */
    if (set_adapter(&b, &options) && set_listen(ctl, &options, &tls)) {
        pthread_sigmask(SIG_BLOCK, &ends, NULL);
        code = serve(&b, &options, &ends);
        pthread_sigmask(SIG_UNBLOCK, &ends, NULL);
    }
    tls_texts_destroy(&tls);
    upstream_destroy(b.upstream);
    return code;
}
