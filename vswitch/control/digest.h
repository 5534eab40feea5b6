#ifndef CONTROL_DIGEST_H
#define CONTROL_DIGEST_H 1

#include <stddef.h>

/* SHA-256 of 'data' in lower-case hex. */
void digest_sha256(const void *data, size_t, char hex[65]);

#endif
