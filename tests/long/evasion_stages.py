#!/usr/bin/python3
"""Shows that the evasion suite sees every stage of the packet path: each is switched off in a copy of
the tree, one at a time, and tests/system/test_evasion.sh has to fail.

    evasion_stages.py [WORD...]
    evasion_stages.py --check

With words, only stages in whose name or file one of them occurs.  The last line is 'K of N stages
seen'; exits 1 unless all were.  --check: only whether each stage still has a place in the tree."""
import os
import subprocess
import sys

TOP = os.environ.get('FUSUMA_TOP', os.path.realpath(os.path.dirname(__file__) + '/../..'))
BUILD = os.environ.get('FUSUMA_BUILD', TOP + '/build')
WORK = BUILD + '/stages'
PATIENCE = 120  # seconds for the suite
sys.path.insert(0, TOP + '/tests/mutants')
import planting  # noqa: E402

D = 'vswitch/datapath/'

# What is switched off, where, what stands there once, what takes its place.
#
# Not here, for what they refuse is refused for the same reason without them (they keep what is read inside
# of the frame):
# * parse.c, IPv4: left < sizeof *ip.  The next check lets pass only 20 <= header <= total <= left.
# * parse.c, TCP: there < sizeof *tcp.  The next one lets pass only 20 <= header <= there.
# * parse.c, extension headers: end - off < 8.  The next one lets pass only size <= end - off, and no kind of
#   header has a size under 8: of fragments 8, of AH (n + 2) * 4, of the others (n + 1) * 8.
# * vlan.c, a tag behind the tag.  What is left is parsed again, and begins with a tag then: also DROP_VLAN.
# * output.c, the VLAN of what is sent: floods leave such ports out before ('VLAN: floods'), and what has one
#   destination has it from a table whose keys have the VLAN in them.
# Nor these, by which nobody gets anywhere:
# * vlan.c, the untagged VLAN with a tag: without the check it is judged as what it is without its tag.
# * vlan.c, a tag that is cut short: from desktops like these the kernel drops it before the switch has it
#   (tests/unit/datapath/vlan_suite.c).
# * learn.c, what must hold for a release, and how often desktops teach: a desktop lets go of its own alone,
#   and the tokens keep control from being busy (tests/unit/datapath/learn_suite.c).
# * learn.c, checksums of routers and of a claim's defence: who is behind an uplink can write right ones.
# * learn.c, the hold of a lease, and dhcp.c, what leases are read: the receiver is the desktop that asked, and
#   the server is one that policy lets it ask (tests/system/test_learn.sh).
# * snoop.c, which members get a group's packets: policy is asked for every copy all the same
#   ('forward: copies for desktops').
# And relation.c, how long an answer may take: ten seconds are too long for the suite (learn_suite.c).
STAGES = [
    ('parse: IPv4 total length', D + 'parse.c', 'total < header || total > left) {', 'total < header) {'),
    ('parse: IPv4 total length below the header', D + 'parse.c', 'total < header || ', ''),
    ('parse: IPv4 header length', D + 'parse.c', 'header < sizeof *ip || ', ''),
    ('parse: IPv4 version', D + 'parse.c', 'if (ip->version_ihl >> 4 != 4 || header', 'if (header'),
    ('parse: IPv6 version', D + 'parse.c', '(rte_be_to_cpu_32(ip->vtc_flow) >> 28) != 6 ||', ''),
    ('parse: IPv6 payload length', D + 'parse.c',
     'rte_be_to_cpu_16(ip->payload_len) > left - sizeof *ip) {', '0) {'),
    ('parse: IPv6 frames cut short', D + 'parse.c', 'left < sizeof *ip || (rte_be_to_cpu_32', '(rte_be_to_cpu_32'),
    ('parse: mapped addresses', D + 'parse.c', 'if (acl_addr_is_v4(&p->src) || acl_addr_is_v4(&p->dst)) {', 'if (0) {'),
    ('parse: UDP length', D + 'parse.c', 'rte_be_to_cpu_16(udp->dgram_len) > p->l4_len) {', '0) {'),
    ('parse: UDP length below the header', D + 'parse.c', 'rte_be_to_cpu_16(udp->dgram_len) < sizeof *udp ||', ''),
    ('parse: UDP cut short', D + 'parse.c', 'there < sizeof *udp || ', ''),
    ('parse: TCP header length', D + 'parse.c', 'header > there) {', '0) {'),
    ('parse: TCP header length below the header', D + 'parse.c', 'if (header < sizeof *tcp || ', 'if ('),
    ('parse: ICMP of the other family', D + 'parse.c', ' || (p->protocol == IPPROTO_ICMPV6) != v6) {', ') {'),
    ('parse: ICMP cut short', D + 'parse.c', 'if (there < 8 || ', 'if ('),
    ('parse: ARP cut short', D + 'parse.c', 'if (len - p->l3_off < sizeof *arp || ', 'if ('),
    ('parse: ARP form', D + 'parse.c', 'arp->hlen != 6 || arp->plen != 4', '0'),
    ('parse: ARP hardware', D + 'parse.c', 'arp->hardware != RTE_BE16(1) ||', ''),
    ('parse: ARP protocol', D + 'parse.c', 'arp->protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) || ', ''),
    ('parse: ARP operation', D + 'parse.c', 'return p->arp_op ? DROP_NONE : DROP_MALFORMED;', 'return DROP_NONE;'),
    ('parse: other Ethernet types', D + 'parse.c', 'return pkt_is_tag(p->ethertype) ? DROP_VLAN : DROP_ETHERTYPE;', 'return pkt_is_tag(p->ethertype) ? DROP_VLAN : DROP_NONE;'),
    ('parse: land', D + 'parse.c', '        return DROP_LAND;', '        return DROP_NONE;'),
    ('VLAN: no tag on a trunk', D + 'guard.c', '        return DROP_VLAN;', '        return DROP_NONE;'),
    ('VLAN: tags', D + 'vlan.c', 'return vid != from->vlan && port_carries(from, vid) ? vid : VLAN_NONE;', 'return vid;'),
    ('VLAN: tags of other kinds', D + 'vlan.c', 'if (p->ethertype != RTE_ETHER_TYPE_VLAN) {', 'if (0) {'),
    ('VLAN: floods', D + 'flood.c', '!port_carries(to, p->vlan) || ', ''),
    ('parse: source route', D + 'parse.c',
     'has_source_route((const uint8_t *) (ip + 1), (const uint8_t *) ip + header)) {', '0) {'),
    ('parse: IPv6 routing header', D + 'parse.c', 'return DROP_SOURCE_ROUTE; /* RFC 5095 */', ';'),
    ('parse: length of an extension chain', D + 'parse.c', '#define IPV6_MAX_EXTENSIONS 8', '#define IPV6_MAX_EXTENSIONS 80'),
    ('parse: length of an extension header', D + 'parse.c', 'if (size > end - off) {', 'if (0) {'),
    ('parse: fragments of odd length', D + 'parse.c', '(more && p->l4_len % 8) ||', ''),
    ('parse: fragments of nothing', D + 'parse.c', '!p->l4_len || ', ''),
    ('parse: fragments past the end', D + 'parse.c', '(uint32_t) offset + p->l4_len > UINT16_MAX) {', '0) {'),
    ('parse: atomic fragments', D + 'parse.c', 'if (!offset && !more) {', 'if (0) {'),
    ('guard: source MAC', D + 'guard.c', 'if (p->smac != from->mac) {', 'if (0) {'),
    ('guard: source IP', D + 'guard.c',
     'if (!guard_is_bound(from, &p->src) && !(is_unspecified(&p->src) && may_lack_address(p))) {', 'if (0) {'),
    ('guard: no source IP', D + 'guard.c', '!(is_unspecified(&p->src) && may_lack_address(p))', '!is_unspecified(&p->src)'),
    ('guard: DHCP server', D + 'guard.c', 'if (p->flags & PKT_DHCP && dhcp_is_reply(p)) {', 'if (0) {'),
    ('guard: router advertisement', D + 'guard.c', '(type == ND_ROUTER_ADVERT || ', '(0 || '),
    ('guard: redirect', D + 'guard.c', ' || type == ND_REDIRECT)) {', ')) {'),
    ('guard: MAC of a desktop at an uplink', D + 'guard.c', ' || guard_is_desktop_mac(w, p->smac, p->vlan) ?', ' ?'),
    ('guard: group MAC at an uplink', D + 'guard.c', 'return p->smac >> 40 & 1 || ', 'return '),
    ('guard: of whole datagrams', D + 'pipeline.c',
     'p->reason = never_in_fragments(p) ? DROP_FRAGMENT : guard_check(w, from, p);',
     'p->reason = never_in_fragments(p) ? DROP_FRAGMENT : DROP_NONE;'),
    ('neighbours: ARP sender MAC', D + 'neigh.c', 'if (memcmp(arp->sha, smac, 6) ||', 'if ('),
    ('neighbours: ARP claims of a desktop', D + 'neigh.c',
     '(from->role == PORT_DESKTOP && !probe && !guard_is_bound(from, &p->src)) ||', ''),
    ('neighbours: ARP claims of an uplink', D + 'neigh.c',
     '(from->role == PORT_UPLINK && sender && sender->port != from->id)) {', '0) {'),
    ('neighbours: ND hop limit', D + 'neigh.c', 'if (ip->hop_limits != 255 || ', 'if ('),
    ('neighbours: ND code', D + 'neigh.c', 'if (ip->hop_limits != 255 || p->icmp & 0xff) {', 'if (ip->hop_limits != 255) {'),
    ('neighbours: ND cut short', D + 'neigh.c', 'if (p->l4_len < nd_options(type)) {', 'if (0) {'),
    ('neighbours: ND claims of a desktop', D + 'neigh.c',
     'from->role == PORT_DESKTOP ? !guard_is_bound(from, &target)', 'from->role == PORT_DESKTOP ? false'),
    ('neighbours: ND claims of an uplink', D + 'neigh.c',
     ': is_bound_elsewhere(w, from, &target, p->vlan)) {', ': false) {'),
    ('neighbours: ND of an uplink in a desktop\'s name', D + 'neigh.c',
     'if (from->role == PORT_UPLINK && is_bound_elsewhere(w, from, &p->src, p->vlan)) {', 'if (0) {'),
    ('neighbours: redirects of an uplink', D + 'neigh.c', 'if (type == ND_NEIGHBOUR_ADVERT || type == ND_REDIRECT) {',
     'if (type == ND_NEIGHBOUR_ADVERT) {'),
    ('neighbours: length of ND options', D + 'neigh.c', 'return DROP_MALFORMED; /* RFC 4861, 4.6 */', 'break;'),
    ('neighbours: MAC in ND options of a desktop', D + 'neigh.c', '? mac != from->mac :', '? 0 :'),
    ('neighbours: MAC in ND options of an uplink', D + 'neigh.c', ': guard_is_desktop_mac(w, mac, p->vlan)) {', ': 0) {'),
    ('neighbours: ARP of an uplink about others', D + 'neigh.c', 'fate->to->role == PORT_DESKTOP && !is_for(fate->to, p)', '0'),
    ('neighbours: between desktops', D + 'neigh.c',
     'fate->to == from || (from->role == PORT_DESKTOP && fate->to->role == PORT_DESKTOP)', 'fate->to == from'),
    ('neighbours: of desktops for uplinks', D + 'flood.c', 'return to->role == PORT_UPLINK && !port_is_cut(to);',
     'return !port_is_cut(to);'),
    ('neighbours: floods into quarantine', D + 'flood.c', '    if (port_is_cut(to)) {', '    if (0) {'),
    ('neighbours: quarantine of the peer', D + 'neigh.c', '} else if (port_is_cut(fate->to)) {', '} else if (0) {'),
    ('neighbours: ARP answers', D + 'neigh.c', '} else if (p->arp_op == ARP_REQUEST && target) {', '} else if (0) {'),
    ('neighbours: ND answers', D + 'neigh.c', '    if (b) {\n        p->dst = target;', '    if (0) {\n        p->dst = target;'),
    ('neighbours: probes', D + 'neigh.c', '        record_probe(w, from, p, &fate.target);', '        ;'),
    ('neighbours: quarantine', D + 'neigh.c', '    if (port_is_cut(from)) {', '    if (0) {'),
    ('fragments: hold', D + 'pipeline.c', 'if (p->reason != DROP_NONE || !(p->flags & PKT_FRAGMENT)) {', 'if (1) {'),
    ('fragments: overlap with the one before', D + 'frag.c', '(i && e->piece[i - 1].off + e->piece[i - 1].len > begin) ||', '0 ||'),
    ('fragments: overlap ends the datagram', D + 'frag.c', 'how = e->refused ? OVERLAPS : fit(e, p, &at);', 'how = fit(e, p, &at);'),
    ('fragments: behind the last one', D + 'frag.c', '(!(p->flags & PKT_MORE) && (e->total || i < e->n))) {', '0) {'),
    ('fragments: tiny first', D + 'parse.c',
     'return parse_l4(p, data, there) == DROP_NONE ? DROP_NONE : DROP_FRAGMENT;', 'parse_l4(p, data, there);\n    return DROP_NONE;'),
    ('fragments: one in another', D + 'parse.c', '        if (reason != DROP_NONE || p->flags & PKT_FRAGMENT) { /* one', '        if (0) { /* one'),
    ('fragments: never of neighbour discovery', D + 'parse.c', 'p->flags & (PKT_FRAGMENT | PKT_ATOMIC) &&', '0 &&'),
    ('fragments: nor in atomic ones', D + 'parse.c', 'p->flags & (PKT_FRAGMENT | PKT_ATOMIC) &&', 'p->flags & PKT_FRAGMENT &&'),
    ('fragments: nor of SEND', D + 'parse.c', ' || type == 148 || type == 149;', ';'),
    ('fragments: never of ICMP errors', D + 'pipeline.c', 'return p->flags & PKT_ICMP_ERROR || ', 'return '),
    ('fragments: never of group membership', D + 'pipeline.c', 'return p->flags & PKT_ICMP_ERROR || snoop_is_membership(p);',
     'return p->flags & PKT_ICMP_ERROR;'),
    ('fragments: how many', D + 'frag.c', 't->of_port[from->id] >= FRAG_PORT_ENTRIES', '0'),
    ('checksums: IP', D + 'csum.c', 'if (!ip_sum_holds(p)) {', 'if (0) {'),
    ('checksums: what opens a connection', D + 'csum.c', 'return fold(sum + pseudo_sum(p, len)) == 0xffff;', 'return true;'),
    ('checksums: UDP over IPv6 without', D + 'csum.c', 'return !(p->flags &\n                     PKT_V6);', 'return true;'),
    ('checksums: of fragments', D + 'csum.c', 'sum = p->frag ? frag_l4_sum(p, len) : rte_raw_cksum(l4, len);',
     'if (p->frag) {\n        return true;\n    }\n    sum = rte_raw_cksum(l4, len);'),
    ('checksums: FIN', D + 'track.c', 'p->tcp.flags & (TCPF_SYN | TCPF_FIN | TCPF_RST) ||', 'p->tcp.flags & (TCPF_SYN | TCPF_RST) ||'),
    ('checksums: ICMP errors', D + 'track.c', '    } else if (!csum_holds(p)) {', '    } else if (0) {'),
    ('TCP: flags', D + 'conn_tcp.c', 'if (!flags_make_sense(s->flags)) {', 'if (0) {'),
    ('TCP: state', D + 'forward.c', 'if (p->protocol == IPPROTO_TCP && !track_opens(w, p)) {', 'if (0) {'),
    ('TCP: window and acknowledgment', D + 'conn_tcp.c', 'if (!acceptable(me, peer, s, end, upper_bound(me, peer))) {',
     'if (0) {'),
    ('TCP: acknowledgment', D + 'conn_tcp.c', ' &&\n           seq_between(peer_sent - max_skew(me, peer), s->ack, peer_sent);', ';'),
    ('TCP: window', D + 'conn_tcp.c',
     'return seq_between(lower_bound(me, peer), end,\n                       said(me) & TCP_SAID_FIN ? get(&me->end) : limit) &&',
     '(void) limit;\n    (void) end;\n    return'),
    ('TCP: SYN+ACK', D + 'conn_tcp.c', 'if (s->seq + 1 != get(&me->first) ||\n        !acceptable(', 'if (!acceptable('),
    ('TCP: RST in the window', D + 'conn_tcp.c', 'exact = s->seq == get(&me->end) ||', 'exact = in_window(me, peer, s->seq) ||'),
    ('TCP: RST outside of the window', D + 'conn_tcp.c', 'passes = exact || in_window(me, peer, s->seq);', 'passes = true;'),
    ('ICMP: related at all', D + 'track.c',
     '        forward_drop(w, from, p, DROP_ICMP_UNRELATED);\n    } else if (!csum', '        forward_new(w, from, p);\n    } else if (!csum'),
    ('ICMP: to whom it is related', D + 'track.c', '!acl_addr_equals(&q.src, &p->dst)', '0'),
    ('ICMP: number in flight', D + 'track.c', '!tcp_may_have_sent(&c->half[side].tcp, &c->half[!side].tcp, q.seq)', '0'),
    ('ICMP: ports that are quoted', D + 'parse.c', 'if (off + 8 > len) {', 'if (0) {'),
    ('ICMP: quoted fragments', D + 'parse.c', ' ||\n            ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) {', ') {'),
    ('ICMP: quoted IPv6 fragments', D + 'parse.c', ' || inner.frag_off) {', ') {'),
    ('connections: quota', D + 'track.c', 'conn_table_of_port(w->conns, from->id) < w->conn_quota', '1'),
    ('quarantine: from', D + 'judge.c', 'if (is_cut_off(q->from, ACL_EGRESS, j->class[0], q, j) ||', 'if ('),
    ('quarantine: to', D + 'judge.c', '(q->to && is_cut_off(q->to, ACL_INGRESS, j->class[1], q, j)) ||', ''),
    ('quarantine: of open connections', D + 'judge.h', '(g != s->generation && !judge_rests_on(s, c))', '0'),
    ('policy: egress table', D + 'judge.c', '!ask(q->from, ACL_EGRESS, j->class[0], q, j)', '0'),
    ('policy: ingress table', D + 'judge.c', '        ask(q->to, ACL_INGRESS, j->class[1], q, j);', '        ;'),
    ('policy: tunnels', 'acl/fields.h', '!(rule->no_tunnels && acl_is_tunnel(protocol));', '1;'),
    ('forward: misaddressed', D + 'forward.c', '} else if (to && to->role == PORT_DESKTOP && !guard_is_bound(to, &p->dst)) {',
     '} else if (0) {'),
    ('forward: hairpin', D + 'forward.c', 'c->to == from ? FORWARD_DROPPED : choose(w, from, p, c)', 'choose(w, from, p, c)'),
    ('answers: to what was asked', D + 'forward.c',
     'relation_holds(w->relations, to->id, relation_of(p->dport, p->sport, p), w->now) &&', ''),
    ('answers: to whom has asked', D + 'forward.c', '(p->flags & PKT_GROUP || guard_is_bound(to, &p->dst)) &&', ''),
    ('answers: of whom may be asked', D + 'forward.c', 'forward_could_ask(w, to, from, p, j);', '(forward_could_ask(w, to, from, p, j), true);'),
    ('answers: key of a relation', D + 'relation.c', 'if (get(&slots[i].key) == key && get(&slots[i].until) > now) {',
     'if (get(&slots[i].until) > now) {'),
    ('DHCP: hardware address', D + 'learn.c', 'return d->chaddr == from->mac && ', 'return '),
    ('DHCP: relay', D + 'learn.c', ' && !d->giaddr &&', ' &&'),
    ('DHCP: client address', D + 'learn.c', ' &&\n           (!d->ciaddr.w[3] || guard_is_bound(from, &d->ciaddr));', ';'),
    ('DHCP: requests that cannot be read', D + 'learn.c', '        if (asks) {', '        if (0) {'),
    ('DHCP: options that lie', D + 'dhcp.c', 'if (end - b < 2 || b[1] > end - b - 2) {\n            return false;', 'if (end - b < 2 || b[1] > end - b - 2) {\n            return true;'),
    ('DHCP: messages of other forms', D + 'dhcp.c', 'if (len < V4_OPTIONS || ', 'if ('),
    ('DHCP: answers to what was asked', D + 'learn.c',
     '!relation_holds(w->relations, to->id, relation_key(p->dport, p->sport, d->id), w->now)', '0'),
    ('DHCP: servers that may be asked', D + 'learn.c', 'if (!forward_could_ask(w, to, from, p, &fate->judgement)) {',
     'if (forward_could_ask(w, to, from, p, &fate->judgement), 0) {'),
    ('DHCP: checksums of answers', D + 'learn.c', '    } else if (!csum_holds(p)) {', '    } else if (0) {'),
    ('learning: claims with a wrong checksum', D + 'learn.c',
     'if (csum_holds(p) && has_token(w, from)) {\n        begin(&lesson, LESSON_CLAIM,',
     'if (has_token(w, from)) {\n        begin(&lesson, LESSON_CLAIM,'),
    ('groups: queries of desktops', D + 'snoop.c', 'if (reason == DROP_NONE && from->role == PORT_DESKTOP && s->kind != SNOOP_REPORT) {', 'if (0) {'),
    ('groups: quarantine', D + 'snoop.c', 'if (from->quarantined) {', 'if (0) {'),
    ('groups: membership to one host', D + 'snoop_parse.c', 'if (!(p->flags & PKT_GROUP) || !snoop_is_group(&p->dst)) {', 'if (0) {'),
    ('groups: IGMP from afar', D + 'snoop_parse.c', 'if (ip->time_to_live != 1) {', 'if (0) {'),
    ('groups: MLD from afar', D + 'snoop_parse.c', 'if (ip->hop_limits != 1 || ', 'if ('),
    ('groups: router alert', D + 'snoop_parse.c', '!has_router_alert(p) || ', ''),
    ('groups: sources of MLD', D + 'snoop_parse.c', ' || !source_is_right(p, l4[0])) {', ') {'),
    ('groups: checksums of IGMP', D + 'snoop_parse.c', '!csum_holds(p) || rte_raw_cksum(l4, p->l4_len) != 0xffff', '0'),
    ('groups: checksums of MLD', D + 'snoop_parse.c', '    if (!csum_holds(p)) {', '    if (0) {'),
    ('groups: IGMP cut short', D + 'snoop_parse.c', 'if (p->l4_len < IGMP_HEADER) {', 'if (0) {'),
    ('groups: records', D + 'snoop_parse.c', 'return check_records(*s, len - REPORT_HEADER);', '(void) check_records;\n    return DROP_NONE;'),
    ('groups: groups of records', D + 'snoop_parse.c', '        if (!snoop_is_group(&group)) {', '        if (0) {'),
    ('groups: reports of another group', D + 'snoop_parse.c', '(change == SNOOP_LEAVE || acl_addr_equals(&s->group, &p->dst))', '1'),
    ('storms: ARP', D + 'storm.c', 'return storm_admits(w, from, class) ? DROP_NONE : DROP_STORM;', 'return DROP_NONE;'),
    ('storms: ND to one host', D + 'pipeline.c', 'p->flags & (PKT_GROUP | PKT_ARP | PKT_ND)) {\n            p->reason = storm',
     'p->flags & (PKT_GROUP | PKT_ARP)) {\n            p->reason = storm'),
    ('storms: to nobody', D + 'forward.c', '!storm_admits(w, from, STORM_UNKNOWN_UNICAST);', 'false;'),
    ('forward: copies for desktops', D + 'forward.c', '    keep_own_audits(from, p, j);\n    return j->reason == DROP_NONE;',
     '    keep_own_audits(from, p, j);\n    return true;'),
]


