#include <config.h>

#include "tests/system/nft_kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER (32 << 20) /* of a socket: many windows */
#define WAIT_MS 5000
#define BATCH 64

static int sockets[N_ENDS] = { -1, -1, -1 };
static uint32_t window; /* serial number of the present one */

static int
open_end(const char *name)
{
    struct sockaddr_ll addr = { .sll_family = AF_PACKET,
                                .sll_protocol = htons(0x0003),
                                .sll_ifindex = (int) if_nametoindex(name) };
    int on = 1, size = BUFFER, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    if (fd >= 0 && (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) ||
                    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) ||
                    bind(fd, (struct sockaddr *) &addr, sizeof addr))) {
        close(fd);
        return -1;
    }
    return fd;
}

int
kernel_open(void)
{
    for (int i = 0; i < N_ENDS; i++) {
        sockets[i] = open_end(end_names[i]);
        if (sockets[i] < 0) {
            int error = errno;

            kernel_close();
            return error;
        }
    }
    return 0;
}

void
kernel_close(void)
{
    for (int i = 0; i < N_ENDS; i++) {
        if (sockets[i] >= 0) {
            close(sockets[i]);
        }
        sockets[i] = -1;
    }
}

bool
kernel_set_policy(const struct random_policy *p, int turned)
{
    FILE *f = popen("nft -f -", "w");

    if (!f) {
        perror("nft");
        return false;
    }
    policy_write_nft(p, turned, f);
    if (pclose(f)) {
        printf("nft refuses the ruleset\n");
        return false;
    }
    return true;
}

/* ---- sending ---- */

static bool
send_from(uint8_t end, const struct packet *const *packets, unsigned n)
{
    struct mmsghdr messages[WINDOW];
    struct iovec parts[WINDOW];
    unsigned sent = 0;

    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < n; i++) {
        parts[i] = (struct iovec){ (void *) packets[i]->frame, packets[i]->len };
        messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
    }
    while (sent < n) {
        int rc = sendmmsg(sockets[end], messages + sent, n - sent, 0);

        if (rc < 0 && errno != ENOBUFS && errno != EINTR) {
            perror("send");
            return false;
        }
        sent += rc > 0 ? (unsigned) rc : 0;
    }
    return true;
}

/* A window's packets, those of each end in their order, and behind them a sentinel for each way. */
static bool
send_window(const struct packet *packets, uint32_t n)
{
    const struct packet *mine[WINDOW];
    struct packet sentinel;
    bool ok = true;

    for (uint8_t end = 0; ok && end < N_ENDS; end++) {
        unsigned n_mine = 0;

        for (uint32_t i = 0; i < n; i++) {
            if (packets[i].from == end) {
                mine[n_mine++] = &packets[i];
            }
        }
        ok = send_from(end, mine, n_mine);
        mine[0] = &sentinel;
        for (uint8_t to = 0; ok && to < N_ENDS; to++) {
            if (to != end) {
                packet_sentinel(end, to, window, &sentinel);
                ok = send_from(end, mine, 1);
            }
        }
    }
    return ok;
}

/* ---- receiving ---- */

struct outcome {
    const struct packet *packets;
    uint32_t n, n_passed;
    bool *passed;
    unsigned ways; /* whose sentinel has come */
    bool strange;
};

static void
note(struct outcome *o, uint8_t end, const uint8_t *frame, size_t len)
{
    uint8_t from, to;
    bool sentinel;
    uint32_t id;

    if (!packet_read_mark(frame, len, &id, &from, &to, &sentinel)) {
        return; /* not of us */
    }
    if (sentinel) {
        o->ways += id == window;
    } else if (id >= o->n || o->passed[id] || to != end || o->packets[id].from != from ||
               o->packets[id].len != len || memcmp(o->packets[id].frame, frame, len)) {
        printf("strange: packet %u has come out at %s\n", id, end_names[end]);
        o->strange = true;
    } else {
        o->passed[id] = true;
        o->n_passed++;
    }
}

static void
drain(struct outcome *o, uint8_t end)
{
    static uint8_t frames[BATCH][2048];
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    int n;

    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){ frames[i], sizeof frames[i] };
        messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
    }
    do {
        n = recvmmsg(sockets[end], messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
            note(o, end, frames[i], messages[i].msg_len);
        }
    } while (n == BATCH);
}

/* Until all sentinels of the window are here. */
static bool
receive_window(struct outcome *o)
{
    struct pollfd fds[N_ENDS];

    o->ways = 0;
    for (;;) {
        for (uint8_t end = 0; end < N_ENDS; end++) {
            fds[end] = (struct pollfd){ .fd = sockets[end], .events = POLLIN };
            drain(o, end);
        }
        if (o->ways >= N_ENDS * (N_ENDS - 1)) {
            return true;
        }
        if (poll(fds, N_ENDS, WAIT_MS) <= 0) {
            printf("a sentinel was lost\n");
            return false;
        }
    }
}

/* What the ruleset says that it did. */
static bool
read_counters(uint64_t *passed, uint64_t *denied)
{
    FILE *f = popen("nft list counters table bridge fusuma", "r");
    uint64_t *which = NULL, value;
    char line[256];
    int found = 0;

    while (f && fgets(line, sizeof line, f)) {
        which = strstr(line, "counter passed")   ? passed
                : strstr(line, "counter denied") ? denied
                                                 : which;
        if (which && sscanf(line, " packets %lu", &value) == 1) {
            *which = value;
            found++;
        }
    }
    return f && !pclose(f) && found == 2;
}

bool
kernel_judge(const struct packet *packets, uint32_t n, bool *passed)
{
    struct outcome o = { .packets = packets, .n = n, .passed = passed };
    uint64_t before[2], after[2];

    memset(passed, 0, n * sizeof *passed);
    if (!read_counters(&before[0], &before[1])) {
        printf("nft shows no counters\n");
        return false;
    }
    for (uint32_t i = 0; i < n; i += WINDOW) {
        window++;
        if (!send_window(packets + i, n - i < WINDOW ? n - i : WINDOW) || !receive_window(&o)) {
            return false;
        }
    }
    if (!read_counters(&after[0], &after[1])) {
        printf("nft shows no counters\n");
        return false;
    }
    after[0] -= before[0];
    after[1] -= before[1];
    if (after[0] + after[1] != n || after[0] != o.n_passed) {
        printf("lost: %u sent, %lu passed, %lu denied, %u received\n", n, after[0], after[1],
               o.n_passed);
        return false;
    }
    return !o.strange;
}
