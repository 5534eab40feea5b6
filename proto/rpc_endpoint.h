/* Endpoints as users write them: "unix:PATH" or "HOST:PORT".  Knows nothing of gRPC but its way to
 * spell an address. */
#ifndef PROTO_RPC_ENDPOINT_H
#define PROTO_RPC_ENDPOINT_H 1

#include <stdbool.h>

/* The address for gRPC (the caller frees it), or NULL and '*error' (likewise): a path over 107
 * bytes, a host that is not loopback (there is no TLS), a bad port. */
char *rpc_endpoint_target(const char *endpoint, char **error);

/* Whether somebody answers on a valid endpoint's unix socket.  gRPC unlinks whatever socket it
 * finds at the path, a live one as well.  False for HOST:PORT, where the system refuses by itself.
 */
bool rpc_endpoint_in_use(const char *endpoint);

/* Why nobody can listen on a valid endpoint: binds it once more.  A static string. */
const char *rpc_endpoint_why(const char *endpoint);

#endif
