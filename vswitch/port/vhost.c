/* Desktops by vhost-user.
 *
 * librte_vhost directly rather than its ethdev: Debian's DPDK has 32 ethdevs a process and 1,024
 * vhost devices.  Three kinds of threads meet here: control opens and closes, workers receive and
 * send, and librte_vhost's own thread says when a guest comes and goes.  What they share is 'link'.
 *
 * A port's wake-up descriptor is an epoll set that lives as long as the port does.  It holds the
 * guest's kick eventfd while there is one, and an eventfd of ours, edge-triggered both, so that we
 * never read a descriptor that a guest's process gave us: it might block. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_vhost.h>

#include "port/class.h"
#include "port/unix_socket.h"

/* Virtqueues, as the guest numbers them. */
enum { GUEST_RX, GUEST_TX };

#define LINK_DOWN UINT64_MAX

/* What a guest may negotiate: only what is used here.  Without VIRTIO_NET_F_CSUM it computes full
 * checksums; without MQ and CTRL_VQ it has one pair of queues.  These bits have to be the same
 * after a restart of the switch, or guests that live through it lose their network. */
#define FEATURES                                                                                   \
    (1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_NET_F_MRG_RXBUF |                                 \
     1ULL << VIRTIO_RING_F_INDIRECT_DESC | 1ULL << VIRTIO_RING_F_EVENT_IDX |                       \
     1ULL << VHOST_USER_F_PROTOCOL_FEATURES)
#define PROTOCOL_FEATURES (1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK)

struct vhost_port {
    struct dp_port dp;
    LIST_ENTRY(vhost_port) node;
    char *path;
    bool client;
    struct rte_mempool *pool;
    int epoll_fd, wake_fd;
    int kick_fd; /* our duplicate of the guest's; vhost thread, -1 = none */

    /* Count of connections so far << 32 | vid, so that a worker sees a guest that came back under
     * the same vid; LINK_DOWN. */
    _Atomic uint64_t link;
    uint32_t n_links; /* vhost thread */

    /* The polling worker: what librte_vhost discards without counting is how far it has read in the
     * guest's ring less what it returned. */
    uint64_t sampled_link;
    uint16_t sampled_avail;
    uint16_t polls;
    uint32_t returned;
    _Atomic uint64_t discarded;
};

/* Guards the list only, never held across a call into librte_vhost that waits for its thread. */
static pthread_mutex_t ports_mutex = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, vhost_port) ports = LIST_HEAD_INITIALIZER(ports);
static void (*wait_for_workers)(void);

static struct vhost_port *
find_port(const char *path)
{
    struct vhost_port *p;

    pthread_mutex_lock(&ports_mutex);
    LIST_FOREACH(p, &ports, node)
    {
        if (!strcmp(p->path, path)) {
            break;
        }
    }
    pthread_mutex_unlock(&ports_mutex);
    return p;
}

static struct vhost_port *
port_of_vid(int vid)
{
    char path[UNIX_SOCKET_PATH_MAX + 1];

    return rte_vhost_get_ifname(vid, path, sizeof path) ? NULL : find_port(path);
}

static void
wake(struct vhost_port *p)
{
    uint64_t one = 1;

    /* EAGAIN would mean that the counter is full: the event is there all the same. */
    (void) !write(p->wake_fd, &one, sizeof one);
}

static int
watch(int epoll_fd, int fd)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };

    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) ? errno : 0;
}

static void
forget_kick(struct vhost_port *p)
{
    if (p->kick_fd >= 0) {
        epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, p->kick_fd, NULL);
        close(p->kick_fd);
        p->kick_fd = -1;
    }
}

/* A guest without a usable kick descriptor is polled by time, nothing worse. */
static void
take_kick(struct vhost_port *p, int vid)
{
    struct rte_vhost_vring vring;

    forget_kick(p);
    if (rte_vhost_get_vhost_vring(vid, GUEST_TX, &vring) || vring.kickfd < 0) {
        return;
    }
    p->kick_fd = fcntl(vring.kickfd, F_DUPFD_CLOEXEC, 0);
    if (p->kick_fd >= 0 && watch(p->epoll_fd, p->kick_fd)) {
        close(p->kick_fd);
        p->kick_fd = -1;
    }
}

