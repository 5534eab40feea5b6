/* Grace periods: whether everyone who may still use what was taken away has let go of it.
 *
 * Workers, and the control thread while it walks the connections, are readers of one rte_rcu_qsbr;
 * a token from rte_rcu_qsbr_start() has passed when each of them is offline or has been quiescent
 * since.  rte_rcu_qsbr_check() is not used: it remembers the least token that it saw acknowledged,
 * and when several threads check while a reader comes online, that may be a token which the reader
 * has not seen; here every question is answered by looking. */
#ifndef DATAPATH_GRACE_H
#define DATAPATH_GRACE_H 1

#include <stdbool.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

/* Any thread. */
static inline bool
grace_passed(const struct rte_rcu_qsbr *v, uint64_t token)
{
    for (uint32_t i = 0; i < v->max_threads; i++) {
        uint64_t seen = __atomic_load_n(&v->qsbr_cnt[i].cnt, __ATOMIC_ACQUIRE);
        if (seen != __RTE_QSBR_CNT_THR_OFFLINE && seen < token) {
            return false;
        }
    }
    return true;
}

#endif
