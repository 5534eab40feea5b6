/* Desired state: the ports that should exist, checked and numbered.
 *
 * Control thread only.  A port is created from a PortSpec (which checks every field by itself),
 * checked against the others, inserted, and only then opened and published; what fails on the way
 * leaves nothing behind. */
#ifndef CONTROL_DESIRED_H
#define CONTROL_DESIRED_H 1

#include "fusuma/v1/port.pb-c.h"

#include "control/learned.h"
#include "control/limits.h"
#include "control/quarantines.h"
#include "control/sets.h"
#include "datapath/snapshot.h"
#include "openvswitch/shash.h"
#include "port/port.h"
#include "proto/rpc.h"
#include "telemetry/ledger.h"

#define PORT_NAME_MAX 63
#define SOCKET_PATH_MAX 107 /* sun_path less its NUL */
/* Each is compared with each, here and with those of the other ports. */
#define PORT_IPS_MAX 64
#define PORT_LABELS_MAX 64

struct refresh;
struct desired_port {
    Fusuma__V1__PortSpec *spec;
    char *socket; /* vhost-user: absolute path */
    enum port_role role;
    uint64_t mac;
    struct acl_addr *addrs;              /* bound: 'ips' and the link-local address of the MAC, */
    size_t n_given;                      /* ... so many, */
    size_t n_addrs;                      /* ... and what was learned */
    struct learned learned[LEARNED_MAX]; /* oldest first */
    size_t n_learned;
    bool learned_changed;     /* since it was stored */
    uint16_t vlan;            /* VLAN_NONE: nothing goes untagged */
    uint64_t *trunks;         /* VLANs that go tagged, a bit each of VLAN_COUNT; NULL: none */
    struct acl_label *labels; /* strings are the spec's */
    struct limits limits;
    size_t scope;                /* of the policy in force or about to be: whose tables it has */
    const struct acl_pool *pool; /* ... and NULL: none */
    int64_t added_us;            /* Unix time since when it is there; 0: not known */
    struct refresh *refresh;     /* the last one, of 'refreshes'; NULL: there was none */
    const struct quarantine *quarantine; /* that holds it, or NULL */
    bool open;         /* the policy has some of the lists of its quarantine ... */
    size_t open_scope; /* ... and this is the scope of those */

    uint16_t id;
    uint16_t worker;
    struct dp_port *dp; /* NULL: it could not be opened (yet) */
    char *why_down;     /* ... as was logged */
    bool changed;       /* publish a new leaf */
    uint32_t user_slot; /* whose drops its own are; 0: nobody's that is known */
    uint8_t capture;    /* enum capture_mode, ... */
    uint16_t snaplen;   /* ... of so many bytes a packet */
    bool restamped;     /* publish a leaf with these, and judge nothing again */
    uint32_t epoch;
    uint64_t generation;     /* in which it last changed */
    struct ledger_page base; /* what earlier ports of this id left in the ledger */
};

struct desired {
    struct shash ports; /* of struct desired_port */
    struct desired_port *by_id[DP_MAX_PORTS];
    uint16_t next_id;
    struct sets sets;
    struct shash refreshes; /* of struct refresh, by port, also of ports that are gone */
    struct quarantines quarantines;
    bool lists_changed;   /* a quarantine with lists came, or has other ones */
    bool members_changed; /* ports or sets came, went, or changed what groups see of them */
};

void desired_init(struct desired *);
void desired_destroy(struct desired *);

/* Checks 'spec' by itself and copies it.  Relative sockets are taken from 'run_dir'.  RPC_OK, or
 * RPC_INVALID_ARGUMENT and '*error' (which names the field). */
enum rpc_status desired_port_create(const Fusuma__V1__PortSpec *spec, const char *run_dir,
                                    struct desired_port **, char **error);
void desired_port_destroy(struct desired_port *);
/* Whether it is one of the port's, given or learned. */
bool desired_has_address(const struct desired_port *, const struct acl_addr *);
/* Whether a station may have the address: no group, loopback or wildcard. */
bool desired_is_station_address(const struct acl_addr *);
/* vlans.c: checks the spec's VLANs, once the role is known, and sets 'vlan' and 'trunks'. */
enum rpc_status desired_check_vlans(struct desired_port *, char **error);

/* Checks it against the other ports and gives it a number that is free. */
enum rpc_status desired_number(const struct desired *d, struct desired_port *, char **error);
/* Puts in a port that has a number.  Then 'd' owns it, and it is in quarantine if one holds it. */
void desired_insert(struct desired *d, struct desired_port *);
/* Takes it out; the caller owns it again. */
void desired_remove(struct desired *d, struct desired_port *);
/* Puts 'q' in the place of the quarantine of that id and takes it (quarantines_put()): ports that
 * it holds are in it, and changed.  '*oldp': the one that was there, or NULL; the caller's, and no
 * port is in it any more.  Whether any port changed. */
bool desired_put_quarantine(struct desired *, const char *id, struct quarantine *q,
                            struct quarantine **oldp);
struct desired_port *desired_find(const struct desired *d, const char *name);
/* Whether some desktop is in a VLAN: not all addresses are of one network, then. */
bool desired_uses_vlans(const struct desired *d);

/* Sets '*error' to a formatted sentence and returns 'status'. */
enum rpc_status control_fail(char **error, enum rpc_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
