/* Which .proto file of a set says what. */
#ifndef PROTO_SYMBOLS_H
#define PROTO_SYMBOLS_H 1

#include <stdbool.h>

#include "google/protobuf/descriptor.pb-c.h"

/* Whether 'file' declares the message, field, enum, enum value, service or method of this full
 * name, such as "fusuma.v1.PortService.AddPort". */
bool proto_file_declares(const Google__Protobuf__FileDescriptorProto *file, const char *symbol);

#endif
