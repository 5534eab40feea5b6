#include <config.h>

#include "proto/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include "proto/rpc_endpoint.h"

/* Of a body that is too large so much is read: who is still sending hears no answer. */
#define MAX_UNREAD (16u << 20)

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
};

/* A request on its way in. */
struct arriving {
    char *target;
    char *body;
    size_t len, room;
    size_t unread; /* bytes of a body that is too large */
    bool begun;
};

/* ---- what handlers use ---- */

const char *
http_header(const struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

struct visitor {
    void (*visit)(const char *name, const char *value, void *aux);
    void *aux;
};

static enum MHD_Result
visit_one(void *visitor, enum MHD_ValueKind kind, const char *name, const char *value)
{
    const struct visitor *v = visitor;

    (void) kind;
    v->visit(name, value ? value : "", v->aux);
    return MHD_YES;
}

void
http_each_header(const struct http_request *r,
                 void (*visit)(const char *name, const char *value, void *aux), void *aux)
{
    struct visitor v = { visit, aux };

    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, visit_one, &v);
}

void
http_answer_field(struct http_answer *a, const char *name, const char *value)
{
    struct http_field *more = reallocarray(a->fields, a->n_fields + 1, sizeof *a->fields);
    struct http_field field;

    if (!more) {
        return;
    }
    a->fields = more;
    field = (struct http_field){ strdup(name), strdup(value) };
    if (field.name && field.value) {
        a->fields[a->n_fields++] = field;
    } else {
        free(field.name);
        free(field.value);
    }
}

void
http_answer_text(struct http_answer *a, unsigned status, const char *type, char *body)
{
    a->status = body ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
    a->body = body;
    a->body_len = body ? strlen(body) : 0;
    http_answer_field(a, "Content-Type", type);
}

/* ---- a request ---- */

static enum MHD_Result
send_answer(struct MHD_Connection *connection, struct http_answer *a)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(a->body_len, a->body, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result = MHD_NO;

    if (!response) {
        free(a->body);
    }
    for (size_t i = 0; i < a->n_fields; i++) {
        if (response) {
            /* One that no header may look like is left out. */
            (void) MHD_add_response_header(response, a->fields[i].name, a->fields[i].value);
        }
        free(a->fields[i].name);
        free(a->fields[i].value);
    }
    free(a->fields);
    if (response) {
        result = MHD_queue_response(
            connection, a->status ? a->status : MHD_HTTP_INTERNAL_SERVER_ERROR, response);
        MHD_destroy_response(response);
    }
    return result;
}

static enum MHD_Result
refuse_size(const struct http_server *s, struct MHD_Connection *connection)
{
    struct http_answer answer = { .status = 0 };
    char *text = NULL;

    if (asprintf(&text, "the body may have %zu bytes\n", s->options.max_body) < 0) {
        text = NULL;
    }
    http_answer_text(&answer, MHD_HTTP_CONTENT_TOO_LARGE, "text/plain", text);
    return send_answer(connection, &answer);
}

/* False: there is no end of it, or no memory. */
static bool
take_body(const struct http_server *s, struct arriving *in, const char *data, size_t n)
{
    if (in->unread || n > s->options.max_body - in->len) {
        in->unread += n;
        return in->unread <= MAX_UNREAD;
    }
    if (in->len + n + 1 > in->room) {
        size_t room = 2 * (in->len + n) + 1;
        char *body = realloc(in->body, room);

        if (!body) {
            return false;
        }
        in->body = body;
        in->room = room;
    }
    memcpy(in->body + in->len, data, n);
    in->len += n;
    in->body[in->len] = '\0';
    return true;
}

static void
name_peer(struct http_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info ? info->client_addr : NULL;

    if (a && a->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *) a)->sin_addr, r->peer, sizeof r->peer);
    } else if (a && a->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *) a)->sin6_addr, r->peer, sizeof r->peer);
    }
}

static enum MHD_Result
on_request(void *server, struct MHD_Connection *connection, const char *path, const char *method,
           const char *version, const char *data, size_t *n, void **arriving)
{
    const struct http_server *s = server;
    struct arriving *in = *arriving;
    struct http_answer answer = { .status = 0 };
    struct http_request request;

    (void) version;
    if (!in || !in->target) {
        return MHD_NO;
    }
    if (!in->begun) { /* Its headers are there, and nothing has been said about the body. */
        in->begun = true;
        return MHD_YES;
    }
    if (*n) {
        if (!take_body(s, in, data, *n)) {
            return MHD_NO;
        }
        *n = 0;
        return MHD_YES;
    }
    if (in->unread) {
        return refuse_size(s, connection);
    }
    request = (struct http_request){ .method = method,
                                     .path = path,
                                     .target = in->target,
                                     .body = in->body ? in->body : "",
                                     .body_len = in->len,
                                     .connection = connection };
    name_peer(&request);
    s->options.handle(&request, &answer, s->options.aux);
    return send_answer(connection, &answer);
}

/* What it returns is '*arriving' of the others. */
static void *
on_target(void *server, const char *target, struct MHD_Connection *connection)
{
    struct arriving *in = calloc(1, sizeof *in);

    (void) server;
    (void) connection;
    if (in) {
        in->target = strdup(target);
    }
    return in;
}

static void
on_end(void *server, struct MHD_Connection *connection, void **arriving,
       enum MHD_RequestTerminationCode how)
{
    struct arriving *in = *arriving;

    (void) server;
    (void) connection;
    (void) how;
    if (in) {
        free(in->target);
        free(in->body);
        free(in);
    }
    *arriving = NULL;
}

/* ---- the server ---- */

/* As certificates and keys are checked before, what is left is memory and threads. */
static struct MHD_Daemon *
start_daemon(struct http_server *s, int fd)
{
    const struct http_server_options *o = &s->options;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC |
                     (o->patient ? MHD_USE_POLL | MHD_USE_THREAD_PER_CONNECTION : MHD_USE_EPOLL) |
                     (o->cert ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *) (uintptr_t) o->cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *) (uintptr_t) o->key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0,
          (void *) (uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:"
                               "+VERS-TLS1.2" },
        { MHD_OPTION_END, 0, NULL },
    };

    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, o->max_connections,
                            MHD_OPTION_CONNECTION_TIMEOUT, o->timeout_s,
                            MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_NOTIFY_COMPLETED,
                            on_end, s, MHD_OPTION_ARRAY, o->cert ? tls : &tls[3], MHD_OPTION_END);
}

static int
start(struct http_server *s, char **error)
{
    sigset_t all, old;
    int fd, retval = rpc_endpoint_listen(s->options.listen, &fd, error);

    if (retval) {
        return retval;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    errno = 0;
    s->daemon = start_daemon(s, fd);
    retval = s->daemon ? 0 : errno ? errno : EINVAL;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (retval && asprintf(error, "%s: the HTTP server cannot start: %s", s->options.listen,
                           strerror(retval)) < 0) {
        *error = NULL;
    }
    return retval;
}

int
http_server_start(const struct http_server_options *options, struct http_server **serverp,
                  char **error)
{
    struct http_server *s = calloc(1, sizeof *s);
    int retval;

    *serverp = NULL;
    *error = NULL;
    if (!s) {
        return ENOMEM;
    }
    s->options = *options;
    retval = start(s, error);
    if (retval) {
        free(s);
        return retval;
    }
    *serverp = s;
    return 0;
}

void
http_server_stop(struct http_server *s)
{
    if (s) {
        MHD_stop_daemon(s->daemon); /* It closes the socket, too. */
        free(s);
    }
}
