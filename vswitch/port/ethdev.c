/* Anything that DPDK has a driver for: NICs, AF_XDP, TAP, pcap. */
#include <config.h>

#include <errno.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_kvargs.h>
#include <rte_spinlock.h>

#include "port/af_xdp.h"
#include "port/class.h"
#include "port/rx_vlan.h"

enum { N_DESCRIPTORS = 1024 };

struct ethdev_port {
    struct dp_port dp;
    uint16_t ethdev;
    bool is_tap;
    bool one_tx_queue; /* fewer queues than workers: they take turns at queue 0 */
    rte_spinlock_t tx_lock;
    struct af_xdp *xdp;       /* NULL: not of AF_XDP */
    char vlan_kept[IFNAMSIZ]; /* interface whose setting was changed (rx_vlan.h); "": none */
};

/* Ethdevs in use by a port, and the kernel interface behind each, if any; control thread only. */
static bool in_use[RTE_MAX_ETHPORTS];
static char interfaces[RTE_MAX_ETHPORTS][IFNAMSIZ];

bool
port_ethdev_uses(const char *interface)
{
    for (int i = 0; i < RTE_MAX_ETHPORTS; i++) {
        if (in_use[i] && !strcmp(interfaces[i], interface)) {
            return true;
        }
    }
    return false;
}

static uint16_t
ethdev_rx(struct dp_port *dp, struct rte_mbuf **pkts, uint16_t n)
{
    return rte_eth_rx_burst(((struct ethdev_port *) dp)->ethdev, 0, pkts, n);
}

static uint16_t
send_burst(struct ethdev_port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
    if (!p->one_tx_queue) {
        return rte_eth_tx_burst(p->ethdev, queue, pkts, n);
    }
    rte_spinlock_lock(&p->tx_lock);
    n = rte_eth_tx_burst(p->ethdev, 0, pkts, n);
    rte_spinlock_unlock(&p->tx_lock);
    return n;
}

static uint16_t
ethdev_tx(struct dp_port *dp, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
    struct ethdev_port *p = (struct ethdev_port *) dp;
    uint16_t sent;

    if (!p->xdp) {
        return send_burst(p, queue, pkts, n);
    }
    af_xdp_mark_sent(p->xdp, pkts, n);
    sent = send_burst(p, queue, pkts, n);
    af_xdp_mark_unsent(p->xdp, pkts + sent, n - sent);
    return sent;
}

static int
ethdev_arm(struct dp_port *dp __attribute__((unused)), bool on __attribute__((unused)))
{
    return -1;
}

static uint64_t
ethdev_lost(struct dp_port *dp)
{
    struct rte_eth_stats stats;

    if (rte_eth_stats_get(((struct ethdev_port *) dp)->ethdev, &stats)) {
        return 0;
    }
    return stats.imissed + stats.ierrors + stats.rx_nombuf;
}

static void
ethdev_refresh(struct dp_port *dp)
{
    struct ethdev_port *p = (struct ethdev_port *) dp;
    struct rte_eth_link link = { .link_status = RTE_ETH_LINK_DOWN };
    uint16_t mtu;

    if (!rte_eth_dev_get_mtu(p->ethdev, &mtu)) {
        dp->mtu = mtu;
    }
    if (p->is_tap) {
        link.link_status = RTE_ETH_LINK_UP; /* in a namespace of its own the driver cannot see it */
    } else {
        rte_eth_link_get_nowait(p->ethdev, &link);
    }
    port_set_link(dp, link.link_status == RTE_ETH_LINK_UP);
}

/* A device may have several ethdevs; it goes when the last one that is in use goes. */
static void
detach(uint16_t ethdev)
{
    struct rte_eth_dev_info info, other;
    uint16_t i;

    if (rte_eth_dev_info_get(ethdev, &info)) {
        return;
    }
    rte_eth_dev_stop(ethdev);
    rte_eth_dev_close(ethdev);
    RTE_ETH_FOREACH_DEV(i)
    {
        if (in_use[i] && !rte_eth_dev_info_get(i, &other) && other.device == info.device) {
            return;
        }
    }
    rte_dev_remove(info.device);
}

static void
ethdev_close(struct dp_port *dp)
{
    struct ethdev_port *p = (struct ethdev_port *) dp;

    in_use[p->ethdev] = false;
    if (*p->vlan_kept) {
        rx_vlan_restore(p->vlan_kept);
    }
    interfaces[p->ethdev][0] = '\0';
    detach(p->ethdev);
    af_xdp_retire(p->xdp);
    free(p);
}

static bool
is_of_driver(const char *devargs, const char *driver)
{
    return !strncmp(devargs, driver, strlen(driver));
}

