#include <config.h>

#include "control/site.h"

#include <stdlib.h>

#include "control/desired.h"
#include "util.h"

static void
copy_port(struct acl_site_port *to, const struct desired_port *port)
{
    size_t n = port->spec->n_labels;
    struct acl_label *labels = xcalloc(n + 1, sizeof *labels);

    for (size_t i = 0; i < n; i++) {
        labels[i].key = xstrdup(port->labels[i].key);
        labels[i].value = xstrdup(port->labels[i].value);
    }
    *to = (struct acl_site_port){ .name = xstrdup(port->spec->name),
                                  .labels = labels,
                                  .n_labels = n,
                                  .n_addrs = port->n_addrs,
                                  .vlan = port->vlan,
                                  .is_desktop = port->role == PORT_DESKTOP };
    if (port->n_addrs) {
        to->addrs = xmemdup(port->addrs, port->n_addrs * sizeof *port->addrs);
    }
}

static void
copy_set(struct acl_site_set *to, const char *name, const struct address_set *set)
{
    *to = (struct acl_site_set){ .name = xstrdup(name), .n = set->n };
    if (set->n) {
        to->prefixes = xmemdup(set->prefixes, set->n * sizeof *set->prefixes);
    }
}

static int
compare_ports(const void *a_, const void *b_)
{
    const struct acl_site_port *a = a_, *b = b_;

    return strcmp(a->name, b->name);
}

struct acl_site *
site_copy(const struct desired *d)
{
    struct acl_site *site = xzalloc(sizeof *site);
    struct acl_site_port *ports = xcalloc(shash_count(&d->ports) + 1, sizeof *ports);
    struct acl_site_set *sets = xcalloc(shash_count(&d->sets.by_name) + 1, sizeof *sets);
    struct shash_node *node;

    SHASH_FOR_EACH (node, &d->ports) {
        copy_port(&ports[site->n_ports++], node->data);
    }
    SHASH_FOR_EACH (node, &d->sets.by_name) {
        copy_set(&sets[site->n_sets++], node->name, node->data);
    }
    qsort(ports, site->n_ports, sizeof *ports, compare_ports);
    site->ports = ports;
    site->sets = sets;
    return site;
}

void
site_destroy(struct acl_site *site)
{
    for (size_t i = 0; site && i < site->n_ports; i++) {
        const struct acl_site_port *port = &site->ports[i];

        for (size_t j = 0; j < port->n_labels; j++) {
            free(port->labels[j].key);
            free(port->labels[j].value);
        }
        free(CONST_CAST(struct acl_label *, port->labels));
        free(CONST_CAST(struct acl_addr *, port->addrs));
        free(CONST_CAST(char *, port->name));
    }
    for (size_t i = 0; site && i < site->n_sets; i++) {
        free(CONST_CAST(struct acl_prefix *, site->sets[i].prefixes));
        free(CONST_CAST(char *, site->sets[i].name));
    }
    if (site) {
        free(CONST_CAST(struct acl_site_port *, site->ports));
        free(CONST_CAST(struct acl_site_set *, site->sets));
        free(site);
    }
}

uint32_t
site_find(const struct acl_site *site, const char *name)
{
    const struct acl_site_port key = { .name = name }, *port;

    if (!name[0]) {
        return ACL_NO_PORT;
    }
    port = bsearch(&key, site->ports, site->n_ports, sizeof *port, compare_ports);
    return port ? (uint32_t) (port - site->ports) : ACL_PORT_GONE;
}
