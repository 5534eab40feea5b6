#!/bin/bash
# A drill proves the chain from a denied packet to quarantine and release, and says which link is
# broken; whatever happens to it, no desktop stays cut off, and no incident of a drill open.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

target=$(desk_ip 2)
server=$OFFICE_SERVER:80

# drill OPTION...: of d1, and its table in $OFFICE_DIR/drill.
drill()
{
    sw drill d1 --namespace "$OFFICE_TAG-d1" "$@" >"$OFFICE_DIR/drill" 2>"$OFFICE_DIR/drill.err"
}

# step NAME: what became of it.
step()
{
    sed -n "s/^$1  *\(-\|[0-9.-]* ms\)  *//p" "$OFFICE_DIR/drill"
}

show()
{
    cat "$OFFICE_DIR/drill" "$OFFICE_DIR/drill.err" >&2
    die "$*"
}

# expect NAME RESULT: a step of the last drill.
expect()
{
    [[ $(step "$1") = $2* ]] || show "step '$1' is not '$2' but '$(step "$1")'"
}

quarantined()
{
    sw -o json port show "$1" | /usr/bin/python3 -c \
        'import json, sys; sys.exit(not json.load(sys.stdin).get("quarantined"))'
}

at_peace()
{
    ! quarantined d1 || show "$1: d1 is still cut off"
    in_ns d1 curl -s -m 5 -o /dev/null "http://$server/" || show "$1: d1 reaches nothing"
}

relay_is_up()
{
    grep -q '"action":"heartbeat".*"up":true' "$OFFICE_DIR/beats.json"
}

office_open
office_build
office_config
office_start
office_web server 80
office_web d3 80

echo "-- the whole chain"
# Or the probe would end at its ARP request, which is denied, too.
ip -n "$OFFICE_TAG-d1" neigh add "$target" lladdr 02:00:00:00:00:02 dev eth0
cat >"$OFFICE_DIR/relay.yaml" <<END
switch: office
state: $OFFICE_DIR/relay
heartbeat: 1s
sinks:
  - { name: file, type: file, path: $OFFICE_DIR/events.json, what: [incidents] }
  - { name: beat, type: file, path: $OFFICE_DIR/beats.json, what: [heartbeat] }
END
"$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" relay "$OFFICE_DIR/relay.yaml" \
    >"$OFFICE_DIR/relay.log" 2>&1 &
relay=$!
OFFICE_PIDS+=("$relay")
office_wait 10 "the relay hears the switch" relay_is_up
[[ ! -e $OFFICE_DIR/events.json ]] || die "there was an incident before the drill"
drill --dst "$target" --allowed "$server" --quarantine --sink-file "$OFFICE_DIR/events.json" ||
    show "the drill fails"
for i in "allowed before" probe drop incident sink quarantine "nothing passes" close release \
    "allowed after"; do
    expect "$i" seen
done
step drop | grep -q "no-lateral" || show "the drop does not name the rule"
at_peace "after the drill"
grep -q '"id":"incident-1-' "$OFFICE_DIR/events.json" || die "the relay has not written it"
sw audit-log list 2>/dev/null | grep -q CloseIncident || die "the audit log does not know of it"

echo "-- what is not asked for is not checked"
drill --dst "$target:3389" || show "the drill fails"
expect sink "not checked"
expect quarantine "not checked"
[[ ! $(step release) ]] || show "it releases what was not cut off"
sw -o json drill d1 --namespace "$OFFICE_TAG-d1" --dst "$target:22" >"$OFFICE_DIR/json"
/usr/bin/python3 - "$OFFICE_DIR/json" <<'END'
import json, sys
with open(sys.argv[1]) as f:
    o = json.load(f)
steps = {s["step"]: s for s in o["steps"]}
assert o["passed"] and o["incident"] == 3, o
assert 0 <= steps["drop"]["sinceProbeMs"] <= steps["incident"]["sinceProbeMs"], o
END

