/* Messages as JSON: the standard proto3 JSON mapping, by walking protobuf-c's descriptors. */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H 1

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/* lowerCamelCase names, 64-bit integers as strings, bytes in base64, enums by name, Timestamp as
 * RFC 3339, maps as objects; what is at its default is left out.  The caller owns the result. */
json_t *proto_to_json(const ProtobufCMessage *);

#endif
