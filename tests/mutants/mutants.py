#!/usr/bin/python3
"""Plants bugs, one at a time, and shows that the unit tests find them.

    mutants.py TOP BUILD OVS-DIR [WORD...]

In a copy of the tree each mutation (one line) is applied, built and tested; with words, only those in
whose file or text one of them occurs.  Survivors are shown; the last line is 'K of N killed'.  Exits 1
when fewer than 90 % are."""
import os
import subprocess
import sys

import planting

TESTS = ['datapath/test_datapath', 'datapath/diff_conntrack', 'telemetry/test_telemetry',
         'control/test_control', 'datapath/test_swap']
D, T, C = 'vswitch/datapath/', 'vswitch/telemetry/', 'vswitch/control/'

# File, what stands there once, what takes its place.
MUTANTS = [
    (D + 'judge.c', 'if (q->from->quarantined) {', 'if (0) {'),
    (D + 'judge.c', '} else if (q->to && q->to->quarantined) {', '} else if (0) {'),
    (D + 'judge.c', 'if (v.action == ACL_ALLOW) {', 'if (v.action != ACL_DROP || 1) {'),
    (D + 'judge.c', 'if (!leaf->table[direction]) {', 'if (0) {'),
    (D + 'judge.c', '!ask(q->from, ACL_EGRESS, j->class[0], q, j)', '!ask(q->from, ACL_INGRESS, j->class[0], q, j)'),
    (D + 'judge.c', 'a->table_id[ACL_EGRESS] == get(&c->table_id[0]) &&', ''),
    (D + 'judge.c', 'return a && b && a->epoch == get(&c->epoch[from])', 'return a && b && 1'),
    (D + 'guard.c', 'if (p->smac != from->mac) {', 'if (0) {'),
    (D + 'guard.c', 'if (!guard_is_bound(from, &p->src) && !(is_unspecified(&p->src) && may_lack_address(p))) {',
     'if (0) {'),
    (D + 'guard.c', 'return leaf && leaf->role == PORT_DESKTOP;', 'return 0 && leaf;'),
    (D + 'guard.c', 'return leaf && leaf->role == PORT_DESKTOP;', 'return leaf != NULL;'),
    (D + 'neigh.c', 'if (memcmp(arp->sha, smac, 6) ||', 'if ('),
    (D + 'neigh.c', '(from->role == PORT_DESKTOP && !probe && !guard_is_bound(from, &p->src)) ||', ''),
    (D + 'neigh.c', '    if (from->quarantined) {', '    if (0) {'),
    (D + 'parse.c', 'total < header || total > left) {', 'total < header) {'),
    (D + 'parse.c', 'if (header < sizeof *tcp || header > there) {', 'if (header > there) {'),
    (D + 'parse.c', '(more && p->l4_len % 8) ||', ''),
    (D + 'parse.c', 'p->tcp.len = p->l4_len - header;', 'p->tcp.len = there - header;'),
    (D + 'parse.c', 'return RTE_MIN(option[2], TCP_MAX_SCALE);', 'return option[2];'),
    (D + 'frag.c', '(i < e->n && end > e->piece[i].off) ||', ''),
    (D + 'frag.c', '(i && e->piece[i - 1].off + e->piece[i - 1].len > begin) ||', '0 ||'),
    (D + 'frag.c', 'how = e->refused ? OVERLAPS : fit(e, p, &at);', 'how = fit(e, p, &at);'),
    (D + 'frag.c', 't->of_port[from->id] >= FRAG_PORT_ENTRIES', '0'),
    (D + 'frag.c', '    w->ledger.pages[e->port].held -= n;', ''),
    (D + 'frag.c', 'if (e->bytes != e->total) {', 'if (!e->total) {'),
    (D + 'conn_tcp.c', 'if (!acceptable(me, peer, s, end)) {', 'if (0) {'),
    (D + 'conn_tcp.c', 'exact = s->seq == get(&me->end) ||', 'exact = in_window(me, peer, s->seq) ||'),
    (D + 'conn_tcp.c', 'if (!flags_make_sense(s->flags)) {', 'if (0) {'),
    (D + 'conn_tcp.c', 'said(me) & TCP_SAID_FIN ? sent : upper_bound(me, peer)', 'upper_bound(me, peer)'),
    (D + 'conn_tcp.c', '    raise_to(&me->edge, s->ack + window);', '    set(&me->edge, s->ack + window);'),
    (D + 'conn_tcp.c', '    raise_to(&me->end, end);', ''),
    (D + 'conn_tcp.c', 'return w ? w : 1;', 'return w;'),
    (D + 'conn_tcp.c', 'if (theirs & TCP_SAID_FIN && seq_leq(get(&peer->end), s->ack)) {',
     'if (theirs & TCP_SAID_FIN) {'),
    (D + 'conn_tcp.c', 'if (said(peer) & TCP_SAID_FIN && seq_leq(get(&peer->end), s->ack)) {',
     'if (said(peer) & TCP_SAID_FIN) {'),
    (D + 'conn_tcp.c', 'if (!seq_between(first, s->ack, get(&peer->end))) {', 'if (0) {'),
    (D + 'track.c', 'conn_table_of_port(w->conns, from->id) < w->conn_quota', '1'),
    (D + 'track.c', '!acl_addr_equals(&q.src, &p->dst)', '0'),
    (D + 'track.c', '!tcp_may_have_sent(&c->half[side].tcp, &c->half[!side].tcp, q.seq)', '0'),
    (D + 'track.c', '    } else if (!csum_holds(p)) {', '    } else if (0) {'),
    (D + 'track.c', 'bool claimed = conn_claim(c, s->generation);', 'bool claimed = true;'),
    (D + 'conn.h', 'return g <= generation && /* CONN_BUSY is above every generation */', 'return'),
    (D + 'forward.c', 'if (p->protocol == IPPROTO_TCP && !track_opens(w, p)) {', 'if (0) {'),
    (D + 'forward.c', '        page_of(w, from)->forwarded++;', ''),
    (D + 'conn.c', 'return (port == in_port || (port == DP_PORT_NONE && unfiltered)) &&', 'return '),
    (D + 'conn.c', '        conn_count_for_port(t, c, -1);', ''),
    (D + 'flood.c', 'output_lost(w, from, last, TX_DROP_NO_BUFFER);', ''),
    (D + 'output.c', '        page->accepted += sent;', '        page->accepted += b->n;'),
    (D + 'record.c', 'page_of(w, from)->drops[p->reason] += packets;', 'page_of(w, from)->drops[p->reason]++;'),
    (T + 'ledger.c', 'p->offered - p->accepted - ledger_page_tx_drops(p)', 'p->offered - p->accepted'),
    (T + 'ledger.c', 'if (!(before & 1)) {', 'if (1) {'),
    (T + 'drop_log.c', 'if (at->n > last || !epoch->clean) {', 'if (at->n > last) {'),
    (T + 'drop_log.c', 'return store_next(&store, after, e) && e->n <= visible;', 'return store_next(&store, after, e);'),
    (C + 'publish.c', '    dp_synchronize();', ''),
    (C + 'publish.c', 'port->epoch = ++p->last_epoch;', ''),
    (C + 'publish.c', 'leaf->quarantined = port->quarantined;', ''),
    (C + 'publish.c', '(tables_changed && port->role == PORT_DESKTOP)', '0'),
    (D + 'pipeline.c', 'pkts[i].vlan = vlan;', ''),
    (D + 'pipeline.c', 'if (unlikely(pkts[i].reason == DROP_VLAN)) {', 'if (0) {'),
    (D + 'pipeline.c', 'p->sport, p->dport, p->protocol, p->vlan);', 'p->sport, p->dport, p->protocol, 0);'),
    (D + 'vlan.c', 'if (p->ethertype != RTE_ETHER_TYPE_VLAN) {', 'if (0) {'),
    (D + 'vlan.c', 'if (rte_pktmbuf_data_len(p->m) < RTE_ETHER_HDR_LEN + VLAN_TAG_LEN) {', 'if (0) {'),
    (D + 'vlan.c', 'return vid != from->vlan && port_carries(from, vid) ?', 'return port_carries(from, vid) ?'),
    (D + 'vlan.c', 'return vid != from->vlan && port_carries(from, vid) ?', 'return vid != from->vlan ?'),
    (D + 'vlan.c', 'if (vlan == VLAN_NONE || pkt_is_tag(', 'if (pkt_is_tag('),
    (D + 'vlan.c', ' || pkt_is_tag(get16(data + MACS + VLAN_TAG_LEN))', ''),
    (D + 'vlan.c', '    memmove(data + VLAN_TAG_LEN, data, MACS);', ''),
    (D + 'vlan.c', '    p->vlan = vlan;', ''),
    (D + 'vlan.c', 'rte_mbuf_refcnt_read(m) != 1 ||', ''),
    (D + 'vlan.c', '!RTE_MBUF_DIRECT(m) ||', ''),
    (D + 'vlan.c', 'rte_pktmbuf_headroom(m) < VLAN_TAG_LEN', '0'),
    (D + 'vlan.c', '    memmove(data, data + VLAN_TAG_LEN, MACS);', ''),
    (D + 'parse.h', ' || ethertype == 0x9100;', ';'),
    (D + 'output.c', 'if (!port_carries(to, vlan)) {', 'if (0) {'),
    (D + 'output.c', 'if (unlikely(vlan != to->vlan)) {', 'if (0) {'),
    (D + 'flood.c', ' || !port_carries(to, p->vlan)', ''),
    (D + 'guard.c', 'if (p->vlan == VLAN_NONE) {', 'if (0) {'),
    (D + 'guard.c', 'uint16_t owner = fdb_lookup(mac, vlan);', 'uint16_t owner = fdb_lookup(mac, 0);'),
    (D + 'forward.c', 'fdb_lookup(p->dmac, p->vlan)', 'fdb_lookup(p->dmac, 10)'),
    (D + 'snapshot.h', 'if (b->vlan == vlan && acl_addr_equals(&b->addr, a)) {', 'if (acl_addr_equals(&b->addr, a)) {'),
    (D + 'snapshot.h', 'if (s->vlan_classes && s->vlan_classes[vlan]) {', 'if (0) {'),
    (D + 'judge.c', 'snapshot_class(s, &c->key.addr[from], c->key.vlan)', 'snapshot_class(s, &c->key.addr[from], 20)'),
    (D + 'frag.c', 'e->head.vlan == p->vlan &&', ''),
    (D + 'track.c', 'q.dport, q.protocol, p->vlan)', 'q.dport, q.protocol, 10)'),
    (D + 'record.c', 'a->ethertype == b->ethertype && a->vlan == b->vlan;', 'a->ethertype == b->ethertype;'),
    (D + 'record.c', 'd->vlan = p->vlan == VLAN_NONE ? 0 : p->vlan;', ''),
    (D + 'reject.c', 'output_packet(w, from, from, out.m, p->vlan);', 'output_packet(w, from, from, out.m, 0);'),
    (D + 'neigh.c', 'output_packet(w, to, to, p->m, p->vlan);', 'output_packet(w, to, to, p->m, 10);'),
    (T + 'journal.c', '    sqlite3_bind_int(s, 25, r->vlan);', ''),
    (D + 'learn.c', '    p->m->vlan_tci = p->vlan;', '    p->m->vlan_tci = 0;'),
    (D + 'pipeline.c', 'run_stages(w, from, m->vlan_tci, &m, 1);', 'run_stages(w, from, from->vlan, &m, 1);'),
    (C + 'learned.c', 'port->vlan == vlan && i < port->n_addrs', 'i < port->n_addrs'),
    (C + 'drop_message.c', '    m->vlan = r->vlan;', ''),
    (C + 'desired.c', 'if (port->vlan != other->vlan) {', 'if (0) {'),
    (C + 'vlans.c', 'if (spec->vlan > VLAN_MAX) {', 'if (0) {'),
    (C + 'vlans.c', 'if (port->role == PORT_DESKTOP && (spec->n_trunks || spec->no_untagged)) {', 'if (0) {'),
    (C + 'vlans.c', 'if (!vlan || vlan > VLAN_MAX) {', 'if (!vlan) {'),
    (C + 'vlans.c', 'if (vlan == spec->vlan) {', 'if (0) {'),
    (C + 'publish.c', '(vlan != VLAN_NONE && vlan != port->vlan) ||', ''),
    (C + 'publish.c', '    leaf->vlan = port->vlan;', ''),
    (C + 'publish.c', 'binding_hash(&leaf->addrs[j], leaf->vlan)', 'binding_hash(&leaf->addrs[j], 0)'),
    (C + 'publish.c', 'leaf->mac, leaf->id, leaf->vlan };', 'leaf->mac, leaf->id, 0 };'),
]


