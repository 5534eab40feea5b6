/* The formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. */
#include <config.h>

#include "ctl/packet_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "util.h"

#define FRAME_MAX 262144 /* as libpcap has it */
#define BLOCK_MAX (FRAME_MAX + 65536)
#define INTERFACES_MAX 1024
#define LINK_ETHERNET 1

#define PCAP_US UINT32_C(0xa1b2c3d4)
#define PCAP_NS UINT32_C(0xa1b23c4d)
#define NG_SECTION UINT32_C(0x0a0d0d0a)
#define NG_ORDER UINT32_C(0x1a2b3c4d)
enum { NG_INTERFACE = 1, NG_OLD_PACKET = 2, NG_SIMPLE_PACKET = 3, NG_PACKET = 6 };

struct packet_file {
    const char *name;
    FILE *f;
    bool failed, ng, swapped;
    uint64_t n;
    uint16_t link[INTERFACES_MAX]; /* pcapng: link types of the section's interfaces */
    uint32_t n_links;
    uint8_t block[BLOCK_MAX];
};

static bool
wrong(struct packet_file *p, const char *what)
{
    if (p->n) {
        ctl_error("%s: after frame %" PRIu64 ": %s", p->name, p->n, what);
    } else {
        ctl_error("%s: %s", p->name, what);
    }
    p->failed = true;
    return false;
}

/* Reads 'n' bytes to 'to'.  '*end', unless NULL, is set instead of an error when there is not one.
 */
static bool
take(struct packet_file *p, void *to, size_t n, bool *end)
{
    size_t got = fread(to, 1, n, p->f);

    if (got == n) {
        return true;
    } else if (ferror(p->f)) {
        return wrong(p, ovs_strerror(errno));
    } else if (end && !got) {
        *end = true;
        return false;
    }
    return wrong(p, "the file is cut short");
}

static uint32_t
word(const struct packet_file *p, const uint8_t *b)
{
    uint32_t w;

    memcpy(&w, b, sizeof w);
    return p->swapped ? __builtin_bswap32(w) : w;
}

static uint16_t
half(const struct packet_file *p, const uint8_t *b)
{
    uint16_t h;

    memcpy(&h, b, sizeof h);
    return p->swapped ? __builtin_bswap16(h) : h;
}

static bool
check_link(struct packet_file *p, uint32_t type)
{
    char what[80];

    if (type == LINK_ETHERNET) {
        return true;
    }
    snprintf(what, sizeof what, "link type %" PRIu32 " is not Ethernet", type);
    return wrong(p, what);
}

static bool
give(struct packet_file *p, const uint8_t *data, uint32_t captured, uint32_t length,
     struct packet *packet)
{
    *packet = (struct packet){
        .data = data, .captured = captured, .length = MAX(captured, length), .n = ++p->n
    };
    return true;
}

/* ---- pcap ---- */

static bool
open_pcap(struct packet_file *p)
{
    uint8_t rest[20];

    /* The upper bits say how long the check sum behind a frame is. */
    return take(p, rest, sizeof rest, NULL) && check_link(p, word(p, rest + 16) & 0xffff);
}

static bool
next_pcap(struct packet_file *p, struct packet *packet)
{
    uint8_t head[16];
    uint32_t captured;
    bool end = false;

    if (!take(p, head, sizeof head, &end)) {
        return false;
    }
    captured = word(p, head + 8);
    if (captured > FRAME_MAX) {
        return wrong(p, "the next frame is longer than any frame is");
    }
    return take(p, p->block, captured, NULL) &&
           give(p, p->block, captured, word(p, head + 12), packet);
}

/* ---- pcapng ---- */

/* Behind the type of a section's first block. */
static bool
take_section(struct packet_file *p)
{
    uint8_t head[8];
    uint32_t order, length;

    if (!take(p, head, sizeof head, NULL)) {
        return false;
    }
    memcpy(&order, head + 4, sizeof order);
    if (order != NG_ORDER && __builtin_bswap32(order) != NG_ORDER) {
        return wrong(p, "a section of no byte order");
    }
    p->swapped = order != NG_ORDER;
    p->n_links = 0;
    length = word(p, head);
    if (length < 28 || length % 4 || length > BLOCK_MAX) {
        return wrong(p, "a section header of a wrong length");
    }
    return take(p, p->block, length - 12, NULL);
}

