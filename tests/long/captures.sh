#!/bin/bash
# Captures of real desktops' traffic, played to a switch as one of its desktops: what healthy desktops do is no
# incident.  Each incident that opens is told; one that nobody has judged right (tests/data/captures-judged)
# fails the test.
#
#     captures.sh [--speed N] [--gap S] [--separated] [FILE|DIR...]
#
# Without files: the project's own ones, which show that a scan is found, and those below $FUSUMA_CAPTURES.
# Time runs N times as fast (50), and a pause takes S seconds at most (0.05).  --separated: the policy lets nothing out
# to the internet.  FUSUMA_CAPTURES_REPORT gets a line of JSON for each capture.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/../system/lib.sh"

OPTIONS=(--judged "$HERE/../data/captures-judged")
INTERNET=1
while [[ ${1:-} == --* ]]; do
    case $1 in
    --speed | --gap) OPTIONS+=("$1" "$2") && shift 2 ;;
    --separated) INTERNET= && shift ;;
    *) die "there is no option $1" ;;
    esac
done

# Only cables: what the stations say is in the captures, and no kernel answers.
captures_build()
{
    local name
    office_namespace switch
    office_namespace wire
    for name in switch wire; do
        in_ns $name sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    done
    for name in gateway server d1 d2 d3 d4 d5 d6; do
        ip -n "$OFFICE_TAG-switch" -batch - <<END
link add $name type veth peer name $name netns $OFFICE_TAG-wire
link set $name up
END
        ip -n "$OFFICE_TAG-wire" link set $name up arp off
    done
}

# What a site's policy has: its servers, and the internet for the usual services.
captures_policy()
{
    local number servers='' elsewhere='"10.99.0.32/27", "10.99.0.64/26", "10.99.0.128/25", "fd99::1000/120", "fe80::1:ff:fe00:0/120"'
    for number in 2 3 4 5 6 7 8 9 10; do
        servers+="10.99.0.$number/32, \"fd99::$number/128\", "
    done
    cat >"$OFFICE_DIR/policy.yaml" <<EOF
version: 1
groups:
  desktops: { labels: { pool: office } }
  pool: { cidrs: [10.99.0.0/16, "fd99::/64", "fe80::/10"], except: { groups: [servers] } }
  servers: { cidrs: [${servers}$OFFICE_GATEWAY/32, "fd99::1/128", "fe80::ff:fe00:100/120"] }
  elsewhere: { cidrs: [$elsewhere] }
  ours: { cidrs: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16], except: { groups: [pool] } }
  internet: { cidrs: [0.0.0.0/0, "2000::/3"], except: { groups: [pool] } }
detection:
  desktops: [elsewhere]
rules:
  - { id: dhcp, direction: egress, peer: any, service: [dhcp, dhcpv6], action: allow }
  - { id: ping, direction: egress, peer: [servers, ours${INTERNET:+, internet}], service: ping, action: allow }
  - id: servers-tcp
    direction: egress
    peer: [servers, ours]
    protocol: tcp
    ports: [21, 25, 53, 80, 88, 110, 135, 139, 143, 389, 443, 445, 464, 587, 636, 993, 995, 3128, 3268, 3269, 8080,
            8443, 49152-65535]
    action: allow
  - id: servers-udp
    direction: egress
    peer: [servers, ours]
    protocol: udp
    ports: [53, 67, 88, 123, 137, 138, 389, 464]
    action: allow
EOF
    [[ ! $INTERNET ]] || cat >>"$OFFICE_DIR/policy.yaml" <<EOF
  - { id: web, direction: egress, peer: internet, protocol: tcp, ports: [53, 80, 443, 587, 993], action: allow }
  - { id: calls, direction: egress, peer: internet, protocol: udp, ports: [53, 123, 443, 3478-3481], action: allow }
EOF
    cat >>"$OFFICE_DIR/policy.yaml" <<EOF
  - { id: no-lateral, direction: egress, peer: [desktops, pool], action: drop, log: incident }
EOF
}

# play REPORT OPTION|FILE|DIR...
play()
{
    in_ns wire /usr/bin/python3 "$HERE/captures.py" "$OFFICE_DIR/run/vswitchd.sock" "${OPTIONS[@]}" "$@"
}

# What the project has by itself: that what is healthy stays so, and that a sweep is found.
play_own()
{
    mkdir "$OFFICE_DIR/own"
    /usr/bin/python3 "$HERE/capture_own.py" make "$OFFICE_DIR/own" 2>/dev/null
    play "$OFFICE_DIR/own-report" "$OFFICE_DIR/own" && die "the sweep was not told"
    /usr/bin/python3 "$HERE/capture_own.py" check "$OFFICE_DIR/own" "$OFFICE_DIR/own-report" ||
        die "the project's own captures are not what they should be"
}

office_open
captures_build
office_config
captures_policy
office_start
if ((!$#)); then
    play_own
    [[ ${FUSUMA_CAPTURES:-} ]] || {
        echo "no captures of others: FUSUMA_CAPTURES is not set"
        exit 0
    }
    set -- "$FUSUMA_CAPTURES"
fi
play "${FUSUMA_CAPTURES_REPORT:-$OFFICE_DIR/report}" "$@"
