/* Endpoints as users write them: "unix:PATH" or "HOST:PORT".  Knows nothing of gRPC but its way to
 * spell an address. */
#ifndef PROTO_RPC_ENDPOINT_H
#define PROTO_RPC_ENDPOINT_H 1

#include <stdbool.h>

enum rpc_endpoint_kind { RPC_ENDPOINT_UNIX, RPC_ENDPOINT_LOOPBACK, RPC_ENDPOINT_NETWORK };

/* The address for gRPC (the caller frees it) and what kind it is; or NULL and '*error' (likewise):
 * a path over 107 bytes, a bad host or port. */
char *rpc_endpoint_target(const char *endpoint, enum rpc_endpoint_kind *, char **error);
/* The path of a valid endpoint, or NULL: it is HOST:PORT. */
const char *rpc_endpoint_path(const char *endpoint);

/* Whether somebody answers on a valid endpoint's unix socket.  False for HOST:PORT, where the
 * system refuses by itself. */
bool rpc_endpoint_in_use(const char *endpoint);

/* Why nobody can listen on a valid HOST:PORT: binds it once more.  A static string. */
const char *rpc_endpoint_why(const char *endpoint);

/* For other protocols than gRPC: whether it is ADDRESS:PORT, as 127.0.0.1:80 or [::1]:80. */
bool rpc_endpoint_is_address(const char *endpoint);
/* A socket that listens there, non-blocking; an IPv6 one is for IPv6 only.  0, or a positive errno
 * and '*error', a sentence (the caller frees it). */
int rpc_endpoint_listen(const char *endpoint, int *fd, char **error);

#endif
