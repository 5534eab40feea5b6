/* Requests from strangers: bytes to messages, with what protobuf-c does not look at. */
#ifndef PROTO_UNPACK_H
#define PROTO_UNPACK_H 1

#include <protobuf-c/protobuf-c.h>

/* NULL and '*error' (the caller frees it) when the bytes are no message of this type, or a string
 * in it is not UTF-8 or holds a NUL, which a C string would silently end at. */
ProtobufCMessage *proto_unpack(const ProtobufCMessageDescriptor *, const uint8_t *data,
                               size_t length, char **error);

#endif
