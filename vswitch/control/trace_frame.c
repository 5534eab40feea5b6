#include <config.h>

#include "control/trace_frame.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "csum.h"
#include "packets.h"
#include "util.h"

#define SOURCE_PORT 49152
/* Stations that nobody has: locally administered addresses. */
#define SOME_SOURCE UINT64_C(0x02f05a000001)
#define SOME_DESTINATION UINT64_C(0x02f05a000002)

#define REFUSE(...) (control_fail(error, RPC_INVALID_ARGUMENT, __VA_ARGS__), RPC_INVALID_ARGUMENT)

/* ---- the port ---- */

/* Whose the source is; what nobody has comes from the uplink, if there is but one. */
static enum rpc_status
find_port(const struct control *c, uint64_t mac, const struct acl_addr *src, const char *what,
          const struct desired_port **portp, char **error)
{
    const struct desired_port *uplink = NULL;
    unsigned n_uplinks = 0, n = 0;
    struct shash_node *node;

    *portp = NULL;
    SHASH_FOR_EACH (node, &c->desired.ports) {
        const struct desired_port *port = node->data;

        if (port->role == PORT_UPLINK) {
            uplink = port;
            n_uplinks++;
        } else if (src ? desired_has_address(port, src) : port->mac == mac) {
            *portp = port;
            n++;
        }
    }
    if (n > 1) {
        return REFUSE("port: %u desktops, in different VLANs, have the source %s: say which", n,
                      what);
    } else if (!n && n_uplinks != 1) {
        return REFUSE(
            "port: no desktop has the source %s, and there are %u uplinks: say which port "
            "it comes in by",
            what, n_uplinks);
    }
    *portp = n ? *portp : uplink;
    return RPC_OK;
}

static enum rpc_status
take_port(const struct control *c, const struct desired_port *port, struct trace_frame *f,
          char **error)
{
    f->port = port;
    f->leaf = c->publisher.snapshot->ports[port->id];
    if (!f->leaf) {
        return control_fail(error, RPC_FAILED_PRECONDITION, "port: %s is not open%s%s",
                            port->spec->name, port->why_down ? ": " : "",
                            port->why_down ? port->why_down : "");
    }
    f->vlan = f->leaf->vlan;
    return RPC_OK;
}

static enum rpc_status
take_named_port(const struct control *c, const char *name, struct trace_frame *f, char **error)
{
    const struct desired_port *port = desired_find(&c->desired, name);

    return port ? take_port(c, port, f, error)
                : control_fail(error, RPC_NOT_FOUND, "no port is named \"%s\"", name);
}

static enum rpc_status
take_vlan(uint32_t vlan, struct trace_frame *f, char **error)
{
    if (vlan > VLAN_MAX) {
        return REFUSE("vlan: %" PRIu32 " is above %d", vlan, VLAN_MAX);
    }
    f->vlan = vlan ? vlan : f->vlan;
    return RPC_OK;
}

/* ---- the buffer ---- */

static uint8_t *
start(struct trace_frame *f, size_t length)
{
    memset(&f->m, 0, sizeof f->m);
    f->m.buf_addr = f->buffer;
    f->m.buf_len = sizeof f->buffer;
    f->m.data_off = RTE_PKTMBUF_HEADROOM;
    f->m.nb_segs = 1;
    rte_mbuf_refcnt_set(&f->m, 1);
    f->m.data_len = length;
    f->m.pkt_len = length;
    memset(f->buffer + RTE_PKTMBUF_HEADROOM, 0, length);
    return f->buffer + RTE_PKTMBUF_HEADROOM;
}

/* ---- bytes ---- */

static enum rpc_status
from_bytes(const struct control *c, const char *port, const Fusuma__V1__TraceFrame *r,
           struct trace_frame *f, char **error)
{
    uint32_t length = r->length ? r->length : r->data.len;
    const struct eth_header *eth = (const struct eth_header *) r->data.data;
    enum rpc_status status;
    char mac[32];

    if (r->data.len < ETH_HEADER_LEN) {
        return REFUSE("frame: %zu bytes are less than an Ethernet header", r->data.len);
    } else if (length > TRACE_FRAME_MAX || r->data.len > length) {
        return REFUSE("frame: a length of %" PRIu32 " with %zu bytes; it is from that to %d",
                      length, r->data.len, TRACE_FRAME_MAX);
    }
    snprintf(mac, sizeof mac, "MAC " ETH_ADDR_FMT, ETH_ADDR_ARGS(eth->eth_src));
    if (*port) {
        status = take_named_port(c, port, f, error);
    } else {
        const struct desired_port *found;

        status = find_port(c, eth_addr_to_uint64(eth->eth_src), NULL, mac, &found, error);
        status = status ? status : take_port(c, found, f, error);
    }
    status = status ? status : take_vlan(r->vlan, f, error);
    f->fill = length != r->data.len;
    memcpy(start(f, length), r->data.data, r->data.len);
    return status;
}

