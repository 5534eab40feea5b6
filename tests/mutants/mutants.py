#!/usr/bin/python3
"""Plants bugs, one at a time, and shows that the unit tests find them.

    mutants.py TOP BUILD OVS-DIR [WORD...]
    mutants.py --check TOP

In a copy of the tree each mutation (one line) is applied, built and tested; with words, only those in
whose file or text one of them occurs.  Survivors are shown; the last line is 'K of N killed'.  Exits 1
when fewer than 90 % are.  --check: only whether each mutation still has a place in the tree."""
import os
import subprocess
import sys

import planting

TESTS = ['datapath/test_datapath', 'datapath/diff_conntrack', 'telemetry/test_telemetry',
         'control/test_control', 'datapath/test_swap']
HANGS = 300  # seconds; a slow machine takes one for what takes ten elsewhere
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
    (D + 'conn_tcp.c', 'if (!acceptable(me, peer, s, end, upper_bound(me, peer))) {', 'if (0) {'),
    (D + 'conn_tcp.c', '!acceptable(me, peer, s, end, seq_leq(sent, edge) ? edge : sent)) {', '0) {'),
    (D + 'conn_tcp.c', 'exact = s->seq == get(&me->end) ||', 'exact = in_window(me, peer, s->seq) ||'),
    (D + 'conn_tcp.c', 'if (!flags_make_sense(s->flags)) {', 'if (0) {'),
    (D + 'conn_tcp.c', 'said(me) & TCP_SAID_FIN ? get(&me->end) : limit', 'limit'),
    (D + 'conn_tcp.c', '    raise_to(&me->edge, ack + window);', '    set(&me->edge, ack + window);'),
    (D + 'conn_tcp.c', '    raise_to(&me->end, end);\n    acknowledge(', '    acknowledge('),
    (D + 'conn_tcp.c', '    raise_to(&me->end, end);\n    acknowledge_syn(', '    acknowledge_syn('),
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
    (D + 'flood.c', '        record_audit(w, from, p, &j.audit[i]);', ''),
    (D + 'forward.c', '        if (j->audit[i].direction == ACL_INGRESS) {', '        if (1) {'),
    (D + 'forward.c', 'return j->reason != DROP_NONE || j->n_audits;', 'return j->reason != DROP_NONE;'),
    (D + 'record.c', '    h += d->rule_slot * 0x9fb21c651e98df25ull;', ''),
    (D + 'output.c', '        page->accepted += sent;', '        page->accepted += b->n;'),
    (D + 'record.c', 'page_of(w, from)->drops[p->reason] += packets_of(p);', 'page_of(w, from)->drops[p->reason]++;'),
    (T + 'ledger.c', 'p->offered - p->accepted - ledger_page_tx_drops(p)', 'p->offered - p->accepted'),
    (T + 'ledger.c', 'if (!(before & 1)) {', 'if (1) {'),
    (T + 'drop_log.c', 'if (at->n > last || !epoch->clean) {', 'if (at->n > last) {'),
    (T + 'drop_log.c', 'return store_next(&store, after, e) && e->n <= visible;',
     'return store_next(&store, after, e);'),
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
    (D + 'snapshot.h', 'if (b->vlan == vlan && acl_addr_equals(&b->addr, a)) {',
     'if (acl_addr_equals(&b->addr, a)) {'),
    (D + 'snapshot.h', 'if (s->vlan_classes && s->vlan_classes[vlan]) {', 'if (0) {'),
    (D + 'judge.c', 'snapshot_class(s, &c->key.addr[from], c->key.vlan)',
     'snapshot_class(s, &c->key.addr[from], 20)'),
    (D + 'frag.c', 'e->head.vlan == p->vlan &&', ''),
    (D + 'track.c', 'q.dport, q.protocol, p->vlan)', 'q.dport, q.protocol, 10)'),
    (D + 'record.c', 'a->ethertype == b->ethertype && a->vlan == b->vlan;', 'a->ethertype == b->ethertype;'),
    (D + 'record.c', 'd->vlan = p->vlan == VLAN_NONE ? 0 : p->vlan;', ''),
    (D + 'reject.c', 'output_packet(w, from, to, out->m, p->vlan);', 'output_packet(w, from, to, out->m, 0);'),
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
    (C + 'membership.c', 'vlan == VLAN_NONE || vlan == port->vlan', '1 || vlan'),
    (C + 'publish.c', '    leaf->vlan = port->vlan;', ''),
    (C + 'publish.c', 'binding_hash(&leaf->addrs[j], leaf->vlan)', 'binding_hash(&leaf->addrs[j], 0)'),
    (C + 'publish.c', 'leaf->mac, leaf->id, leaf->vlan };', 'leaf->mac, leaf->id, 0 };'),
    # ---- what is learned ----
    (D + 'learn.c', 'return d->chaddr == from->mac && !d->giaddr &&', 'return !d->giaddr &&'),
    (D + 'learn.c', 'return d->chaddr == from->mac && !d->giaddr &&', 'return d->chaddr == from->mac &&'),
    (D + 'learn.c', '(!d->ciaddr.w[3] || guard_is_bound(from, &d->ciaddr));', '1;'),
    (D + 'learn.c', '!relation_holds(w->relations, to->id, relation_key(p->dport, p->sport, d->id), w->now)', '0'),
    (D + 'learn.c', 'if (!forward_could_ask(w, to, from, p, &fate->judgement)) {',
     'if (!forward_could_ask(w, to, from, p, &fate->judgement) && 0) {'),
    (D + 'learn.c', '} else if (!csum_holds(p)) {', '} else if (0) {'),
    (D + 'learn.c', 'to->learns && d->kind == DHCP_BINDS', 'd->kind == DHCP_BINDS'),
    (D + 'learn.c', 'to->learns && d->kind == DHCP_BINDS && d->n_leases', 'to->learns'),
    (D + 'learn.c', ' && !w->handing_back) {', ') {'),
    (D + 'learn.c', 'w->learner->n_held + 1 >= LESSONS || ', ''),
    (D + 'learn.c', '    w->learner->n_held++;', ''),
    (D + 'learn.c', '    page_of(w, from)->held++;', ''),
    (D + 'learn.c', '!from->quarantined && csum_holds(p) &&', 'csum_holds(p) &&'),
    (D + 'learn.c', '!from->quarantined && csum_holds(p) &&', '!from->quarantined &&'),
    (D + 'learn.c', 'if (csum_holds(p) && has_token(w, from)) {\n        begin(&lesson, LESSON_CLAIM',
     'if (has_token(w, from)) {\n        begin(&lesson, LESSON_CLAIM'),
    (D + 'learn.c', 'if (csum_holds(p) && has_token(w, from)) {\n        begin(&lesson, LESSON_DEFENCE',
     'if (has_token(w, from)) {\n        begin(&lesson, LESSON_DEFENCE'),
    (D + 'learn.c', '!csum_holds(p) || !has_token(w, from)', '!has_token(w, from)'),
    (D + 'learn.c', 'if (p->frag || !dhcp_parse(p, d)) {', 'if (!dhcp_parse(p, d)) {'),
    (D + 'learn.c', 'from->role != PORT_DESKTOP && dhcp_is_reply(p)', 'from->role != PORT_DESKTOP'),
    (D + 'learn.c', '!(b[3] & RA_PREFIX_AUTONOMOUS) ||', ''),
    (D + 'learn.c', 'b[2] > 128 ||', ''),
    (D + 'learn.c', ' || lesson->n_leases == DHCP_MAX_LEASES) {', ') {'),
    (D + 'relation.c', ' && get(&slots[i].until) > now) {', ') {'),
    (D + 'relation.c', 'if (get(&slots[i].key) == key) {', 'if (0) {'),
    (D + 'relation.c', 'if (get(&slots[i].until) < get(&use->until)) {', 'if (0) {'),
    (D + 'relation.c', '        set(&r->slot[port][i].until, 0);', ''),
    (D + 'relation.c', 'now + RELATION_SECONDS * rte_get_tsc_hz()', 'UINT64_MAX'),
    (D + 'relation.c', '*slots = r->slot[port], *use', '*slots = r->slot[1], *use'),
    (D + 'relation.h', 'return (uint64_t) asked << 48 | ', 'return '),
    (D + 'dhcp.c', ' || get32(b + V4_MAGIC) != MAGIC', ''),
    (D + 'dhcp.c', 'b[0] != (request ? BOOTREQUEST : BOOTREPLY) ||', ''),
    (D + 'dhcp.c', 'if (end - b < 2 || b[1] > end - b - 2) {', 'if (end - b < 2) {'),
    (D + 'dhcp.c', 'if (end - b < 2 || b[1] > end - b - 2) {', 'if (b[1] > end - b - 2) {'),
    (D + 'dhcp.c', 'while (b < end && *b != OPTION_END) {', 'while (b < end) {'),
    (D + 'dhcp.c', 'o.type == DHCPACK && o.seconds) {', 'o.type == DHCPACK) {'),
    (D + 'dhcp.c', 'if (!request && o.type == DHCPACK', 'if (o.type == DHCPACK'),
    (D + 'dhcp.c', 'o.type == DHCPDECLINE && o.requested) {', 'o.type == DHCPDECLINE) {'),
    (D + 'dhcp.c', '*b == OPTION_LEASE && b[1] == 4', '*b == OPTION_LEASE'),
    (D + 'dhcp.c', 'if (d->n_leases < DHCP_MAX_LEASES) {', 'if (1) {'),
    (D + 'dhcp.c', ' || get16(b + 2) > end - b - 4) {', ') {'),
    (D + 'dhcp.c', 'code == V6_IAADDR && len >= V6_IAADDR_HEAD', 'code == V6_IAADDR'),
    (D + 'dhcp.c', 'get32(data + 20)', 'get32(data + 16)'),
    (D + 'dhcp.c', 'read_v6_addresses(data + head, ', 'read_v6_addresses(data, '),
    (D + 'dhcp.c', 'if (head && size >= head) {', 'if (size >= head) {'),
    (D + 'dhcp.c', 'd->relayed = b[0] >= V6_RELAY_FORWARD;', 'd->relayed = false;'),
    (D + 'dhcp.c', '!request && type == V6_REPLY ', 'type == V6_REPLY '),
    (D + 'dhcp.c', ': request && (type == V6_RELEASE', ': (type == V6_RELEASE'),
    (D + 'dhcp.c', 'd->id = get32(b) & 0xffffff;', 'd->id = get32(b);'),
    (D + 'dhcp.c', 'uint16_t len = get16(udp + 4) -', 'uint16_t len = p->l4_len -'),
    # ---- what is snooped, and how much of it ----
    (D + 'snoop_parse.c', 'if (ip->time_to_live != 1) {', 'if (0) {'),
    (D + 'snoop_parse.c', '!csum_holds(p) || rte_raw_cksum(l4, p->l4_len) != 0xffff', '!csum_holds(p)'),
    (D + 'snoop_parse.c', 'if (left < 4 + address_size(&s)) {', 'if (0) {'),
    (D + 'snoop_parse.c', 'if (left < size) {', 'if (0) {'),
    (D + 'snoop_parse.c', 'if (!snoop_is_group(&group)) {\n            return', 'if (0) {\n            return'),
    (D + 'snoop_parse.c', '(change == SNOOP_LEAVE || acl_addr_equals(&s->group, &p->dst))', '1'),
    (D + 'snoop_parse.c', '(1 + be16(s->at + 2)) + 4 * s->at[1];', '(1 + be16(s->at + 2));'),
    (D + 'snoop_parse.c', 'return n_sources ? SNOOP_JOIN : SNOOP_LEAVE;', 'return SNOOP_LEAVE;'),
    (D + 'snoop_parse.c', 'header + be16(l4 + header - 2) * address_size(s) <= len', '1'),
    (D + 'snoop_parse.c', '!general && !snoop_is_group(&group)', '0'),
    (D + 'snoop_parse.c', 'ip->hop_limits != 1 || ', ''),
    (D + 'snoop_parse.c', '!has_router_alert(p) || ', ''),
    (D + 'snoop_parse.c', ' || !source_is_right(p, l4[0])', ''),
    (D + 'snoop_parse.c', 'if (ip->proto != IPPROTO_HOPOPTS) {', 'if (0) {'),
    (D + 'snoop_parse.c', '*o == OPTION_ROUTER_ALERT && o[1] == 2', '*o == OPTION_ROUTER_ALERT'),
    (D + 'snoop_parse.c', 'return !be16(o + 2);', 'return true;'),
    (D + 'snoop_parse.c', 'if (!(p->flags & PKT_GROUP) || !snoop_is_group(&p->dst)) {', 'if (0) {'),
    (D + 'trace.c', '        reason = guard_check(w, from, &p);', ''),
    (D + 'trace.c', 'from->role == PORT_UPLINK);', '0);'),
    (D + 'trace_forward.c', 'tcp_half_read(&p->conn->half[!p->side].tcp, &peer);', 'memset(&peer, 0, sizeof peer);'),
    (D + 'trace_forward.c', '(g == s->generation || judge_rests_on(s, c))', 'g + s->generation'),
    (D + 'snoop.c', 'from->role == PORT_DESKTOP && s->kind != SNOOP_REPORT', '0'),
    (D + 'snoop.c', 's.kind == SNOOP_REPORT && from->role == PORT_DESKTOP', 's.kind == SNOOP_REPORT'),
    (D + 'snoop.c', 's.kind == SNOOP_QUERY && is_router(p)', 's.kind == SNOOP_QUERY'),
    (D + 'mcast.c', 'if (tag == TAG_FREE) {', 'if (tag <= TAG_GONE) {'),
    (D + 'mcast.c', 'tag_at(g) == TAG_FREE || tag_at(g) == TAG_GONE', 'tag_at(g) == TAG_FREE'),
    (D + 'mcast.c', 'if (tag_at(&groups[(i + 1) & mask]) == TAG_FREE) {', 'if (1) {'),
    (D + 'mcast.c', '    mcast_poll(now_s); /* what', '    /* what'),
    (D + 'mcast.c', 'if (!punt_is_waiting(events, port)) {', 'if (1) {'),
    (D + 'mcast.c', '> MCAST_AGE_SECONDS', '>= MCAST_AGE_SECONDS'),
    (D + 'mcast.c', 'tag == (TAG_MARK | vlan) &&', 'tag >= TAG_MARK &&'),
    (D + 'rate.h', 'r->refilled += add * hz / a_second;', 'r->refilled = now;'),
    (D + 'rate.h', 'if (r->tokens + add >= most) {', 'if (0) {'),
    (D + 'rate.h', 'passed >= seconds * hz    ? most', '0 ? most'),
    (D + 'rate.h', 'if (!r->tokens) {', 'if (0) {'),
    (D + 'rate.h', '(uint64_t) a_second * seconds;', 'a_second;'),
    (D + 'learn.c', 'rates[from->id].lessons', 'rates[0].lessons'),
    (D + 'learn.c', 'from->role == PORT_UPLINK ? UPLINK_FOLD : 1,', '1,'),
    (D + 'reject.c', 'rates[from->id].rejects', 'rates[0].rejects'),
    (D + 'reject.c', '(from->role == PORT_UPLINK ? UPLINK_FOLD : 1)', '1'),
    (D + 'reject.c', '!(p->flags & PKT_GROUP) && within_rate(w, from) &&', 'within_rate(w, from) &&'),
    (D + 'reject.c', '!(p->flags & PKT_GROUP) && within_rate(w, from) &&', '!(p->flags & PKT_GROUP) &&'),
    (D + 'reject.c', 'p->tcp.flags & TCPF_RST || !within_rate(w, from)', 'p->tcp.flags & TCPF_RST'),
    (D + 'reject.c', 'p->tcp.flags & TCPF_RST || !within_rate(w, from)', '!within_rate(w, from)'),
    (D + 'reject.c', 'if (p->tcp.flags & TCPF_RST) { /* a reset', 'if (0) { /* a reset'),
    (D + 'reject.c', ': p->protocol == IPPROTO_ICMP && type != 8) {', ': 0) {'),
    (D + 'storm.c', 'rates[from->id].storm[class]', 'rates[0].storm[class]'),
    (D + 'storm.c', 'rates[from->id].storm[class]', 'rates[from->id].storm[0]'),
    (D + 'storm.c', 'p->flags & PKT_ND || ', ''),
    (D + 'storm.c', 'if (p->flags & PKT_ARP) {', 'if (0) {'),
    (D + 'neigh.c', '? mac != from->mac : guard_is_desktop_mac(w, mac, p->vlan)',
     '? 0 : guard_is_desktop_mac(w, mac, p->vlan)'),
    (D + 'neigh.c', '? mac != from->mac : guard_is_desktop_mac(w, mac, p->vlan)', '? mac != from->mac : 0'),
    (D + 'neigh.c', ' || size > p->l4_len - at) {', ') {'),
    (D + 'neigh.c', 'p->l4_len - at < 8 || ', ''),
    (D + 'neigh.c', 'if (p->l4_len < nd_options(type)) {', 'if (0) {'),
    (D + 'neigh.c', 'ip->hop_limits != 255 || ', ''),
    (D + 'neigh.c', 'if (from->role == PORT_UPLINK && is_bound_elsewhere(w, from, &p->src, p->vlan)) {', 'if (0) {'),
    (D + 'neigh.c', ': is_bound_elsewhere(w, from, &target, p->vlan)) {', ': 0) {'),
    (D + 'neigh.c', 'type == ND_NEIGHBOUR_ADVERT || type == ND_REDIRECT', 'type == ND_NEIGHBOUR_ADVERT'),
    (D + 'neigh.c', 'guard_is_bound(to, &p->dst) || is_announcement(p)', '1'),
    (D + 'conn_tcp.c', 'return (seq_leq(end, edge) ? end : edge) -', 'return end -'),
    (D + 'conn_tcp.c', 'return !(said(peer) & TCP_SAID_MUCH) && sent < skew ? sent : skew;', 'return skew;'),
    (D + 'conn_tcp.c', 'return !(said(peer) & TCP_SAID_MUCH) && sent < skew ? sent : skew;',
     'return skew ? sent : sent;'),
    (D + 'conn_tcp.c', '#define MAX_SKEW 66000u', '#define MAX_SKEW 66001u'),
    (C + 'learned.c', 'if (n >= max) {', 'if (0) {'),
    (C + 'learned.c', 'return how == LEARNED_SLAAC ? LEARNED_DHCP6 : how;', 'return how;'),
    (C + 'learned.c', 'if (!l || l->how != how || (how != LEARNED_DHCP && how != LEARNED_DHCP6)) {', 'if (!l) {'),
    (C + 'learned.c', '            l->expires_ms = expires_ms;', ''),
    (C + 'learned.c', 'if (port->learned[i].expires_ms <= now_ms) {', 'if (port->learned[i].expires_ms < now_ms) {'),
    (C + 'learned.c', 'if (!desired_is_station_address(a)) {', 'if (0) {'),
    (C + 'learned.c', 'oldest = oldest ? oldest : &port->learned[i];', 'oldest = &port->learned[i];'),
    (C + 'learned.c', '        drop(d, owner, l);', ''),
    (C + 'learned.c', '    d->members_changed = true;', ''),
    (C + 'learned.c', 'llabs(l->expires_ms - l->stored_ms) > slack', '0'),
    (C + 'bindings.c', 'return seconds == UINT32_MAX ? LEARNED_FOR_EVER : ', 'return '),
    (C + 'bindings.c', 'lesson->kind == LESSON_RELEASE || !lease->seconds', 'lesson->kind == LESSON_RELEASE'),
    (C + 'bindings.c', 'lesson->kind == LESSON_RELEASE || !lease->seconds', '!lease->seconds'),
    (C + 'bindings.c', '} else if (port->spec->learn) {\n        take_leases', '} else {\n        take_leases'),
    (C + 'bindings.c', '!port || port->role != PORT_DESKTOP', '!port'),
    (C + 'bindings.c', 'c->bindings->changed && publish(', '0 && publish('),
    (C + 'bindings.c', '} else if (port->spec->learn && prefix) {', '} else if (prefix) {'),
    (C + 'bindings.c', 'b->prefixes[i].vlan == vlan && ', ''),
    (C + 'bindings.c', 'is_router(b, lesson->vlan, &lesson->addr) ||', ''),
    (C + 'bindings.c',
     'if (b->routers[i].vlan == vlan && acl_addr_equals(&b->routers[i].addr, a)) {\n            return true;',
     'if (acl_addr_equals(&b->routers[i].addr, a)) {\n            return true;'),
    (C + 'bindings.c', ' || !may_form(port, &lesson->addr)', ''),
    (C + 'bindings.c', 'return a->w[2] && (', 'return ('),
    (C + 'bindings.c', ' || mac == port->mac);', ');'),
    (C + 'bindings.c', 'a->b[11] != 0xff || a->b[12] != 0xfe || mac == port->mac', '1'),
    (C + 'bindings.c', 'claim.expires_ms = prefix->expires_ms;', 'claim.expires_ms = LEARNED_FOR_EVER;'),
    (C + 'bindings.c', 'if (b->n_claims == MAX_CLAIMS) {', 'if (0) {'),
    (C + 'bindings.c', '            return; /* first come, first served */', ''),
    (C + 'bindings.c', 'claim.due_ms = time_msec() + CLAIM_MS;', 'claim.due_ms = time_msec();'),
    (C + 'bindings.c', 'if (b->claims[i].vlan == vlan && acl_addr_equals(&b->claims[i].addr, a)) {',
     'if (acl_addr_equals(&b->claims[i].addr, a)) {'),
    (C + 'bindings.c', 'b->claims[0].due_ms <= now', '1'),
    (C + 'bindings.c', '    defend(c->bindings, lesson->vlan, &lesson->addr);\n    for', '    for'),
    (C + 'bindings.c', '        defend(c->bindings, lesson->vlan, &lesson->addr);\n    } else if', '    } else if'),
    (C + 'bindings.c', 'p.len == 64 && ', ''),
    (C + 'bindings.c', ' && p.addr.b[0] != 0xff) {', ') {'),
    (C + 'bindings.c', '            p.addr.q[1] = 0;', ''),
    (C + 'bindings.c', 'return new_ms - now > TWO_HOURS_MS || new_ms > old_ms ? new_ms', 'return 1 ? new_ms'),
    (C + 'bindings.c', ': old_ms - now <= TWO_HOURS_MS ', ': 0 '),
    (C + 'bindings.c', 'port->vlan == prefix->vlan && i <', 'i <'),
    (C + 'bindings.c', 'l->how == LEARNED_SLAAC && acl_prefix_contains', 'acl_prefix_contains'),
    (C + 'bindings.c', 'b->n_routers < MAX_ROUTERS', '1'),
    (C + 'bindings.c', 'b->n_prefixes < MAX_PREFIXES && ', ''),
    (C + 'bindings.c', 'b->n_prefixes < MAX_PREFIXES && expires_ms > now', 'b->n_prefixes < MAX_PREFIXES'),
    (C + 'bindings.c', 'if (b->routers[i].expires_ms <= now) {', 'if (0) {'),
    (C + 'bindings.c', 'if (b->prefixes[i].expires_ms <= now) {', 'if (0) {'),
    (C + 'bindings.c', 'if (b->claims[i].port == port->id) {', 'if (0) {'),
    (C + 'bindings.c', '            port->learned_changed = true;', ''),
    (C + 'bindings.c', 'if (c->bindings->storing || ', 'if ('),
    (C + 'bindings.c', ' || time_msec() < c->bindings->store_ms) {', ') {'),
    (C + 'bindings.c', ' && left_s > 0 &&', ' &&'),
    (C + 'bindings.c', '(how == LEARNED_LINK_LOCAL || port->spec->learn)', '1'),
    (C + 'bindings.c', 'port && port->role == PORT_DESKTOP && how < N_LEARNED_HOW', 'port && how < N_LEARNED_HOW'),
    (C + 'bindings.c', 'learned_expire(&c->desired, node->data, now)', '0'),
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
            if planting.run('./tests/unit/' + test, cwd=work + '/_build', env=env, timeout=HANGS):
                return test
        except subprocess.TimeoutExpired:
            return test + ' (hangs)'
    return None


def main():
    if sys.argv[1] == '--check':
        planting.check(sys.argv[2], MUTANTS)
        return 0
    top, build_dir, ovs = sys.argv[1:4]
    words = sys.argv[4:]
    work = build_dir + '/mutants'
    planting.check(top, MUTANTS)
    if not planting.prepare(top, work, ovs) or find(work):
        sys.exit('mutants: the tree does not build, or its tests fail, without a mutation')
    # By file: what one has left behind is built anew together with the next one.
    chosen = sorted((m for m in MUTANTS if not words or any(w in ' '.join(m) for w in words)),
                    key=lambda m: m[0])
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
