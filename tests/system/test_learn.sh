#!/bin/bash
# Desktops that learn their addresses, with a real DHCP server (IPv4, IPv6, router advertisements) and
# real clients and kernels: what an allowed server gives is bound before the desktop has it, what it did
# not give is dropped; a server that policy does not name is not heard; link-local addresses of any kind
# and duplicate address detection work; leases end, are released, and survive kill -9.  And answers to
# what a group was asked: from those only who may be asked.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

LEASES=10.99.0.1 # 10.99.0.100 to .199 by the server; .200 and up by one that nobody asked for
PREFIX=fd98::
SERVER_LL=fe80::ff:fe00:102

say()
{
    echo "$*"
}

# bound PORT HOW: the addresses that it learned so.
bound()
{
    sw -o json binding list --port "$1" | /usr/bin/python3 -c "
import json, sys
print(' '.join(b['ip'] for b in json.load(sys.stdin)['bindings'] if b['how'] == '$2'))"
}

is_bound()
{
    [[ " $(bound "$1" "$2") " == *" $3 "* ]]
}

is_not_bound()
{
    ! is_bound "$@"
}

# drops PORT REASON: packets of the port that were dropped for it.
drops()
{
    sw -o json counters --port "$1" | /usr/bin/python3 -c "
import json, sys
port = json.load(sys.stdin)['ports'][0]
print(sum(int(d['packets']) for d in port.get('drops', []) if d['reason'] == '$2'))"
}

# address NAME PREFIX: the address of eth0 that begins so and is not tentative, or nothing.
address()
{
    in_ns "$1" ip -o addr show dev eth0 -tentative -dadfailed |
        sed -n "s,.* inet6\\? \\($2[^/]*\\)/.*,\\1,p" | head -n 1
}

has_address()
{
    [[ $(address "$1" "$2") ]]
}

# A DHCP server in the namespace $1; the rest are its options.
dhcp_server()
{
    local ns=$1
    shift
    spawn_ns "$ns" dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --user=root \
        --bind-interfaces --interface=eth0 --dhcp-authoritative --no-ping \
        --dhcp-leasefile="$OFFICE_DIR/$ns.leases" --pid-file="$OFFICE_DIR/$ns.pid" --log-dhcp --log-facility=- \
        "$@" >>"$OFFICE_DIR/$ns-dhcp.log" 2>&1
}

# client NAME FAMILY OPTIONS...: a DHCP client, which only sets addresses.
client()
{
    local ns=$1 family=$2
    shift 2
    in_ns "$ns" dhclient "$family" -sf "$OFFICE_DIR/dhclient-script" \
        -lf "$OFFICE_DIR/$ns$family.lease" -pf "$OFFICE_DIR/$ns$family.pid" \
        "$@" eth0 >>"$OFFICE_DIR/dhclient.log" 2>&1
}

# The clients go on in the background.
office_at_exit()
{
    local file
    for file in "$OFFICE_DIR"/d*-[46].pid; do
        [[ ! -s $file ]] || kill "$(<"$file")" 2>/dev/null || true
    done
}

# asks ADDRESS PORT WHO...: d1 asks a group; prints whose answers came within a second.
asks()
{
    in_ns d1 /usr/bin/python3 - "$@" <<'END'
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0')
s.bind(('', 45000))
s.sendto(b'who is there?', (sys.argv[1], int(sys.argv[2])))
end, heard = time.time() + 1, set()
while time.time() < end:
    s.settimeout(max(0.01, end - time.time()))
    try:
        heard.add(s.recvfrom(100)[1][0])
    except TimeoutError:
        pass
print(' '.join(sorted(heard)))
END
}

# answerer NAME ADDRESS GROUP PORT: answers what the group is asked, and whatever it is asked after a
# second more: to who asked last.
answerer()
{
    spawn_ns "$1" /usr/bin/python3 -c "
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', $4))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
             socket.inet_aton('$3') + socket.inet_aton('$2'))
while True:
    data, who = s.recvfrom(100)
    s.sendto(b'I am', who)
"
}

office_open
for tool in dnsmasq dhclient; do
    type -P $tool >/dev/null || die "$tool is missing (sudo ./run deps installs it)"
