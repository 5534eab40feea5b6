/* The .proto files that the switch speaks, as a serialised FileDescriptorSet with its imports; made
 * by the build (fusuma.protoset), for rpc_server_start(). */
#ifndef PROTO_DESCRIPTOR_SET_H
#define PROTO_DESCRIPTOR_SET_H 1

#include <stddef.h>
#include <stdint.h>

extern const uint8_t proto_descriptor_set[];
extern const size_t proto_descriptor_set_length;

#endif