/* ---- a description ---- */

struct described {
    struct acl_addr src, dst;
    uint64_t smac, dmac;
    bool v6;
};

static bool
is_group(const struct acl_addr *a)
{
    return acl_addr_is_v4(a) ? a->b[12] >> 4 == 0xe || a->w[3] == UINT32_MAX : a->b[0] == 0xff;
}

/* RFC 1112, 6.4; RFC 2464, 7. */
static uint64_t
group_mac(const struct acl_addr *a)
{
    if (!acl_addr_is_v4(a)) {
        return UINT64_C(0x333300000000) | ntohl(a->w[3]);
    }
    return a->w[3] == UINT32_MAX ? UINT64_C(0xffffffffffff)
                                 : UINT64_C(0x01005e000000) | (ntohl(a->w[3]) & 0x7fffff);
}

static enum rpc_status
take_address(const char *what, const char *text, struct acl_addr *a, char **error)
{
    return acl_addr_parse(text, a) ? RPC_OK : REFUSE("%s: \"%s\" is not an address", what, text);
}

static enum rpc_status
take_mac(const char *what, const char *text, uint64_t otherwise, uint64_t *mac, char **error)
{
    struct eth_addr ea;

    *mac = otherwise;
    if (*text && !eth_addr_from_string(text, &ea)) {
        return REFUSE("%s: \"%s\" is not a MAC address", what, text);
    } else if (*text) {
        *mac = eth_addr_to_uint64(ea);
    }
    return RPC_OK;
}

/* The first of the destination's family. */
static enum rpc_status
own_address(const struct desired_port *port, struct described *d, char **error)
{
    for (size_t i = 0; i < port->n_addrs; i++) {
        if (acl_addr_is_v4(&port->addrs[i]) != d->v6) {
            d->src = port->addrs[i];
            return RPC_OK;
        }
    }
    return REFUSE("src_ip: %s has no %s address: say where it comes from", port->spec->name,
                  d->v6 ? "IPv6" : "IPv4");
}

static enum rpc_status
take_ends(const struct control *c, const char *port, const Fusuma__V1__TraceDescription *r,
          struct trace_frame *f, struct described *d, char **error)
{
    const struct desired_port *found = NULL;
    enum rpc_status status = take_address("dst_ip", r->dst_ip, &d->dst, error);

    if (!status && *r->src_ip) {
        status = take_address("src_ip", r->src_ip, &d->src, error);
    }
    if (status) {
        return status;
    }
    d->v6 = !acl_addr_is_v4(&d->dst);
    if (!*r->src_ip && !*port) {
        return REFUSE("port: without it, src_ip has to say whom the packet is from");
    } else if (*r->src_ip && acl_addr_is_v4(&d->src) == d->v6) {
        return REFUSE("dst_ip: %s and %s are not of one family", r->src_ip, r->dst_ip);
    }
    if (*port) {
        status = take_named_port(c, port, f, error);
    } else {
        status = find_port(c, 0, &d->src, r->src_ip, &found, error);
        status = status ? status : take_port(c, found, f, error);
    }
    return !status && !*r->src_ip ? own_address(f->port, d, error) : status;
}

static enum rpc_status
take_macs(const struct control *c, const Fusuma__V1__TraceDescription *r, struct trace_frame *f,
          struct described *d, char **error)
{
    const struct binding *b = snapshot_binding(c->publisher.snapshot, &d->dst, f->vlan);
    enum rpc_status status =
        take_mac("src_mac", r->src_mac, f->leaf->mac ? f->leaf->mac : SOME_SOURCE, &d->smac, error);

    return status ? status
                  : take_mac("dst_mac", r->dst_mac,
                             is_group(&d->dst) ? group_mac(&d->dst)
                             : b               ? b->mac
                                               : SOME_DESTINATION,
                             &d->dmac, error);
}

static enum rpc_status
check_numbers(const Fusuma__V1__TraceDescription *r, char **error)
{
    if (r->protocol > UINT8_MAX) {
        return REFUSE("protocol: %" PRIu32 " is above 255", r->protocol);
    } else if (r->src_port > UINT16_MAX || r->dst_port > UINT16_MAX) {
        return REFUSE("%s: %" PRIu32 " is above 65535",
                      r->src_port > UINT16_MAX ? "src_port" : "dst_port",
                      MAX(r->src_port, r->dst_port));
    } else if (r->icmp_type > UINT8_MAX || r->icmp_code > UINT8_MAX) {
        return REFUSE("icmp: type and code are at most 255");
    }
    return RPC_OK;
}

