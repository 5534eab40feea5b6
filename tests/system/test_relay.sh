#!/bin/bash
# Delivery: swctl relay with a real rsyslog over UDP, TCP and TLS, an HTTP server that fails every third
# request, a sendmail that keeps what it gets, a command and a file.  Each sink gets every event, over
# outages of any of them and of the switch, or is told what is missing.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/relay_lib.sh"

office_at_exit()
{
    [[ $status = 0 || ! -e ${RELAY_DIR:-}/relay.log ]] || tail -n 20 "$RELAY_DIR/relay.log" >&2
    ! mountpoint -q "$RELAY_DIR/small" || umount "$RELAY_DIR/small"
}

# in_events TEXT...: a line of the file has all of them.
in_events()
{
    local lines text
    lines=$(cat "$RELAY_DIR/events.json"* 2>/dev/null) || true
    for text in "$@"; do
        lines=$(grep -F -- "$text" <<<"$lines") || return 1
    done
}

# in_mails TEXT: what a mail says, its subject included.
in_mails()
{
    /usr/bin/python3 - "$RELAY_DIR" "$1" <<'END'
import email.policy, glob, sys
for name in glob.glob(sys.argv[1] + "/mail.*"):
    with open(name, "rb") as f:
        m = email.message_from_binary_file(f, policy=email.policy.default)
    if sys.argv[2] in m["Subject"] + "\n" + m.get_content():
        sys.exit(0)
sys.exit(1)
END
}

in_log()
{
    grep -qF -- "$1" "$RELAY_DIR/relay.log"
}

relay()
{
    "$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" relay "$@"
}

all_complete()
{
    relay_expect 30 file
    relay_expect 30 udp
    relay_expect 30 tcp
    relay_expect 30 tls
    relay_expect 60 webhook "$@"
}

office_open
office_build
office_config
sed -i 's/^settings: {/settings: { drop_records: 1000,/; s/name: d5$/&\n    refresh_on_logoff: true/' "$OFFICE_DIR/config.yaml"
office_start
relay_open
relay_rsyslog_start
relay_receiver_start

echo "-- wrong configurations"
expect_wrong()
{
    local what=$1
    cat >"$RELAY_DIR/wrong.yaml"
    ! relay --check "$RELAY_DIR/wrong.yaml" >"$RELAY_DIR/said" 2>&1 || die "not refused: $what"
    grep -qF -- "$what" "$RELAY_DIR/said" || die "\"$(<"$RELAY_DIR/said")\" is not about: $what"
}
expect_wrong "wrong.yaml:2:1: unknown key 'sink'" <<END
state: /x
sink: []
END
expect_wrong "wrong.yaml:3:52: 'path' is no key of a sink of this type" <<END
state: /x
sinks:
  - { name: a, type: mail, to: [a@b.c], from: a@b, path: /x, what: [incidents] }
END
expect_wrong "wrong.yaml:3:35: what: 'dorps' is none of incidents, drops" <<END
state: /x
sinks:
  - { name: a, type: file, what: [dorps], path: /y }
END
expect_wrong "'ca' is missing" <<END
state: /x
sinks:
  - { name: a, type: syslog, what: [drops], transport: tls, host: b }
END
expect_wrong "heartbeat: '1d' is no time" <<END
state: /x
heartbeat: 1d
sinks: [{ name: a, type: file, what: [drops], path: /y }]
END
expect_wrong "swctl: sink a: /nowhere: No such file or directory" <<END
state: /x
sinks: [{ name: a, type: webhook, what: [drops], url: "http://x/", secret_file: /nowhere }]
END

