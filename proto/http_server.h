/* A small HTTP/1.1 server, on libmicrohttpd.
 *
 * It is bounded in all that a peer may choose: how many are connected, for how long one is silent,
 * how much it sends (32 kB of headers, and 'max_body').  What is no HTTP gets 400 and its
 * connection is closed, without anybody being asked. */
#ifndef PROTO_HTTP_SERVER_H
#define PROTO_HTTP_SERVER_H 1

#include <stdbool.h>
#include <stddef.h>

#include <netinet/in.h>

struct http_server;

/* Valid while it is handled. */
struct http_request {
    const char *method; /* "GET" */
    const char *path;   /* without the query, decoded */
    const char *target; /* path and query, as they were sent */
    const char *body;   /* a NUL follows, which does not count */
    size_t body_len;
    char peer[INET6_ADDRSTRLEN]; /* its address */
    void *connection;            /* for the functions below */
};
/* The first one's value, whatever the case of its name; NULL: there is none. */
const char *http_header(const struct http_request *, const char *name);
void http_each_header(const struct http_request *,
                      void (*visit)(const char *name, const char *value, void *aux), void *aux);

struct http_field {
    char *name, *value;
};

/* All of it is from malloc(), and the server's when the handler returns. */
struct http_answer {
    unsigned status; /* 0: 500 */
    char *body;      /* or NULL */
    size_t body_len;
    struct http_field *fields; /* headers */
    size_t n_fields;
};
/* Appends a header, both strings copied.  Without memory it is left out. */
void http_answer_field(struct http_answer *, const char *name, const char *value);
/* Takes 'body', NUL-terminated (NULL: there was no memory for it, and the status is 500). */
void http_answer_text(struct http_answer *, unsigned status, const char *type, char *body);

/* Strings are read at the start only. */
struct http_server_options {
    const char *listen; /* ADDRESS:PORT, as rpc_endpoint_listen() takes it */
    const char *cert;   /* PEM texts; NULL: no TLS */
    const char *key;
    unsigned max_connections;
    unsigned timeout_s; /* of silence */
    size_t max_body;    /* more is 413, and of much more the connection's end */
    bool patient;       /* the handler may wait: each connection has a thread.  Else one has all. */
    /* A thread of the server's. */
    void (*handle)(const struct http_request *, struct http_answer *, void *aux);
    void *aux;
};
/* Threads of the server take no signals, and the CPUs of the caller.  0, or a positive errno and
 * '*error', a sentence (the caller frees it). */
int http_server_start(const struct http_server_options *, struct http_server **, char **error);
/* Waits for what is being handled.  Accepts NULL. */
void http_server_stop(struct http_server *);

#endif
