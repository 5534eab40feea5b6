#include <config.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "port/af_xdp.h"

/* The driver fills its ring with 2,048 buffers, and may hold as many that were sent and are not yet
 * completed and 1,024 that wait to be; the rest are on their way in the switch. */
enum { PAGE = 4096, N_BUFFERS = (AF_XDP_MEMORY_MB << 20) / PAGE - 1 };

/* An open descriptor and what tells it from another that gets its number. */
enum { MAX_DESCRIPTORS = 16 };
struct descriptor {
    int fd;
    char name[48];    /* "socket:[1234]", "anon_inode:bpf-map" */
    unsigned long id; /* of a BPF program or map */
};

struct af_xdp {
    LIST_ENTRY(af_xdp) node;
    struct rte_mempool *pool;
    struct descriptor descriptors[MAX_DESCRIPTORS];
    unsigned n_descriptors;
    bool retired;
    time_t whole_since; /* a retired pool that nobody holds a buffer of; 0 = not yet */
};

static LIST_HEAD(, af_xdp) all = LIST_HEAD_INITIALIZER(all);
static struct af_xdp others; /* descriptors alone: those that came from elsewhere */

/* ---- descriptors ----
 *
 * Nothing else here opens AF_XDP sockets, BPF programs or BPF maps, so what is neither another
 * port's nor was there before is this port's.  A number may be somebody else's by the time the port
 * closes: each is told by what it names. */

static bool
read_link(int fd, struct descriptor *d)
{
    char path[64];
    ssize_t n;
    int domain;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    n = readlink(path, d->name, sizeof d->name - 1);
    if (n < 0) {
        return false;
    }
    d->name[n] = '\0';
    d->fd = fd;
    return !strncmp(d->name, "anon_inode:bpf", 14) ||
           (!strncmp(d->name, "socket:", 7) &&
            !getsockopt(d->fd, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){ sizeof domain }) &&
            domain == AF_XDP);
}

/* The number that the kernel gave a program or a map; a socket has one in its name. */
static unsigned long
bpf_id(int fd)
{
    char path[64], line[128];
    unsigned long id = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    f = fopen(path, "re");
    while (f && !id && fgets(line, sizeof line, f)) {
        if (sscanf(line, "prog_id: %lu", &id) != 1) {
            sscanf(line, "map_id: %lu", &id);
        }
    }
    if (f) {
        fclose(f);
    }
    return id;
}

static bool
is_ours(int fd, struct descriptor *d)
{
    if (!read_link(fd, d)) {
        return false;
    }
    d->id = bpf_id(d->fd);
    return true;
}

static bool
is_same(const struct descriptor *a, const struct descriptor *b)
{
    return a->fd == b->fd && a->id == b->id && !strcmp(a->name, b->name);
}

static bool
has(const struct af_xdp *x, const struct descriptor *d)
{
    for (unsigned i = 0; i < x->n_descriptors; i++) {
        if (is_same(&x->descriptors[i], d)) {
            return true;
        }
    }
    return false;
}

static bool
is_known(const struct descriptor *d)
{
    const struct af_xdp *x;

    LIST_FOREACH(x, &all, node)
    {
        if (has(x, d)) {
            return true;
        }
    }
    return has(&others, d);
}

void
af_xdp_note_descriptors(struct af_xdp *x)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    while (dir && x->n_descriptors < MAX_DESCRIPTORS && (entry = readdir(dir))) {
        struct descriptor *d = &x->descriptors[x->n_descriptors];

        if (entry->d_name[0] != '.' && is_ours(atoi(entry->d_name), d) && !is_known(d)) {
            x->n_descriptors++;
        }
    }
    if (dir) {
        closedir(dir);
    }
}

static void
close_descriptors(struct af_xdp *x)
{
    for (unsigned i = 0; i < x->n_descriptors; i++) {
        struct descriptor now;

        if (is_ours(x->descriptors[i].fd, &now) && is_same(&now, &x->descriptors[i])) {
            close(now.fd);
        }
    }
    x->n_descriptors = 0;
}

/* ---- the buffers ----
 *
 * A buffer that the driver handed to the switch has its ethdev in 'port'; one in the driver's rings
 * has RTE_MBUF_PORT_INVALID there, from its allocation or from af_xdp_mark_sent().  So of a retired
 * pool, once what is free is taken out and marked invalid as well, those that are left with a port
 * are the ones that somebody still holds.  For this to be all there is, the pool has no caches. */

struct extent {
    uintptr_t first, last;
};

