/* Opening and closing ports: one interface, three implementations (vhost.c, af_packet.c, ethdev.c).
 *
 * Control thread only.  port_open() leaves nothing behind when it fails.  port_close() may be
 * called only when no worker can still see the port (after a grace period of a snapshot without
 * it). */
#ifndef PORT_PORT_H
#define PORT_PORT_H 1

#include "datapath/port.h"

struct rte_mempool;

enum port_type { PORT_VHOST_USER, PORT_AF_PACKET, PORT_ETHDEV };

struct port_spec {
    enum port_type type;
    const char *name;      /* for messages */
    const char *socket;    /* vhost-user: path, at most 107 bytes */
    bool client;           /* vhost-user: connect to 'socket' rather than listen on it */
    const char *interface; /* af_packet: kernel interface */
    const char *devargs;   /* ethdev: "net_tap0,iface=x", "0000:01:00.0", ... */
    uint16_t id;
    uint16_t n_workers; /* tx queue indices are below this */
    struct rte_mempool *pool;
};

/* Process-wide set-up before the first port; 'quiesce' blocks until no worker holds a pointer that
 * it got from a port before the call (used when a guest disconnects).  0 or a positive errno. */
int port_subsystem_init(void (*quiesce)(void));
void port_subsystem_exit(void);

/* 0 and '*portp', or a positive errno and '*error' (a sentence that names what is wrong; the caller
 * frees it): EINVAL, ENAMETOOLONG or ENOENT for a bad field; ENODEV when the interface or device
 * does not exist; EEXIST or EADDRINUSE when it is in use; ENOSPC when there is no room for another;
 * any other when the kernel or a driver refuses. */
int port_open(const struct port_spec *, struct dp_port **portp, char **error);
void port_close(struct dp_port *);
/* Brings 'up' and 'mtu' in line with the interface behind the port, and takes hold of a kernel
 * interface again that was deleted and came back.  Makes a few system calls; once a second. */
void port_refresh(struct dp_port *);

/* Gives back what closed ports could not let go of at once.  Once a second. */
void port_sweep(void);

/* "vhost-user", "af_packet", "ethdev"; false when there is no such type. */
bool port_type_from_name(const char *, enum port_type *);
const char *port_type_name(enum port_type);

#endif
