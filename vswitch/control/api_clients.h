/* Who is connected to the API by TCP at this moment. */
#ifndef CONTROL_API_CLIENTS_H
#define CONTROL_API_CLIENTS_H 1

#include <stddef.h>
#include <stdint.h>

#include "acl/addr.h"

struct api_client {
    struct acl_addr remote, local;
    uint16_t local_port; /* that it connected to */
};

/* The caller frees the array of '*n', in which each client and address is there once.  gRPC opens
 * the sockets and does not say which; they are those of this process whose local port is one that
 * it listens on.  Any thread; what comes or goes meanwhile may be missed. */
struct api_client *api_clients(size_t *n);

#endif