done
office_build
office_config
# d1, d2 and d4 are given nothing.
sed -i -E '/name: d[124]$/,/labels/ s/^    ips:.*/    learn: true/' "$OFFICE_DIR/config.yaml"
sed -i "s/^  server: .*/  server: { cidrs: [$OFFICE_SERVER\/32, \"${OFFICE_NET6}2\/128\", \"${PREFIX}2\/128\", \"$SERVER_LL\/128\"] }/" \
    "$OFFICE_DIR/policy.yaml"
sed -i "/^rules:/i\\
  everyone: { cidrs: [255.255.255.255/32, \"ff02::1:2/128\"] }\\
  ssdp: { cidrs: [239.255.255.250/32] }" "$OFFICE_DIR/policy.yaml"
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
  - { id: dhcp-all, direction: egress, peer: everyone, protocol: udp, ports: [67, 547], action: allow }
  - { id: dhcp, direction: egress, peer: server, protocol: udp, ports: [67, 547], action: allow }
  - { id: ssdp-all, direction: egress, peer: ssdp, protocol: udp, ports: [1900], action: allow }
  - { id: ssdp, direction: egress, peer: server, protocol: udp, ports: [1900], action: allow }
EOF
cat >"$OFFICE_DIR/dhclient-script" <<'END'
#!/bin/bash
case $reason in
BOUND | RENEW | REBIND | REBOOT) ip addr replace "$new_ip_address/24" dev eth0 ;;
BOUND6 | RENEW6 | REBIND6) ip addr replace "$new_ip6_address/128" dev eth0 ;;
RELEASE | EXPIRE | STOP) ip addr del "$old_ip_address/24" dev eth0 ;;
RELEASE6 | EXPIRE6 | STOP6) ip addr del "$old_ip6_address/128" dev eth0 ;;
esac
exit 0
END
chmod +x "$OFFICE_DIR/dhclient-script"
for name in d1 d2 d4; do
    in_ns $name ip -4 addr flush dev eth0
    in_ns $name ip -6 addr flush dev eth0 scope global
done
in_ns server ip addr add "${PREFIX}2/64" dev eth0
office_start

# ---- DHCP ----

dhcp_server gateway --dhcp-range=10.99.0.200,10.99.0.250,255.255.255.0,1h
sleep 0.5
! timeout 4 ip netns exec "$OFFICE_TAG-d1" dhclient -4 -1 -d -sf "$OFFICE_DIR/dhclient-script" \
    -lf "$OFFICE_DIR/rogue.lease" -pf "$OFFICE_DIR/rogue.pid" eth0 >>"$OFFICE_DIR/dhclient.log" 2>&1 ||
    die "d1 got an address from a server that policy does not name"
[[ ! $(address d1 10.) && ! $(bound d1 dhcp) ]] || die "d1 is bound to what a stranger gave"
grep -q DHCPOFFER "$OFFICE_DIR/gateway-dhcp.log" || die "the stranger was not asked"
say "a server that policy does not name gives nothing"

dhcp_server server --dhcp-range=10.99.0.100,10.99.0.199,255.255.255.0,1h \
    --dhcp-range="${PREFIX}1000,${PREFIX}1fff,slaac,64,1h" --enable-ra --dhcp-option=3
sleep 0.5
client d1 -4 -1 || die "d1 gets no address: $(tail -n 5 "$OFFICE_DIR/dhclient.log")"
ip=$(address d1 $LEASES)
[[ $ip && $(bound d1 dhcp) = "$ip" ]] || die "d1 has '$ip', bound is '$(bound d1 dhcp)'"
in_ns d1 ping -q -n -c 1 -W 2 "$OFFICE_SERVER" >/dev/null || die "d1 cannot work with its lease"
say "d1 has a lease, it is bound, and d1 works with it"

in_ns d1 ip addr add 10.99.0.77/24 dev eth0
! in_ns d1 ping -q -n -c 1 -W 1 -I 10.99.0.77 "$OFFICE_SERVER" >/dev/null || die "d1 helped itself"
[[ $(drops d1 spoof-arp) -gt 0 || $(drops d1 spoof-ip) -gt 0 ]] || die "nobody noticed"
in_ns d1 ip addr del 10.99.0.77/24 dev eth0
say "what no server gave is dropped"

client d4 -4 -1 || die "d4 gets no address"
four=$(address d4 $LEASES)
client d4 -4 -r || die "d4 cannot let go"
office_wait 5 "d4's lease is let go of" is_not_bound d4 dhcp "$four"
say "a released lease is not bound any more"

