#include <config.h>

#include "control/eal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>

#include "control/file.h"
#include "openvswitch/vlog.h"
#include "svec.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(eal);

#define HUGEPAGES_DIR "/sys/kernel/mm/hugepages"

/* ---- logs: DPDK's go where ours go ---- */

static ssize_t
log_write(void *cookie OVS_UNUSED, const char *text, size_t size)
{
    static const enum vlog_level levels[] = {
        [RTE_LOG_EMERG] = VLL_EMER, [RTE_LOG_ALERT] = VLL_EMER,   [RTE_LOG_CRIT] = VLL_ERR,
        [RTE_LOG_ERR] = VLL_ERR,    [RTE_LOG_WARNING] = VLL_WARN, [RTE_LOG_NOTICE] = VLL_INFO,
        [RTE_LOG_INFO] = VLL_INFO,  [RTE_LOG_DEBUG] = VLL_DBG,
    };
    /* A guest can make librte_vhost complain as often as it likes. */
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(300, 1000);
    int level = rte_log_cur_msg_loglevel();
    int len = size && text[size - 1] == '\n' ? size - 1 : size;

    VLOG_RL(&rl, level > 0 && level < (int) ARRAY_SIZE(levels) ? levels[level] : VLL_INFO, "%.*s",
            len, text);
    return size;
}

static void
redirect_logs(void)
{
    FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = log_write });

    if (stream) {
        setvbuf(stream, NULL, _IOLBF, BUFSIZ);
        rte_openlog_stream(stream);
    }
}

/* ---- memory ---- */

/* What is asked for at the start, for buffers with their headers, connections with their buckets,
 * and the rest.  In ordinary pages a buffer takes a whole one, as DPDK lays none across the end of
 * a page. Hugepages are added as ports need memory of their own (32 MiB one of AF_XDP); ordinary
 * pages have to be asked for here, and cost nothing until they are used. */
static unsigned
memory_mb(const struct eal_options *o, bool hugepages)
{
    uint64_t buffer = hugepages ? 2560 : 4096, rest_mb = hugepages ? 96 : 96 + 512;
    uint64_t bytes = o->buffers * buffer + (uint64_t) o->connections * 384;

    return ROUND_UP(rest_mb + (bytes >> 20), 2);
}

static uint64_t
free_hugepages_mb(void)
{
    DIR *dir = opendir(HUGEPAGES_DIR);
    struct dirent *entry;
    uint64_t mb = 0;

    while (dir && (entry = readdir(dir))) {
        unsigned long long kb;
        char *path, *text;
        size_t size;

        if (sscanf(entry->d_name, "hugepages-%llukB", &kb) != 1) {
            continue;
        }
        path = xasprintf(HUGEPAGES_DIR "/%s/free_hugepages", entry->d_name);
        if (!file_read(path, &text, &size)) {
            mb += strtoull(text, NULL, 10) * kb >> 10;
            free(text);
        }
        free(path);
    }
    if (dir) {
        closedir(dir);
    }
    return mb;
}

static unsigned
choose_memory(const struct eal_options *o, bool *hugepages)
{
    uint64_t have_mb = o->no_huge ? 0 : free_hugepages_mb();
    unsigned mb = memory_mb(o, true);

    *hugepages = have_mb >= mb && !o->no_huge;
    if (*hugepages) {
        VLOG_INFO("memory: %u MiB in hugepages", mb);
        return mb;
    }
    if (o->no_huge) {
        VLOG_INFO("memory: up to %u MiB in ordinary pages, as asked (--no-huge)",
                  memory_mb(o, false));
    } else {
        VLOG_WARN("memory: up to %u MiB in ordinary pages: of %u MiB of hugepages, %" PRIu64
                  " MiB are free",
                  memory_mb(o, false), mb, have_mb);
    }
    return memory_mb(o, false);
}

/* ---- cores ---- */

static char *
default_lcores(const cpu_set_t *allowed)
{
    int cpu[2] = { -1, -1 };
    int n = 0;

    for (int i = 0; i < CPU_SETSIZE && n < 2; i++) {
        if (CPU_ISSET(i, allowed)) {
            cpu[n++] = i;
        }
    }
    return xasprintf("0@%d,1@%d", cpu[0], n > 1 ? cpu[1] : cpu[0]);
}

/* EAL's own choice of the main lcore is the lowest number; ours is the first in the list. */
static char *
main_lcore(const char *lcores)
{
    return xasprintf("%lu", strtoul(lcores + strspn(lcores, "( "), NULL, 10));
}

/* EAL has pinned this thread to the main lcore, and threads inherit that.  Those of gRPC, telemetry
 * and so on may use every CPU that is not a worker's. */
