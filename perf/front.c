#include <config.h>
#include "perf/front.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#define RING 64
#define BUFFER 2048
#define PAGE 4096
#define RING_BYTES (2 * PAGE) /* descriptors and avail in the first page, used in the second */
#define MEMORY ((size_t) 2 * (RING_BYTES + RING * BUFFER))

enum { RX, TX, N_RINGS }; /* as the guest numbers them */

struct ring {
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint8_t *buffers; /* [RING][BUFFER]: descriptor i has the ith */
    uint16_t next;    /* what is put into 'avail' next */
    uint16_t seen;    /* how far 'used' was read */
    int kick, call;
};

struct front {
    int socket, memory_fd;
    uint8_t *memory;
    struct ring rings[N_RINGS];
};

/* ---- messages ---- */

enum {
    GET_FEATURES = 1,
    SET_FEATURES = 2,
    SET_OWNER = 3,
    SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10,
    SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
    GET_PROTOCOL_FEATURES = 15,
    SET_PROTOCOL_FEATURES = 16,
    SET_VRING_ENABLE = 18,
};

#define PROTOCOL_VERSION 1
#define F_PROTOCOL_FEATURES (UINT64_C(1) << 30)

struct message {
    uint32_t request, flags, size;
    union {
        uint64_t u64;
        struct {
            uint32_t index, num;
        } state;
        struct {
            uint32_t index, flags;
            uint64_t desc, used, avail, log;
        } addr;
        struct {
            uint32_t n, padding;
            uint64_t guest, size, user, offset;
        } memory;
    };
} __attribute__((packed));

#define HEADER 12

static int
say(const struct front *f, struct message *m, uint32_t size, int fd)
{
    char control[CMSG_SPACE(sizeof fd)] = { 0 };
    struct iovec iov = { m, HEADER + size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    m->flags = PROTOCOL_VERSION;
    m->size = size;
    if (fd >= 0) {
        struct cmsghdr *c;

        msg.msg_control = control;
        msg.msg_controllen = sizeof control;
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    return sendmsg(f->socket, &msg, MSG_NOSIGNAL) == (ssize_t) (HEADER + size) ? 0 : -1;
}

static int
say_u64(const struct front *f, uint32_t request, uint64_t value, int fd)
{
    struct message m = { .request = request, .u64 = value };

    return say(f, &m, sizeof m.u64, fd);
}

static int
say_state(const struct front *f, uint32_t request, uint32_t index, uint32_t num)
{
    struct message m = { .request = request, .state = { index, num } };

    return say(f, &m, sizeof m.state, -1);
}

static int
ask_u64(const struct front *f, uint32_t request, uint64_t *value)
{
    struct message m = { .request = request };

    if (say(f, &m, 0, -1) ||
        recv(f->socket, &m, HEADER + sizeof m.u64, MSG_WAITALL) != HEADER + sizeof m.u64) {
        return -1;
    }
    *value = m.u64;
    return 0;
}

/* ---- set-up ---- */

static int
negotiate(const struct front *f)
{
    uint64_t want = UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF |
                    F_PROTOCOL_FEATURES;
    struct message owner = { .request = SET_OWNER };
    uint64_t offered;

    if (ask_u64(f, GET_FEATURES, &offered)) {
        return -1;
    }
    if ((offered & want) != want) {
        errno = EPROTO;
        return -1;
    }
    return ask_u64(f, GET_PROTOCOL_FEATURES, &offered) ||
                   say_u64(f, SET_PROTOCOL_FEATURES, 0, -1) || say(f, &owner, 0, -1) ||
                   say_u64(f, SET_FEATURES, want, -1)
               ? -1
               : 0;
}

/* Guest addresses are offsets, user addresses ours. */
static int
share_memory(struct front *f)
{
    struct message m = { .request = SET_MEM_TABLE };

    f->memory_fd = memfd_create("front", MFD_CLOEXEC);
    if (f->memory_fd < 0 || ftruncate(f->memory_fd, MEMORY)) {
        return -1;
    }
    f->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, f->memory_fd, 0);
    if (f->memory == MAP_FAILED) {
        return -1;
    }
    m.memory.n = 1;
    m.memory.size = MEMORY;
    m.memory.user = (uintptr_t) f->memory;
    return say(f, &m, sizeof m.memory, f->memory_fd);
}

static void
ring_lay(struct front *f, unsigned i)
{
    struct ring *r = &f->rings[i];
    uint8_t *at = f->memory + i * (RING_BYTES + RING * BUFFER);

    r->desc = (void *) at;
    r->avail = (void *) (at + RING * sizeof *r->desc);
    r->used = (void *) (at + PAGE);
    r->buffers = at + RING_BYTES;
    for (uint16_t d = 0; d < RING; d++) {
        r->desc[d].addr = (uint64_t) (r->buffers + d * BUFFER - f->memory);
        r->desc[d].len = BUFFER;
        r->desc[d].flags = i == RX ? VRING_DESC_F_WRITE : 0;
        r->avail->ring[d] = d;
    }
    r->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    if (i == RX) {
        r->next = RING;
        r->avail->idx = RING;
    }
}

static int
ring_start(struct front *f, unsigned i)
{
    struct ring *r = &f->rings[i];
    struct message addr = { .request = SET_VRING_ADDR,
                            .addr = { .index = i,
                                      .desc = (uintptr_t) r->desc,
                                      .used = (uintptr_t) r->used,
                                      .avail = (uintptr_t) r->avail } };

    r->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return r->kick < 0 || r->call < 0 || say_state(f, SET_VRING_NUM, i, RING) ||
                   say_state(f, SET_VRING_BASE, i, 0) || say(f, &addr, sizeof addr.addr, -1) ||
                   say_u64(f, SET_VRING_KICK, i, r->kick) ||
                   say_u64(f, SET_VRING_CALL, i, r->call) || say_state(f, SET_VRING_ENABLE, i, 1)
               ? -1
               : 0;
}

static int
connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd, error;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *) &address, sizeof address)) {
        error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

struct front *
front_open(const char *socket)
{
    struct front *f = calloc(1, sizeof *f);
    int error;

    if (!f) {
        return NULL;
    }
    f->memory_fd = -1;
    f->memory = MAP_FAILED;
    for (unsigned i = 0; i < N_RINGS; i++) {
        f->rings[i].kick = f->rings[i].call = -1;
    }
    f->socket = connect_to(socket);
    if (f->socket < 0 || negotiate(f) || share_memory(f)) {
        goto failed;
    }
    ring_lay(f, RX);
    ring_lay(f, TX);
    if (ring_start(f, RX) || ring_start(f, TX)) {
        goto failed;
    }
    return f;

failed:
    error = errno;
    front_close(f);
    errno = error;
    return NULL;
}

static void
close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void
front_close(struct front *f)
{
    if (!f) {
        return;
    }
    close_fd(f->socket);
    for (unsigned i = 0; i < N_RINGS; i++) {
        close_fd(f->rings[i].kick);
        close_fd(f->rings[i].call);
    }
    if (f->memory != MAP_FAILED) {
        munmap(f->memory, MEMORY);
    }
    close_fd(f->memory_fd);
    free(f);
}

/* ---- packets ---- */

static uint16_t
used_idx(const struct ring *r)
{
    return __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE);
}

