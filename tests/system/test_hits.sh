#!/bin/bash
# Hits of rules and their last time go on over a policy update that keeps the ids, a clean restart, and
# kill -9 (but for what came in the last seconds); those of a rule that goes do not come back.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# rule ID FIELD: of a rule.
rule()
{
    sw -o json policy get --rules | /usr/bin/python3 -c "
import json, sys
for r in json.load(sys.stdin)['rules']:
    if r['id'] == '$1':
        print(r.get('$2', 0))"
}

hits()
{
    echo "$(rule "$1" packets) $(rule "$1" bytes) $(rule "$1" lastHit)"
}

web()
{
    in_ns d1 curl -s -S -m 5 -o /dev/null "http://$OFFICE_SERVER/"
}

again()
{
    office_run
    office_wait 30 "the switch answers" sw status
    office_wait 10 "eight ports are up" office_ports_up 8
}

has_last_hit()
{
    [[ $(rule "$1" lastHit) != 0 ]]
}

# quiet: until nothing moves any more, and what there is is stored.
quiet()
{
    local was= now
    now=$(hits web)
    while [[ $now != "$was" ]]; do
        sleep 3
        was=$now
        now=$(hits web)
    done
}

office_open
office_build
office_config
office_start
office_web server 80
[[ $(hits web) = "0 0 0" ]] || die "it has hits before the first packet: $(hits web)"
web
in_ns d1 ping -c 1 -W 1 "$(desk_ip 2)" >/dev/null && die "a desktop reaches another"
office_wait 10 "the time of the last hit" has_last_hit web
office_wait 10 "...  of a rule that denies" has_last_hit no-lateral
quiet
before=$(hits web)
denied=$(hits no-lateral)
[[ $before != 0* ]] || die "no hits are counted"
sw policy get --rules | grep -q "^web .*20[0-9][0-9]-" || die "the table has no time"

sed '/id: ping-server/d' "$OFFICE_DIR/policy.yaml" >"$OFFICE_DIR/other.yaml"
sw policy apply "$OFFICE_DIR/other.yaml" >/dev/null
[[ $(hits web) = "$before" ]] || die "a policy update: $before became $(hits web)"

office_end "$OFFICE_SWITCH_PID"
again
[[ $(hits web) = "$before" ]] || die "a clean restart: $before became $(hits web)"
[[ $(hits no-lateral) = "$denied" ]] || die "a clean restart: $denied became $(hits no-lateral)"

web
office_wait 10 "hits after the restart" eval '(( $(rule web packets) > ${before%% *} ))'
quiet
before=$(hits web)
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
again
[[ $(hits web) = "$before" ]] || die "kill -9: $before became $(hits web)"

# A clean end stores the last second, too.
web
before=$(rule web packets)
office_end "$OFFICE_SWITCH_PID"
again
(($(rule web packets) >= before)) || die "a clean end lost the last second"

# Another rule of the name begins anew.
sed '/id: web,/d' "$OFFICE_DIR/policy.yaml" >"$OFFICE_DIR/none.yaml"
sw policy apply "$OFFICE_DIR/none.yaml" >/dev/null
sleep 3
office_end "$OFFICE_SWITCH_PID"
again
sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null
[[ $(hits web) = "0 0 0" ]] || die "hits of a rule that went are back: $(hits web)"
echo "ok"