echo "-- a broken chain: the policy allows it"
sed 's/^rules:/rules:\n  - { id: hole, direction: egress, peer: desktops, protocol: tcp, ports: [80], action: allow }\n  - { id: hole-in, direction: ingress, peer: desktops, protocol: tcp, ports: [80], action: allow }/' \
    "$OFFICE_DIR/policy.yaml" >"$OFFICE_DIR/hole.yaml"
sw policy apply "$OFFICE_DIR/hole.yaml" >/dev/null
! drill --dst "$(desk_ip 3):80" --quarantine || show "a probe that is allowed passes for denied"
expect probe FAILED
[[ ! $(step quarantine) ]] || show "it goes on"
at_peace "after a broken chain"
sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null

echo "-- a sink whose file was renamed"
mv "$OFFICE_DIR/events.json" "$OFFICE_DIR/events.json.1"
drill --dst "$target:443" --sink-file "$OFFICE_DIR/events.json" || show "the drill fails"
expect sink seen

echo "-- a broken chain: the relay is dead"
kill -KILL "$relay"
wait "$relay" 2>/dev/null || true
! sw --timeout 1 drill d1 --namespace "$OFFICE_TAG-d1" --dst "$target:23" --quarantine \
    --sink-file "$OFFICE_DIR/events.json" >"$OFFICE_DIR/drill" 2>"$OFFICE_DIR/drill.err" ||
    show "a sink without the event passes"
expect sink FAILED
expect release seen
at_peace "after the sink failed"

echo "-- ... what should be allowed is not"
! sw --timeout 1 drill d1 --namespace "$OFFICE_TAG-d1" --dst "$target:24" \
    --allowed "$OFFICE_SERVER:81" >"$OFFICE_DIR/drill" 2>"$OFFICE_DIR/drill.err" ||
    show "what is refused passes for allowed"
expect "allowed before" FAILED

echo "-- killed while the port is cut off"
for signal in INT TERM; do
    "$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" drill d1 \
        --namespace "$OFFICE_TAG-d1" --dst "$target:$((100 + ${#signal}))" --allowed "$server" \
        --quarantine >"$OFFICE_DIR/drill" 2>"$OFFICE_DIR/drill.err" &
    pid=$!
    office_wait 10 "the drill cuts d1 off" quarantined d1
    # A background job of a script ignores SIGINT: the driller is told as a terminal would.
    kill -$signal "$pid"
    ! wait "$pid" || show "a drill that was killed passes"
    at_peace "after SIG$signal"
done

echo "-- by hand"
sw drill d1 --dst "$target:25" >"$OFFICE_DIR/drill" 2>"$OFFICE_DIR/drill.err" &
pid=$!
office_wait 10 "what to run" grep -q "nc -z -w 1 $target 25" "$OFFICE_DIR/drill.err"
! in_ns d1 curl -s -m 1 "http://$target:25/" || die "d1 reaches d2"
wait "$pid" || show "the drill by hand fails"
expect incident seen

echo "-- what is somebody else's is left alone"
sw quarantine d1 --comment "a person" >/dev/null
! drill --dst "$target:26" || show "a drill on a port that is cut off"
quarantined d1 || die "the drill has released what it had not cut off"
sw release d1 --reason test >/dev/null
! in_ns d1 curl -s -m 1 "http://$target:27/" || die "d1 reaches d2"
sleep 1
! drill --dst "$target:28" || show "a drill on a port with an open incident"
grep -q "has an open incident" "$OFFICE_DIR/drill.err" || show "it does not say why"

echo "-- mistakes"
for options in "" "--dst x" "--dst 10.0.0.1:0" "--dst 10.0.0.1:65536" "--dst $target --allowed $server"; do
    status=0
    # shellcheck disable=SC2086
    sw drill d2 $options >/dev/null 2>&1 || status=$?
    [[ $status = 2 ]] || die "'drill d2 $options' exits with $status"
done
! sw drill d2 --namespace nowhere --dst "$target" 2>/dev/null || die "from no namespace at all"

echo "drills say what works"