/* What was written before is there when the switch sees it; and it is asked afterwards whether it
 * wants to be woken (virtio 1.1, 2.6.13.4.1). */
static void
publish(struct ring *r)
{
    uint64_t one = 1;

    __atomic_store_n(&r->avail->idx, r->next, __ATOMIC_RELEASE);
    atomic_thread_fence(memory_order_seq_cst);
    if (!(__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY)) {
        (void) !write(r->kick, &one, sizeof one);
    }
}

bool
front_send(struct front *f, const void *frame, uint32_t len)
{
    struct ring *r = &f->rings[TX];
    struct virtio_net_hdr_v1 *header;
    uint16_t d;

    r->seen = used_idx(r); /* descriptors come back in order: the switch has one worker a ring */
    if ((uint16_t) (r->next - r->seen) == RING || len > FRONT_MAX_FRAME) {
        return false;
    }
    d = r->next % RING;
    header = (void *) (r->buffers + d * BUFFER);
    memset(header, 0, sizeof *header);
    memcpy(header + 1, frame, len);
    r->desc[d].len = sizeof *header + len;
    r->avail->ring[d] = d;
    r->next++;
    publish(r);
    return true;
}

uint32_t
front_receive(struct front *f, void *frame)
{
    struct ring *r = &f->rings[RX];
    const struct vring_used_elem *e = &r->used->ring[r->seen % RING];
    uint32_t len;

    if (r->seen == used_idx(r)) {
        return 0;
    }
    len = e->len > sizeof(struct virtio_net_hdr_v1) ? e->len - sizeof(struct virtio_net_hdr_v1) : 0;
    len = len > FRONT_MAX_FRAME ? FRONT_MAX_FRAME : len;
    memcpy(frame, r->buffers + e->id % RING * BUFFER + sizeof(struct virtio_net_hdr_v1), len);
    r->avail->ring[r->next % RING] = e->id;
    r->seen++;
    r->next++;
    publish(r);
    return len;
}