static void
leave_worker_cpus(const cpu_set_t *allowed)
{
    cpu_set_t rest = *allowed;
    unsigned lcore;

    RTE_LCORE_FOREACH_WORKER(lcore)
    {
        rte_cpuset_t cpus = rte_lcore_cpuset(lcore);

        for (int i = 0; i < CPU_SETSIZE; i++) {
            if (CPU_ISSET(i, &cpus)) {
                CPU_CLR(i, &rest);
            }
        }
    }
    if (CPU_COUNT(&rest)) {
        sched_setaffinity(0, sizeof rest, &rest);
    }
}

/* ---- starting ---- */

static void
build_arguments(const struct eal_options *o, const char *lcores, bool hugepages, unsigned mb,
                struct svec *args)
{
    char *main_id = main_lcore(lcores);

    svec_add(args, program_name);
    svec_add(args, "--lcores");
    svec_add(args, lcores);
    svec_add(args, "--main-lcore");
    svec_add_nocopy(args, main_id);
    svec_add(args, "-m");
    svec_add_nocopy(args, xasprintf("%u", mb));
    svec_add(args, "--no-telemetry"); /* our own API has it, and this leaves no files */
    if (hugepages) {
        svec_add(args, "--in-memory");
    } else {
        svec_add(args, "--no-huge");
        svec_add(args, "--no-shconf");
    }
    if (!o->pci) {
        svec_add(args, "--no-pci");
    }
    for (char *const *arg = o->args; arg && *arg; arg++) {
        svec_add(args, *arg);
    }
    svec_terminate(args);
}

/* About what it cannot read in its arguments, EAL prints how DPDK's own programs are called. */
static int
quiet_eal_init(int argc, char **argv)
{
    int out, null, retval;

    fflush(stdout);
    out = dup(STDOUT_FILENO);
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDOUT_FILENO);
    retval = rte_eal_init(argc, argv);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(null);
    close(out);
    return retval;
}

static int
init_eal(const struct eal_options *o, const char *lcores, struct eal *eal, char **error)
{
    unsigned mb = choose_memory(o, &eal->hugepages);
    static struct svec args; /* EAL keeps pointers into it */
    char *joined;
    int retval;

    build_arguments(o, lcores, eal->hugepages, mb, &args);
    joined = svec_join(&args, " ", "");
    VLOG_INFO("EAL arguments: %s", joined);
    free(joined);

    retval = quiet_eal_init(args.n, args.names);
    if (retval < 0) {
        *error = xasprintf("DPDK cannot start: %s (lines above say why)", rte_strerror(rte_errno));
        return rte_errno ? rte_errno : EINVAL;
    }
    return 0;
}

static int
find_workers(const char *lcores, struct eal *eal, char **error)
{
    unsigned lcore;

    RTE_LCORE_FOREACH_WORKER(lcore)
    {
        if (eal->n_workers == DP_MAX_WORKERS) {
            *error = xasprintf("--lcores %s: more than %d workers", lcores, DP_MAX_WORKERS);
            return EINVAL;
        }
        eal->workers[eal->n_workers++] = lcore;
    }
    if (!eal->n_workers) {
        *error =
            xasprintf("--lcores %s: no lcore is left for a worker: the first is control's", lcores);
        return EINVAL;
    }
    return 0;
}

int
eal_start(const struct eal_options *o, struct eal *eal, char **error)
{
    cpu_set_t allowed;
    char *lcores;
    int retval;

    memset(eal, 0, sizeof *eal);
    if (sched_getaffinity(0, sizeof allowed, &allowed)) {
        retval = errno;
        *error = xasprintf("sched_getaffinity: %s", ovs_strerror(retval));
        return retval;
    }
    lcores = o->lcores ? xstrdup(o->lcores) : default_lcores(&allowed);
    redirect_logs();
    retval = init_eal(o, lcores, eal, error);
    if (!retval) {
        leave_worker_cpus(&allowed);
        retval = find_workers(lcores, eal, error);
    }
    if (!retval) {
        eal->pool = rte_pktmbuf_pool_create("buffers", o->buffers, 256, 0,
                                            RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
        if (!eal->pool) {
            retval = rte_errno;
            *error =
                xasprintf("no memory for %u packet buffers: %s", o->buffers, rte_strerror(retval));
        }
    }
    free(lcores);
    return retval;
}

void
eal_stop(struct eal *eal)
{
    rte_mempool_free(eal->pool);
    eal->pool = NULL;
    rte_eal_cleanup();
    /* The library's own log stream is of no more use, and ours may be gone before its last words.
     */
    rte_openlog_stream(NULL);
}