client d1 -6 -1 || die "d1 gets no IPv6 address: $(tail -n 5 "$OFFICE_DIR/dhclient.log")"
[[ $(bound d1 dhcpv6) ]] || die "DHCPv6 taught nothing"
six=$(bound d1 dhcpv6)
office_wait 10 "d1 has $six" has_address d1 "$six"
in_ns d1 ping -q -n -c 1 -W 2 -I "$six" "${PREFIX}2" >/dev/null || die "d1 cannot work with $six"
say "DHCPv6: bound, and it works"

# ---- addresses that desktops form themselves ----

office_wait 20 "d2 forms an address" has_address d2 "$PREFIX"
six=$(address d2 "$PREFIX")
office_wait 5 "it is bound" is_bound d2 slaac "$six"
in_ns d2 ping -q -n -c 1 -W 2 -I "$six" "${PREFIX}2" >/dev/null || die "d2 cannot work with $six"
say "an address from a router's prefix: bound, and it works"

in_ns d3 sysctl -qw net.ipv6.conf.eth0.stable_secret=fd00::1234
in_ns d3 ip link set eth0 down
in_ns d3 ip link set eth0 up
office_wait 10 "d3 has a link-local address" has_address d3 fe80
six=$(address d3 fe80)
[[ $six != fe80::ff:fe00:3 ]] || die "d3 still has the address of its MAC"
office_wait 5 "$six is bound" is_bound d3 link-local "$six"
in_ns d3 ping -q -n -c 1 -W 2 "$SERVER_LL%eth0" >/dev/null || die "d3 cannot work with $six"
say "a link-local address that its MAC does not tell: bound, and it works"

# failed NAME ADDRESS: duplicate address detection finds that it is taken.
failed()
{
    in_ns "$1" ip -o addr show dev eth0 | grep "$2/" | grep -q dadfailed
}
in_ns d2 ip addr add $SERVER_LL/64 dev eth0
office_wait 5 "d2 finds that the server has $SERVER_LL" failed d2 $SERVER_LL
in_ns d2 ip addr add "${PREFIX}2/64" dev eth0
office_wait 5 "d2 finds that the server has ${PREFIX}2" failed d2 "${PREFIX}2"
in_ns d2 ip addr add "$six/64" dev eth0
office_wait 5 "d2 finds that d3 has $six" failed d2 "$six"
sleep 1
is_not_bound d2 link-local $SERVER_LL || die "d2 took the server's address"
is_not_bound d2 link-local "$six" || die "d2 took d3's address"
is_not_bound d2 slaac "${PREFIX}2" || die "d2 took the server's address"
# A station that is silent has what its MAC gives, and routers have small numbers.
for six in fe80::1 fe80::ff:fe00:199 fe80::1:2:3:4; do
    in_ns d2 ip addr add $six/64 dev eth0
done
office_wait 5 "d2 has another address of its own" is_bound d2 link-local fe80::1:2:3:4
is_not_bound d2 link-local fe80::1 || die "d2 took a router's address"
is_not_bound d2 link-local fe80::ff:fe00:199 || die "d2 took an address of another MAC"
say "taken addresses are found to be taken, and are not bound"

# ---- answers ----

answerer server "$OFFICE_SERVER" 239.255.255.250 1900
answerer gateway "$OFFICE_GATEWAY" 239.255.255.250 1900
sleep 0.5
heard=$(asks 239.255.255.250 1900)
[[ $heard = "$OFFICE_SERVER" ]] || die "d1 hears '$heard' instead of $OFFICE_SERVER alone"
say "a group's answers: from the server, which d1 may ask, and from nobody else"

# ---- restart ----

before=$(bound d1 dhcp; bound d1 dhcpv6; bound d2 slaac; bound d3 link-local)
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
office_start
after=$(bound d1 dhcp; bound d1 dhcpv6; bound d2 slaac; bound d3 link-local)
[[ $before = "$after" ]] || die "after kill -9: $after instead of $before"
in_ns d1 ping -q -n -c 1 -W 2 "$OFFICE_SERVER" >/dev/null || die "d1 cannot work any more"
say "after kill -9 the bindings are as they were"
sw binding list
sw audit
