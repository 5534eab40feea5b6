#include <config.h>

#include "control/message.h"

#include <stdlib.h>

#include "acl/addr.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "packets.h"
#include "util.h"

void *
message_new(const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = xmalloc(descriptor->sizeof_message);

    protobuf_c_message_init(descriptor, message);
    return message;
}

void *
message_copy(const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = xmalloc(size + 1);
    ProtobufCMessage *copy;

    protobuf_c_message_pack(message, packed);
    copy = protobuf_c_message_unpack(message->descriptor, NULL, size, packed);
    free(packed);
    ovs_assert(copy); /* What was packed a moment ago unpacks, or memory is out. */
    return copy;
}

void
message_free(void *message)
{
    if (message) {
        protobuf_c_message_free_unpacked(message, NULL);
    }
}

/* Arrays have the capacity of the next power of two, so that no capacity need be kept. */
void *
message_grow(void *array, size_t n)
{
    return n & (n - 1) ? array : xrealloc(array, (n ? 2 * n : 1) * sizeof(void *));
}

void *
message_make_room(void *array, size_t n)
{
    size_t capacity = 1;

    while (capacity < n) {
        capacity *= 2;
    }
    return n ? xrealloc(array, capacity * sizeof(void *)) : array;
}

char *
mac_text(uint64_t mac)
{
    struct eth_addr ea;

    eth_addr_from_uint64(mac, &ea);
    return xasprintf(ETH_ADDR_FMT, ETH_ADDR_ARGS(ea));
}

char *
addr_text(const struct acl_addr *a)
{
    char text[ACL_ADDR_STRLEN];

    return xstrdup(acl_addr_format(a, text));
}

Google__Protobuf__Timestamp *
time_message(int64_t us)
{
    Google__Protobuf__Timestamp *m;

    if (!us) {
        return NULL;
    }
    m = message_new(&google__protobuf__timestamp__descriptor);
    m->seconds = us / 1000000;
    m->nanos = us % 1000000 * 1000;
    return m;
}

bool
time_from_message(const Google__Protobuf__Timestamp *m, int64_t *us)
{
    const int64_t year_10000 = INT64_C(253402300800);

    if (m && (m->seconds < 0 || m->seconds >= year_10000 || m->nanos < 0 || m->nanos > 999999999 ||
              m->seconds + m->nanos == 0)) {
        return false;
    }
    *us = m ? m->seconds * 1000000 + m->nanos / 1000 : 0;
    return true;
}

int64_t
time_us(const Google__Protobuf__Timestamp *t)
{
    return t ? t->seconds * 1000000 + t->nanos / 1000 : 0;
}
