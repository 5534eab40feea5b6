/* Why packets are dropped: the one list.  A new reason is one line here and a test.
 *
 * X(symbol, name, text): the name is what counters, records and swctl print, and never changes.
 * Ingress reasons are charged to the port a packet came from; tx reasons to the port it was for. */
#ifndef TELEMETRY_REASONS_H
#define TELEMETRY_REASONS_H 1

#define DROP_REASONS(X)                                                                            \
    X(DROP_NONE, "none", "not dropped")                                                            \
    X(DROP_MALFORMED, "malformed", "a header is cut short or lies about lengths")                  \
    X(DROP_ETHERTYPE, "ethertype", "neither IPv4, IPv6 nor ARP")                                   \
    X(DROP_VLAN, "vlan", "a VLAN, or tags, that the port does not take")                           \
    X(DROP_FRAGMENT, "fragment", "its first fragment lacks headers, or it may not be fragmented")  \
    X(DROP_FRAG_OVERLAP, "frag-overlap", "fragments that overlap")                                 \
    X(DROP_FRAG_TIMEOUT, "frag-timeout", "fragments of what did not become whole in time")         \
    X(DROP_FRAG_LIMIT, "frag-limit", "more fragments held than a port may have")                   \
    X(DROP_IPV6_EXT, "ipv6-ext", "an IPv6 extension chain without a known end")                    \
    X(DROP_SOURCE_ROUTE, "source-route", "it says itself which way it is to be routed")            \
    X(DROP_LAND, "land", "source and destination are the same")                                    \
    X(DROP_SPOOF_MAC, "spoof-mac", "the source MAC is not bound to the port")                      \
    X(DROP_SPOOF_IP, "spoof-ip", "the source address is not bound to the port")                    \
    X(DROP_SPOOF_ARP, "spoof-arp", "an ARP claim to an address not bound to the port")             \
    X(DROP_SPOOF_ND, "spoof-nd", "an ND claim to an address not bound to the port")                \
    X(DROP_SPOOF_DHCP, "spoof-dhcp", "a DHCP request in another's name")                           \
    X(DROP_DHCP_SERVER, "dhcp-server", "a desktop acts as DHCP server")                            \
    X(DROP_MCAST_QUERY, "mcast-query", "a desktop acts as multicast querier or router")            \
    X(DROP_MCAST_INVALID, "mcast-invalid", "IGMP or MLD that its receivers must not heed")         \
    X(DROP_RA, "ra", "a desktop sends router advertisements")                                      \
    X(DROP_QUARANTINE, "quarantine", "the source port is in quarantine")                           \
    X(DROP_QUARANTINE_PEER, "quarantine-peer", "the destination port is in quarantine")            \
    X(DROP_EGRESS_RULE, "egress-rule", "a rule of the source port denies it")                      \
    X(DROP_EGRESS_DEFAULT, "egress-default", "no rule of the source port allows it")               \
    X(DROP_INGRESS_RULE, "ingress-rule", "a rule of the destination port denies it")               \
    X(DROP_INGRESS_DEFAULT, "ingress-default", "no rule of the destination port allows it")        \
    X(DROP_DECOY, "decoy", "the destination is a decoy: nobody has it")                            \
    X(DROP_NO_POLICY, "no-policy", "the port has no table yet")                                    \
    X(DROP_TCP_STATE, "tcp-state", "TCP outside a connection that does not open one")              \
    X(DROP_TCP_FLAGS, "tcp-flags", "TCP flags that no stack sends")                                \
    X(DROP_TCP_SEQUENCE, "tcp-sequence", "TCP numbers outside of the connection's bounds")         \
    X(DROP_ICMP_UNRELATED, "icmp-unrelated", "an ICMP error about no connection")                  \
    X(DROP_LEARN_LIMIT, "learn-limit", "more leases at once than the switch can take in")          \
    X(DROP_CONN_QUOTA, "conn-quota", "the port has all the connections that it may have")          \
    X(DROP_CONN_FULL, "conn-full", "the connection table is full")                                 \
    X(DROP_MISADDRESSED, "misaddressed",                                                           \
      "the address is not bound to the port that the MAC names")                                   \
    X(DROP_HAIRPIN, "hairpin", "the destination is the port it came from")                         \
    X(DROP_NO_DESTINATION, "no-destination", "no port to send it to")                              \
    X(DROP_CSUM, "checksum", "a checksum is wrong")                                                \
    X(DROP_STORM, "storm", "more floods, group or ARP packets a second than the port may send")    \
    X(DROP_NO_BUFFER, "no-buffer", "no buffer for a copy")                                         \
    X(DROP_PROBE, "probe", "not dropped: ARP or ND for a peer that no rule lets the port reach")   \
    X(DROP_AUDIT, "would-drop", "not dropped: policy denies it, and is in audit mode")

#define TX_DROP_REASONS(X)                                                                         \
    X(TX_DROP_FULL, "tx-full", "the destination's ring was full")                                  \
    X(TX_DROP_DOWN, "tx-down", "the destination is not connected")                                 \
    X(TX_DROP_NO_BUFFER, "tx-no-buffer", "no buffer for the destination's copy")                   \
    X(TX_DROP_TOO_LONG, "tx-too-long", "longer than the destination's MTU")                        \
    X(TX_DROP_VLAN, "tx-vlan", "not of the destination's VLANs")

#define REASON_ENUM(SYMBOL, NAME, TEXT) SYMBOL,
enum drop_reason { DROP_REASONS(REASON_ENUM) N_DROP_REASONS };
enum tx_drop_reason { TX_DROP_REASONS(REASON_ENUM) N_TX_DROP_REASONS };
#undef REASON_ENUM

/* Names and texts; "?" outside the range.  Any thread. */
const char *drop_reason_name(enum drop_reason);
const char *drop_reason_text(enum drop_reason);
const char *tx_drop_reason_name(enum tx_drop_reason);
/* DROP_NONE when there is no such name. */
enum drop_reason drop_reason_from_name(const char *);

#endif