/* 'ours': the driver makes it. */
static int
check_interface(const struct port_spec *spec, const char *name, bool ours, char **error)
{
    if (!*name || strlen(name) >= IFNAMSIZ) {
        return port_error(spec, error, EINVAL, "'%s': an interface has a name of 1 to %d bytes",
                          name, IFNAMSIZ - 1);
    }
    if (!ours && !if_nametoindex(name)) {
        return port_error(spec, error, ENODEV, "interface '%s' does not exist", name);
    }
    if (port_af_packet_uses(name) || port_ethdev_uses(name)) {
        return port_error(spec, error, EEXIST, "interface '%s' is in use by another port", name);
    }
    return 0;
}

/* Drivers say "cannot probe" for an interface that is not there; we can say more. */
static int
check_interfaces(const struct port_spec *spec, const struct rte_kvargs *args,
                 char interface[IFNAMSIZ], char **error)
{
    static const char *const keys[] = { "iface", "remote", "rx_iface", "tx_iface", NULL };
    bool ours =
        is_of_driver(spec->devargs, "net_tap") || is_of_driver(spec->devargs, "net_virtio_user");
    int err = 0;

    for (int i = 0; keys[i] && !err; i++) {
        const char *name = rte_kvargs_get(args, keys[i]);

        if (name) {
            err = check_interface(spec, name, ours && !i, error);
            strncpy(interface, err ? "" : name, IFNAMSIZ - 1);
        }
    }
    return err;
}

/* The first ethdev of a device that no port uses; or RTE_MAX_ETHPORTS, and EBUSY when all of them
 * are in use or ENODEV when there is none. */
static uint16_t
find_ethdev(const char *device, int *err)
{
    struct rte_eth_dev_info info;
    uint16_t i;

    *err = ENODEV;
    RTE_ETH_FOREACH_DEV(i)
    {
        if (rte_eth_dev_info_get(i, &info) || strcmp(rte_dev_name(info.device), device)) {
            continue;
        }
        if (!in_use[i]) {
            *err = 0;
            return i;
        }
        *err = EBUSY;
    }
    return RTE_MAX_ETHPORTS;
}

/* What is before the first comma; a PCI address with its domain. */
static bool
device_name(const char *devargs, char name[RTE_DEV_NAME_MAX_LEN])
{
    int len = devargs ? strcspn(devargs, ",") : 0;
    unsigned bus, slot, function;
    int used = 0;

    if (!len || len >= RTE_DEV_NAME_MAX_LEN - 5) {
        return false;
    }
    sscanf(devargs, "%2x:%2x.%1x%n", &bus, &slot, &function, &used);
    snprintf(name, RTE_DEV_NAME_MAX_LEN, "%s%.*s", used == len ? "0000:" : "", len, devargs);
    return true;
}

static int
probe(const struct port_spec *spec, const char *device, uint16_t *ethdev, char **error)
{
    const char *comma = strchr(spec->devargs, ',');
    /* The "iface" of net_vhost is a socket. */
    struct rte_kvargs *args = comma && !is_of_driver(spec->devargs, "net_vhost")
                                  ? rte_kvargs_parse(comma + 1, NULL)
                                  : NULL;
    char interface[IFNAMSIZ] = "";
    int err = args ? check_interfaces(spec, args, interface, error) : 0;

    rte_kvargs_free(args);
    if (err) {
        return err;
    }
    err = -rte_dev_probe(spec->devargs);
    if (!err) {
        *ethdev = find_ethdev(device, &err);
    }
    if (err) {
        err = err == ENODEV || err == ENOTSUP ? err : EIO; /* others are EAL's, of no use */
        return port_error(spec, error, err, "no driver accepts device '%s'; the log says why",
                          spec->devargs);
    }
    memcpy(interfaces[*ethdev], interface, sizeof interface);
    return 0;
}

static int
attach(const struct port_spec *spec, uint16_t *ethdev, char **error)
{
    char device[RTE_DEV_NAME_MAX_LEN];
    int err;

    if (!device_name(spec->devargs, device)) {
        return port_error(spec, error, EINVAL, "'%s' are no device arguments",
                          spec->devargs ? spec->devargs : "");
    }
    *ethdev = find_ethdev(device, &err);
    if (err == EBUSY) {
        return port_error(spec, error, EEXIST, "device '%s' is in use by another port", device);
    }
    if (!err) {
        return 0; /* EAL was told of it at the start */
    }
    if (rte_eth_dev_count_total() >= RTE_MAX_ETHPORTS) {
        return port_error(spec, error, ENOSPC, "all %d ethdevs that DPDK was built for are in use",
                          RTE_MAX_ETHPORTS);
    }
    return probe(spec, device, ethdev, error);
}

