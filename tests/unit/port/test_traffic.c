/* Ports with real kernel stacks behind them, default offloads: two namespaces, each with a veth,
 * and between them one process 'cross' (af_packet both ways) or two (joined by vhost-user, of which
 * virtio-user plays the guest).  Everything is in namespaces of this process and goes with it. */
#include <config.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/Basic.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

enum {
    TRANSFER = 8 * 1024 * 1024,
    CHUNK = 64 * 1024,
    TCP_PORT = 5001,
    UDP_SIZE = 1200,
    UDP_DATAGRAMS = 10
};

struct process {
    pid_t pid;
    int in; /* its standard input: closing it ends the process */
};

static int namespaces[2];
static char folder[] = "/tmp/traffic-XXXXXX";

static int
shell(const char *format, ...)
{
    char command[512];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return system(command);
}

/* Runs 'f' in desktop i's namespace in a process of its own. */
static pid_t
start_in(int i, int (*f)(const char *address), const char *address)
{
    pid_t pid = fork();

    if (!pid) {
        alarm(40);
        _exit(setns(namespaces[i], CLONE_NEWNET) ? 99 : f(address));
    }
    return pid;
}

static bool
succeeded(pid_t pid)
{
    int status;

    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

static int
configure(const char *host)
{
    return 0 != shell("ip link set lo up && ip addr add 10.77.0.%s/24 dev eth0 && "
                      "ip addr add fd77::%s/64 dev eth0 nodad && ip link set eth0 up",
                      host, host);
}

static int
set_mtu(const char *mtu)
{
    return 0 != shell("ip link set eth0 mtu %s", mtu);
}

static int
forget_neighbours(const char *address __attribute__((unused)))
{
    return 0 != shell("ip neigh flush all");
}

static bool
make_namespace(int i)
{
    char path[64], ready;
    int fds[2];
    pid_t holder;
    bool ok;

    if (pipe(fds) || (holder = fork()) < 0) {
        return false;
    }
    if (!holder) {
        _exit(unshare(CLONE_NEWNET) || write(fds[1], "", 1) != 1 || pause() ? 1 : 0);
    }
    close(fds[1]);
    ok = read(fds[0], &ready, 1) == 1;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int) holder);
    namespaces[i] = open(path, O_RDONLY | O_CLOEXEC);
    ok = ok && namespaces[i] >= 0 &&
         !shell("ip link add v%d type veth peer name eth0 netns %d && ip link set v%d up", i,
                (int) holder, i) &&
         succeeded(start_in(i, configure, i ? "2" : "1"));
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    close(fds[0]);
    return ok;
}

static int
socket_for(const char *address, int type, struct sockaddr_storage *ss, socklen_t *len)
{
    struct sockaddr_in *in = (struct sockaddr_in *) ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) ss;

    memset(ss, 0, sizeof *ss);
    if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(TCP_PORT);
        *len = sizeof *in;
    } else {
        inet_pton(AF_INET6, address, &in6->sin6_addr);
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(TCP_PORT);
        *len = sizeof *in6;
    }
    return socket(ss->ss_family, type, 0);
}

static int
bound(const char *address, int type)
{
    struct sockaddr_storage ss;
    socklen_t len;
    int fd = socket_for(address, type, &ss, &len);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    return bind(fd, (struct sockaddr *) &ss, len) ? -1 : fd;
}

/* Tries for a while: the other side may still be on its way. */
static int
connected(const char *address, int type)
{
    struct sockaddr_storage ss;
    socklen_t len;

    for (int i = 0; i < 50; i++) {
        int fd = socket_for(address, type, &ss, &len);
        if (!connect(fd, (struct sockaddr *) &ss, len)) {
            return fd;
        }
        close(fd);
        usleep(100 * 1000);
    }
    return -1;
}

static uint8_t
pattern(uint32_t i)
{
    return i * 31 + (i >> 8) + (i >> 16);
}

