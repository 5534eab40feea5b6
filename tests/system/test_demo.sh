#!/bin/bash
# The demo turns out as it says, and leaves nothing behind: when it ends, and when it is interrupted
# in the middle.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail()
{
    cat "$work/log"
    echo "test_demo: $*" >&2
    exit 1
}

# The demo names everything after its process id.
nothing_left()
{
    local tag=fsm$1 left
    left=$(ip netns | grep "^$tag-" || true)
    left+=$(compgen -G "/tmp/$tag.*" || true)
    left+=$(pgrep -f "/tmp/$tag\\." || true)
    [[ ! $left ]] || fail "left behind $2: $left"
}

"$here/demo.sh" >"$work/log" 2>&1 &
pid=$!
wait $pid || fail "the demo failed ($?)"
nothing_left $pid "at its end"
cat "$work/log"

# Ctrl-C reaches every process in the foreground; a shell's background jobs would not hear it, hence
# a session of its own with the signal as it is by default.
/usr/bin/python3 - "$here/demo.sh" "$work/log" >"$work/pid" <<'EOF' || fail "interrupting it failed"
import os, signal, subprocess, sys, time

signal.signal(signal.SIGINT, signal.default_int_handler)
with open(sys.argv[2], "w+") as log:
    demo = subprocess.Popen([sys.argv[1]], stdout=log, stderr=log, start_new_session=True)
    deadline = time.time() + 60
    while "it scans its neighbours" not in open(sys.argv[2]).read():
        if demo.poll() is not None or time.time() > deadline:
            sys.exit("the demo did not get to the scan")
        time.sleep(0.05)
    time.sleep(1)
    os.killpg(demo.pid, signal.SIGINT)
    status = demo.wait(timeout=30)
print(demo.pid)
sys.exit(0 if status == 130 else f"status {status}, not 130")
EOF
nothing_left "$(cat "$work/pid")" "after Ctrl-C"
echo "nothing is left after Ctrl-C"
