# shellcheck shell=bash
# Receivers of what swctl relay sends, in a namespace of their own, for test_relay.sh and
# tests/long/relay.sh.  Source lib.sh before.

RELAY_PID=
RSYSLOG_PID=
RECEIVER_PID=
RELAY_DIR=  # what the receivers have got
RELAY_DISK= # the relay's own state and file

# A CA, the receiver's certificate for siem.test, the relay's own, and one of nobody's CA.
relay_certificates()
{
    local dir=$1 name
    mkdir -p "$dir"
    for name in ca other; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
            -subj "/CN=$name" -keyout "$dir/$name.key" -out "$dir/$name.pem" 2>/dev/null
    done
    for name in siem.test relay.test; do
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
            -keyout "$dir/$name.key" -out "$dir/$name.csr" 2>/dev/null
        openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
            -CAcreateserial -days 2 -out "$dir/$name.pem" \
            -extfile <(echo "subjectAltName=DNS:$name") 2>/dev/null
    done
}

# Three inputs, each into a file of its own: priority, structured data and message.
relay_rsyslog_config()
{
    cat <<END
global(workDirectory="$RELAY_DIR/spool" maxMessageSize="64k"
       defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="$RELAY_DIR/pki/ca.pem"
       defaultNetstreamDriverCertFile="$RELAY_DIR/pki/siem.test.pem"
       defaultNetstreamDriverKeyFile="$RELAY_DIR/pki/siem.test.key")
template(name="whole" type="string"
         string="<%pri%>%protocol-version% %hostname% %app-name% %msgid% %structured-data% %msg%\n")
module(load="imudp")
module(load="imtcp")
input(type="imudp" address="127.0.0.1" port="10514" rcvbufSize="4m" ruleset="udp")
input(type="imtcp" address="127.0.0.1" port="10515" ruleset="tcp")
input(type="imtcp" address="127.0.0.1" port="16514" ruleset="tls"
      streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/name"
      permittedPeer=["relay.test"])
END
    for name in udp tcp tls; do
        echo "ruleset(name=\"$name\") { action(type=\"omfile\" file=\"$RELAY_DIR/$name\"" \
            "template=\"whole\") }"
    done
}

# What is common: the namespace, certificates and files.
relay_open()
{
    local tool
    for tool in rsyslogd openssl; do
        type -P $tool >/dev/null || die "$tool is missing (sudo ./run deps installs it)"
    done
    RELAY_DIR=$OFFICE_DIR/soc
    RELAY_DISK=${RELAY_DISK:-$RELAY_DIR}
    mkdir -p "$RELAY_DIR/spool"
    office_namespace soc
    relay_certificates "$RELAY_DIR/pki"
    relay_rsyslog_config >"$RELAY_DIR/rsyslog.conf"
    echo swordfish >"$RELAY_DIR/secret"
    cat >"$RELAY_DIR/sendmail" <<END
#!/bin/sh
# A sendmail that keeps each mail in a file.
[ ! -e "$RELAY_DIR/mail-down" ] || exit 75
echo "\$@" >>"$RELAY_DIR/sendmail.args"
exec cat >"\$(mktemp "$RELAY_DIR/mail.XXXXXX")"
END
    cat >"$RELAY_DIR/hook" <<END
#!/bin/sh
cat >>"$RELAY_DIR/command"
END
    chmod +x "$RELAY_DIR/sendmail" "$RELAY_DIR/hook"
}

# relay_cut_torn_line FILE: what a kill has left of a line was never taken; it comes again.
relay_cut_torn_line()
{
    /usr/bin/python3 -c '
import sys
with open(sys.argv[1], "ab+") as f:
    f.seek(0)
    f.truncate(f.read().rfind(b"\n") + 1)' "$1"
}