def nearest_first(name):
    """The tests, that of the part that the file belongs to first: it is the likeliest to find the bug."""
    part = name.split('/')[1]
    return sorted(TESTS, key=lambda test: not test.startswith(part))


def find(work, name='vswitch/'):
    """What finds a bug in the file 'name', the compiler or a test; None when nothing does.

    A test is linked only when it is needed."""
    env = dict(os.environ, top_srcdir=work, top_builddir=work + '/_build')
    for test in nearest_first(name):
        if planting.make(work, 'tests/unit/' + test):
            return 'the compiler'
        try:
            if planting.run('./tests/unit/' + test, cwd=work + '/_build', env=env, timeout=60):
                return test
        except subprocess.TimeoutExpired:
            return test + ' (hangs)'
    return None


def main():
    top, build_dir, ovs = sys.argv[1:4]
    words = sys.argv[4:]
    work = build_dir + '/mutants'
    planting.check(top, MUTANTS)
    if not planting.prepare(top, work, ovs) or find(work):
        sys.exit('mutants: the tree does not build, or its tests fail, without a mutation')
    chosen = [m for m in MUTANTS if not words or any(w in ' '.join(m) for w in words)]
    killed = 0
    for name, old, new in chosen:
        with planting.planted(work, name, old, new):
            by = find(work, name)
        killed += by is not None
        print('%-9s %s: %s -> %s%s' % ('killed' if by else 'SURVIVED', name, old.strip(), new.strip() or 'nothing',
                                      ' (%s)' % by if by else ''), flush=True)
    print('%d of %d killed' % (killed, len(chosen)))
    return 0 if killed >= 0.9 * len(chosen) else 1


if __name__ == '__main__':
    sys.exit(main())