/* Its length; the checksums are filled in by who looks at them, but for that of IPv4. */
static size_t
put_l4(uint8_t *l4, const Fusuma__V1__TraceDescription *r)
{
    struct tcp_header *tcp = (struct tcp_header *) l4;
    struct udp_header *udp = (struct udp_header *) l4;
    uint16_t sport = r->src_port ? r->src_port : SOURCE_PORT;

    switch (r->protocol) {
    case IPPROTO_TCP:
        tcp->tcp_src = htons(sport);
        tcp->tcp_dst = htons(r->dst_port);
        tcp->tcp_seq.lo = htons(1);
        tcp->tcp_ctl = TCP_CTL(TCP_SYN, TCP_HEADER_LEN / 4);
        tcp->tcp_winsz = htons(UINT16_MAX);
        return TCP_HEADER_LEN;
    case IPPROTO_UDP:
        udp->udp_src = htons(sport);
        udp->udp_dst = htons(r->dst_port);
        udp->udp_len = htons(UDP_HEADER_LEN);
        return UDP_HEADER_LEN;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        l4[0] = r->icmp_type;
        l4[1] = r->icmp_code;
        l4[5] = 1; /* the identifier of an echo */
        return 8;
    default:
        return 8;
    }
}

static void
put_ip(uint8_t *l3, const struct described *d, uint8_t protocol, size_t len)
{
    struct ip_header *ip = (struct ip_header *) l3;
    struct ovs_16aligned_ip6_hdr *ip6 = (struct ovs_16aligned_ip6_hdr *) l3;

    if (d->v6) {
        l3[0] = 6 << 4;
        ip6->ip6_ctlun.ip6_un1.ip6_un1_plen = htons(len);
        ip6->ip6_ctlun.ip6_un1.ip6_un1_nxt = protocol;
        ip6->ip6_ctlun.ip6_un1.ip6_un1_hlim = 64;
        memcpy(&ip6->ip6_src, d->src.b, 16);
        memcpy(&ip6->ip6_dst, d->dst.b, 16);
        return;
    }
    ip->ip_ihl_ver = IP_IHL_VER(5, 4);
    ip->ip_tot_len = htons(IP_HEADER_LEN + len);
    ip->ip_ttl = 64;
    ip->ip_proto = protocol;
    memcpy(&ip->ip_src, &d->src.w[3], 4);
    memcpy(&ip->ip_dst, &d->dst.w[3], 4);
    ip->ip_csum = csum(ip, IP_HEADER_LEN);
}

static void
put_frame(struct trace_frame *f, const struct described *d, const Fusuma__V1__TraceDescription *r)
{
    size_t l3_len = d->v6 ? IPV6_HEADER_LEN : IP_HEADER_LEN;
    uint8_t *data = start(f, ETH_HEADER_LEN + l3_len + TCP_HEADER_LEN);
    struct eth_header *eth = (struct eth_header *) data;
    size_t len = put_l4(data + ETH_HEADER_LEN + l3_len, r);

    eth_addr_from_uint64(d->dmac, &eth->eth_dst);
    eth_addr_from_uint64(d->smac, &eth->eth_src);
    eth->eth_type = htons(d->v6 ? ETH_TYPE_IPV6 : ETH_TYPE_IP);
    put_ip(data + ETH_HEADER_LEN, d, r->protocol, len);
    f->m.data_len = f->m.pkt_len = ETH_HEADER_LEN + l3_len + len;
    f->fill = true;
}

static enum rpc_status
from_description(const struct control *c, const char *port, const Fusuma__V1__TraceDescription *r,
                 struct trace_frame *f, char **error)
{
    struct described d = { .v6 = false };
    enum rpc_status status = check_numbers(r, error);

    status = status ? status : take_ends(c, port, r, f, &d, error);
    status = status ? status : take_vlan(r->vlan, f, error);
    status = status ? status : take_macs(c, r, f, &d, error);
    if (!status) {
        put_frame(f, &d, r);
    }
    return status;
}

enum rpc_status
trace_frame_make(const struct control *c, const Fusuma__V1__TraceInput *in, struct trace_frame *f,
                 char **error)
{
    switch (in ? in->packet_case : FUSUMA__V1__TRACE_INPUT__PACKET__NOT_SET) {
    case FUSUMA__V1__TRACE_INPUT__PACKET_FRAME:
        return from_bytes(c, in->port, in->frame, f, error);
    case FUSUMA__V1__TRACE_INPUT__PACKET_DESCRIPTION:
        return from_description(c, in->port, in->description, f, error);
    case FUSUMA__V1__TRACE_INPUT__PACKET__NOT_SET:
    default:
        return REFUSE("packet: neither a frame nor a description");
    }
}
