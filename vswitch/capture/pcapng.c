#include <config.h>

#include "capture/pcapng.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "openvswitch/ofpbuf.h"
#include "util.h"

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, STATISTICS = 5, PACKET = 6 };
enum { MAGIC = 0x1a2b3c4d, LINKTYPE_ETHERNET = 1, NANOSECONDS = 9 };

enum {
    OPT_END = 0,
    OPT_COMMENT = 1,
    SHB_USERAPPL = 4,
    IF_NAME = 2,
    IF_DESCRIPTION = 3,
    IF_TSRESOL = 9,
    EPB_FLAGS = 2,
    ISB_STARTTIME = 2,
    ISB_ENDTIME = 3,
    ISB_IFRECV = 4,
    ISB_IFDROP = 5
};

static void
put16(struct ofpbuf *b, uint16_t n)
{
    ofpbuf_put(b, &n, sizeof n);
}

static void
put32(struct ofpbuf *b, uint32_t n)
{
    ofpbuf_put(b, &n, sizeof n);
}

static void
put_padded(struct ofpbuf *b, const void *data, size_t n)
{
    ofpbuf_put(b, data, n);
    ofpbuf_put_zeros(b, PAD_SIZE(n, 4));
}

static void
put_option(struct ofpbuf *b, uint16_t code, const void *value, size_t n)
{
    put16(b, code);
    put16(b, n);
    put_padded(b, value, n);
}

/* Cut short between characters. */
static void
put_text(struct ofpbuf *b, uint16_t code, const char *text)
{
    size_t n = strlen(text);

    if (n > PCAPNG_TEXT_MAX) {
        for (n = PCAPNG_TEXT_MAX; n && (text[n] & 0xc0) == 0x80; n--) {
        }
    }
    if (n) {
        put_option(b, code, text, n);
    }
}

/* High and low half, whatever the byte order. */
static void
put_time(struct ofpbuf *b, uint64_t ns)
{
    put32(b, ns >> 32);
    put32(b, (uint32_t) ns);
}

static void
put_time_option(struct ofpbuf *b, uint16_t code, uint64_t ns)
{
    uint32_t halves[2] = { ns >> 32, (uint32_t) ns };

    put_option(b, code, halves, sizeof halves);
}

/* Returns where it begins, for end(). */
static size_t
begin(struct ofpbuf *b, uint32_t type)
{
    size_t at = b->size;

    put32(b, type);
    put32(b, 0);
    return at;
}

static void
end(struct ofpbuf *b, size_t at)
{
    uint32_t length;

    put16(b, OPT_END);
    put16(b, 0);
    length = b->size + sizeof length - at;
    put32(b, length);
    memcpy((uint8_t *) b->data + at + 4, &length, sizeof length);
}

void
pcapng_section(struct ofpbuf *b, const char *application, const char *comment)
{
    const uint64_t unknown = UINT64_MAX;
    size_t at = begin(b, SECTION);

    put32(b, MAGIC);
    put16(b, 1);
    put16(b, 0);
    ofpbuf_put(b, &unknown, sizeof unknown);
    put_text(b, OPT_COMMENT, comment);
    put_text(b, SHB_USERAPPL, application);
    end(b, at);
}

void
pcapng_interface(struct ofpbuf *b, const char *name, const char *description, uint32_t snaplen)
{
    const uint8_t resolution = NANOSECONDS;
    size_t at = begin(b, INTERFACE);

    put16(b, LINKTYPE_ETHERNET);
    put16(b, 0);
    put32(b, snaplen);
    put_text(b, IF_NAME, name);
    put_text(b, IF_DESCRIPTION, description);
    put_option(b, IF_TSRESOL, &resolution, sizeof resolution);
    end(b, at);
}

void
pcapng_packet(struct ofpbuf *b, const struct pcapng_packet *p)
{
    const uint32_t flags = p->outbound ? 2 : 1;
    size_t at = begin(b, PACKET);

    put32(b, 0);
    put_time(b, p->time_ns);
    put32(b, p->captured);
    put32(b, p->length);
    put_padded(b, p->data, p->captured);
    put_text(b, OPT_COMMENT, p->comment);
    put_option(b, EPB_FLAGS, &flags, sizeof flags);
    end(b, at);
}

void
pcapng_statistics(struct ofpbuf *b, const struct pcapng_statistics *s)
{
    size_t at = begin(b, STATISTICS);

    put32(b, 0);
    put_time(b, s->to_ns);
    put_time_option(b, ISB_STARTTIME, s->from_ns);
    put_time_option(b, ISB_ENDTIME, s->to_ns);
    put_option(b, ISB_IFRECV, &s->received, sizeof s->received);
    put_option(b, ISB_IFDROP, &s->dropped, sizeof s->dropped);
    end(b, at);
    ovs_assert(b->size - at == PCAPNG_STATISTICS_SIZE);
}

/* ---- reading ---- */

#define LONGEST (1u << 20) /* no block that is written above is */

/* 'n' bytes from 'at' on; fewer at the end of the file.  Negative: errno. */
static ssize_t
read_at(int fd, uint64_t at, void *data, size_t n)
{
    size_t have = 0;

    while (have < n) {
        ssize_t got = pread(fd, (char *) data + have, n - have, at + have);

        if (got < 0 && errno != EINTR) {
            return -1;
        } else if (!got) {
            break;
        } else if (got > 0) {
            have += got;
        }
    }
    return have;
}

bool
pcapng_look(int fd, struct pcapng_whole *whole)
{
    uint32_t *block = xmalloc(LONGEST);
    ssize_t n;

    *whole = (struct pcapng_whole){ .bytes = 0 };
    while ((n = read_at(fd, whole->bytes, block, LONGEST)) >= 12) {
        uint32_t at = 0;

        while (n - at >= 12) {
            const uint32_t *head = block + at / 4;
            uint32_t length = head[1];

            if (length < 12 || length % 4 || length > n - at || head[length / 4 - 1] != length) {
                break;
            }
            whole->packets += head[0] == PACKET;
            whole->ended = head[0] == STATISTICS;
            at += length;
        }
        if (!at) {
            break;
        }
        whole->bytes += at;
    }
    free(block);
    return n >= 0;
}
