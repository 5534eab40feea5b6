#include <config.h>

#include "port/rx_vlan.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

static int
ask(int fd, const char *interface, uint32_t command, uint32_t *flags)
{
    struct ethtool_value value = { .cmd = command, .data = *flags };
    struct ifreq ifr = { .ifr_data = (void *) &value };

    strncpy(ifr.ifr_name, interface, IFNAMSIZ - 1);
    if (ioctl(fd, SIOCETHTOOL, &ifr)) {
        return errno;
    }
    *flags = value.data;
    return 0;
}

/* '*changed': it was the other way before. */
static int
set_stripping(const char *interface, bool on, bool *changed)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint32_t flags = 0;
    int err;

    *changed = false;
    if (fd < 0) {
        return errno;
    }
    err = ask(fd, interface, ETHTOOL_GFLAGS, &flags);
    *changed = !err && !(flags & ETH_FLAG_RXVLAN) == on;
    if (*changed) {
        flags ^= ETH_FLAG_RXVLAN;
        err = ask(fd, interface, ETHTOOL_SFLAGS, &flags); /* EOPNOTSUPP: it is fixed */
    }
    close(fd);
    return err;
}

int
rx_vlan_keep(const char *interface, bool *changed)
{
    int err = set_stripping(interface, false, changed);

    *changed = *changed && !err;
    return err;
}

void
rx_vlan_restore(const char *interface)
{
    bool changed;

    set_stripping(interface, true, &changed);
}
