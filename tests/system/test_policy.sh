#!/bin/bash
# A policy as people work with it: several files, dry run, expected versions, a way back by itself,
# history and rollback, audit mode for a first week, rules for some desktops only; each with real
# kernels behind the ports.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

expect()
{
    local what=$1 is=$2 should=$3
    echo "$what: $is"
    [[ $is = "$should" ]] || die "$what: '$is' instead of '$should'"
}

# refused EXIT PATTERN ARGUMENTS...: swctl ends so, and says something that matches.
refused()
{
    local code=$1 pattern=$2 out is=0
    shift 2
    out=$(sw "$@" 2>&1) || is=$?
    [[ $is = "$code" ]] || die "swctl $*: exit $is, not $code: $out"
    grep -qE "$pattern" <<<"$out" || die "swctl $*: does not say '$pattern': $out"
    echo "refused: ${out##*"$OFFICE_DIR/"}"
}

# exits CODE ARGUMENTS...: swctl does, and what it says is in the file check.
exits()
{
    local code=$1 is=0
    shift
    sw "$@" >check || is=$?
    cat check
    [[ $is = "$code" ]] || die "swctl $*: exit $is, not $code"
}

version() { sw -o json policy get | field about.version; }
digest() { sw -o json policy get | field digest; }

# field PATH: of the JSON on standard input.
field()
{
    /usr/bin/python3 -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    value = value[int(key)] if key.isdigit() else value.get(key, "")
print(value)' "$1"
}

reaches() { in_ns "$1" ping -q -n -c 1 -W 1 "$2" >/dev/null; }
connects() { in_ns "$1" curl -s -m 2 -o /dev/null "http://$2/"; }

# count PORT REASON: of drop records.
count()
{
    sw -o json drops --port "$1" --reason "$2" | grep -c '"record"' || true
}

office_open
office_build
office_config
sed -i '/name: d1$/,/labels/ s/pool: office/pool: office, team: dev/' \
    "$OFFICE_DIR/config.yaml"
office_start
office_web server 80
office_web d2 8080
cd "$OFFICE_DIR"

# ---- versions ----
expect "version of the configuration's policy" "$(version)" 1
first=$(digest)
cat >dev.yaml <<'END'
version: 1
groups: { devs: { labels: { team: dev } } }
services: { build: [tcp/8080] }
rules:
  - { id: dev-build, direction: egress, peer: desktops, service: build, applied_to: devs, action: allow }
  - { id: build-in, direction: ingress, peer: devs, service: build, action: allow }
END
refused 2 'dev.yaml:5:[0-9]+: unknown group .desktops.' policy check dev.yaml
cp policy.yaml base.yaml
# In front of the rule that denies all between desktops.
exits 1 policy check dev.yaml base.yaml
grep -q 'policy is good: 7 rules' check || die "no dry run"
expect "version after a dry run" "$(version)" 1
connects d1 "$(desk_ip 2):8080" && die "a dry run has opened something"
exits 1 policy apply --dry-run dev.yaml base.yaml
expect "version after another one" "$(version)" 1
refused 1 'version 1 is in force, not 7' policy apply --expect-version 7 dev.yaml base.yaml
sw policy apply --expect-version 1 --comment 'build servers' dev.yaml base.yaml
expect "version" "$(version)" 2
connects d1 "$(desk_ip 2):8080" || die "the developer does not reach the build server"
connects d3 "$(desk_ip 2):8080" && die "who is no developer does"
sw -o json policy apply dev.yaml base.yaml >applied
expect "tables in force" "$(/usr/bin/python3 <applied -c '
import json, sys
r = json.load(sys.stdin)
print(len(r["ports"]), len({p["egressTable"] for p in r["ports"]}),
      {p["policyDigest"] for p in r["ports"]} == {r["digest"]})')" "6 2 True"
expect "version" "$(version)" 3

