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

#include "port/class.h"

enum { N_DESCRIPTORS = 1024 };

struct ethdev_port {
    struct dp_port dp;
    uint16_t ethdev;
    bool is_tap;
    bool one_tx_queue; /* fewer queues than workers: they take turns at queue 0 */
    rte_spinlock_t tx_lock;
};

/* Ethdevs in use by a port; control thread only. */
static bool in_use[RTE_MAX_ETHPORTS];

static uint16_t
ethdev_rx(struct dp_port *dp, struct rte_mbuf **pkts, uint16_t n)
{
    return rte_eth_rx_burst(((struct ethdev_port *) dp)->ethdev, 0, pkts, n);
}

static uint16_t
ethdev_tx(struct dp_port *dp, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
    struct ethdev_port *p = (struct ethdev_port *) dp;

    if (!p->one_tx_queue) {
        return rte_eth_tx_burst(p->ethdev, queue, pkts, n);
    }
    rte_spinlock_lock(&p->tx_lock);
    n = rte_eth_tx_burst(p->ethdev, 0, pkts, n);
    rte_spinlock_unlock(&p->tx_lock);
    return n;
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
    atomic_store_explicit(&dp->up, link.link_status == RTE_ETH_LINK_UP, memory_order_release);
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
    detach(p->ethdev);
    free(p);
}

/* Drivers say "cannot probe" for an interface that is not there; we can say more. */
static int
check_interface(const struct port_spec *spec, char **error)
{
    static const char *const keys[] = { "iface", "remote", "rx_iface", "tx_iface", NULL };
    const char *comma = strchr(spec->devargs, ',');
    struct rte_kvargs *args = comma ? rte_kvargs_parse(comma + 1, NULL) : NULL;
    bool makes_iface = !strncmp(spec->devargs, "net_tap", 7);
    int err = 0;

    for (int i = makes_iface ? 1 : 0; args && keys[i] && !err; i++) {
        const char *interface = rte_kvargs_get(args, keys[i]);
        if (interface && !if_nametoindex(interface)) {
            err = port_error(spec, error, ENODEV, "interface '%s' does not exist", interface);
        }
    }
    rte_kvargs_free(args);
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
    err = check_interface(spec, error);
    if (err) {
        return err;
    }
    err = -rte_dev_probe(spec->devargs);
    if (!err) {
        *ethdev = find_ethdev(device, &err);
    }
    if (err) {
        err = err == ENODEV || err == ENOTSUP ? err : EIO; /* others are EAL's, of no use */
        return port_error(spec, error, err, "no driver accepts device '%s'", spec->devargs);
    }
    return 0;
}

static int
set_up_queues(const struct port_spec *spec, uint16_t ethdev, uint16_t n_tx)
{
    struct rte_eth_dev_info info;
    struct rte_eth_conf conf = { 0 };
    uint16_t n_rx_desc = N_DESCRIPTORS, n_tx_desc = N_DESCRIPTORS;
    int socket = rte_eth_dev_socket_id(ethdev);
    int err = rte_eth_dev_info_get(ethdev, &info);

    conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    err = err ? err : rte_eth_dev_configure(ethdev, 1, n_tx, &conf);
    err = err ? err : rte_eth_dev_adjust_nb_rx_tx_desc(ethdev, &n_rx_desc, &n_tx_desc);
    err = err ? err : rte_eth_rx_queue_setup(ethdev, 0, n_rx_desc, socket, NULL, spec->pool);
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
    int err = ENOTSUP;

    if (spec->n_workers > 1 && info->max_tx_queues >= spec->n_workers) {
        err = set_up_queues(spec, p->ethdev, spec->n_workers);
    }
    if (err) {
        p->one_tx_queue = spec->n_workers > 1;
        err = set_up_queues(spec, p->ethdev, 1);
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

static int
ethdev_open(const struct port_spec *spec, struct dp_port **portp, char **error)
{
    struct ethdev_port *p = calloc(1, sizeof *p);
    struct rte_eth_dev_info info;
    int err;

    if (!p) {
        return port_error(spec, error, ENOMEM, "out of memory");
    }
    err = attach(spec, &p->ethdev, error);
    if (err) {
        free(p);
        return err;
    }
    err = -rte_eth_dev_info_get(p->ethdev, &info);
    err = err ? err : start(spec, p, &info);
    if (err) {
        detach(p->ethdev);
        free(p);
        return port_error(spec, error, err, "device '%s' does not start: %s", spec->devargs,
                          strerror(err));
    }
    in_use[p->ethdev] = true;
    p->dp.ops = &port_ethdev_class.ops;
    p->dp.id = spec->id;
    p->dp.mtu = PORT_DEFAULT_MTU;
    p->is_tap = !strcmp(info.driver_name, "net_tap");
    p->dp.guess_partial_csum = has_kernel_behind(info.driver_name);
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
