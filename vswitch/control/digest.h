#ifndef CONTROL_DIGEST_H
#define CONTROL_DIGEST_H 1

#include <stddef.h>

/* SHA-256 of 'data' in lower-case hex. */
void digest_sha256(const void *data, size_t, char hex[65]);

/* The same of what comes in pieces. */
struct digest;
struct digest *digest_begin(void);
void digest_add(struct digest *, const void *data, size_t);
void digest_end(struct digest *, char hex[65]); /* frees it */

#endif