relay_rsyslog_start()
{
    local name
    for name in udp tcp tls; do
        relay_cut_torn_line "$RELAY_DIR/$name"
    done
    spawn_ns soc rsyslogd -n -f "$RELAY_DIR/rsyslog.conf" -i "$RELAY_DIR/rsyslog.pid" \
        >>"$RELAY_DIR/rsyslog.log" 2>&1 </dev/null
    RSYSLOG_PID=$!
    office_wait 10 "rsyslogd listens" in_ns soc bash -c ': </dev/tcp/127.0.0.1/16514'
}

relay_receiver_start()
{
    relay_cut_torn_line "$RELAY_DIR/webhook"
    spawn_ns soc /usr/bin/python3 "$OFFICE_TOP/tests/system/relay_receiver.py" 18080 \
        "$RELAY_DIR/webhook" swordfish --moody >>"$RELAY_DIR/receiver.log" 2>&1 </dev/null
    RECEIVER_PID=$!
    office_wait 10 "the receiver listens" in_ns soc bash -c ': </dev/tcp/127.0.0.1/18080'
}

# What goes to rsyslog three ways, to a file and to the webhook.
relay_config()
{
    cat <<END
switch: office
state: $RELAY_DISK/state
heartbeat: ${1:-1s}
sinks:
  - { name: file, type: file, path: $RELAY_DISK/events.json, what: [incidents, drops, quarantine, heartbeat] }
  - { name: udp, type: syslog, transport: udp, host: 127.0.0.1, port: 10514, what: [drops] }
  - { name: tcp, type: syslog, transport: tcp, host: 127.0.0.1, port: 10515, what: [drops], facility: authpriv }
  - name: tls
    type: syslog
    transport: tls
    host: 127.0.0.1
    port: 16514
    what: [drops, quarantine]
    server_name: siem.test
    ca: $RELAY_DIR/pki/ca.pem
    cert: $RELAY_DIR/pki/relay.test.pem
    key: $RELAY_DIR/pki/relay.test.key
  - name: webhook
    type: webhook
    url: http://127.0.0.1:18080/events
    secret_file: $RELAY_DIR/secret
    batch: 50
    timeout: 2s
    what: [drops]
END
}

relay_run()
{
    spawn_ns soc "$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" relay \
        "$RELAY_DIR/relay.yaml" >>"$RELAY_DIR/relay.log" 2>&1 </dev/null
    RELAY_PID=$!
}

# relay_kill SIGNAL PID: and waits.
relay_kill()
{
    kill "-$1" "$2"
    wait "$2" 2>/dev/null || true
}

# The number of the newest drop event.
relay_newest()
{
    sw -o json status | /usr/bin/python3 -c \
        'import json, sys; print(json.load(sys.stdin).get("dropsNewest", 0))'
}

# relay_scan DESKTOP FIRST LAST: that many denied datagrams to a neighbour.
relay_scan()
{
    in_ns "$1" /usr/bin/python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
    s.sendto(b"x", (sys.argv[1], port))
    if port % 50 == 0:
        time.sleep(0.02)
' "$OFFICE_NET.12" "$2" "$3"
}

# relay_complete SINK [OPTIONS]: whether the sink has everything up to now.
relay_complete()
{
    local sink=$1 file=$RELAY_DIR/$1 options=()
    shift
    case $sink in
    file) # and what was rotated away
        file=$RELAY_DIR/whole
        cat "$RELAY_DISK"/events.json{.1,} >"$file" 2>/dev/null || [[ -s $file ]] || return 1
        ;;
    udp) options=(--json-after '"] ' --unordered) ;;
    tcp | tls) options=(--json-after '"] ') ;;
    esac
    [[ -e $file ]] || return 1
    /usr/bin/python3 "$OFFICE_TOP/tests/system/relay_verify.py" "$file" "$(relay_newest)" \
        "${options[@]}" "$@"
}

# relay_expect SECONDS SINK [OPTIONS]: ... within the time; says what came.
relay_expect()
{
    local end=$((SECONDS + $1)) said
    shift
    until said=$(relay_complete "$@" 2>&1); do
        ((SECONDS < end)) || die "sink $1 has not everything: $said"
        sleep 0.1
    done
    echo "$1: $said"
}
