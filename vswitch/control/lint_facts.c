#include <config.h>

#include "control/lint_facts.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "control/membership.h"
#include "control/message.h"
#include "util.h"

/* ---- members ---- */

static void
mark(bool *has, const uint32_t *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        has[groups[i]] = true;
    }
}

bool *
lint_facts_members(const struct compile_job *job)
{
    const struct acl_classes *classes = job->compiled.classes;
    bool *has = calloc(job->policy->n_groups + 1, sizeof *has);

    if (!has) {
        return NULL;
    }
    for (uint32_t class = 0; class < acl_classes_count(classes); class ++) {
        size_t n;
        const uint32_t *groups = acl_classes_groups(classes, class, &n);

        mark(has, groups, n);
    }
    /* A desktop is a member though it may have no address yet. */
    for (size_t i = 0; i < job->n_ports; i++) {
        mark(has, job->ports[i].groups, job->ports[i].n);
    }
    return has;
}

/* ---- connections ---- */

/* The one desktop that has the address; NULL: there is none, or one in each of several VLANs. */
static const struct desired_port *
desktop_of(const struct desired *d, const struct acl_addr *a)
{
    const struct desired_port *found = NULL;
    struct shash_node *node;

    SHASH_FOR_EACH (node, &d->ports) {
        const struct desired_port *port = node->data;

        for (size_t i = 0; port->role == PORT_DESKTOP && i < port->n_addrs; i++) {
            if (acl_addr_equals(&port->addrs[i], a)) {
                if (found) {
                    return NULL;
                }
                found = port;
            }
        }
    }
    return found;
}

/* 'service' is the switch's side, wherever the connection is looked at from. */
static struct acl_question
ask(const struct acl_policy *policy, const struct desired *d, const struct desired_port *port,
    enum acl_direction direction, const struct acl_addr *peer, uint16_t service)
{
    struct acl_question q = { .direction = direction, .protocol = IPPROTO_TCP, .service = service };

    q.port_groups = membership_of_port(policy, port, &q.n_port_groups);
    q.peer_groups = membership_of_address(policy, d, port->vlan, peer, &q.n_peer_groups);
    return q;
}

static bool
is_answered(const struct acl_question *q)
{
    return q->port_groups && q->peer_groups;
}

static void
question_destroy(const struct acl_question *q)
{
    free((void *) q->port_groups);
    free((void *) q->peer_groups);
}

static void
connection_destroy(const struct acl_lint_connection *c)
{
    question_destroy(&c->before);
    question_destroy(&c->after);
    free((void *) c->name);
    free((void *) c->what);
}

static char *
describe(const struct api_client *client, const char *port, enum acl_direction direction)
{
    char *remote = addr_text(&client->remote);
    char *local = addr_text(&client->local);
    char *text =
        xasprintf("the client %s of this switch's API (%s of port '%s', tcp/%u to %s)", remote,
                  direction == ACL_EGRESS ? "egress" : "ingress", port, client->local_port, local);

    free(local);
    free(remote);
    return text;
}

/* 'peer' is the other end, seen from the desktop that has 'own'. */
static void
add(struct compile_job *job, const struct desired *d, const struct api_client *client,
    enum acl_direction direction, const struct acl_addr *own, const struct acl_addr *peer)
{
    const struct desired_port *port = desktop_of(d, own);
    struct acl_lint_connection c;

    if (!port || !job->before) {
        return;
    }
    c.before = ask(job->before, d, port, direction, peer, client->local_port);
    c.after = ask(job->policy, d, port, direction, peer, client->local_port);
    c.name = addr_text(&client->remote);
    c.what = describe(client, port->spec->name, direction);
    if (!is_answered(&c.before) || !is_answered(&c.after)) {
        connection_destroy(&c); /* memory is short: nothing is certain */
        return;
    }
    job->connections =
        xrealloc(job->connections, (job->n_connections + 1) * sizeof *job->connections);
    job->connections[job->n_connections++] = c;
}

void
lint_facts_connections(struct compile_job *job, const struct desired *d,
                       const struct api_client *clients, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct api_client *c = &clients[i];

        add(job, d, c, ACL_EGRESS, &c->remote, &c->local);
        add(job, d, c, ACL_INGRESS, &c->local, &c->remote);
    }
}

/* ---- quarantines ---- */

static void
add_open(struct compile_job *job, const struct quarantine *q)
{
    for (size_t i = 0; i < q->allow.n; i++) {
        job->open = xrealloc(job->open, (job->n_open + 1) * sizeof *job->open);
        job->open[job->n_open++] = (struct acl_lint_open){
            .list = xstrdup(q->allow.names[i]),
            .who = q->vm_id[0] ? xasprintf("VM '%s'", q->vm_id) : xasprintf("port '%s'", q->port),
        };
    }
}

void
lint_facts_quarantines(struct compile_job *job, const struct desired *d)
{
    const struct shash_node **nodes = shash_sort(&d->quarantines.by_id);

    for (size_t i = 0; i < shash_count(&d->quarantines.by_id); i++) {
        add_open(job, nodes[i]->data);
    }
    free(nodes);
}

void
lint_facts_release(struct compile_job *job)
{
    for (size_t i = 0; i < job->n_open; i++) {
        free(CONST_CAST(char *, job->open[i].list));
        free(CONST_CAST(char *, job->open[i].who));
    }
    free(job->open);
    job->open = NULL;
    job->n_open = 0;
    for (size_t i = 0; i < job->n_connections; i++) {
        connection_destroy(&job->connections[i]);
    }
    free(job->connections);
    job->connections = NULL;
    job->n_connections = 0;
}
