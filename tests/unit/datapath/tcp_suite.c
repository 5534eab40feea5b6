#include <config.h>

#include <string.h>

#include <CUnit/CUnit.h>

#include "datapath/conn_tcp.h"
#include "tests/unit/datapath/suites.h"

static struct tcp_half tcp[2];

static enum tcp_verdict
say(unsigned side, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t len)
{
    struct tcp_segment s = {
        .seq = seq, .ack = ack, .len = len, .window = 1000, .flags = flags, .scale = TCP_NO_SCALE
    };

    return tcp_track(&tcp[side], &tcp[!side], &s);
}

static enum tcp_state
state(void)
{
    return tcp_state(&tcp[0], &tcp[1]);
}

static void
shake_hands(void)
{
    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 99, 0, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_SYN_SENT);
    CU_ASSERT_EQUAL(say(1, TCPF_SYN | TCPF_ACK, 499, 100, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_SYN_RECEIVED);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 500, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
}

static void
test_tcp_states(void)
{
    shake_hands();
    CU_ASSERT_EQUAL(say(0, TCPF_FIN | TCPF_ACK, 100, 500, 10), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSING);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 111, 500, 5), TCP_BAD_SEQUENCE); /* after its FIN */
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 500, 111, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSING); /* its own FIN is not acknowledged yet */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 111, 501, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
}

/* A FIN that is not acknowledged keeps the connection open. */
static void
test_tcp_half_closed(void)
{
    shake_hands();
    CU_ASSERT_EQUAL(say(0, TCPF_FIN | TCPF_ACK, 100, 500, 10), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 500, 110, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 111, 501, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSING);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 501, 111, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
}

/* A window of 0 may be probed with one byte at a time. */
static void
test_tcp_zero_window(void)
{
    struct tcp_segment s = { .seq = 99, .flags = TCPF_SYN, .scale = TCP_NO_SCALE };

    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(tcp_track(&tcp[0], &tcp[1], &s), TCP_PASS);
    s.seq = 499;
    s.ack = 100;
    s.flags = TCPF_SYN | TCPF_ACK;
    CU_ASSERT_EQUAL(tcp_track(&tcp[1], &tcp[0], &s), TCP_PASS);
    s.seq = 100;
    s.ack = 500;
    s.flags = TCPF_ACK;
    CU_ASSERT_EQUAL(tcp_track(&tcp[0], &tcp[1], &s), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 100, 2), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 100, 1), TCP_PASS);
    s.ack = 501;
    CU_ASSERT_EQUAL(tcp_track(&tcp[0], &tcp[1], &s), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 501, 100, 1), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 502, 100, 1), TCP_BAD_SEQUENCE);
}

static void
test_tcp_bounds(void)
{
    shake_hands();
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 500, 1000), TCP_PASS); /* all that was granted */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 1100, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 1101, 0), TCP_BAD_SEQUENCE); /* of what was not sent */
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 1100, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 1100, 500, 1000), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 1100, 500, 1000), TCP_PASS); /* again */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 99, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 2100, 499, 0), TCP_BAD_SEQUENCE); /* before its SYN */
    CU_ASSERT_EQUAL(say(0, 0, 2100, 0, 0), TCP_BAD_FLAGS);
    CU_ASSERT_EQUAL(say(0, 0x29, 2100, 500, 0), TCP_BAD_FLAGS); /* a Christmas tree */
    CU_ASSERT_EQUAL(say(0, TCPF_SYN | TCPF_FIN, 2100, 500, 0), TCP_BAD_FLAGS);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
}

static void
test_tcp_resets(void)
{
    memset(tcp, 0, sizeof tcp);
    say(0, TCPF_SYN, 99, 0, 0);
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 0, 0, 0), TCP_BAD_SEQUENCE); /* refuses nothing */
    CU_ASSERT_EQUAL(say(1, TCPF_RST | TCPF_ACK, 0, 100, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);

    shake_hands();
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 900, 0, 0), TCP_PASS_ASIDE); /* for the host to challenge */
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 5000, 0, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 500, 0, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
}

/* A SYN may carry more than the peer then grants (RFC 7413): that moves nothing, and above all does
 * not leave the bounds the wrong way round, where everything lies between them. */
static void
test_tcp_data_past_the_grant(void)
{
    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 99, 0, 3000), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_SYN | TCPF_ACK, 499, 100, 0), TCP_PASS); /* and takes none of it */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5000000, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 3100, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 98, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_RST, 5000000, 0, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_RST, 2000, 0, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_RST, 900, 0, 0), TCP_PASS_ASIDE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 500, 1000), TCP_PASS); /* what is granted, again */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 1100, 500, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 1100, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 1100, 500, 1000), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
}

