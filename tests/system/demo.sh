#!/bin/bash
# The demo: six desktops, a server and a gateway on one switch; work, a scan, and a quarantine.
# Needs root.  Leaves nothing behind, also after Ctrl-C.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

bold='' dim='' red='' off=''
if [[ -t 1 && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' off=$'\e[0m'
fi
failures=0

step()
{
    printf '\n%s== %s%s\n' "$bold" "$1" "$off"
}

say()
{
    printf '%s\n' "$@"
}

# Shows a command as one would type it, and runs it.
try()
{
    printf '%s%s %s%s\n' "$dim" "$prompt" "$*" "$off"
}

desk()
{
    local ns=$1 status=0
    shift
    prompt="$ns\$"
    try "$@"
    in_ns "$ns" "$@" 2>&1 | sed 's/^/    /' || status=$?
    return "$status"
}

swctl()
{
    local status=0
    prompt='host#'
    try swctl "$@"
    sw "$@" 2>&1 | sed 's/^/    /' || status=$?
    return "$status"
}

# The demo tells the truth: what does not turn out as it says is a failure of the demo.
wrong()
{
    printf '%s!! %s%s\n' "$red" "$*" "$off"
    failures=$((failures + 1))
}

build()
{
    step "Building the office"
    office_build
    office_config
    office_start
    office_web server 80
    office_web d1 80
    office_web d3 445
    say "vswitchd runs (pid $OFFICE_SWITCH_PID). Six desktops, a server and a gateway are plugged in;" \
        "each is a network namespace with an ordinary kernel stack. Two desktops, d1 and d3, have a" \
        "service running that their neighbours should never see."
    swctl status
    swctl port list
    say "" "The policy, the same for every desktop; what no rule allows is denied:"
    sed -n '/^rules/,$s/^/    /p' "$OFFICE_DIR/policy.yaml"
}

work()
{
    step "d1 (user aiko) gets her work done"
    desk d1 curl -s -S -m 5 "http://$OFFICE_SERVER/" || wrong "d1 cannot fetch the page"
    desk d1 ping -n -c 2 -i 0.3 -W 2 "$OFFICE_SERVER" || wrong "d1 cannot ping the server"
    desk d1 ping -n -c 1 -W 2 "$OFFICE_GATEWAY" || wrong "d1 cannot ping the gateway"
    swctl conn list --port d1
    say "" "And so does d6 (user faisal), for now:"
    desk d6 curl -s -S -m 5 "http://$OFFICE_SERVER/" || wrong "d6 cannot fetch the page"
}

scan()
{
    local follower
    step "d6 (user faisal) has caught something: it scans its neighbours"
    say "The drop records arrive in the lines that begin with |, as they happen."
    prompt='host#'
    try swctl drops --follow --new --port d6
    stdbuf -oL "$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" \
        drops --follow --new --port d6 > >(sed -u "s/^/  ${red}|${off} /") 2>&1 &
    follower=$!
    OFFICE_PIDS+=("$follower")
    sleep 0.5
    say "" "First, who is there (ARP)? The switch answers by itself: so the scanner goes on, and shows" \
        "what it is after."
    desk d6 nmap -n -sn "$OFFICE_NET.11-16" || wrong "nmap failed"
    sleep 1
    say "" "Then, what is open (SYN)?"
    desk d6 nmap -n -Pn -sS --max-retries 1 -p 22,80,445,3389 -oG "$OFFICE_DIR/scan.gnmap" \
        "$OFFICE_NET.11-15" || wrong "nmap failed"
    sleep 2
    office_end "$follower"
    if grep -q /open/ "$OFFICE_DIR/scan.gnmap"; then
        wrong "the scan found an open port"
    else
        say "" "No open port was found, although d1 and d3 have one each. Every attempt is a record that" \
            "names the user, the target, the service and the rule."
    fi
}

quarantine()
{
    step "Cut d6 off"
    swctl quarantine d6 || wrong "quarantine failed"
    say "" "Now it cannot reach even the server, which the policy allows:"
    if desk d6 curl -s -S -m 3 "http://$OFFICE_SERVER/"; then
        wrong "d6 reached the server"
    fi
    sleep 1.2
    prompt='host#'
    swctl drops --port d6 --reason quarantine || wrong "drops failed"
    say "" "Nobody else notices:"
    desk d2 curl -s -S -m 5 "http://$OFFICE_SERVER/" || wrong "d2 cannot fetch the page"
    say "" "And back again:"
    swctl release d6 --reason "reinstalled" || wrong "release failed"
    desk d6 curl -s -S -m 5 "http://$OFFICE_SERVER/" || wrong "d6 cannot fetch the page"
}

audit()
{
    step "Every packet accounted for"
    say "Two equations a port, and the difference of each must be 0."
    swctl audit || wrong "the ledger does not add up"
}

farewell()
{
    step "Done"
    say "All of it is being taken down. What to try next:" \
        "" \
        "    sudo ./run check                    every test, a real guest among them" \
        "    build/bin/swctl --help              what can be asked of a switch" \
        "    docs/operations.md                  a switch of your own: ports, policy, guests" \
        "    proto/fusuma/v1/                    the API, for any gRPC client" \
        "    tests/system/demo.sh                this demo: change the policy in lib.sh and run it again"
}

office_open
build
work
scan
quarantine
audit
farewell
if ((failures)); then
    printf '\n%s!! %d of the steps above did not turn out as they should.%s\n' "$red" "$failures" "$off"
    exit 1
fi