static int
new_device(int vid)
{
    struct vhost_port *p = port_of_vid(vid);

    if (!p) {
        return -1;
    }
    rte_vhost_enable_guest_notification(vid, GUEST_RX, 0);
    rte_vhost_enable_guest_notification(vid, GUEST_TX, 0);
    take_kick(p, vid);
    atomic_store(&p->link, (uint64_t) ++p->n_links << 32 | (uint32_t) vid);
    atomic_store(&p->dp.up, true);
    wake(p);
    return 0;
}

static void
destroy_device(int vid)
{
    struct vhost_port *p = port_of_vid(vid);

    if (!p) {
        return;
    }
    atomic_store(&p->dp.up, false);
    atomic_store(&p->link, LINK_DOWN);
    wait_for_workers(); /* once we return, the guest's memory is unmapped */
    forget_kick(p);
    wake(p);
}

static void
attachment_changed(int vid)
{
    struct vhost_port *p = port_of_vid(vid);

    if (p) {
        atomic_fetch_add(&p->dp.attachment, 1);
    }
}

static int
new_connection(int vid)
{
    attachment_changed(vid);
    return 0;
}

static const struct rte_vhost_device_ops callbacks = {
    .new_device = new_device,
    .destroy_device = destroy_device,
    .new_connection = new_connection,
    .destroy_connection = attachment_changed,
};

/* A burst moves the avail index by DP_BURST at most: sampling every 1,024 polls cannot miss a wrap
 * of its 16 bits. */
static void
sample_discarded(struct vhost_port *p, uint64_t link)
{
    uint16_t avail, used;

    if (rte_vhost_get_vring_base((uint32_t) link, GUEST_TX, &avail, &used)) {
        return;
    }
    if (p->sampled_link == link) {
        uint16_t taken = avail - p->sampled_avail;
        if (taken > p->returned) {
            atomic_fetch_add_explicit(&p->discarded, taken - p->returned, memory_order_relaxed);
        }
    }
    p->sampled_link = link;
    p->sampled_avail = avail;
    p->returned = 0;
    p->polls = 0;
}

static uint16_t
vhost_rx(struct dp_port *dp, struct rte_mbuf **pkts, uint16_t n)
{
    struct vhost_port *p = (struct vhost_port *) dp;
    uint64_t link = atomic_load_explicit(&p->link, memory_order_acquire);

    if (link == LINK_DOWN) {
        return 0;
    }
    if (link != p->sampled_link || ++p->polls == 1024) {
        sample_discarded(p, link);
    }
    n = rte_vhost_dequeue_burst((uint32_t) link, GUEST_TX, p->pool, pkts,
                                n < DP_BURST ? n : DP_BURST);
    p->returned += n;
    return n;
}

/* librte_vhost copies, and serialises workers by the queue's own lock. */
static uint16_t
vhost_tx(struct dp_port *dp, uint16_t queue __attribute__((unused)), struct rte_mbuf **pkts,
         uint16_t n)
{
    struct vhost_port *p = (struct vhost_port *) dp;
    uint64_t link = atomic_load_explicit(&p->link, memory_order_acquire);
    uint16_t sent;

    if (link == LINK_DOWN) {
        return 0;
    }
    sent = rte_vhost_enqueue_burst((uint32_t) link, GUEST_RX, pkts, n);
    rte_pktmbuf_free_bulk(pkts, sent);
    return sent;
}

static int
vhost_arm(struct dp_port *dp, bool on)
{
    struct vhost_port *p = (struct vhost_port *) dp;
    uint64_t link = atomic_load_explicit(&p->link, memory_order_acquire);
    struct epoll_event events[2];

    if (link != LINK_DOWN) {
        rte_vhost_enable_guest_notification((uint32_t) link, GUEST_TX, on);
        atomic_thread_fence(memory_order_seq_cst);
        if (on && rte_vhost_rx_queue_count((uint32_t) link, GUEST_TX)) {
            wake(p); /* came in before the guest knew that it has to kick */
        }
    }
    if (!on) {
        epoll_wait(p->epoll_fd, events, 2, 0); /* takes the edges off */
    }
    return p->epoll_fd;
}

static uint64_t
vhost_lost(struct dp_port *dp)
{
    return atomic_load_explicit(&((struct vhost_port *) dp)->discarded, memory_order_relaxed);
}

