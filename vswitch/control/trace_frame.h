/* Frames for tracing: from bytes, or made from a description, and the port that they come in by.
 * Control thread only. */
#ifndef CONTROL_TRACE_FRAME_H
#define CONTROL_TRACE_FRAME_H 1

#include <rte_mbuf.h>

#include "control/control.h"
#include "fusuma/v1/trace.pb-c.h"

#define TRACE_FRAME_MAX 65000

/* A buffer that is of no pool; it is filled anew for every frame. */
struct trace_frame {
    struct rte_mbuf m;
    const struct desired_port *port;
    const struct port_leaf *leaf; /* of it, in the snapshot in force */
    uint16_t vlan;                /* of frames without a tag */
    bool fill;                    /* not all of it is there, or its checksums are not */
    uint8_t buffer[RTE_PKTMBUF_HEADROOM + TRACE_FRAME_MAX];
};

/* RPC_OK, or why it cannot be made, and '*error'. */
enum rpc_status trace_frame_make(const struct control *, const Fusuma__V1__TraceInput *,
                                 struct trace_frame *, char **error);

#endif