static void
extend(struct rte_mempool *pool __attribute__((unused)), void *extent, void *m,
       unsigned i __attribute__((unused)))
{
    struct extent *e = extent;

    e->first = RTE_MIN(e->first, (uintptr_t) m);
    e->last = RTE_MAX(e->last, (uintptr_t) m);
}

/* The driver registers as many bytes as the buffers have, from the first piece of memory on: pieces
 * apart from each other or gaps at the ends of pages would leave the last buffers out, of which the
 * kernel then takes none.  So a buffer is a page, without what else spreads them over the channels.
 */
static struct rte_mempool *
create_pool(void)
{
    static unsigned n_created;
    const unsigned header = rte_mempool_calc_obj_size(0, RTE_MEMPOOL_F_NO_SPREAD, NULL);
    const unsigned size = PAGE - header;
    struct rte_pktmbuf_pool_private private = { .mbuf_data_room_size =
                                                    size - sizeof(struct rte_mbuf) };
    struct extent extent = { .first = UINTPTR_MAX };
    char name[RTE_MEMPOOL_NAMESIZE];
    struct rte_mempool *pool;

    snprintf(name, sizeof name, "af_xdp-%u", n_created++);
    pool = rte_mempool_create(name, N_BUFFERS, size, 0, sizeof private, rte_pktmbuf_pool_init,
                              &private, rte_pktmbuf_init, NULL, SOCKET_ID_ANY,
                              RTE_MEMPOOL_F_NO_SPREAD);
    if (pool) {
        rte_mempool_obj_iter(pool, extend, &extent);
        if (extent.last - extent.first != (N_BUFFERS - 1) * (uintptr_t) PAGE) {
            rte_mempool_free(pool);
            pool = NULL;
        }
    }
    return pool;
}

struct af_xdp *
af_xdp_create(void)
{
    struct af_xdp *x = calloc(1, sizeof *x);

    if (!x || !(x->pool = create_pool())) {
        free(x);
        return NULL;
    }
    others.n_descriptors = 0;
    af_xdp_note_descriptors(&others);
    LIST_INSERT_HEAD(&all, x, node);
    return x;
}

struct rte_mempool *
af_xdp_pool(const struct af_xdp *x)
{
    return x->pool;
}

static void
mark(const struct af_xdp *x, struct rte_mbuf *const *pkts, uint16_t n, uint16_t port)
{
    for (uint16_t i = 0; i < n; i++) {
        if (pkts[i]->pool == x->pool) {
            pkts[i]->port = port;
        }
    }
}

void
af_xdp_mark_sent(const struct af_xdp *x, struct rte_mbuf *const *pkts, uint16_t n)
{
    mark(x, pkts, n, RTE_MBUF_PORT_INVALID);
}

void
af_xdp_mark_unsent(const struct af_xdp *x, struct rte_mbuf *const *pkts, uint16_t n)
{
    mark(x, pkts, n, 0);
}

static void
count_held(struct rte_mempool *pool __attribute__((unused)), void *n_held, void *m,
           unsigned i __attribute__((unused)))
{
    *(unsigned *) n_held += ((struct rte_mbuf *) m)->port != RTE_MBUF_PORT_INVALID;
}

static unsigned
n_held(struct rte_mempool *pool)
{
    unsigned n = 0;
    void *m;

    while (!rte_mempool_get(pool, &m)) {
        ((struct rte_mbuf *) m)->port = RTE_MBUF_PORT_INVALID;
    }
    rte_mempool_obj_iter(pool, count_held, &n);
    return n;
}

static void
destroy(struct af_xdp *x)
{
    LIST_REMOVE(x, node);
    rte_mempool_free(x->pool);
    free(x);
}

void
af_xdp_retire(struct af_xdp *x)
{
    if (x) {
        af_xdp_note_descriptors(x); /* closing opens some, too */
        close_descriptors(x);
        x->retired = true;
    }
}

/* After its socket is closed the kernel takes the memory away from a NIC in its own time. */
enum { REST_SECONDS = 2 };

void
af_xdp_sweep(void)
{
    struct af_xdp *x, *next;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    for (x = LIST_FIRST(&all); x; x = next) {
        next = LIST_NEXT(x, node);
        if (x->retired && !x->whole_since && !n_held(x->pool)) {
            x->whole_since = now.tv_sec;
        }
        if (x->whole_since && now.tv_sec >= x->whole_since + REST_SECONDS) {
            destroy(x);
        }
    }
}

void
af_xdp_exit(void)
{
    struct af_xdp *x, *next;

    for (x = LIST_FIRST(&all); x; x = next) {
        next = LIST_NEXT(x, node);
        destroy(x);
    }
}
