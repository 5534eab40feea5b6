#!/bin/bash
# The configuration file is read once, and by 'swctl config apply': ports and policy as it has them
# now, whole or not at all, also over a restart.
set -euo pipefail
FUSUMA_TOP=${FUSUMA_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
# shellcheck source=tests/system/lib.sh
source "$FUSUMA_TOP/tests/system/lib.sh"

# exits CODE ARGUMENTS...: swctl does; what it says is in the file said.
exits()
{
    local code=$1 is=0
    shift
    sw "$@" >said 2>&1 || is=$?
    cat said
    [[ $is = "$code" ]] || die "swctl $*: exit $is, not $code"
}

says()
{
    grep -qE "$1" said || die "does not say '$1'"
}

ports()
{
    sw -o json port list | /usr/bin/python3 -c '
import json, sys
print(*(p["spec"]["name"] + "/" + p["spec"].get("user", "") for p in json.load(sys.stdin)["ports"]))'
}

version() { sw -o json policy history | /usr/bin/python3 -c \
    'import json, sys; print(json.load(sys.stdin)["versions"][0]["version"])'; }

expect()
{
    echo "$1: $2"
    [[ $2 = "$3" ]] || die "$1: '$2' instead of '$3'"
}

office_open
office_build
office_config
office_start
cd "$OFFICE_DIR"
file=$OFFICE_DIR/config.yaml
cp config.yaml first.yaml
cp policy.yaml first-policy.yaml
before=$(ports)

# ---- what is the same changes nothing ----
exits 0 config apply --dry-run
says 'nothing was changed'
exits 0 config apply
says "^$file applied: the policy stays, generation"
expect "ports" "$(ports)" "$before"
expect "version" "$(version)" 1

# ---- mistakes are said in place, and change nothing ----
sed -i 's/role: desktop/role: desktopp/' config.yaml
exits 1 config apply
says "^$file:[0-9]+:11: role: desktop or uplink is expected$"
exits 2 config apply --dry-run
sed 's/name: d6/name: d5/' first.yaml >config.yaml
exits 1 config apply
says "^$file:[0-9]+:5: d5: a port of this name is above$"
sed 's/02:00:00:00:00:06/02:00:00:00:00:05/' first.yaml >config.yaml
exits 1 config apply
says "^$file:[0-9]+:5: .*mac.*$"
cp first.yaml config.yaml
echo '  - { id: web, direction: egress, peer: any, action: drop }' >>policy.yaml
exits 1 config apply
says "^$OFFICE_DIR/policy.yaml:12:11: duplicate rule id 'web'"
cp first-policy.yaml policy.yaml
rm config.yaml
exits 1 config apply
says 'config.yaml: No such file'
exits 1 config apply nowhere.yaml
says "$OFFICE_DIR/nowhere.yaml: No such file"
cp first.yaml config.yaml
expect "ports" "$(ports)" "$before"
expect "version" "$(version)" 1

# ---- one goes, one comes, one is another, and so is the policy ----
# ends LINES OF: without the last port, d6, and with d5 of another user.
sed '/name: d6$/,$d; s/user: emi/user: eve/' first.yaml >config.yaml
echo '  - { name: d7, role: desktop, vhost_user: { socket: d7.sock }, mac: 02:00:00:00:00:07, user: gus }' \
    >>config.yaml
sed '/id: ping-gateway/d' first-policy.yaml >policy.yaml
sw quarantine d5 >/dev/null
office_wait 10 "d1 reaches the gateway" in_ns d1 ping -q -n -c 1 -W 1 "$OFFICE_GATEWAY"
exits 1 config apply --dry-run
for line in 'port d6 removed' 'port d5 replaced' 'port d7 added' "rule 'ping-gateway' removed" \
    'nothing was changed'; do
    says "$line"
done
expect "ports" "$(ports)" "$before"
exits 1 -o yaml config apply --dry-run
says '^replaced:$'
exits 0 config apply
says "^$file applied: policy version 2, generation"
now=$(ports)
expect "ports" "$now" "d1/aiko d2/ben d3/chiyo d4/daan d5/eve d7/gus gateway/ server/"
sw port show d5 | grep -E '^Quarantined: +yes' || die "a quarantine was lifted"
sw release d5 --reason over >/dev/null
office_wait 10 "d5 is up again" in_ns d5 ping -q -n -c 1 -W 1 "$OFFICE_SERVER"
office_wait 10 "d1, which has not changed, is not cut off" in_ns d1 ping -q -n -c 1 -W 1 "$OFFICE_SERVER"
in_ns d1 ping -q -n -c 1 -W 1 "$OFFICE_GATEWAY" && die "the policy is the old one"
in_ns d6 ping -q -n -c 1 -W 1 "$OFFICE_SERVER" && die "a port that is gone goes on"
exits 0 config apply --dry-run

# ---- a file of another name, without a policy; and a restart ----
sed '/^policy:/d; s/name: d7/name: d8/' config.yaml >other.yaml
exits 0 config apply other.yaml
says "other.yaml applied: the policy stays"
expect "version" "$(version)" 2
kill -9 "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
office_run
office_wait 30 "the switch answers" sw status
expect "ports after a restart" "$(ports)" "${now/d7/d8}"
expect "version after a restart" "$(version)" 2
office_wait 20 "seven ports are up" office_ports_up 7
office_wait 10 "d1 goes on" in_ns d1 ping -q -n -c 1 -W 1 "$OFFICE_SERVER"
sw audit
sw audit-log list | grep -E 'ApplyConfig' | tail -3