# The part of the suite that is asked first about a stage: what is seen is seen sooner.  By words of its
# name, the first of them that is in it.
ASKED_FIRST = [
    ('trunk', 'trunk'), ('untagged', 'trunk'), ('floods', 'trunk'), ('uplink', 'uplink'), ('misaddressed', 'policy'),
    ('DHCP: answers', 'uplink'), ('DHCP: servers', 'uplink'), ('DHCP: checksums', 'uplink'), ('answers: of', 'dhcp'),
    ('answers: ', 'uplink'), ('peer', 'uplink'), ('quoted', 'quotes'), ('neighbour discovery', 'atomic'),
    ('atomic ones', 'atomic'), ('SEND', 'atomic'), ('ICMP: number', 'tcp'), ('ICMP: to whom', 'tcp'),
    ('checksums: FIN', 'tcp'), ('checksums: ICMP', 'tcp'), ('TCP:', 'tcp'), ('ICMP: ', 'errors'), ('guard: of whole', 'guard'),
    ('parse: atomic', 'fragments'), ('parse: fragments', 'fragments'), ('parse: UDP cut', 'fragments'),
    ('neighbours: quarantine', 'quarantine'), ('groups: quarantine', 'quarantine'), ('quarantine:', 'quarantine'),
    ('parse:', 'parsing'), ('VLAN:', 'parsing'), ('guard:', 'guard'), ('neighbours:', 'neighbours'),
    ('fragments:', 'fragments'), ('checksums:', 'checksums'), ('policy:', 'policy'), ('forward:', 'policy'),
    ('DHCP:', 'dhcp'), ('learning:', 'claims'), ('groups:', 'multicast'), ('storms:', 'storms'),
]


