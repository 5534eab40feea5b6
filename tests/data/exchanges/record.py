#!/usr/bin/python3
"""record.py [NAME...]: records TCP exchanges between two kernels' stacks as NAME.pcap beside this file.

Two network namespaces, and between them a wire that this program is: it notes every TCP segment
that arrives at it, as a switch would see it, then loses, doubles or delays it as the scenario says.
Needs root.  Checksums are complete (offloads are off); payloads are small."""

import ctypes
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NS = ("fsproof-a", "fsproof-b")
IP = ("10.77.0.1", "10.77.0.2")
CLIENT, SERVER = 0, 1
PORT = 80
libc = ctypes.CDLL(None, use_errno=True)
home = os.open("/proc/self/ns/net", os.O_RDONLY)


def sh(*args, **how):
    subprocess.run(args, check=True, **how)


class inside:
    """The calling thread in the namespace of a side."""

    def __init__(self, side):
        self.fd = os.open("/var/run/netns/" + NS[side], os.O_RDONLY)

    def __enter__(self):
        assert libc.setns(self.fd, 0x40000000) == 0

    def __exit__(self, *_):
        assert libc.setns(home, 0x40000000) == 0
        os.close(self.fd)


def setting(side, name, value):
    with inside(side), open("/proc/sys/net/ipv4/" + name, "w") as f:
        f.write(str(value))


def both(name, value):
    setting(0, name, value)
    setting(1, name, value)


def sock(side, port=0):
    with inside(side):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(10)
    s.bind((IP[side], port))
    return s


def listening(**options):
    s = sock(SERVER, PORT)
    if "rcvbuf" in options:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["rcvbuf"])
    if options.get("fastopen"):
        s.setsockopt(socket.IPPROTO_TCP, 23, 5)
    s.listen(5)
    return s


def connected(**options):
    lis, c = listening(**options), sock(CLIENT)
    c.connect((IP[SERVER], PORT))
    s, _ = lis.accept()
    s.settimeout(10)
    lis.close()
    return c, s


class Wire(threading.Thread):
    """fate(side, index, segment) says after how many seconds each copy leaves; index counts the
    segments with payload, SYN or FIN from that side; None as the segment was lost before it came."""

    def __init__(self, fate):
        super().__init__(daemon=True)
        self.fate, self.seen, self.count, self.stop = fate, [], [0, 0], False
        self.ends = []
        for side in (0, 1):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.bind(("fsproof%d" % side, 0))
            self.ends.append(s)

    def take(self, side, frame):
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            return [0]
        total = struct.unpack("!H", frame[16:18])[0]
        header = (frame[46] >> 4) * 4
        index = None
        if total - 20 - header or frame[47] & 3:
            index = self.count[side]
            self.count[side] += 1
        copies = self.fate(side, index, frame)
        if copies is None:
            return []
        self.seen.append((time.time(), frame[:14 + total]))
        return copies

    def run(self):
        waiting, n = [], 0
        while not self.stop:
            ready, _, _ = select.select(self.ends, [], [], 0.002)
            for end in ready:
                frame, address = end.recvfrom(65535)
                if address[2] == 4:  # our own
                    continue
                side = self.ends.index(end)
                for delay in self.take(side, frame):
                    heapq.heappush(waiting, (time.time() + delay, n, 1 - side, frame))
                    n += 1
            while waiting and waiting[0][0] <= time.time():
                _, _, to, frame = heapq.heappop(waiting)
                self.ends[to].send(frame)
        for end in self.ends:
            end.close()


def whole(side, index, frame):
    return [0]


def slow(side, index, frame):
    return [0.05]


def bad_network(seed, lost_before=0.0, lost=0.0, twice=0.0, late=0.0):
    rng = random.Random(seed)

    def fate(side, index, frame):
        x = rng.random()
        if x < lost_before:
            return None
        if x < lost_before + lost:
            return []
        copies = [0.02 if rng.random() < late else 0.001]
        return copies * 2 if rng.random() < twice else copies
    return fate


def loses(which, before=False):
    """The side's n-th segments are lost."""
    def fate(side, index, frame):
        return (None if before else []) if (side, index) in which else [0]
    return fate