# ---- what is realised ----
for port in d1 d2; do
    sw -o json port show $port >shown
    for key in generation policyDigest egressTable ingressTable egressRules; do
        expect "$key of $port" "$(field "policy.$key" <shown)" \
            "$(field "ports.$((${port#d} - 1)).$key" <applied)"
    done
done
sw port show d1 | tee shown
grep -q "sha256 $(digest)$" shown || die "what is in force on d1 is not said"
sw quarantine d1
expect "digest of a port that has moved on" "$(sw -o json port show d1 | field policy.policyDigest)" \
    "$(digest)"
[[ $(sw -o json port show d1 | field policy.generation) -gt $(field generation <applied) ]] ||
    die "the generation is not that of what is published"
sw release d1 --reason over
sw port show server | grep -E '^Policy: +none'

# ---- what is strange is said, and what would change ----
sed 's/id: web,/id: 7web,/; s/id: 7web/id: 7 web/' base.yaml >odd2.yaml
sed '$a\  - { id: late, direction: egress, peer: desktops, service: smb, action: allow }' base.yaml >odd.yaml
exits 1 policy check odd.yaml
grep -qE '^odd.yaml:12:[0-9]+: [a-z]+: .*late.*no-lateral.* \[(shadowed|contradictory)\]$' check ||
    die "a rule that never matches is not named"
grep -qE 'removed|added' check && die "what would change is not what is strange"
exits 1 policy diff odd.yaml
grep -qE 'dev-build.* removed' check || die "the difference is not said"
grep -qE 'late.* added' check || die "the difference is not said"
exits 1 policy apply --dry-run odd.yaml
grep -qE 'late.* added' check || die "the difference is not said"
grep -qF '[shadowed]' check || grep -qF '[contradictory]' check || die "the finding is not said"
expect "version" "$(version)" 3

# ---- between versions, and in other words ----
exits 1 policy diff --from 1
grep -qE 'dev-build.* added' check || die "the difference is not said"
exits 1 policy diff --to 1
grep -qE 'dev-build.* removed' check || die "the difference is not said"
exits 0 policy diff --from 2 --to 3
exits 1 policy diff --from 1 --to 2
exits 1 -o json policy diff --from 1 odd.yaml
expect "compared with version" "$(field fromVersion <check)" 1
expect "what differs" "$(field changes.0.name <check)" late
{ echo '# in other words'; sed 's/ports: \[80\]/ports: ["80"]/; s/, action: allow/,   action: "allow"/' base.yaml; } >same.yaml
exits 0 policy diff --from 1 same.yaml
refused 2 'odd2.yaml:[0-9]+:[0-9]+: ' policy diff odd2.yaml
refused 2 'no policy version 99' policy diff --from 99 --to 1
refused 2 'no policy version 99' policy diff --from 1 --to 99
trouble=0
"$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/nowhere" policy diff --from 1 2>check || trouble=$?
expect "exit without a switch" "$trouble" 2

# ---- wrong input changes nothing ----
printf 'version: 1\nrules:\n  - { id: web, direction: egress, peer: any, action: drop }\n' >twice.yaml
refused 1 'twice.yaml:3:11: duplicate rule id .web.' policy apply base.yaml twice.yaml
refused 2 'nowhere.yaml: No such file' policy apply nowhere.yaml
refused 1 'no policy version 99' policy get 99
refused 2 'is not a version' policy rollback latest
refused 1 'nothing waits to be confirmed' policy confirm
refused 2 'confirm-within' policy apply --confirm-within 0 base.yaml
expect "version" "$(version)" 3

# ---- going back ----
sw policy rollback 1 --comment 'build servers are gone'
expect "version after the rollback" "$(version)" 4
expect "its digest is that of version 1" "$(digest)" "$first"
connects d1 "$(desk_ip 2):8080" && die "the rollback has closed nothing"
sw policy rollback
expect "digest one before" "$(digest)" "$(sw -o json policy get 3 | field digest)"
sw policy rollback >/dev/null
expect "and one before that" "$(digest)" "$first"
sw policy history | tee history
grep -q 'build servers are gone' history || die "the history has no comment"
grep -qE '^ +6 .* in force' history || die "the history does not say what is in force"
refused 1 'there is no policy version' policy rollback 77

# ---- confirmed, or not ----
sw policy apply --confirm-within 3 dev.yaml base.yaml | grep 'goes back by itself'
sw policy confirm 7
sleep 4
expect "a confirmed version stays" "$(version)" 7
sw policy apply --confirm-within 2 base.yaml >/dev/null
expect "unconfirmed" "$(version)" 8
refused 1 'version 8 waits to be confirmed, not 7' policy confirm 7
office_wait 10 "it goes back" connects d1 "$(desk_ip 2):8080"
expect "version after that" "$(version)" 9
sw policy history >history
grep -q 'vswitchd .*not confirmed in time' history || die "the history does not say why"
# Not even for a moment does it come back over a restart.
sw policy apply --confirm-within 2 base.yaml >/dev/null
kill -9 "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
sleep 3
office_start
expect "version after a restart" "$(version)" 11
expect "its digest" "$(digest)" "$(sw -o json policy get 7 | field digest)"
office_wait 10 "and it holds" connects d1 "$(desk_ip 2):8080"

# ---- a first week in audit mode ----
sed 's/^rules:/pools:\n  - { group: desktops, mode: audit }\n&/' base.yaml >audit.yaml
denied() { echo $(($(count d3 egress-rule) + $(count d3 ingress-default))); }
before=$(denied)
sw policy apply audit.yaml >/dev/null
office_wait 10 "nothing is dropped in audit mode" reaches d1 "$(desk_ip 2)"
connects d3 "$(desk_ip 2):8080" || die "audit mode has dropped something"
office_wait 5 "a record says what would have been" eval '(($(count d3 would-drop) >= 1))'
expect "drops of d3 by policy" "$(($(denied) - before))" 0
sw counters --port d3 | head -3
sw audit | tail -1
# The same for the default deny alone: rules still deny.
sed -i 's/mode: audit/default: audit/' audit.yaml
sw policy apply audit.yaml >/dev/null
connects d3 "$(desk_ip 2):8080" && die "a rule has not denied"
office_wait 10 "nothing is dropped by default" reaches d3 "$OFFICE_GATEWAY"
office_wait 5 "the rule's drop is on record" eval '(($(denied) > before))'

# ---- tiers ----
sed 's/^rules:/tiers:\n  emergency:\n    - { id: stop, direction: egress, peer: any, action: reject }\n&/' \
    base.yaml >stop.yaml
sw policy apply stop.yaml >/dev/null
reaches d1 "$OFFICE_SERVER" && die "the emergency tier does not come first"
sed -i 's/action: reject/action: pass/' stop.yaml
sw policy apply stop.yaml >/dev/null
office_wait 10 "pass leaves it to the next tier" reaches d1 "$OFFICE_SERVER"
sw policy get --rules
sw policy services >services
grep -qE '^smb ' services || die "no shipped services"
sw audit
