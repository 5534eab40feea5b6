#!/bin/bash
# A policy that would cut its own administrator off is called out before it is in force: a client of
# the API on a desktop's port, and the switch's own address behind another.  And so are groups that
# nobody is in at this moment.
set -euo pipefail
FUSUMA_TOP=${FUSUMA_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
# shellcheck source=tests/system/lib.sh
source "$FUSUMA_TOP/tests/system/lib.sh"

MGMT=$OFFICE_NET.50
API=$MGMT:50051

office_open
office_build
office_config
cd "$OFFICE_DIR"
# The host's own address, behind a desktop's port; at the switch's ends of the other cables the kernel
# is not to answer for it.
in_ns switch sysctl -qw net.ipv4.conf.all.arp_ignore=1
ip -n "$OFFICE_TAG-switch" -batch - <<END
link add mgmt type veth peer name host0
link set host0 address 02:00:00:00:02:01
link set mgmt up
link set host0 up
addr add $MGMT/24 dev host0
END
cat >>config.yaml <<END
  - name: mgmt
    role: desktop
    af_packet: { interface: mgmt }
    mac: 02:00:00:00:02:01
    ips: [$MGMT]
    labels: { pool: host }
access:
  - { cn: admin, roles: [admin] }
END
cat >policy.yaml <<END
version: 1
groups:
  desktops: { labels: { pool: office } }
  host: { labels: { pool: host } }
rules:
  - { id: api-out, direction: egress, peer: host, applied_to: desktops, protocol: tcp, ports: [50051], action: allow }
  - { id: api-in, direction: ingress, peer: desktops, applied_to: host, protocol: tcp, ports: [50051], action: allow }
  - { id: noise, direction: egress, peer: any, service: [dhcp, dns], action: allow }
END
PYTHONPATH="$FUSUMA_TOP/tests/interop" /usr/bin/python3 - "$MGMT" <<'END'
import sys
from pki import Pki
pki = Pki('pki')
pki.issue('switch', cn='switch', san='IP:' + sys.argv[1])
pki.issue('admin', cn='admin')
END
OFFICE_SWITCH_OPTIONS=(--listen "unix:$OFFICE_DIR/run/vswitchd.sock" --listen "$API"
    --tls-ca "$OFFICE_DIR/pki/ca.pem" --tls-cert "$OFFICE_DIR/pki/switch.pem"
    --tls-key "$OFFICE_DIR/pki/switch.key")
office_run
office_wait 30 "the switch answers" sw status
office_wait 10 "nine ports are up" office_ports_up 9

# Of a desktop, over the switch's own ports.
api()
{
    in_ns d1 "$OFFICE_BIN/swctl" --target "$API" --tls-ca pki/ca.pem --tls-cert pki/admin.pem \
        --tls-key pki/admin.key "$@"
}

# check CODE OPTIONS...: ends so; what it says is in the file said.
check()
{
    local code=$1 is=0
    shift
    api "$@" >said || is=$?
    cat said
    [[ $is = "$code" ]] || die "swctl $*: exit $is, not $code"
}

says()
{
    grep -qE "$1" said || die "does not say '$1'"
}

office_wait 20 "the API is reached through the switch" api status
check 0 policy check policy.yaml
says 'policy is good'
! grep -F cuts-controller said || die "a policy that cuts nobody off is called out"

sed 's/50051/50052/' policy.yaml >cut.yaml
check 1 policy check cut.yaml
says "^error: it cuts off the client $OFFICE_NET.11 .*\(egress of port 'd1', tcp/50051 to $MGMT\).* \[cuts-controller\]$"
says "^error: it cuts off the client $OFFICE_NET.11 .*\(ingress of port 'mgmt', tcp/50051 to $MGMT\).*"

sed '/api-in/ s/50051/50052/' policy.yaml >cut.yaml
check 1 -o json policy check cut.yaml
says '"kind": "cuts-controller"'
says "ingress of port 'mgmt'"
! grep -F "egress of port 'd1'" said || die "what is allowed is called out"

# Asked from elsewhere, by the unix socket, with nobody connected through the switch.
sw policy check cut.yaml >said
! grep -F cuts-controller said || die "a client that is gone is called out"

# ---- groups without members ----
sed 's/^groups:/&\n  nobody: { labels: { pool: nobody } }/; s/peer: any/peer: [nobody, remote, host]/
s/^rules:/address_sets: { remote: {} }\n&/' policy.yaml >empty.yaml
check 1 policy check empty.yaml
says "empty.yaml:3:3: warning: group 'nobody' has no member.* \[empty-group\]$"
says "warning: address set 'remote' has no member.* \[empty-group\]$"
! grep -E "(desktops|host)' has no member" said || die "a group with members is said to be empty"
sw set put remote 192.0.2.0/24 >/dev/null
sw port add d9 --type vhost-user --socket d9.sock --role desktop --mac 02:00:00:00:00:09 \
    --label pool=nobody >/dev/null
check 0 policy check empty.yaml
sw port del d9 >/dev/null
check 1 policy check empty.yaml
says "group 'nobody' has no member"
sw audit