def read_all(s):
    data = b""
    while True:
        more = s.recv(4096)
        if not more:
            return data
        data += more


def transfer(size=6000, back=3000, **options):
    c, s = connected(**options)
    answer = []
    t = threading.Thread(target=lambda: (answer.append(read_all(s)), s.sendall(b"b" * back), s.close()))
    t.start()
    for i in range(0, size, 500):
        c.sendall(b"a" * 500)
        time.sleep(0.001)
    c.shutdown(socket.SHUT_WR)
    got = read_all(c)
    t.join()
    c.close()
    assert len(answer[0]) == size and len(got) == back


def ping_pong():
    c, s = connected()
    for i in range(8):
        c.sendall(b"question %d" % i)
        s.sendall(s.recv(100))
        c.recv(100)
    s.close()
    read_all(c)
    c.close()


def half_closed():
    c, s = connected()
    c.sendall(b"ask")
    c.shutdown(socket.SHUT_WR)
    read_all(s)
    for i in range(5):
        s.sendall(b"x" * 300)
        time.sleep(0.05)
    s.close()
    read_all(c)
    c.close()


def reset():
    c, s = connected()
    c.sendall(b"ask")
    s.recv(10)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    time.sleep(0.1)
    c.close()


def reset_in_flight():
    c, s = connected()
    s.sendall(b"x" * 3000)
    c.sendall(b"y" * 3000)
    c.close()  # with unread data: a reset
    time.sleep(0.3)
    s.close()


def refused():
    c = sock(CLIENT)
    try:
        c.connect((IP[SERVER], 81))
    except ConnectionRefusedError:
        pass
    c.close()


def close_together():
    c, s = connected()
    c.sendall(b"a")
    s.recv(1)
    c.close()
    s.close()


def simultaneous_open():
    a, b = sock(CLIENT, 4000), sock(SERVER, PORT)
    for x in (a, b):
        x.setblocking(False)
    a.connect_ex((IP[SERVER], PORT))
    b.connect_ex((IP[CLIENT], 4000))
    time.sleep(0.5)
    for x in (a, b):
        x.settimeout(10)
        x.sendall(b"hello")
    a.recv(10)
    b.recv(10)
    a.close()
    b.close()


def zero_window():
    c, s = connected(rcvbuf=2000)
    c.setblocking(False)
    sent = 0
    for _ in range(40):
        try:
            sent += c.send(b"z" * 500)
        except BlockingIOError:
            pass
        time.sleep(0.05)
    got = 0
    c.close()
    while got < sent:
        got += len(s.recv(500))
        time.sleep(0.02)
    s.close()


def keepalive():
    c, s = connected()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    c.sendall(b"a")
    s.recv(1)
    time.sleep(3.5)
    s.close()
    read_all(c)
    c.close()


def fast_open(refuse=False):
    lis = listening(fastopen=not refuse)
    c = sock(CLIENT)
    c.sendto(b"q" * 400, 0x20000000, (IP[SERVER], PORT))
    s, _ = lis.accept()
    s.settimeout(10)
    got = s.recv(1000)
    s.sendall(b"answer")
    c.recv(10)
    c.close()
    read_all(s)
    s.close()
    lis.close()
    assert got


def same_ports_again():
    lis = listening()
    for i in range(3):
        c = sock(CLIENT, 5000)
        c.connect((IP[SERVER], PORT))
        s, _ = lis.accept()
        c.sendall(b"n%d" % i)
        s.recv(10)
        s.close()  # its side waits: the client may use the port again
        read_all(c)
        c.close()
        time.sleep(0.1)
    lis.close()


def off(*names):
    return lambda: [both(n, 0) for n in names]


FASTOPEN = lambda: (setting(CLIENT, "tcp_fastopen", 0x5), setting(SERVER, "tcp_fastopen", 0x202))

