#include <config.h>

#include <sys/socket.h>
#include <sys/uio.h>

#include <rte_mbuf.h>

#include "port/af_packet.h"

enum { BATCH = 32, MAX_IOV = 128 };

/* Fills 'msg' with packets as long as there are iovecs for all their segments. */
static unsigned
gather(struct rte_mbuf *const *pkts, unsigned n, struct mmsghdr *msg, struct iovec *iov)
{
    unsigned used = 0, i;

    for (i = 0; i < n && used + pkts[i]->nb_segs <= MAX_IOV; i++) {
        msg[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = iov + used,
                                                .msg_iovlen = pkts[i]->nb_segs } };
        for (struct rte_mbuf *s = pkts[i]; s; s = s->next) {
            iov[used++] = (struct iovec){ rte_pktmbuf_mtod(s, void *), s->data_len };
        }
    }
    return i;
}

/* Any number of workers may be in here: the kernel serialises what it has to. */
uint16_t
af_packet_tx(struct dp_port *dp, uint16_t queue __attribute__((unused)), struct rte_mbuf **pkts,
             uint16_t n)
{
    struct af_packet_port *p = (struct af_packet_port *) dp;
    struct mmsghdr msg[BATCH];
    struct iovec iov[MAX_IOV];
    uint16_t done = 0;

    while (done < n) {
        unsigned want = gather(pkts + done, n - done < BATCH ? n - done : BATCH, msg, iov);
        int sent = want ? sendmmsg(p->tx_fd, msg, want, MSG_DONTWAIT) : 0;

        if (sent <= 0) {
            break;
        }
        rte_pktmbuf_free_bulk(pkts + done, sent);
        done += sent;
        if ((unsigned) sent < want) {
            break;
        }
    }
    return done;
}
