"""A switch to be measured: vswitchd with vhost-user ports on two CPUs, and what it is asked for."""

import ctypes
import glob
import os
import signal
import subprocess
import sys
import time

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/interop"))
from rpc_stubs import Stubs

WORKER_CPU, OTHER_CPU = 1, 0


def ends_with_us():
    """In a child: whatever ends the benchmark ends it, for it takes a CPU from everybody."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def add_arguments(parser, runs):
    """What every benchmark is told."""
    parser.add_argument("--build", required=True)
    parser.add_argument("--tmp", required=True)
    parser.add_argument("--memory-dir", help="where the state is: the disk's flush is not measured")
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-huge", action="store_true")


def parse_arguments(parser):
    options = parser.parse_args()
    options.memory_dir = options.memory_dir or options.tmp + "/state"
    return options


class Switch:
    """Desktops p0, p1 ... with the addresses 10.0.0.1 and fd00::a00:1, 10.0.0.2 and fd00::a00:2 ...;
    'options' has build, tmp and no_huge, 'settings' what the config file has of them."""

    def __init__(self, options, state, n_ports, **settings):
        settings.setdefault("idle_sleep", "false")
        self.tmp = options.tmp
        self.state = state
        config = self.tmp + "/config.yaml"
        with open(config, "w") as f:
            f.write("settings: { %s }\nports:\n" %
                    ", ".join("%s: %s" % s for s in settings.items()))
            for p in range(n_ports):
                f.write("  - { name: p%d, role: desktop, vhost_user: { socket: %s/p%d },\n"
                        "      mac: '02:00:00:00:00:%02x', ips: [10.0.0.%d, 'fd00::a00:%x'],\n"
                        "      labels: { n: '%d' } }\n" % (p, self.tmp, p, p + 1, p + 1, p + 1, p))
        for directory in (state, self.tmp + "/run"):
            subprocess.run(["rm", "-rf", directory], check=True)
            os.mkdir(directory)
        command = ["taskset", "-c", "%d,%d" % (OTHER_CPU, WORKER_CPU),
                   options.build + "/bin/vswitchd", "--config", config, "--state-dir", state,
                   "--run-dir", self.tmp + "/run", "--lcores", "%d,%d" % (OTHER_CPU, WORKER_CPU)]
        command += ["--no-huge"] if options.no_huge else []
        self.log = open(self.tmp + "/log", "w")
        self.process = subprocess.Popen(command, preexec_fn=ends_with_us,
                                        stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        self.wait(self.tmp + "/run/vswitchd.sock")
        self.channel = grpc.insecure_channel(
            "unix:%s/run/vswitchd.sock" % self.tmp,
            options=[("grpc.max_send_message_length", -1),
                     ("grpc.max_receive_message_length", -1)])
        with open(options.build + "/proto/fusuma.protoset", "rb") as f:
            self.stubs = Stubs(self.channel, f.read())

    def wait(self, path):
        for _ in range(600):
            if os.path.exists(path):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        with open(self.tmp + "/log") as f:
            sys.exit("bench: vswitchd does not start:\n" + f.read()[-2000:])

    def stop(self):
        self.channel.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()
        subprocess.run(["rm", "-rf", self.state], check=True)

    def waited(self):
        """Microseconds that its threads have waited for a CPU."""
        total = 0
        for path in glob.glob("/proc/%d/task/*/schedstat" % self.process.pid):
            try:
                with open(path) as f:
                    total += int(f.read().split()[1]) / 1e3
            except (FileNotFoundError, ProcessLookupError):
                pass  # the thread has ended
        return total

    def apply(self, text):
        return self.stubs.call("fusuma.v1.PolicyService", "ApplyPolicy", timeout=120,
                               yaml=text).elapsed

    def set(self, method, **fields):
        return self.stubs.call("fusuma.v1.AddressSetService", method, timeout=60, **fields).elapsed

    def not_taken(self):
        """Packets for p1 for which its ring had no room."""
        request = self.stubs.request("fusuma.v1.CounterService", "WatchCounters", ports=["p1"])
        stream = self.stubs.method("fusuma.v1.CounterService", "WatchCounters")(request, timeout=10)
        counters = next(stream)
        stream.cancel()
        return sum(d.packets for d in counters.ports[0].tx_drops if d.reason == "tx-full")


    def memory(self):
        """What is resident, in MiB."""
        with open("/proc/%d/status" % self.process.pid) as f:
            found = dict(line.split(":", 1) for line in f)
        return sum(int(found.get(key, "0").split()[0]) for key in ("VmRSS", "HugetlbPages")) / 1024