echo "-- everything arrives everywhere"
{
    relay_config
    cat <<END
  - name: mail
    type: mail
    to: [soc@example.org, second@example.org]
    from: fusuma@example.org
    sendmail: $RELAY_DIR/sendmail
    every: 1s
    what: [incidents, quarantine, heartbeat]
  - { name: command, type: command, argv: [$RELAY_DIR/hook], what: [quarantine, refresh] }
  - { name: high, type: file, path: $RELAY_DIR/high, what: [drops], min_severity: high }
  - { name: wrong-name, type: syslog, transport: tls, host: 127.0.0.1, port: 16514, what: [drops],
      server_name: other.test, ca: $RELAY_DIR/pki/ca.pem }
  - { name: wrong-ca, type: syslog, transport: tls, host: 127.0.0.1, port: 16514, what: [drops],
      server_name: siem.test, ca: $RELAY_DIR/pki/other.pem }
END
} >"$RELAY_DIR/relay.yaml"
relay --check "$RELAY_DIR/relay.yaml"
relay_run
relay_scan d1 1000 1200
relay_scan d1 6666 6666
all_complete --except "$(sw -o json drops | /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    r = json.loads(line).get("record", {})
    if r.get("dstPort") == 6666:
        print(r["cursor"]["n"])')"
office_wait 10 "a dead letter" test -s "$RELAY_DIR/state/webhook.dead"
[[ $(wc -l <"$RELAY_DIR/state/webhook.dead") = 1 ]] || die "dead letters: not one"
grep -q '"why":"http://127.0.0.1:18080/events: HTTP status 422".*"port":6666' \
    "$RELAY_DIR/state/webhook.dead" || die "the dead letter is not the one that was refused"
! grep -q wrong "$RELAY_DIR/receiver.log" || die "the receiver found a request wrong"
office_wait 10 "a wrong name is told" in_log \
    "sink wrong-name: the certificate of 127.0.0.1:16514 is not accepted: hostname mismatch"
office_wait 10 "a wrong CA is told" in_log \
    "sink wrong-ca: the certificate of 127.0.0.1:16514 is not accepted"
office_wait 10 "what is not severe is passed over" test -e "$RELAY_DIR/state/high.cursor"
[[ ! -e $RELAY_DIR/high ]] || die "a sink got what is below its min_severity"
grep -q '^<133>1 office fusuma drops \[meta sequenceId="1"\]\[fusuma@32473 id=' "$RELAY_DIR/udp" ||
    die "the first message over UDP is not as it should be"

echo "-- the scan is an incident, by file and mail"
office_wait 20 "the incident in the file" in_events incident-opened '"kind":"alert"' '"name":"d1"'
office_wait 20 "the incident by mail" in_mails 'incident 1 opened: '

echo "-- quarantine, by file, mail and command"
sw quarantine d3 --comment "looked around" >/dev/null
office_wait 10 "the quarantine in the file" in_events quarantine-set '"d3"' 'looked around'
office_wait 10 "the quarantine by mail" in_mails 'd3 is in quarantine, by '
sw release d3 --reason "the test goes on" >/dev/null
office_wait 10 "the release in the file" in_events quarantine-released '"d3"'
office_wait 10 "the release by the command" grep -q quarantine-released "$RELAY_DIR/command"
office_wait 10 "the release over TLS" grep -q quarantine-released "$RELAY_DIR/tls"
grep -qx -- '-t -oi' "$RELAY_DIR/sendmail.args" || die "sendmail was called in another way"

echo "-- a logoff, by command: the broker's hook"
sw session login emi --port d5 --session b-5 >/dev/null
sw session logout --session b-5 >/dev/null
office_wait 10 "the refresh by the command" grep -q '"refresh-begun".*"d5"' "$RELAY_DIR/command"
in_ns switch ip link set d5 down
sleep 2
in_ns switch ip link set d5 up
office_wait 10 "the new machine by the command" grep -q '"refresh-done".*"image_lived_ms"' "$RELAY_DIR/command"

echo "-- kill -9 of the receivers, and of the relay"
relay_kill KILL "$RSYSLOG_PID"
relay_kill KILL "$RECEIVER_PID"
touch "$RELAY_DIR/mail-down"
relay_scan d2 2000 2100
relay_kill KILL "$RELAY_PID"
relay_scan d4 2000 2100
relay_run
relay_scan d1 2000 2100
rm "$RELAY_DIR/mail-down"
relay_rsyslog_start
relay_receiver_start
all_complete --except "$(/usr/bin/python3 -c '
import json, sys
print(json.loads(open(sys.argv[1]).readline())["event"]["fusuma"]["n"])' "$RELAY_DIR/state/webhook.dead")"