static int
tcp_sink(const char *address)
{
    static uint8_t buffer[CHUNK];
    int listener = bound(address, SOCK_STREAM), fd;
    uint32_t got = 0;
    ssize_t n;

    if (listener < 0 || listen(listener, 1) || (fd = accept(listener, NULL, NULL)) < 0) {
        return 1;
    }
    while (got < TRANSFER && (n = read(fd, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (buffer[i] != pattern(got++)) {
                return 2;
            }
        }
    }
    return got != TRANSFER || write(fd, "", 1) != 1;
}

static int
tcp_source(const char *address)
{
    static uint8_t buffer[CHUNK];
    int fd = connected(address, SOCK_STREAM);
    char answer;

    for (uint32_t sent = 0; fd >= 0 && sent < TRANSFER; sent += CHUNK) {
        for (uint32_t i = 0; i < CHUNK; i++) {
            buffer[i] = pattern(sent + i);
        }
        if (write(fd, buffer, CHUNK) != CHUNK) {
            return 1;
        }
    }
    return fd < 0 || read(fd, &answer, 1) != 1;
}

/* Datagrams that the sender's kernel leaves in one super-frame. */
static int
udp_sink(const char *address)
{
    uint8_t buffer[CHUNK];
    int fd = bound(address, SOCK_DGRAM);

    for (int i = 0; i < UDP_DATAGRAMS; i++) {
        if (recv(fd, buffer, sizeof buffer, 0) != UDP_SIZE || buffer[0] != i) {
            return 1;
        }
    }
    return 0;
}

static int
udp_source(const char *address)
{
    static uint8_t buffer[UDP_SIZE * UDP_DATAGRAMS];
    int fd = connected(address, SOCK_DGRAM);

    for (uint32_t i = 0; i < sizeof buffer; i++) {
        buffer[i] = i / UDP_SIZE;
    }
    return setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &(int){ UDP_SIZE }, sizeof(int)) ||
           send(fd, buffer, sizeof buffer, 0) != sizeof buffer;
}

/* A frame of an experimental EtherType (IEEE 802) with a tag: priority 1, VLAN 7. */
static const uint8_t tagged_frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,    0,    0,
                                          0,    0,    1,    0x81, 0,    0x20, 0x07, 0x88, 0xb5 };

static int
packet_socket(void)
{
    struct sockaddr_ll sll = { .sll_family = AF_PACKET,
                               .sll_protocol = htons(ETH_P_ALL),
                               .sll_ifindex = if_nametoindex("eth0") };
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &(int){ 1 }, sizeof(int));
    return bind(fd, (struct sockaddr *) &sll, sizeof sll) ? -1 : fd;
}

static int
tag_sink(const char *address __attribute__((unused)))
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control;
    uint8_t frame[2048];
    int fd = packet_socket();

    for (;;) {
        struct iovec iov = { frame, sizeof frame };
        struct msghdr msg = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof control };
        struct tpacket_auxdata aux;
        if (recvmsg(fd, &msg, 0) < 14 || !CMSG_FIRSTHDR(&msg)) {
            return 1;
        }
        memcpy(&aux, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof aux);
        if (frame[12] == 0x88 && frame[13] == 0xb5) {
            return !(aux.tp_status & TP_STATUS_VLAN_VALID) || aux.tp_vlan_tci != 0x2007;
        }
    }
}

static int
tag_source(const char *address __attribute__((unused)))
{
    return send(packet_socket(), tagged_frame, sizeof tagged_frame, 0) != sizeof tagged_frame;
}

static bool
exchange(int (*sink)(const char *), int (*source)(const char *), const char *address)
{
    pid_t to = start_in(1, sink, address), from;
    bool ok;

    usleep(200 * 1000); /* a datagram is sent only once */
    from = start_in(0, source, address);
    ok = succeeded(from);
    return succeeded(to) && ok;
}

static bool
start_cross(struct process *p, const char *a, const char *b)
{
    int in[2], out[2];
    char line[8] = "";

    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || (p->pid = fork()) < 0) {
        return false;
    }
    if (!p->pid) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl("tests/unit/port/cross", "cross", a, b, NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    p->in = in[1];
    for (size_t i = 0; i < 6 && read(out[0], line + i, 1) == 1; i++) {
    }
    /* The rest is its report, less than a pipe holds. */
    return !strcmp(line, "ready\n");
}

static bool
stop_cross(struct process *p)
{
    close(p->in);
    return succeeded(p->pid);
}

static int
set_up(void)
{
    bool ok = !unshare(CLONE_NEWNET) && make_namespace(0) && make_namespace(1) && mkdtemp(folder);

    if (!ok) {
        perror("namespaces (this test needs root)");
    }
    return !ok;
}

static int
tear_down(void)
{
    return rmdir(folder);
}