/* A host that has forgotten the connection asks anew; only an answer to that ends the old one. */
static void
test_tcp_begins_anew(void)
{
    struct tcp_half anew[2];
    struct tcp_segment answer = {
        .seq = 7000, .ack = 9001, .window = 1000, .flags = TCPF_SYN | TCPF_ACK
    };

    shake_hands();
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 9000, 0, 0), TCP_PASS_ASIDE);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
    CU_ASSERT_EQUAL(say(1, TCPF_SYN | TCPF_ACK, 7000, 100, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_SYN | TCPF_ACK, 7000, 9001, 0), TCP_BEGINS_ANEW);
    memset(anew, 0, sizeof anew);
    tcp_begin_anew(&anew[1], &anew[0], &tcp[0], &answer);
    memcpy(tcp, anew, sizeof tcp);
    CU_ASSERT_EQUAL(state(), TCP_SYN_RECEIVED);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 9001, 7001, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
}

static enum tcp_verdict
say_syn_ack(unsigned side, uint32_t seq, uint32_t ack, uint16_t len, uint16_t window)
{
    struct tcp_segment s = { .seq = seq,
                             .ack = ack,
                             .len = len,
                             .window = window,
                             .flags = TCPF_SYN | TCPF_ACK,
                             .scale = TCP_NO_SCALE };

    return tcp_track(&tcp[side], &tcp[!side], &s);
}

/* A SYN+ACK that comes again counts: with its data, its acknowledgment and its window. */
static void
test_tcp_syn_ack_again(void)
{
    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 99, 0, 20), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 0, 10), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 121, 0, 10), TCP_BAD_SEQUENCE);    /* what was not sent */
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 120, 1001, 30), TCP_BAD_SEQUENCE); /* past the grant */
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 120, 1000, 30), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 120, 1501, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 120, 1500, 31), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 120, 1500, 30), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 499, 150, 0), TCP_BAD_SEQUENCE); /* a window before */
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, 150, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 1500, 150, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 150, 1002, 10), TCP_BAD_SEQUENCE); /* after its FIN */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 150, 1501, 0), TCP_PASS);
}

/* An acknowledgment may be as old as the window is wide, or 66,000, and no older. */
static void
test_tcp_old_acknowledgment(void)
{
    uint32_t end = 100;

    shake_hands();
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(say(0, TCPF_ACK, end, 500, 1000), TCP_PASS);
        end += 1000;
        CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, end, 0), TCP_PASS);
    }
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, end - 66000, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, end - 66001, 0), TCP_BAD_SEQUENCE);
}

/* Beyond two gigabytes the first number is ahead on the circle, and says nothing. */
static void
test_tcp_much(void)
{
    struct tcp_segment s = { .seq = 99, .window = 65535, .flags = TCPF_SYN, .scale = 14 };
    uint32_t end = 100;

    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(tcp_track(&tcp[0], &tcp[1], &s), TCP_PASS);
    s = (struct tcp_segment){ .seq = 499, .ack = 100, .flags = TCPF_SYN | TCPF_ACK, .scale = 14 };
    s.window = 65535;
    CU_ASSERT_EQUAL(tcp_track(&tcp[1], &tcp[0], &s), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, end, 500, 0), TCP_PASS);
    for (int i = 0; i < 5; i++) {
        s = (struct tcp_segment){ .seq = 500, .ack = end, .window = 65535, .flags = TCPF_ACK };
        CU_ASSERT_EQUAL(tcp_track(&tcp[1], &tcp[0], &s), TCP_PASS);
        end += 65535u << 14;
        CU_ASSERT_EQUAL(say(0, TCPF_ACK, end + 1, 500, 0), TCP_BAD_SEQUENCE);
        CU_ASSERT_EQUAL(say(0, TCPF_ACK, end - 10, 500, 10), TCP_PASS);
        CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, end + 1, 0), TCP_BAD_SEQUENCE);
        CU_ASSERT_EQUAL(say(1, TCPF_ACK, 500, end - (65535u << 14) - 1, 0), TCP_BAD_SEQUENCE);
    }
}

/* What a SYN has carried past the grant may come again, with a SYN+ACK, and no more than that. */
static void
test_tcp_syn_ack_past_the_grant(void)
{
    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 99, 0, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 1200, 10), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 1200, 10), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 1201, 10), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 1500, 0), TCP_PASS);
}

/* Both open at once: the SYN+ACK takes back nothing that the SYN has granted. */
static void
test_tcp_simultaneous_open(void)
{
    memset(tcp, 0, sizeof tcp);
    CU_ASSERT_EQUAL(say(0, TCPF_SYN, 99, 0, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_SYN, 499, 0, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say_syn_ack(0, 99, 500, 0, 1), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_SYN_RECEIVED);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 1001, 1000), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say_syn_ack(1, 499, 100, 1000, 1000), TCP_PASS); /* in its SYN's window */
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 1500, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 100, 1501, 0), TCP_BAD_SEQUENCE);
}

