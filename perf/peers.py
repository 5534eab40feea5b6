"""What is measured: vswitchd, and those that it is measured beside.

All have vhost-user ports, one worker on WORKER_CPU, and their other threads on OTHER_CPU; each is
given the same rules.  A switch is started and stopped for every run."""

import os
import shutil
import subprocess
import time

from switch import OTHER_CPU, WORKER_CPU, Switch, ends_with_us

FIRST_SERVICE, N_SERVICES = 5001, 70    # of the generator's flows: perf/frame.h
FILLERS = 250                           # networks; rules beside the one that allows


def fillers(n):
    """Rules that the traffic does not meet, as (network, protocol, port)."""
    return [("172.16.%d.0/24" % (i % FILLERS), ("tcp", "udp")[i % 2], 1000 + i // FILLERS)
            for i in range(n - 1)]


def policy(n):
    """'n' rules a direction; the last allows."""
    text = ["version: 1", "rules:"]
    for direction in ("egress", "ingress"):
        text += ["  - { id: %s%d, direction: %s, peer: %s, protocol: %s, ports: [%d], action: drop }"
                 % (direction, i, direction, network, protocol, port)
                 for i, (network, protocol, port) in enumerate(fillers(n))]
        for protocol in ("udp", "tcp"):
            text.append("  - { id: %s-%s, direction: %s, protocol: %s, ports: [%d-%d], action: allow,"
                        " peer: any }" % (direction, protocol, direction, protocol, FIRST_SERVICE,
                                          FIRST_SERVICE + N_SERVICES - 1))
    return "\n".join(text) + "\n"


def sockets(options, n):
    """Paths that the generator connects to, none of which is there."""
    paths = ["%s/p%d" % (options.tmp, i) for i in range(n)]
    for path in paths:
        if os.path.lexists(path):
            os.unlink(path)
    return paths


class Process:
    """A program that is there as long as the run is."""

    def __init__(self, command, log, env=None):
        self.log_path = log
        self.log = open(log, "w")
        self.process = subprocess.Popen(command, preexec_fn=ends_with_us, stdin=subprocess.PIPE,
                                        stdout=self.log, stderr=self.log, env=env)

    def wait_for(self, paths):
        for _ in range(600):
            if all(map(os.path.exists, paths)):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        with open(self.log_path) as f:
            raise SystemExit("bench: %s does not start:\n%s" % (self.process.args[0],
                                                               f.read()[-2000:]))

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.process.stdin.close()
        self.log.close()


class Peer:
    """A switch that is not asked what it counts."""

    def look(self):
        """Cycles and packets of the worker since the last look; 0: not known."""
        return 0, 0

    def check(self, sent, received, strangers):
        """After a run."""


class Ours(Peer):
    name = "vswitchd"

    def __init__(self, options, n_ports=2, rules=10, **settings):
        self.options = options
        self.n_ports, self.rules, self.settings = n_ports, rules, settings

    def start(self):
        sockets(self.options, self.n_ports)
        self.switch = Switch(self.options, self.options.memory_dir, self.n_ports, **self.settings)
        self.switch.apply(policy(self.rules))
        self.pid = self.switch.process.pid
        self.look()

    def look(self):
        workers = self.switch.stubs.call("fusuma.v1.SystemService", "ListWorkers").workers
        now = sum(w.busy_cycles for w in workers), sum(w.packets for w in workers)
        before = getattr(self, "before", now)
        self.before = now
        return now[0] - before[0], now[1] - before[1]

    def check(self, sent, received, strangers):
        """Every stranger was denied, and counted."""
        if self.n_ports < 4:
            return
        request = self.switch.stubs.request("fusuma.v1.CounterService", "WatchCounters",
                                            ports=["p2"])
        stream = self.switch.stubs.method("fusuma.v1.CounterService", "WatchCounters")(
            request, timeout=10)
        drops = {d.reason: d.packets for d in next(stream).ports[0].drops}
        stream.cancel()
        if drops.get("egress-default") != strangers:
            raise SystemExit("bench: of %d strangers these were denied: %s" % (strangers, drops))

    def stop(self):
        self.switch.stop()


class Testpmd(Peer):
    """The limit of the I/O: what comes in goes out."""
    name = "testpmd io"

    def __init__(self, options, n_ports=2, mode="io"):
        self.options, self.n_ports, self.mode = options, n_ports, mode

    def start(self):
        memory = ["--no-huge", "--no-shconf", "-m", "256"] if self.options.no_huge else \
            ["--in-memory", "--single-file-segments", "-m", "256"]
        paths = sockets(self.options, self.n_ports)
        command = ["dpdk-testpmd", "-l", "%d,%d" % (OTHER_CPU, WORKER_CPU),
                   "--main-lcore", str(OTHER_CPU), *memory, "--no-pci", "--no-telemetry"]
        for i, path in enumerate(paths):
            command += ["--vdev", "net_vhost%d,iface=%s" % (i, path)]
        command += ["--", "--forward-mode=" + self.mode, "--nb-cores=1", "--total-num-mbufs=16384",
                    "--no-mlockall"]
        self.process = Process(command, self.options.tmp + "/log")
        self.pid = self.process.process.pid
        self.process.wait_for(paths)

    def stop(self):
        self.process.stop()


class Ovs(Peer):
    """OVS-DPDK: connection tracking and the rules as OpenFlow."""
    name = "OVS-DPDK"

    def __init__(self, options, n_ports=2, rules=10):
        self.options, self.n_ports, self.rules = options, n_ports, rules

    def vsctl(self, *words):
        subprocess.run(["ovs-vsctl", "--db=unix:" + self.dir + "/db.sock", "--no-wait", *words],
                       check=True, env=self.env)

    def start(self):
        self.dir = self.options.tmp + "/ovs"
        shutil.rmtree(self.dir, ignore_errors=True)
        os.mkdir(self.dir)
        self.env = dict(os.environ, OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir)
        database = self.dir + "/conf.db"
        subprocess.run(["ovsdb-tool", "create", database,
                        "/usr/share/openvswitch/vswitch.ovsschema"], check=True)
        self.db = Process(["ovsdb-server", database, "--remote=punix:" + self.dir + "/db.sock"],
                          self.dir + "/db.log", self.env)
        self.db.wait_for([self.dir + "/db.sock"])
        memory = "--no-huge -m 1024" if self.options.no_huge else \
            "--in-memory --single-file-segments --socket-mem 512"
        self.vsctl("init")
        self.vsctl("set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                   "other_config:pmd-cpu-mask=%x" % (1 << WORKER_CPU),
                   "other_config:dpdk-lcore-mask=%x" % (1 << OTHER_CPU),
                   "other_config:dpdk-extra=%s --no-pci" % memory)
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        paths = []
        for i in range(self.n_ports):
            self.vsctl("add-port", "br0", "p%d" % i, "--", "set", "interface", "p%d" % i,
                       "type=dpdkvhostuser", "ofport_request=%d" % (i + 1))
            paths.append("%s/p%d" % (self.dir, i))
        self.process = Process(["taskset", "-c", "%d,%d" % (OTHER_CPU, WORKER_CPU),
                                "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk",
                                "unix:" + self.dir + "/db.sock"], self.dir + "/log", self.env)
        self.pid = self.process.process.pid
        self.process.wait_for([*paths, self.dir + "/br0.mgmt"])
        for path, link in zip(paths, sockets(self.options, self.n_ports)):
            os.symlink(path, link)
        self.add_flows()

    def flows(self):
        yield "table=0,priority=100,arp,actions=normal"
        yield "table=0,priority=90,ip,actions=ct(table=1)"
        yield "table=0,priority=90,ipv6,actions=ct(table=1)"
        yield "table=1,priority=65000,ct_state=+trk+est,actions=normal"
        for i, (network, protocol, port) in enumerate(fillers(self.rules)):
            for key in ("nw_src", "nw_dst"):
                yield "table=1,priority=%d,ct_state=+trk+new,%s,%s=%s,tp_dst=%d,actions=drop" % (
                    60000 - i, protocol, key, network, port)
        for protocol in ("udp", "tcp", "udp6", "tcp6"):
            for port in range(FIRST_SERVICE, FIRST_SERVICE + N_SERVICES):
                yield "table=1,priority=100,ct_state=+trk+new,%s,tp_dst=%d,actions=ct(commit),normal" % (
                    protocol, port)
        yield "table=1,priority=0,actions=drop"

    def add_flows(self):
        path = self.dir + "/flows"
        with open(path, "w") as f:
            f.write("\n".join(self.flows()) + "\n")
        management = "unix:" + self.dir + "/br0.mgmt"
        subprocess.run(["ovs-ofctl", "-O", "OpenFlow14", "--bundle", "replace-flows", management,
                        path], check=True)

    def stop(self):
        self.process.stop()
        self.db.stop()