# name: (what is said, the wire, settings)
SCENARIOS = {
    "transfer": (transfer, whole, None),
    "ping-pong": (ping_pong, whole, None),
    "no-scale": (transfer, whole, off("tcp_window_scaling")),
    "no-timestamps": (transfer, whole, off("tcp_timestamps")),
    "no-sack-loss": (transfer, bad_network(1, 0.02, 0.1), off("tcp_sack", "tcp_dsack")),
    "plain": (transfer, whole, off("tcp_window_scaling", "tcp_timestamps", "tcp_sack")),
    "loss": (transfer, bad_network(2, 0.0, 0.12), None),
    "loss-before": (transfer, bad_network(3, 0.12, 0.0), None),
    "reordered": (transfer, bad_network(4, 0.0, 0.0, 0.0, 0.3), None),
    "doubled": (transfer, bad_network(5, 0.0, 0.0, 0.3, 0.0), None),
    "everything-bad": (transfer, bad_network(6, 0.05, 0.05, 0.1, 0.2), None),
    "bad-no-scale": (transfer, bad_network(7, 0.05, 0.05, 0.1, 0.2), off("tcp_window_scaling")),
    "half-closed": (half_closed, whole, None),
    "reset": (reset, whole, None),
    "reset-in-flight": (reset_in_flight, slow, None),
    "refused": (refused, whole, None),
    "close-together": (close_together, slow, None),
    "simultaneous-open": (simultaneous_open, slow, None),
    "zero-window": (zero_window, whole, None),
    "zero-window-loss": (zero_window, bad_network(8, 0.05, 0.05), None),
    "keepalive": (keepalive, whole, None),
    "ecn": (transfer, bad_network(9, 0.0, 0.1), lambda: both("tcp_ecn", 1)),
    "syn-lost": (ping_pong, loses({(CLIENT, 0)}), None),
    "syn-lost-before": (ping_pong, loses({(CLIENT, 0)}, True), None),
    "syn-ack-lost": (ping_pong, loses({(SERVER, 0), (SERVER, 1)}), None),
    "fin-lost": (ping_pong, loses({(SERVER, 9), (CLIENT, 9)}), None),
    "fast-open": (fast_open, whole, FASTOPEN),
    "fast-open-lost": (fast_open, loses({(SERVER, 0)}), FASTOPEN),
    "fast-open-refused": (lambda: fast_open(True), whole, FASTOPEN),
    "same-ports-again": (same_ports_again, whole, None),
}


def make_namespaces():
    for side in (0, 1):
        dev, ns = "fsproof%d" % side, NS[side]
        sh("ip", "netns", "add", ns)
        sh("ip", "link", "add", dev, "type", "veth", "peer", "name", "eth0", "netns", ns)
        sh("ip", "link", "set", dev, "up", "mtu", "600")
        sh("ip", "-n", ns, "addr", "add", IP[side] + "/24", "dev", "eth0")
        sh("ip", "-n", ns, "link", "set", "eth0", "mtu", "600", "up")
        for what in ("tx", "tso", "gso", "gro"):
            sh("ip", "netns", "exec", ns, "ethtool", "-K", "eth0", what, "off", stdout=subprocess.DEVNULL)
            subprocess.run(["ethtool", "-K", dev, what, "off"], check=False, stdout=subprocess.DEVNULL)


def remove_namespaces():
    for side in (0, 1):
        subprocess.run(["ip", "link", "del", "fsproof%d" % side], stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "netns", "del", NS[side]], stderr=subprocess.DEVNULL)


def write(name, seen):
    with open(os.path.join(HERE, name + ".pcap"), "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        start = seen[0][0] - 1000
        for at, frame in seen:
            f.write(struct.pack("<IIII", int(at - start), int((at - start) % 1 * 1e6), len(frame), len(frame)))
            f.write(frame)


def record(name):
    say, fate, settings = SCENARIOS[name]
    remove_namespaces()
    make_namespaces()
    if settings:
        settings()
    wire = Wire(fate)
    wire.start()
    say()
    time.sleep(0.5)
    wire.stop = True
    wire.join()
    write(name, wire.seen)
    print("%-20s %d segments" % (name, len(wire.seen)), flush=True)


if __name__ == "__main__":
    try:
        for each in sys.argv[1:] or SCENARIOS:
            record(each)
    finally:
        remove_namespaces()
