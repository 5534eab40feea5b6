/* The configuration file: what a switch without a state starts from.
 *
 *     settings: { connections: 262144, buffers: 32768, drop_records: 1000000, idle_sleep: true,
 *                 port_connections: 16384, flow_journal: { flows: 262144, hours: 72 },
 *                 capture_megabytes: 1024, metrics: "127.0.0.1:9464" }
 *     ports:
 *       - name: desk1
 *         role: desktop                    # desktop or uplink
 *         vhost_user: { socket: desk1.sock, client: true }
 *         mac: 02:00:00:00:00:01
 *         ips: [10.0.0.11, "2001:db8::11"]
 *         user: alice
 *         labels: { pool: sales }
 *       - { name: up, role: uplink, af_packet: { interface: eth1 } }
 *       - { name: nic, role: uplink, ethdev: { devargs: "0000:01:00.0" } }
 *     policy: policy.yaml                  # relative to this file
 *     access:                              # who may do what: control/access.h
 *       - { user: sato, roles: [operator] }
 *
 * Settings and access are read at every start.  Ports and policy are read once, into an empty state
 * directory, and by ApplyConfig (port_plan.h); the state directory holds them.  Unknown keys are
 * errors; nothing is taken from a file that has one. */
#ifndef CONTROL_CONFIG_H
#define CONTROL_CONFIG_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/access.h"
#include "fusuma/v1/port.pb-c.h"

struct config_place {
    unsigned line, column;
};

struct config {
    uint32_t connections;       /* size of the connection table */
    uint32_t port_connections;  /* that one desktop may have open; 0: a sixteenth, at least 1,024 */
    uint32_t buffers;           /* packet buffers */
    uint32_t drop_records;      /* drop events that are kept on the disk */
    uint32_t flows;             /* that the journal holds ... */
    uint32_t flow_hours;        /* ... for so long */
    uint32_t capture_megabytes; /* that the files of captures may take */
    bool idle_sleep;            /* workers sleep when there is nothing to do */
    char *metrics;              /* where to serve them, ADDRESS:PORT; or NULL: nowhere */
    Fusuma__V1__PortSpec **ports;
    struct config_place *places; /* [n_ports]: where in the file each port is */
    size_t n_ports;
    char *policy;      /* the policy file's text, or NULL */
    char *policy_file; /* its path */
    struct access access;
};

/* The settings of a switch without a file. */
void config_init(struct config *);
void config_destroy(struct config *);
/* Reads 'file' in the place of what 'config' held.  0; or a positive errno and '*error'
 * ("FILE:LINE:COLUMN: what"; the caller frees it), and 'config' is as it was. */
int config_read(const char *file, struct config *, char **error);

#endif