static void
destroy(struct vhost_port *p)
{
    forget_kick(p);
    if (p->epoll_fd >= 0) {
        close(p->epoll_fd);
    }
    if (p->wake_fd >= 0) {
        close(p->wake_fd);
    }
    free(p->path);
    free(p);
}

/* Unregistering ends the guest's connection (by destroy_device(), which still finds the port) and
 * removes the socket file in server mode. */
static void
vhost_close(struct dp_port *dp)
{
    struct vhost_port *p = (struct vhost_port *) dp;

    rte_vhost_driver_unregister(p->path);
    pthread_mutex_lock(&ports_mutex);
    LIST_REMOVE(p, node);
    pthread_mutex_unlock(&ports_mutex);
    destroy(p);
}

static struct vhost_port *
create(const struct port_spec *spec)
{
    struct vhost_port *p = calloc(1, sizeof *p);

    if (!p) {
        return NULL;
    }
    p->dp.ops = &port_vhost_class.ops;
    p->dp.id = spec->id;
    p->dp.mtu = PORT_DEFAULT_MTU;
    p->client = spec->client;
    p->pool = spec->pool;
    p->kick_fd = -1;
    p->link = p->sampled_link = LINK_DOWN;
    p->path = strdup(spec->socket);
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!p->path || p->epoll_fd < 0 || p->wake_fd < 0 || watch(p->epoll_fd, p->wake_fd)) {
        destroy(p);
        return NULL;
    }
    return p;
}

static bool
configure(const struct vhost_port *p)
{
    uint64_t offered;

    return !rte_vhost_driver_get_features(p->path, &offered) &&
           !rte_vhost_driver_disable_features(p->path, offered & ~FEATURES) &&
           !rte_vhost_driver_set_protocol_features(p->path, PROTOCOL_FEATURES) &&
           !rte_vhost_driver_callback_register(p->path, &callbacks);
}

static int
check_path(const struct port_spec *spec, char **error)
{
    char reason[256];
    int err = unix_socket_check(spec->socket, reason, sizeof reason);

    if (err) {
        return port_error(spec, error, err, "%s", reason);
    }
    if (find_port(spec->socket)) {
        return port_error(spec, error, EEXIST, "socket '%s' is in use by another port",
                          spec->socket);
    }
    err = spec->client ? unix_socket_check_peer(spec->socket, reason, sizeof reason)
                       : unix_socket_clear_stale(spec->socket, reason, sizeof reason);
    return err ? port_error(spec, error, err, "%s", reason) : 0;
}

static int
vhost_open(const struct port_spec *spec, struct dp_port **portp, char **error)
{
    uint64_t flags = RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS;
    struct vhost_port *p;
    int err = check_path(spec, error);

    if (err) {
        return err;
    }
    p = create(spec);
    if (!p) {
        return port_error(spec, error, ENOMEM, "out of memory or descriptors");
    }
    if (spec->client) {
        flags |= RTE_VHOST_USER_CLIENT;
    }
    if (rte_vhost_driver_register(p->path, flags)) {
        destroy(p);
        return port_error(spec, error, ENOSPC, "no room for another vhost-user socket");
    }
    pthread_mutex_lock(&ports_mutex);
    LIST_INSERT_HEAD(&ports, p, node);
    pthread_mutex_unlock(&ports_mutex);
    if (!configure(p) || rte_vhost_driver_start(p->path)) {
        vhost_close(&p->dp);
        return port_error(spec, error, EIO, "cannot %s socket '%s'",
                          spec->client ? "connect to" : "listen on", spec->socket);
    }
    *portp = &p->dp;
    return 0;
}

int
port_vhost_init(void (*quiesce)(void))
{
    wait_for_workers = quiesce;
    /* A line for every packet that a guest builds wrongly would let it fill the log. */
    rte_log_set_level_pattern("lib.vhost.data", RTE_LOG_EMERG);
    /* Some fifty lines for every guest that connects. */
    rte_log_set_level_pattern("lib.vhost.config", RTE_LOG_WARNING);
    return 0;
}

void
port_vhost_exit(void)
{
    wait_for_workers = NULL;
}

const struct port_class port_vhost_class = {
    .ops = { .type = "vhost-user",
             .rx = vhost_rx,
             .tx = vhost_tx,
             .arm = vhost_arm,
             .lost = vhost_lost },
    .open = vhost_open,
    .close = vhost_close,
};
