/* What port.c needs to know of an implementation.  Private to port/. */
#ifndef PORT_CLASS_H
#define PORT_CLASS_H 1

#include "port/port.h"

#define PORT_DEFAULT_MTU 1500 /* of what has no MTU of its own to ask for */

struct rte_mbuf;
struct rte_mempool;

struct port_class {
    struct dp_port_ops ops; /* first: a port's 'ops' leads to its class */
    int (*open)(const struct port_spec *, struct dp_port **, char **error);
    void (*close)(struct dp_port *);
    void (*refresh)(struct dp_port *);
};

extern const struct port_class port_vhost_class;
extern const struct port_class port_af_packet_class;
extern const struct port_class port_ethdev_class;

int port_vhost_init(void (*quiesce)(void));
void port_vhost_exit(void);

/* Of a kernel interface or a device, whose link is what is attached. */
void port_set_link(struct dp_port *, bool up);

/* Whether a port of the class is on that kernel interface; control thread. */
bool port_af_packet_uses(const char *interface);
bool port_ethdev_uses(const char *interface);

/* Writes "port NAME: ..." to '*error' and returns 'err'. */
int port_error(const struct port_spec *, char **error, int err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