/* ---- without the SYNs ---- */

static void
pick_up(uint32_t seq, uint32_t ack, uint16_t len)
{
    struct tcp_segment s = {
        .seq = seq, .ack = ack, .len = len, .window = 1000, .flags = TCPF_ACK
    };

    memset(tcp, 0, sizeof tcp);
    tcp_pick_up(&tcp[0], &s);
    CU_ASSERT_EQUAL(state(), TCP_SYN_SENT); /* until the other side is heard */
}

static void
test_tcp_picked_up(void)
{
    pick_up(5000, 9000, 100);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5100, 9000, 100), TCP_PASS); /* it may go on meanwhile */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5100 + 0x60000000, 9000, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000 + 0x60000000, 5200, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000, 5200 + 0x60000000, 1), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(state(), TCP_SYN_SENT);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000, 5200, 300), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_ESTABLISHED);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9300, 5201, 0), TCP_BAD_SEQUENCE); /* what was not sent */
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5200, 9301, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5200, 9300, 60000), TCP_PASS); /* the scale is not known */
    CU_ASSERT_EQUAL(say(0, TCPF_FIN | TCPF_ACK, 65200, 9300, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 9300, 65201, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 65201, 9301, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
}

/* What was picked up was a repetition: the peer has acknowledged more, before anybody looked. */
static void
test_tcp_picked_up_late(void)
{
    pick_up(5000, 9000, 100);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000, 6000, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000, 6000, 10), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9000, 6001, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 6000, 9010, 100), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9010, 6100, 0), TCP_PASS);
}

static void
test_tcp_picked_up_ends(void)
{
    pick_up(5000, 9000, 0);
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 9001, 0, 0), TCP_BAD_SEQUENCE);
    CU_ASSERT_EQUAL(say(1, TCPF_RST, 9000, 0, 0), TCP_PASS); /* the peer knows of no connection */
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
    pick_up(5000, 9000, 0);
    CU_ASSERT_EQUAL(say(0, TCPF_FIN | TCPF_ACK, 5000, 9000, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 9000, 5001, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5001, 9001, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
    pick_up(5000, 9000, 0); /* the other side is heard first after a FIN that it has not got yet */
    CU_ASSERT_EQUAL(say(0, TCPF_FIN | TCPF_ACK, 5000, 9000, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(1, TCPF_FIN | TCPF_ACK, 9000, 5000, 0), TCP_PASS);
    CU_ASSERT_EQUAL(say(0, TCPF_ACK, 5001, 9001, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSING);
    CU_ASSERT_EQUAL(say(1, TCPF_ACK, 9001, 5001, 0), TCP_PASS);
    CU_ASSERT_EQUAL(state(), TCP_CLOSED);
    for (int opener = 0; opener < 2; opener++) { /* a new connection takes its place, either way */
        pick_up(5000, 9000, 0);
        CU_ASSERT_EQUAL(say(opener, TCPF_SYN, 700000, 0, 0), TCP_PASS_ASIDE);
        CU_ASSERT_EQUAL(say(!opener, TCPF_SYN | TCPF_ACK, 30, 700001, 0), TCP_BEGINS_ANEW);
    }
}

void
suite_tcp(void)
{
    CU_pSuite s = CU_add_suite("tcp", NULL, NULL);

    CU_add_test(s, "states", test_tcp_states);
    CU_add_test(s, "half closed", test_tcp_half_closed);
    CU_add_test(s, "zero window", test_tcp_zero_window);
    CU_add_test(s, "bounds", test_tcp_bounds);
    CU_add_test(s, "an old acknowledgment", test_tcp_old_acknowledgment);
    CU_add_test(s, "resets", test_tcp_resets);
    CU_add_test(s, "data past the grant", test_tcp_data_past_the_grant);
    CU_add_test(s, "begins anew", test_tcp_begins_anew);
    CU_add_test(s, "SYN+ACK again", test_tcp_syn_ack_again);
    CU_add_test(s, "much", test_tcp_much);
    CU_add_test(s, "SYN+ACK past the grant", test_tcp_syn_ack_past_the_grant);
    CU_add_test(s, "simultaneous open", test_tcp_simultaneous_open);
    CU_add_test(s, "picked up in its middle", test_tcp_picked_up);
    CU_add_test(s, "picked up by a repetition", test_tcp_picked_up_late);
    CU_add_test(s, "picked up ends", test_tcp_picked_up_ends);
}
