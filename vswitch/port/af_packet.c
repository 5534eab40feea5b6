#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>

#include "port/af_packet.h"

/* Slots hold a frame of the MTU; super-frames are rare enough to be read by a system call each, and
 * so do not cost every port a ring of 64 KiB slots. */
enum {
    RING_FRAMES = 2048,
    BLOCK_SIZE = 64 * 1024,
    RECEIVE_QUEUE = 8 * 1024 * 1024, /* super-frames that wait to be read */
    SEND_QUEUE = 4 * 1024 * 1024,
};

/* Control thread only. */
static LIST_HEAD(, af_packet_port) ports = LIST_HEAD_INITIALIZER(ports);

bool
port_af_packet_uses(const char *interface)
{
    const struct af_packet_port *p;

    LIST_FOREACH(p, &ports, node)
    {
        if (!strcmp(p->interface, interface)) {
            return true;
        }
    }
    return false;
}

static bool
ask(int fd, const char interface[IFNAMSIZ], unsigned long request, struct ifreq *ifr)
{
    memset(ifr, 0, sizeof *ifr);
    memcpy(ifr->ifr_name, interface, IFNAMSIZ);
    return !ioctl(fd, request, ifr);
}

static void
refresh_link(struct af_packet_port *p)
{
    const int running = IFF_UP | IFF_RUNNING;
    struct ifreq ifr;

    if (ask(p->tx_fd, p->interface, SIOCGIFMTU, &ifr)) {
        p->dp.mtu = ifr.ifr_mtu < UINT16_MAX ? ifr.ifr_mtu : UINT16_MAX;
    }
    port_set_link(&p->dp, p->ifindex && ask(p->tx_fd, p->interface, SIOCGIFFLAGS, &ifr) &&
                              (ifr.ifr_flags & running) == running);
}

/* A link that went down leaves ENETDOWN behind, which would end every sleep on the socket. */
static void
clear_error(int fd)
{
    int err;

    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &(socklen_t){ sizeof err });
}

static int
bind_to(int fd, unsigned ifindex, uint16_t protocol)
{
    struct sockaddr_ll sll = { .sll_family = AF_PACKET,
                               .sll_protocol = htons(protocol),
                               .sll_ifindex = ifindex };

    return bind(fd, (struct sockaddr *) &sll, sizeof sll) ? errno : 0;
}

static int
attach(struct af_packet_port *p, unsigned ifindex)
{
    struct packet_mreq promiscuous = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC };
    int err = bind_to(p->tx_fd, ifindex, 0);

    if (!err) {
        err = bind_to(p->rx_fd, ifindex, ETH_P_ALL);
    }
    if (!err &&
        setsockopt(p->rx_fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous)) {
        err = errno;
    }
    if (!err) {
        p->ifindex = ifindex;
    }
    return err;
}

static void
af_packet_refresh(struct dp_port *dp)
{
    struct af_packet_port *p = (struct af_packet_port *) dp;
    unsigned ifindex = if_nametoindex(p->interface);

    if (ifindex != p->ifindex) {
        p->ifindex = 0;
        if (ifindex) {
            attach(p, ifindex);
        }
    }
    clear_error(p->rx_fd);
    refresh_link(p);
}

static int
set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) ? errno : 0;
}

static int
map_ring(struct af_packet_port *p)
{
    uint32_t need = TPACKET_ALIGN(TPACKET2_HDRLEN) + 64 + p->dp.mtu + ETH_HLEN + 4;
    struct tpacket_req req = { .tp_block_size = BLOCK_SIZE, .tp_frame_nr = RING_FRAMES };
    void *ring;

    for (p->frame_size = 2048; p->frame_size < need && p->frame_size < BLOCK_SIZE / 4;) {
        p->frame_size *= 2;
    }
    p->n_frames = RING_FRAMES;
    req.tp_frame_size = p->frame_size;
    req.tp_block_nr = RING_FRAMES / (BLOCK_SIZE / p->frame_size);
    if (setsockopt(p->rx_fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof req)) {
        return errno;
    }
    ring = mmap(NULL, (size_t) RING_FRAMES * p->frame_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                p->rx_fd, 0);
    if (ring == MAP_FAILED) {
        return errno;
    }
    p->ring = ring;
    return 0;
}

