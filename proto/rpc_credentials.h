/* What gRPC needs for TLS, of either side: TLS 1.3 only, and both show certificates. */
#ifndef PROTO_RPC_CREDENTIALS_H
#define PROTO_RPC_CREDENTIALS_H 1

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "proto/rpc.h"

/* A server's files, read again for the next connection after they have changed.  'warn', from any
 * thread, says that they cannot be used: those read before stay. */
struct rpc_tls_source;
struct rpc_tls_source *rpc_tls_source_create(const struct rpc_tls_files *,
                                             void (*warn)(void *aux, const char *sentence),
                                             void *aux);
/* After the server.  Accepts NULL. */
void rpc_tls_source_destroy(struct rpc_tls_source *);
/* Whether the server's own certificate has not expired.  Any thread. */
bool rpc_tls_source_is_valid(struct rpc_tls_source *);
grpc_server_credentials *rpc_server_credentials(struct rpc_tls_source *);

/* NULL and '*error' (the caller frees it) when the files cannot be used. */
grpc_channel_credentials *rpc_channel_credentials(const struct rpc_tls_files *, char **error);

#endif