echo "-- a log that is rotated"
mv "$RELAY_DIR/events.json" "$RELAY_DIR/events.json.1"
relay_scan d1 3000 3010
office_wait 10 "a new file" test -s "$RELAY_DIR/events.json"
kill -HUP "$RELAY_PID"
relay_expect 30 file

echo "-- a switch that is silent"
relay_kill KILL "$OFFICE_SWITCH_PID"
OFFICE_SWITCH_PID=
office_wait 20 "the alarm" in_events sensor-silent '"kind":"alert"'
office_wait 20 "the alarm by mail" in_mails 'the switch office is silent'
office_start
office_wait 20 "the all-clear" in_events sensor-back
office_wait 20 "a heartbeat of the new switch" in_events '"action":"heartbeat"' '"up":true'
relay_scan d1 4000 4010
relay_expect 30 file

echo "-- the register of incidents is lost: the next ones are told all the same"
relay_kill TERM "$OFFICE_SWITCH_PID"
OFFICE_SWITCH_PID=
rm "$OFFICE_DIR"/state/incidents.db*
office_start
relay_scan d4 4000 4000
office_wait 20 "a new incident" in_events '"fusuma.incidents"' '"incident":{"id":"1"' '"port":"d4"'

echo "-- more than the switch holds: it is told what is missing"
relay_kill TERM "$RELAY_PID"
for desktop in d1 d4 d5; do
    relay_scan $desktop 10000 10999
done
relay_kill TERM "$OFFICE_SWITCH_PID" # it holds more in memory than on the disk
OFFICE_SWITCH_PID=
office_start
relay_run
office_wait 30 "the gap" in_events events-missing
relay_expect 60 file
relay_expect 60 tls
relay_complete file | grep -q ' [1-9][0-9]* gaps told' || die "nothing is told as missing"

echo "-- a full disk: nothing is lost, no line is torn"
relay_kill TERM "$RELAY_PID"
mkdir "$RELAY_DIR/small"
mount -t tmpfs -o size=64k none "$RELAY_DIR/small"
sed -i "s,path: $RELAY_DIR/events.json,path: $RELAY_DIR/small/events.json," "$RELAY_DIR/relay.yaml"
rm "$RELAY_DIR/state/file.cursor"
relay_run
office_wait 20 "the full disk is told" in_log "sink file: $RELAY_DIR/small/events.json: No space left"
mount -o remount,size=16m "$RELAY_DIR/small"
office_wait 20 "it goes on" in_log "sink file: it accepts events again"
oldest=$(sw -o json drops | /usr/bin/python3 -c '
import json, sys
print(min(int(r["cursor"]["n"]) for line in sys.stdin for r in json.loads(line).values() if "cursor" in r))')
whole()
{
    RELAY_DISK=$RELAY_DIR/small relay_complete file --first "$oldest"
}
office_wait 30 "everything that is held is in the file" whole

echo "-- where each sink is"
told()
{
    relay -o json --status "$RELAY_DIR/state" | /usr/bin/python3 -c '
import json, sys
sinks = {s["sink"]: s for s in json.load(sys.stdin)}
assert sinks["webhook"]["refused"] == 1, sinks["webhook"]
assert sinks["tls"]["missing"] > 0 and sinks["tls"]["gaps"] > 0, sinks["tls"]
assert sinks["tls"]["lag"] == 0, sinks["tls"]'
}
relay --status "$RELAY_DIR/state"
office_wait 20 "what each sink has, and lacks" told
! relay "$RELAY_DIR/relay.yaml" >"$RELAY_DIR/said" 2>&1 || die "a second relay ran"
grep -q 'another relay runs on this directory' "$RELAY_DIR/said" || die "$(<"$RELAY_DIR/said")"
relay_kill TERM "$RELAY_PID"
sw audit >/dev/null
echo "ok"