static int
set_up_queues(const struct ethdev_port *p, uint16_t n_tx, struct rte_mempool *pool)
{
    uint16_t ethdev = p->ethdev;
    struct rte_eth_dev_info info;
    struct rte_eth_conf conf = { 0 };
    uint16_t n_rx_desc = N_DESCRIPTORS, n_tx_desc = N_DESCRIPTORS;
    int socket = rte_eth_dev_socket_id(ethdev);
    int err = rte_eth_dev_info_get(ethdev, &info);

    conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    err = err ? err : rte_eth_dev_configure(ethdev, 1, n_tx, &conf);
    err = err ? err : rte_eth_dev_adjust_nb_rx_tx_desc(ethdev, &n_rx_desc, &n_tx_desc);
    err = err ? err : rte_eth_rx_queue_setup(ethdev, 0, n_rx_desc, socket, NULL, pool);
    for (uint16_t i = 0; !err && i < n_tx; i++) {
        err = rte_eth_tx_queue_setup(ethdev, i, n_tx_desc, socket, NULL);
    }
    return -err;
}

/* One tx queue a worker where the driver has them (some want as many rx queues, and refuse), else
 * one for all. */
static int
start(const struct port_spec *spec, struct ethdev_port *p, const struct rte_eth_dev_info *info)
{
    struct rte_mempool *pool = p->xdp ? af_xdp_pool(p->xdp) : spec->pool;
    int err = ENOTSUP;

    if (spec->n_workers > 1 && info->max_tx_queues >= spec->n_workers) {
        err = set_up_queues(p, spec->n_workers, pool);
    }
    if (err) {
        p->one_tx_queue = spec->n_workers > 1;
        err = set_up_queues(p, 1, pool);
    }
    err = err ? err : -rte_eth_dev_start(p->ethdev);
    if (!err) {
        rte_eth_promiscuous_enable(p->ethdev); /* drivers without a filter do not have it */
    }
    return err;
}

static bool
has_kernel_behind(const char *driver)
{
    return !strcmp(driver, "net_tap") || !strcmp(driver, "net_af_xdp") ||
           !strcmp(driver, "net_af_packet");
}

/* A tag that a frame has lost would put it into the untagged VLAN. */
static int
keep_vlan_tags(const struct port_spec *spec, struct ethdev_port *p, unsigned ifindex, char **error)
{
    char interface[IFNAMSIZ] = "";
    bool changed;
    int err = if_indextoname(ifindex, interface) ? rx_vlan_keep(interface, &changed) : ENODEV;

    if (err) {
        return port_error(spec, error, err,
                          "interface '%s' takes VLAN tags out of frames, and cannot be told not to "
                          "(rx-vlan-offload: %s)",
                          interface, strerror(err));
    }
    if (changed) {
        memcpy(p->vlan_kept, interface, IFNAMSIZ);
    }
    return 0;
}

static int
bring_up(const struct port_spec *spec, struct ethdev_port *p, char **error)
{
    struct rte_eth_dev_info info;
    int err = -rte_eth_dev_info_get(p->ethdev, &info);

    if (!err && !strcmp(info.driver_name, "net_af_xdp") && !(p->xdp = af_xdp_create())) {
        return port_error(spec, error, ENOMEM, "device '%s': no %u MiB of memory for its buffers",
                          spec->devargs, AF_XDP_MEMORY_MB);
    }
    if (p->xdp && !err) {
        err = keep_vlan_tags(spec, p, info.if_index, error);
        if (err) {
            return err;
        }
    }
    err = err ? err : start(spec, p, &info);
    if (p->xdp) {
        af_xdp_note_descriptors(p->xdp);
    }
    if (err) {
        return port_error(spec, error, err, "device '%s' does not start: %s", spec->devargs,
                          strerror(err));
    }
    p->is_tap = !strcmp(info.driver_name, "net_tap");
    p->dp.guess_partial_csum = has_kernel_behind(info.driver_name);
    return 0;
}

static int
ethdev_open(const struct port_spec *spec, struct dp_port **portp, char **error)
{
    struct ethdev_port *p = calloc(1, sizeof *p);
    int err;

    if (!p) {
        return port_error(spec, error, ENOMEM, "out of memory");
    }
    err = attach(spec, &p->ethdev, error);
    if (err) {
        free(p);
        return err;
    }
    in_use[p->ethdev] = true;
    p->dp.ops = &port_ethdev_class.ops;
    p->dp.id = spec->id;
    p->dp.mtu = PORT_DEFAULT_MTU;
    err = bring_up(spec, p, error);
    if (err) {
        ethdev_close(&p->dp);
        return err;
    }
    ethdev_refresh(&p->dp);
    *portp = &p->dp;
    return 0;
}

const struct port_class port_ethdev_class = {
    .ops = { .type = "ethdev",
             .rx = ethdev_rx,
             .tx = ethdev_tx,
             .arm = ethdev_arm,
             .lost = ethdev_lost },
    .open = ethdev_open,
    .close = ethdev_close,
    .refresh = ethdev_refresh,
};
