/* Which connections an RPC means: a ConnectionFilter, checked and resolved. */
#ifndef CONTROL_CONN_FILTER_H
#define CONTROL_CONN_FILTER_H 1

#include "control/desired.h"
#include "datapath/conn.h"
#include "fusuma/v1/conn.pb-c.h"

/* Of fields that are not set, the zero. */
struct conn_filter {
    bool by_port, by_user, by_source, by_destination, by_state;
    uint16_t port;
    uint64_t user_ports[DP_MAX_PORTS / 64]; /* a bit a port */
    struct acl_prefix source, destination;
    enum conn_state state;
    uint16_t source_port, destination_port;
    uint8_t protocol;
    bool selects_all;
};

/* RPC_OK; or '*error' (the caller frees it), which names the field.  NULL selects everything. */
enum rpc_status conn_filter_init(struct conn_filter *, const struct desired *,
                                 const Fusuma__V1__ConnectionFilter *, char **error);
bool conn_filter_selects(const struct conn_filter *, const struct conn *);

#endif
