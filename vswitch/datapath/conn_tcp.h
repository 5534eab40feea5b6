/* TCP as it is seen from the middle: which segments belong to a connection, and what state it is
 * in.
 *
 * Each direction has a half, written only by the worker that polls its sender's port; a segment is
 * checked against both halves and noted in the sender's.  There is no common state to write: it
 * follows from what the two have said (tcp_state).
 *
 * States and acceptability: RFC 9293, 3.3.2 and 3.10.7.  The bounds are those of G. van Rooij,
 * "Real Stateful TCP Packet Filtering in IP Filter" (2001): a sender stays inside what the peer has
 * granted, goes back no further than one window, acknowledges nothing that was not sent, and
 * nothing that is older than one window.  Window scaling: RFC 7323.  Selective acknowledgments (RFC
 * 2018) move none of these.  Resets: RFC 5961, 3.2. */
#ifndef DATAPATH_CONN_TCP_H
#define DATAPATH_CONN_TCP_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TCPF_FIN 0x01
#define TCPF_SYN 0x02
#define TCPF_RST 0x04
#define TCPF_ACK 0x10

#define TCP_NO_SCALE 0xff /* a SYN without the window scale option */
#define TCP_MAX_SCALE 14  /* RFC 7323, 2.3 */

/* What the packet says, in host order. */
struct tcp_segment {
    uint32_t seq, ack;
    uint16_t len; /* of the payload */
    uint16_t window;
    uint8_t flags;
    uint8_t scale; /* of a SYN: 0 to TCP_MAX_SCALE, or TCP_NO_SCALE */
};

/* What one side has said so far.  All zero: nothing yet. */
struct tcp_half {
    _Atomic uint32_t first; /* the number after its SYN */
    _Atomic uint32_t end;   /* the number after all that it has sent; SYN and FIN count */
    _Atomic uint32_t ack;   /* the highest that it has acknowledged */
    _Atomic uint32_t
        edge; /* acknowledgment and window at their highest: up to here the peer may send */
    _Atomic uint32_t window; /* the largest that it has offered, scaled; at least 1 */
    _Atomic uint8_t said;    /* TCP_SAID_* */
    _Atomic uint8_t scale;
    /* A SYN that came while the connection was not closed: it begins a new one if it is answered.
     */
    _Atomic uint8_t new_scale;
    _Atomic uint16_t new_window;
    _Atomic uint32_t new_first, new_end;
};

#define TCP_SAID_SYN 0x01
#define TCP_SAID_SYN_ACK 0x02 /* it has acknowledged the peer's SYN */
#define TCP_SAID_FIN 0x04
#define TCP_SAID_FIN_ACK 0x08 /* it has acknowledged the peer's FIN */
#define TCP_SAID_RST 0x10
#define TCP_SAID_NEW_SYN 0x20
#define TCP_SAID_MUCH 0x40 /* so many bytes that 'first' says nothing any more */
#define TCP_SAID_PICKED_UP                                                                         \
    0x80 /* its SYN was not seen: 'first' is a guess, the scale the largest */

enum tcp_state {
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED,
    TCP_ESTABLISHED,
    TCP_CLOSING, /* a FIN was sent */
    TCP_CLOSED   /* both FINs are acknowledged, or a reset was sent */
};

enum tcp_verdict {
    TCP_PASS,         /* belongs to it, and is noted */
    TCP_PASS_ASIDE,   /* passes and changes nothing: its receiver will see to it (RFC 5961) */
    TCP_BEGINS_ANEW,  /* answers a SYN that is newer than the connection: tcp_begin_anew() */
    TCP_BAD_FLAGS,    /* no stack sends that */
    TCP_BAD_STATE,    /* it comes before what must come first */
    TCP_BAD_SEQUENCE, /* outside of the bounds */
};

/* Judges a segment from 'me' to 'peer' and, for TCP_PASS, notes it in 'me'.  The first of a
 * connection is a SYN without ACK from a half that is all zero. */
enum tcp_verdict tcp_track(struct tcp_half *me, const struct tcp_half *peer,
                           const struct tcp_segment *);
/* Begins a connection in its middle with an ACK from 'me' (no SYN, FIN or RST), both halves all
 * zero.  What the SYNs agreed is not known: windows count as scaled by the most there is, and what
 * the peer has sent is learned from its first segment, which has to fit what this one acknowledges.
 * Until then the connection is TCP_SYN_SENT. */
void tcp_pick_up(struct tcp_half *me, const struct tcp_segment *);
/* After TCP_BEGINS_ANEW: the halves of the new connection, which its caller puts in the place of
 * the old one.  'me' answers, 'peer' had asked. */
void tcp_begin_anew(struct tcp_half *me, struct tcp_half *peer, const struct tcp_half *old_peer,
                    const struct tcp_segment *);

/* Whether a segment with this number may be one that 'me' has sent and the peer not yet dropped
 * from its window: what an ICMP error quotes (RFC 5927, 4.1). */
bool tcp_may_have_sent(const struct tcp_half *me, const struct tcp_half *peer, uint32_t seq);

/* What it holds at this moment, for who wants to know what would come of a segment. */
void tcp_half_read(const struct tcp_half *, struct tcp_half *copy);

enum tcp_state tcp_state(const struct tcp_half *, const struct tcp_half *);

#endif
