/* A message in a few words, for people. */
#ifndef PROTO_SUMMARY_H
#define PROTO_SUMMARY_H 1

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

/* "port=desk7", "spec={name=desk7 role=PORT_ROLE_DESKTOP ...}": the fields that are set, long texts
 * cut short, in 'size' bytes at most; "..." says that there is more. */
void proto_summary(const ProtobufCMessage *, char *out, size_t size);

#endif