/* One block that is no section's; its body is in p->block, and '*n' bytes long. */
static bool
take_block(struct packet_file *p, uint32_t *n)
{
    uint8_t length[4];
    uint32_t total;

    if (!take(p, length, sizeof length, NULL)) {
        return false;
    }
    total = word(p, length);
    if (total < 12 || total % 4 || total > BLOCK_MAX) {
        return wrong(p, "a block of a wrong length");
    }
    *n = total - 12;
    if (!take(p, p->block, total - 8, NULL)) {
        return false;
    }
    return word(p, p->block + *n) == total || wrong(p, "a block whose two lengths differ");
}

static bool
add_interface(struct packet_file *p, uint32_t n)
{
    if (n < 8 || p->n_links == INTERFACES_MAX) {
        return wrong(p, n < 8 ? "an interface that is cut short" : "too many interfaces");
    }
    p->link[p->n_links++] = half(p, p->block);
    return true;
}

/* The frame begins at 'head' of the block, and was taken at 'interface'. */
static bool
take_frame(struct packet_file *p, uint32_t interface, uint32_t head, uint32_t n, uint32_t captured,
           uint32_t length, struct packet *packet)
{
    if (interface >= p->n_links) {
        return wrong(p, "a frame of no interface");
    }
    if (captured > n - head) {
        return wrong(p, "a frame that is longer than its block");
    }
    return check_link(p, p->link[interface]) && give(p, p->block + head, captured, length, packet);
}

static bool
take_packet(struct packet_file *p, uint32_t type, uint32_t n, struct packet *packet)
{
    const uint8_t *b = p->block;

    if (n < (type == NG_SIMPLE_PACKET ? 4 : 20)) {
        return wrong(p, "a frame that is cut short");
    } else if (type == NG_SIMPLE_PACKET) {
        uint32_t length = word(p, b);

        return take_frame(p, 0, 4, n, MIN(length, n - 4), length, packet);
    }
    return take_frame(p, type == NG_PACKET ? word(p, b) : half(p, b), 20, n, word(p, b + 12),
                      word(p, b + 16), packet);
}

static bool
next_ng(struct packet_file *p, struct packet *packet)
{
    for (;;) {
        uint8_t raw[4];
        uint32_t type, n;
        bool end = false;

        if (!take(p, raw, sizeof raw, &end)) {
            return false;
        }
        type = word(p, raw);
        if (type == NG_SECTION ? !take_section(p) : !take_block(p, &n)) {
            return false;
        } else if (type == NG_INTERFACE && !add_interface(p, n)) {
            return false;
        } else if (type == NG_PACKET || type == NG_OLD_PACKET || type == NG_SIMPLE_PACKET) {
            return take_packet(p, type, n, packet);
        }
    }
}

/* ---- both ---- */

static bool
open_format(struct packet_file *p)
{
    uint8_t raw[4];
    uint32_t magic, other;
    bool empty = false;

    if (!take(p, raw, sizeof raw, &empty)) {
        return empty ? wrong(p, "the file is empty") : false;
    }
    memcpy(&magic, raw, sizeof magic);
    other = __builtin_bswap32(magic);
    p->swapped = other == PCAP_US || other == PCAP_NS;
    p->ng = magic == NG_SECTION;
    if (p->ng) {
        return take_section(p);
    } else if (p->swapped || magic == PCAP_US || magic == PCAP_NS) {
        return open_pcap(p);
    }
    return wrong(p, "neither pcap nor pcapng");
}

struct packet_file *
packet_file_open(const char *name)
{
    struct packet_file *p = xzalloc(sizeof *p);
    bool standard = !strcmp(name, "-");

    p->name = standard ? "<stdin>" : name;
    p->f = standard ? stdin : fopen(name, "rb");
    if (!p->f) {
        ctl_error("%s: %s", name, ovs_strerror(errno));
    } else if (open_format(p)) {
        return p;
    }
    packet_file_close(p);
    return NULL;
}

bool
packet_file_next(struct packet_file *p, struct packet *packet)
{
    return p->ng ? next_ng(p, packet) : next_pcap(p, packet);
}

bool
packet_file_failed(const struct packet_file *p)
{
    return p->failed;
}

void
packet_file_close(struct packet_file *p)
{
    if (p) {
        if (p->f && p->f != stdin) {
            fclose(p->f);
        }
        free(p);
    }
}
