/* Certificates and keys as files and texts.  Any thread. */
#ifndef PROTO_TLS_FILES_H
#define PROTO_TLS_FILES_H 1

#include <time.h>

#include "proto/rpc.h"

/* What the files of a struct rpc_tls_files hold. */
struct tls_texts {
    char *ca, *cert, *key;
    time_t not_after; /* of 'cert' */
};

/* Reads and checks them as rpc_tls_check() does; without a CA when that is NULL.  On success the
 * caller destroys 'texts'. */
int tls_texts_read(const struct rpc_tls_files *, struct tls_texts *texts, char **error);
/* Wipes the key.  Accepts what was never filled in, if it is zero. */
void tls_texts_destroy(struct tls_texts *);

/* Takes the names in the certificate 'pem' (of 'len' bytes) into 'peer', and its kind:
 * RPC_PEER_TLS, or RPC_PEER_UNKNOWN and why: it is none, it is not valid now, or a name holds a
 * NUL. */
void tls_peer_names(const char *pem, size_t len, struct rpc_peer *peer);

#endif
