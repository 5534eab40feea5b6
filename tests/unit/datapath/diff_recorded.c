/* The TCP tracker on exchanges between two real stacks, recorded as tests/data/exchanges/record.py
 * says.  No segment may be lost to it: as recorded, with some doubled, and with neighbours of one
 * direction in the other order.  Where some are left out, their answers may be refused; then
 * conntrack must think alike, or judges.c knows the clause that decides.
 *
 * diff_recorded [ROUNDS] */
#include <config.h>

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "tests/unit/datapath/judges.h"
#include "util.h"

#define DEFAULT_ROUNDS 200
#define MAX_SEGMENTS 2000
#define PCAP_HEADER 24

struct recorded {
    const uint8_t *frame;
    size_t len;
    long long ms;
    struct tcp_segment s;
    unsigned from; /* 0: the client */
};

static struct recorded recording[MAX_SEGMENTS], changed[2 * MAX_SEGMENTS];
static size_t n_recorded;
static unsigned long n_files, n_segments, n_refused;
static uint64_t rng = 0x9e3779b97f4a7c15ull;

static bool
one_in(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return !((rng >> 16) % n);
}

/* ---- reading ---- */

static void
fail(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    exit(1);
}

static uint8_t
scale_of(const uint8_t *option, const uint8_t *end)
{
    while (option < end && *option) {
        if (*option == 3) {
            return option[2];
        }
        option += *option == 1 ? 1 : option[1];
    }
    return TCP_NO_SCALE;
}

static bool
read_segment(struct recorded *r)
{
    const struct ip_header *ip = (const void *) (r->frame + ETH_HEADER_LEN);
    const struct tcp_header *tcp = (const void *) (ip + 1);
    size_t header;

    if (r->len < ETH_HEADER_LEN + 40 || ip->ip_ihl_ver != IP_IHL_VER(5, 4) ||
        ip->ip_proto != IPPROTO_TCP || ntohs(ip->ip_tot_len) + (size_t) ETH_HEADER_LEN != r->len) {
        return false;
    }
    header = TCP_OFFSET(tcp->tcp_ctl) * 4;
    r->from = r->frame[ETH_HEADER_LEN + 15] != 1; /* the client's address ends in .1 */
    r->s = (struct tcp_segment){
        .seq = ntohl(get_16aligned_be32(&tcp->tcp_seq)),
        .ack = ntohl(get_16aligned_be32(&tcp->tcp_ack)),
        .len = ntohs(ip->ip_tot_len) - 20 - header,
        .window = ntohs(tcp->tcp_winsz),
        .flags = TCP_FLAGS(tcp->tcp_ctl) & 0x3f,
        .scale = TCP_NO_SCALE,
    };
    if (r->s.flags & TCPF_SYN) {
        r->s.scale = scale_of((const uint8_t *) (tcp + 1), (const uint8_t *) tcp + header);
    }
    return true;
}

static void
read_file(const char *path)
{
    static uint8_t bytes[1 << 20];
    static union {
        uint8_t b[2 << 20];
        uint16_t align; /* as the headers want it */
    } frames;
    size_t used = 0;
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;

    n_recorded = 0;
    for (size_t at = PCAP_HEADER; at + 16 < n;) {
        struct recorded *r = &recording[n_recorded++];
        uint32_t header[4]; /* seconds, microseconds, bytes here, bytes then */

        memcpy(header, bytes + at, sizeof header);
        r->ms = header[0] * 1000ll + header[1] / 1000;
        r->frame = frames.b + used;
        r->len = header[2];
        at += sizeof header;
        if (r->len > n - at) {
            fail(path, "cut short");
        }
        memcpy(frames.b + used, bytes + at, r->len);
        used = ROUND_UP(used + r->len, 2);
        at += r->len;
        if (n_recorded == MAX_SEGMENTS || !read_segment(r)) {
            fail(path, "not a recording of TCP segments");
        }
    }
    if (!n_recorded || fclose(f)) {
        fail(path, "nothing recorded");
    }
}

/* ---- replaying ---- */

/* A SYN to a connection that has ended begins another (track.c). */
static void
meet(struct judged *x, const struct tcp_segment *s)
{
    if ((s->flags & (TCPF_SYN | TCPF_ACK)) == TCPF_SYN &&
        tcp_state(&x->half[0], &x->half[1]) == TCP_CLOSED) {
        memset(x->half, 0, sizeof x->half);
    }
}

/* All of it comes from honest hosts over an honest network: nothing may be lost. */
static void
replay_honest(const char *name, const struct recorded *r, size_t n)
{
    struct judged x = { .name = name };

    for (size_t i = 0; i < n; i++) {
        struct judged before_it;

        x.id = i;
        meet(&x, &r[i].s);
        before_it = x;
        n_segments++;
        n_refused += !judge_theirs(r[i].frame, r[i].len, r[i].ms);
        if (!judge_ours(&x, r[i].from, &r[i].s)) {
            judges_complain(&before_it, r[i].from, &r[i].s, "an honest segment is dropped");
            return;
        }
    }
}

/* Goes on until the trackers disagree: from then on they know different things. */
static void
replay_with_gaps(const char *name, const struct recorded *r, size_t n)
{
    struct judged x = { .name = name };

    for (size_t i = 0; i < n; i++) {
        struct judged before_it;
        bool ours, theirs;

        if (one_in(15)) {
            continue;
        }
        x.id = i;
        meet(&x, &r[i].s);
        before_it = x;
        theirs = judge_theirs(r[i].frame, r[i].len, r[i].ms);
        ours = judge_ours(&x, r[i].from, &r[i].s);
        n_segments++;
        if (ours != theirs) {
            judges_differ(&before_it, r[i].from, &r[i].s, ours);
            return;
        }
    }
}

/* The recording with some segments twice, and some later than the next of their sender; not a SYN:
 * what overtakes it its receiver drops, too (RFC 9293, 3.10.7.3). */
static size_t
disturb(struct recorded *to)
{
    size_t n = 0;

    for (size_t i = 0; i < n_recorded; i++) {
        const struct recorded *r = &recording[i];
        if (i + 1 < n_recorded && r[0].from == r[1].from && !(r[0].s.flags & TCPF_SYN) &&
            one_in(5)) {
            to[n++] = r[1];
            to[n++] = r[0];
            i++;
        } else {
            to[n++] = r[0];
            if (one_in(10)) {
                to[n++] = r[0];
            }
        }
    }
    return n;
}

static void
test_file(const char *path, unsigned long rounds)
{
    const char *name = strrchr(path, '/') + 1;

    read_file(path);
    n_files++;
    replay_honest(name, recording, n_recorded);
    for (unsigned long i = 0; i < rounds; i++) {
        judges_forget();
        replay_honest(name, changed, disturb(changed));
        judges_forget();
        replay_with_gaps(name, recording, n_recorded);
    }
    judges_forget();
}

int
main(int argc, char *argv[])
{
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : DEFAULT_ROUNDS;
    const char *top = getenv("top_srcdir");
    char pattern[4096];
    glob_t files;

    judges_init(argv[0]);
    snprintf(pattern, sizeof pattern, "%s/tests/data/exchanges/*.pcap", top ? top : ".");
    if (glob(pattern, 0, NULL, &files)) {
        fail(pattern, "no recordings");
    }
    for (size_t i = 0; i < files.gl_pathc; i++) {
        test_file(files.gl_pathv[i], rounds);
    }
    globfree(&files);
    judges_exit();
    printf("%lu recordings, %lu segments (of the honest ones conntrack refuses %lu)\n", n_files,
           n_segments, n_refused);
    return judges_report() != 0;
}