static void
check_traffic(void)
{
    CU_ASSERT(exchange(tcp_sink, tcp_source, "10.77.0.2"));
    CU_ASSERT(exchange(tcp_sink, tcp_source, "fd77::2"));
    CU_ASSERT(exchange(udp_sink, udp_source, "10.77.0.2"));
    CU_ASSERT(exchange(udp_sink, udp_source, "fd77::2"));
}

static void
test_af_packet(void)
{
    struct process p;

    CU_ASSERT_FATAL(start_cross(&p, "af_packet:v0", "af_packet:v1"));
    check_traffic();
    /* An interface that goes down and comes back. */
    shell("ip link set v1 down && sleep 0.5 && ip link set v1 up && sleep 0.5");
    CU_ASSERT(exchange(tcp_sink, tcp_source, "10.77.0.2"));
    CU_ASSERT(stop_cross(&p));
}

/* A packet that needs a chain of buffers. */
static void
test_jumbo(void)
{
    struct process p;

    CU_ASSERT(succeeded(start_in(0, set_mtu, "9000")) && succeeded(start_in(1, set_mtu, "9000")));
    CU_ASSERT(!shell("ip link set v0 mtu 9000 && ip link set v1 mtu 9000"));
    CU_ASSERT_FATAL(start_cross(&p, "af_packet:v0", "af_packet:v1"));
    check_traffic();
    CU_ASSERT(stop_cross(&p));
    CU_ASSERT(succeeded(start_in(0, set_mtu, "1500")) && succeeded(start_in(1, set_mtu, "1500")));
    CU_ASSERT(!shell("ip link set v0 mtu 1500 && ip link set v1 mtu 1500"));
}

/* An interface that is deleted and comes back under its name. */
static void
test_comes_back(void)
{
    struct process p;

    CU_ASSERT_FATAL(start_cross(&p, "af_packet:v0", "af_packet:v1"));
    CU_ASSERT_FATAL(!shell("ip link del v1"));
    usleep(500 * 1000);
    CU_ASSERT_FATAL(make_namespace(1));
    CU_ASSERT(succeeded(start_in(0, forget_neighbours, NULL)));
    usleep(500 * 1000);
    check_traffic();
    CU_ASSERT(stop_cross(&p));
}

static void
test_vlan(void)
{
    struct process p;

    CU_ASSERT_FATAL(start_cross(&p, "af_packet:v0", "af_packet:v1"));
    CU_ASSERT(exchange(tag_sink, tag_source, NULL));
    CU_ASSERT(stop_cross(&p));
}

/* 'front' is the guest: a process with virtio-user and the second desktop's veth. */
static void
check_vhost(const char *back_kind, const char *front_options)
{
    char back[128], front[192];
    struct process switch_side, guest;

    snprintf(back, sizeof back, "%s:%s/s", back_kind, folder);
    snprintf(front, sizeof front, "ethdev:net_virtio_user0,path=%s/s,mrg_rxbuf=1%s", folder,
             front_options);
    CU_ASSERT_FATAL(start_cross(&switch_side, "af_packet:v0", back));
    for (int i = 0; i < 2; i++) { /* the guest goes and comes back */
        CU_ASSERT_FATAL(start_cross(&guest, front, "af_packet:v1"));
        CU_ASSERT(exchange(tcp_sink, tcp_source, "10.77.0.2"));
        CU_ASSERT(exchange(tcp_sink, tcp_source, "fd77::2"));
        CU_ASSERT(stop_cross(&guest));
    }
    CU_ASSERT(stop_cross(&switch_side));
}

static void
test_vhost_server(void)
{
    check_vhost("vhost-user", "");
}

static void
test_vhost_client(void)
{
    check_vhost("vhost-user-client", ",server=1");
}

int
main(void)
{
    unsigned failed;
    CU_pSuite s;

    if (CU_initialize_registry() != CUE_SUCCESS) {
        return 1;
    }
    s = CU_add_suite("traffic", set_up, tear_down);
    CU_add_test(s, "af_packet", test_af_packet);
    CU_add_test(s, "VLAN tags", test_vlan);
    CU_add_test(s, "an MTU of 9,000", test_jumbo);
    CU_add_test(s, "an interface that comes back", test_comes_back);
    CU_add_test(s, "vhost-user, server", test_vhost_server);
    CU_add_test(s, "vhost-user, client", test_vhost_client);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
    CU_cleanup_registry();
    return failed != 0;
}