static int
set_up_rx(struct af_packet_port *p)
{
    int err = set(p->rx_fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2);

    err = err ? err : set(p->rx_fd, SOL_PACKET, PACKET_VNET_HDR, 1);
    err = err ? err : set(p->rx_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    err = err ? err : set(p->rx_fd, SOL_PACKET, PACKET_COPY_THRESH, 1);
    err = err ? err : set(p->rx_fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_QUEUE);
    return err ? err : map_ring(p);
}

static int
set_up_tx(struct af_packet_port *p)
{
    int err = set(p->tx_fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);

    return err ? err : set(p->tx_fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_QUEUE);
}

static void
af_packet_close(struct dp_port *dp)
{
    struct af_packet_port *p = (struct af_packet_port *) dp;

    LIST_REMOVE(p, node);
    if (p->ring) {
        munmap(p->ring, (size_t) p->n_frames * p->frame_size);
    }
    if (p->rx_fd >= 0) {
        close(p->rx_fd);
    }
    if (p->tx_fd >= 0) {
        close(p->tx_fd);
    }
    free(p->super_frame);
    free(p);
}

static int
check_interface(const struct port_spec *spec, struct af_packet_port *p, char **error)
{
    struct ifreq ifr;

    if (!spec->interface || !*spec->interface || strlen(spec->interface) >= IFNAMSIZ) {
        return port_error(spec, error, EINVAL, "an interface has a name of 1 to %d bytes",
                          IFNAMSIZ - 1);
    }
    if (port_ethdev_uses(spec->interface) || port_af_packet_uses(spec->interface)) {
        return port_error(spec, error, EEXIST, "interface '%s' is in use by another port",
                          spec->interface);
    }
    strcpy(p->interface, spec->interface);
    if (!if_nametoindex(p->interface)) {
        return port_error(spec, error, ENODEV, "interface '%s' does not exist", p->interface);
    }
    if (!ask(p->tx_fd, p->interface, SIOCGIFHWADDR, &ifr) ||
        ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
        return port_error(spec, error, EINVAL, "interface '%s' is not an Ethernet interface",
                          p->interface);
    }
    return 0;
}

static int
set_up(const struct port_spec *spec, struct af_packet_port *p, char **error)
{
    int err;

    p->rx_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    p->tx_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (p->rx_fd < 0 || p->tx_fd < 0) {
        err = errno;
        return port_error(spec, error, err, "cannot open a packet socket: %s", strerror(err));
    }
    err = check_interface(spec, p, error);
    if (err) {
        return err;
    }
    refresh_link(p); /* the ring's slots are as large as the MTU asks for */
    err = set_up_rx(p);
    err = err ? err : set_up_tx(p);
    err = err ? err : attach(p, if_nametoindex(p->interface));
    if (err) {
        return port_error(spec, error, err, "cannot attach to interface '%s': %s", p->interface,
                          strerror(err));
    }
    return 0;
}

static int
af_packet_open(const struct port_spec *spec, struct dp_port **portp, char **error)
{
    struct af_packet_port *p = calloc(1, sizeof *p);
    int err;

    if (!p || !(p->super_frame = malloc(AF_PACKET_SUPER_FRAME))) {
        free(p);
        return port_error(spec, error, ENOMEM, "out of memory");
    }
    p->dp.ops = &port_af_packet_class.ops;
    p->dp.id = spec->id;
    p->pool = spec->pool;
    LIST_INSERT_HEAD(&ports, p, node);
    err = set_up(spec, p, error);
    if (err) {
        af_packet_close(&p->dp);
        return err;
    }
    refresh_link(p);
    *portp = &p->dp;
    return 0;
}

static int
af_packet_arm(struct dp_port *dp, bool on __attribute__((unused)))
{
    /* The socket polls readable as long as the ring holds a frame: nothing to switch. */
    return ((struct af_packet_port *) dp)->rx_fd;
}

static uint64_t
af_packet_lost(struct dp_port *dp)
{
    struct af_packet_port *p = (struct af_packet_port *) dp;
    struct tpacket_stats stats; /* the kernel starts again at 0 each time they are read */

    if (!getsockopt(p->rx_fd, SOL_PACKET, PACKET_STATISTICS, &stats,
                    &(socklen_t){ sizeof stats })) {
        p->kernel_drops += stats.tp_drops;
    }
    return p->kernel_drops + atomic_load_explicit(&p->discarded, memory_order_relaxed);
}

const struct port_class port_af_packet_class = {
    .ops = { .type = "af_packet",
             .rx = af_packet_rx,
             .tx = af_packet_tx,
             .arm = af_packet_arm,
             .lost = af_packet_lost },
    .open = af_packet_open,
    .close = af_packet_close,
    .refresh = af_packet_refresh,
};
