/* DPDK's environment: memory, cores, logs. */
#ifndef CONTROL_EAL_H
#define CONTROL_EAL_H 1

#include <stdbool.h>
#include <stdint.h>

#include "datapath/port.h"

struct rte_mempool;

struct eal_options {
    const char *lcores; /* EAL's --lcores; the first is control's, the rest are workers.  NULL: the
                         * first two CPUs, or the only one */
    bool no_huge;       /* do not even look for hugepages */
    bool pci;           /* let EAL find PCI devices */
    uint32_t buffers;   /* packet buffers */
    uint32_t connections; /* entries of the connection table */
    char *const *args;    /* more arguments, NULL-terminated */
};

struct eal {
    bool hugepages;
    unsigned workers[DP_MAX_WORKERS]; /* lcore ids */
    uint32_t n_workers;
    struct rte_mempool *pool;
};

/* Starts EAL and makes the packet buffers.  Afterwards the calling thread, and so those it creates,
 * keeps off the workers' CPUs where there are others.  0, or a positive errno and '*error' (the
 * caller frees it).  Once a process. */
int eal_start(const struct eal_options *, struct eal *, char **error);
void eal_stop(struct eal *);

#endif
