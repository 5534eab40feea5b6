/* Handing an HTTP request on to a server, and its answer back. */
#ifndef CTL_BROKER_UPSTREAM_H
#define CTL_BROKER_UPSTREAM_H 1

#include "proto/http_server.h"

struct upstream;

/* 'url' is http(s)://HOST[:PORT]; 'ca' (or NULL: those of the system) a file of certificates that
 * the server's must be of.  Nothing is connected yet.  0, or a positive errno and '*error'. */
int upstream_create(const char *url, const char *ca, int timeout_ms, struct upstream **,
                    char **error);
void upstream_destroy(struct upstream *);
/* Method, path, query, headers and body go as they came, but for what is of the connection only
 * (RFC 9110, 7.6.1); X-Forwarded-For names who asked.  The answer comes back alike.  False, and
 * '*error' is the caller's to free: there was none.  Any thread. */
bool upstream_pass(const struct upstream *, const struct http_request *, struct http_answer *,
                   char **error);

#endif
