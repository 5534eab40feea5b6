#!/bin/bash
# A scan of the neighbours, with unmodified kernel stacks and no static neighbours:
#  - it finds no open port, although there are some;
#  - every SYN is in the drop records with its destination port;
#  - what the scanner sent, counted by nftables in the scanner's namespace and so outside the switch,
#    is what the switch received and what it dropped, with the kernel's loss as an item of its own.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Packets as they leave the scanner, by nftables' egress hook: all of them, and those to neighbours.
count_outside()
{
    in_ns d6 nft -f - <<EOF
table netdev outside {
    counter sent { }
    counter denied { }
    counter syns { }
    chain out {
        type filter hook egress device eth0 priority 0;
        counter name sent
        ip daddr $OFFICE_NET.11-$OFFICE_NET.15 counter name denied
        ip daddr $OFFICE_NET.11-$OFFICE_NET.15 tcp flags syn counter name syns
    }
}
EOF
}

# snapshot FILE: both sides at a moment when nothing is on its way.  The kernel's stack sends what it
# likes, so the moment is one before and after which the outside counters are the same.
snapshot()
{
    local before after i
    for ((i = 0; i < 50; i++)); do
        before=$(in_ns d6 nft -j list counters)
        sleep 0.4
        sw -o json counters --port d6 >"$OFFICE_DIR/$1.inside"
        after=$(in_ns d6 nft -j list counters)
        if [[ $before = "$after" ]]; then
            echo "$after" >"$OFFICE_DIR/$1.outside"
            return
        fi
    done
    die "the scanner never fell silent"
}

office_open
office_build
office_config
office_start
office_web server 80
office_web d1 80
office_web d2 445
office_web d3 22
count_outside

in_ns d6 curl -s -S -m 5 -o /dev/null "http://$OFFICE_SERVER/" || die "d6 cannot do its work"

# compare NAME PORTS NMAP-OPTIONS...: sweeps, scans and compares.
compare()
{
    local name=$1 ports=$2 i
    shift 2
    echo "-- $name scan of ports $ports"
    snapshot before
    in_ns d6 nmap -n -sn "$OFFICE_NET.11-15" >"$OFFICE_DIR/sweep.txt"
    in_ns d6 nmap -n -Pn -sS "$@" -p "$ports" -oG "$OFFICE_DIR/scan.gnmap" \
        "$OFFICE_NET.11-15" >"$OFFICE_DIR/scan.txt"
    snapshot after
    for ((i = 0; i < 10; i++)); do
        # Merged repeats become records after a second or so, longer when the worker sleeps, and what
        # has no record is said once a second.
        sleep 2
        sw -o json drops --port d6 >"$OFFICE_DIR/drops.json"
        if /usr/bin/python3 "$here/scan_compare.py" "$OFFICE_DIR" "$OFFICE_NET" "$ports" \
            >"$OFFICE_DIR/compared.txt"; then
            cat "$OFFICE_DIR/compared.txt"
            return
        fi
    done
    cat "$OFFICE_DIR/scan.txt" "$OFFICE_DIR/compared.txt"
    die "the $name scan does not add up"
}

compare careful 22,80,135,139,445,3389 --max-retries 1
# Without the ARP ping, which is tried only once at this rate: on a busy machine its answer is late.
compare fast 1-4000 --disable-arp-ping --max-retries 0 --min-rate 8000
sw audit
