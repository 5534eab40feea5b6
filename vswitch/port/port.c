#include <config.h>

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/af_xdp.h"
#include "port/class.h"
#include "port/port.h"

static const struct port_class *const classes[] = {
    [PORT_VHOST_USER] = &port_vhost_class,
    [PORT_AF_PACKET] = &port_af_packet_class,
    [PORT_ETHDEV] = &port_ethdev_class,
};
#define N_CLASSES (sizeof classes / sizeof classes[0])

static const struct port_class *
class_of(const struct dp_port *port)
{
    return (const struct port_class *) port->ops;
}

int
port_subsystem_init(void (*quiesce)(void))
{
    return port_vhost_init(quiesce);
}

void
port_subsystem_exit(void)
{
    port_vhost_exit();
    af_xdp_exit();
}

int
port_open(const struct port_spec *spec, struct dp_port **portp, char **error)
{
    port_sweep(); /* what removed ports had is there for this one */
    return classes[spec->type]->open(spec, portp, error);
}

void
port_close(struct dp_port *port)
{
    if (port) {
        class_of(port)->close(port);
    }
}

void
port_sweep(void)
{
    af_xdp_sweep();
}

void
port_refresh(struct dp_port *port)
{
    if (class_of(port)->refresh) {
        class_of(port)->refresh(port);
    }
}

void
port_set_link(struct dp_port *port, bool up)
{
    if (atomic_load(&port->up) != up) {
        atomic_store(&port->up, up);
        atomic_fetch_add(&port->attachment, 1);
    }
}

bool
port_type_from_name(const char *name, enum port_type *type)
{
    for (size_t i = 0; i < N_CLASSES; i++) {
        if (!strcmp(classes[i]->ops.type, name)) {
            *type = i;
            return true;
        }
    }
    return false;
}

const char *
port_type_name(enum port_type type)
{
    return type < N_CLASSES ? classes[type]->ops.type : "?";
}

int
port_error(const struct port_spec *spec, char **error, int err, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (asprintf(error, "port %s: %s", spec->name, text) < 0) {
        *error = NULL;
    }
    return err;
}