def asked_first(stage):
    return next((part for word, part in ASKED_FIRST if word in stage), '')


def suite(first=''):
    """Whether the evasion suite passes."""
    env = dict(os.environ, FUSUMA_TOP=WORK, FUSUMA_BUILD=WORK + '/_build', EVASION_STOP='yes', EVASION_FIRST=first)
    with open(WORK + '/evasion.log', 'w') as log:
        return not subprocess.run(['timeout', '-k', '15', str(PATIENCE), WORK + '/tests/system/test_evasion.sh'],
                                  env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode


def by():
    """What in the suite has seen it."""
    with open(WORK + '/evasion.log') as log:
        lines = log.read().splitlines() or ['']
    return next((line[len('NOT SEEN: '):] for line in lines if line.startswith('NOT SEEN: ')), lines[-1])


def main():
    words = sys.argv[1:]
    if words == ['--check']:
        planting.check(TOP, [s[1:] for s in STAGES])
        return 0
    chosen = [s for s in STAGES if not words or any(w in s[0] + ' ' + s[1] for w in words)]
    planting.check(TOP, [s[1:] for s in STAGES])
    ovs = subprocess.run([TOP + '/build-aux/ovs-lib.sh', '--where'], check=True,
                         stdout=subprocess.PIPE).stdout.decode().strip()
    if not planting.prepare(TOP, WORK, ovs) or not suite():
        sys.exit('evasion_stages: the tree does not build, or its suite fails, with every stage on')
    seen = 0
    for name, path, old, new in chosen:
        with planting.planted(WORK, path, old, new):
            if planting.make(WORK, 'bin/vswitchd', 'bin/swctl'):
                print('DOES NOT BUILD   %s' % name, flush=True)
                continue
            passes = suite(asked_first(name))
        seen += not passes
        print('%-16s %s%s' % ('NOT SEEN' if passes else 'seen', name, '' if passes else ' (%s)' % by()), flush=True)
    print('%d of %d stages seen' % (seen, len(chosen)))
    return 0 if seen == len(chosen) else 1


if __name__ == '__main__':
    sys.exit(main())
