#!/usr/bin/python3
"""Shows that the evasion suite sees every stage of the packet path: each is switched off in a copy of
the tree, one at a time, and tests/system/test_evasion.sh has to fail.

    evasion_stages.py [WORD...]

With words, only stages in whose name or file one of them occurs.  The last line is 'K of N stages
seen'; exits 1 unless all were."""
import os
import subprocess
import sys

TOP = os.environ.get('FUSUMA_TOP', os.path.realpath(os.path.dirname(__file__) + '/../..'))
BUILD = os.environ.get('FUSUMA_BUILD', TOP + '/build')
WORK = BUILD + '/stages'
PATIENCE = 300  # seconds for the suite
sys.path.insert(0, TOP + '/tests/mutants')
import planting  # noqa: E402

D = 'vswitch/datapath/'

# What is switched off, where, what stands there once, what takes its place.
STAGES = [
    ('parse: IPv4 total length', D + 'parse.c', 'total < header || total > left) {', 'total < header) {'),
    ('parse: IPv4 total length below the header', D + 'parse.c', 'total < header || ', ''),
    ('parse: IPv4 header length', D + 'parse.c', 'header < sizeof *ip || ', ''),
    ('parse: IPv4 version', D + 'parse.c', 'if (ip->version_ihl >> 4 != 4 || header', 'if (header'),
    ('parse: IPv6 version', D + 'parse.c', '(rte_be_to_cpu_32(ip->vtc_flow) >> 28) != 6 ||', ''),
    ('parse: IPv6 payload length', D + 'parse.c',
     'rte_be_to_cpu_16(ip->payload_len) > left - sizeof *ip) {', '0) {'),
    ('parse: frames cut short', D + 'parse.c', 'if (left < sizeof *ip) {', 'if (0) {'),
    ('parse: mapped addresses', D + 'parse.c', 'if (acl_addr_is_v4(&p->src) || acl_addr_is_v4(&p->dst)) {', 'if (0) {'),
    ('parse: UDP length', D + 'parse.c', 'rte_be_to_cpu_16(udp->dgram_len) > p->l4_len) {', '0) {'),
    ('parse: UDP length below the header', D + 'parse.c', 'rte_be_to_cpu_16(udp->dgram_len) < sizeof *udp ||', ''),
    ('parse: TCP header length', D + 'parse.c', 'header > there) {', '0) {'),
    ('parse: TCP header length below the header', D + 'parse.c', 'if (header < sizeof *tcp || ', 'if ('),
    ('parse: ICMP of the other family', D + 'parse.c', ' || (p->protocol == IPPROTO_ICMPV6) != v6) {', ') {'),
    ('parse: ICMP cut short', D + 'parse.c', 'if (there < 8 || ', 'if ('),
    ('parse: ARP form', D + 'parse.c', 'arp->hlen != 6 || arp->plen != 4', '0'),
    ('parse: other Ethernet types', D + 'parse.c', 'return pkt_is_tag(p->ethertype) ? DROP_VLAN : DROP_ETHERTYPE;', 'return pkt_is_tag(p->ethertype) ? DROP_VLAN : DROP_NONE;'),
    ('parse: land', D + 'parse.c', '        return DROP_LAND;', '        return DROP_NONE;'),
    ('parse: VLAN tag on an access port', D + 'guard.c', '        return DROP_VLAN;', '        return DROP_NONE;'),
    ('parse: source route', D + 'parse.c',
     'has_source_route((const uint8_t *) (ip + 1), (const uint8_t *) ip + header)) {', '0) {'),
    ('parse: IPv6 routing header', D + 'parse.c', 'return DROP_SOURCE_ROUTE; /* RFC 5095 */', ';'),
    ('parse: length of an extension chain', D + 'parse.c', '#define IPV6_MAX_EXTENSIONS 8', '#define IPV6_MAX_EXTENSIONS 80'),
    ('parse: length of an extension header', D + 'parse.c', 'if (size > end - off) {', 'if (0) {'),
    ('parse: fragments of odd length', D + 'parse.c', '(more && p->l4_len % 8) ||', ''),
    ('parse: fragments past the end', D + 'parse.c', '(uint32_t) offset + p->l4_len > UINT16_MAX) {', '0) {'),
    ('parse: atomic fragments', D + 'parse.c', 'if (!offset && !more) {', 'if (0) {'),
    ('guard: source MAC', D + 'guard.c', 'if (p->smac != from->mac) {', 'if (0) {'),
    ('guard: source IP', D + 'guard.c',
     'if (!guard_is_bound(from, &p->src) && !(is_unspecified(&p->src) && may_lack_address(p))) {', 'if (0) {'),
    ('guard: no source IP', D + 'guard.c', '!(is_unspecified(&p->src) && may_lack_address(p))', '!is_unspecified(&p->src)'),
    ('guard: DHCP server', D + 'guard.c', 'if (p->flags & PKT_DHCP && dhcp_is_reply(p)) {', 'if (0) {'),
    ('guard: router advertisement', D + 'guard.c', '(type == ND_ROUTER_ADVERT || ', '(0 || '),
    ('guard: redirect', D + 'guard.c', ' || type == ND_REDIRECT)) {', ')) {'),
    ('guard: MAC of a desktop at an uplink', D + 'guard.c', '(leaf && leaf->role == PORT_DESKTOP) ?', '0 ?'),
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
    ('neighbours: ND cut short', D + 'neigh.c', 'if (p->l4_len < ND_MESSAGE) {', 'if (0) {'),
    ('neighbours: ND claims of a desktop', D + 'neigh.c',
     'return guard_is_bound(from, nd_target(p)) ? DROP_NONE : DROP_SPOOF_ND;', 'return DROP_NONE;'),
    ('neighbours: ND claims of an uplink', D + 'neigh.c',
     'return b && b->port != from->id ? DROP_SPOOF_ND : DROP_NONE;', 'return DROP_NONE;'),
    ('neighbours: ARP answers', D + 'neigh.c', '} else if (p->arp_op == ARP_REQUEST && target) {', '} else if (0) {'),
    ('neighbours: ND answers', D + 'neigh.c', '        b = snapshot_binding(w->snapshot, &target, p->vlan);', '        b = NULL;'),
    ('neighbours: probes', D + 'neigh.c', '        record_probe(w, from, p);', '        ;'),
    ('neighbours: quarantine', D + 'neigh.c', '    if (from->quarantined) {', '    if (0) {'),
    ('fragments: hold', D + 'pipeline.c', 'if (p->reason != DROP_NONE || !(p->flags & PKT_FRAGMENT)) {', 'if (1) {'),
    ('fragments: overlap with the one before', D + 'frag.c', '(i && e->piece[i - 1].off + e->piece[i - 1].len > begin) ||', '0 ||'),
    ('fragments: overlap ends the datagram', D + 'frag.c', 'how = e->refused ? OVERLAPS : fit(e, p, &at);', 'how = fit(e, p, &at);'),
    ('fragments: behind the last one', D + 'frag.c', '(!(p->flags & PKT_MORE) && (e->total || i < e->n))) {', '0) {'),
    ('fragments: tiny first', D + 'parse.c',
     'return parse_l4(p, data, there) == DROP_NONE ? DROP_NONE : DROP_FRAGMENT;', 'parse_l4(p, data, there);\n    return DROP_NONE;'),
    ('fragments: one in another', D + 'parse.c', '        if (reason != DROP_NONE || p->flags & PKT_FRAGMENT) { /* one', '        if (0) { /* one'),
    ('fragments: never of neighbour discovery', D + 'pipeline.c', 'p->reason = never_in_fragments(p) ? DROP_FRAGMENT :', 'p->reason ='),
    ('fragments: how many', D + 'frag.c', 't->of_port[from->id] >= FRAG_PORT_ENTRIES', '0'),
    ('checksums: IP', D + 'csum.c', 'if (!ip_sum_holds(p)) {', 'if (0) {'),
    ('checksums: what opens a connection', D + 'csum.c', 'return fold(sum + pseudo_sum(p, len)) == 0xffff;', 'return true;'),
    ('checksums: UDP over IPv6 without', D + 'csum.c', 'return !(p->flags &\n                     PKT_V6);', 'return true;'),
    ('checksums: of fragments', D + 'csum.c', 'sum = p->frag ? frag_l4_sum(p, len) : rte_raw_cksum(l4, len);',
     'if (p->frag) {\n        return true;\n    }\n    sum = rte_raw_cksum(l4, len);'),
    ('checksums: FIN', D + 'track.c', 'if ((p->tcp.flags & (TCPF_SYN | TCPF_FIN | TCPF_RST) ||', 'if ((p->tcp.flags & (TCPF_SYN | TCPF_RST) ||'),
    ('checksums: ICMP errors', D + 'track.c', '    } else if (!csum_holds(p)) {', '    } else if (0) {'),
    ('TCP: flags', D + 'conn_tcp.c', 'if (!flags_make_sense(s->flags)) {', 'if (0) {'),
    ('TCP: state', D + 'forward.c', 'if (p->protocol == IPPROTO_TCP && !track_opens(p)) {', 'if (0) {'),
    ('TCP: window and acknowledgment', D + 'conn_tcp.c', 'if (!acceptable(me, peer, s, end)) {', 'if (0) {'),
    ('TCP: acknowledgment', D + 'conn_tcp.c', ' &&\n           seq_between(peer_sent - max_skew(me, peer), s->ack, peer_sent);', ';'),
    ('TCP: window', D + 'conn_tcp.c',
     'return seq_between(lower_bound(me, peer), end,\n                       said(me) & TCP_SAID_FIN ? sent : upper_bound(me, peer)) &&',
     '(void) sent;\n    (void) end;\n    return'),
    ('TCP: SYN+ACK', D + 'conn_tcp.c', '    if (s->seq + 1 != get(&me->first)) {\n        return TCP_BAD_SEQUENCE;\n    }', ''),
    ('TCP: RST in the window', D + 'conn_tcp.c', 'exact = s->seq == get(&me->end) ||', 'exact = in_window(me, peer, s->seq) ||'),
    ('TCP: RST outside of the window', D + 'conn_tcp.c', 'passes = exact || in_window(me, peer, s->seq);', 'passes = true;'),
    ('ICMP: related at all', D + 'track.c',
     '        forward_drop(w, from, p, DROP_ICMP_UNRELATED);\n    } else if (!csum', '        forward_new(w, from, p);\n    } else if (!csum'),
    ('ICMP: to whom it is related', D + 'track.c', '!acl_addr_equals(&q.src, &p->dst)', '0'),
    ('ICMP: number in flight', D + 'track.c', '!tcp_may_have_sent(&c->half[side].tcp, &c->half[!side].tcp, q.seq)', '0'),
    ('connections: quota', D + 'track.c', 'conn_table_of_port(w->conns, from->id) < w->conn_quota', '1'),
    ('quarantine: from', D + 'judge.c', 'if (q->from->quarantined) {', 'if (0) {'),
    ('quarantine: to', D + 'judge.c', '} else if (q->to && q->to->quarantined) {', '} else if (0) {'),
    ('quarantine: of open connections', D + 'judge.h', '(g != s->generation && !judge_rests_on(s, c))', '0'),
    ('policy: egress table', D + 'judge.c', '!ask(q->from, ACL_EGRESS, j->class[0], q, j)', '0'),
    ('policy: ingress table', D + 'judge.c', '!ask(q->to, ACL_INGRESS, j->class[1], q, j)', '0'),
    ('policy: tunnels', 'acl/table_priv.h', '!(rule->no_tunnels && acl_is_tunnel(protocol));', '1;'),
    ('forward: misaddressed', D + 'forward.c', 'forward_drop(w, from, p, DROP_MISADDRESSED);', 'forward_judged(w, from, to, p, &j);'),
    ('forward: hairpin', D + 'forward.c', '    if (to == from) {', '    if (0) {'),
    ('forward: copies for desktops', D + 'forward.c', 'return j.reason == DROP_NONE || answers(w, from, to, p, &j);', 'return true;'),
]


def suite():
    """Whether the evasion suite passes."""
    env = dict(os.environ, FUSUMA_TOP=WORK, FUSUMA_BUILD=WORK + '/_build', EVASION_STOP='yes')
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
    chosen = [s for s in STAGES if not words or any(w in s[0] + ' ' + s[1] for w in words)]
    planting.check(TOP, [s[1:] for s in STAGES])
    ovs = subprocess.run([TOP + '/build-aux/ovs-lib.sh', '--where'], check=True,
                         stdout=subprocess.PIPE).stdout.decode().strip()
    if not planting.prepare(TOP, WORK, ovs) or not suite():
        sys.exit('evasion_stages: the tree does not build, or its suite fails, with every stage on')
    seen = 0
    for name, path, old, new in chosen:
        with planting.planted(WORK, path, old, new):
            if planting.make(WORK):
                print('DOES NOT BUILD   %s' % name, flush=True)
                continue
            passes = suite()
        seen += not passes
        print('%-16s %s%s' % ('NOT SEEN' if passes else 'seen', name, '' if passes else ' (%s)' % by()), flush=True)
    print('%d of %d stages seen' % (seen, len(chosen)))
    return 0 if seen == len(chosen) else 1


if __name__ == '__main__':
    sys.exit(main())
