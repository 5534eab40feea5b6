"""What healthy desktops of a pool do all day, as one of them: see healthy.sh.

    healthy.py desktop NET SELF SECONDS SEED     in the desktop's namespace; SELF is its host number
    healthy.py server NET                        in the server's: DNS, HTTPS and SMB are answered"""
import random
import select
import socket
import struct
import sys
import time

PEERS = range(11, 17)


def udp(port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0')
    if port:
        s.bind(('', port))
    return s


class Desktop:
    def __init__(self, net, self_, seed):
        self.net, self.chance, self.held = net, random.Random(seed), []
        self.peers = ['%s.%d' % (net, h) for h in PEERS if h != self_]
        self.stun = [self.public() for _ in range(6)]  # a product's own
        self.mac = open('/sys/class/net/eth0/address').read().strip().replace(':', '')

    def send(self, address, port, data, sport=0):
        try:
            with udp(sport) as s:
                s.sendto(data, (address, port))
        except OSError:
            pass  # an ICMP answer to an earlier one

    def connect(self, address, port, data=b''):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(1)
        try:
            s.connect((address, port))
            s.sendall(data)
            s.recv(100)
        except OSError:
            pass
        s.close()

    def try_(self, address, port):
        """Does not wait: what is denied is silent."""
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setblocking(False)
        try:
            s.connect((address, port))
        except OSError:
            pass
        self.held = self.held[-20:] + [s]

    def public(self):
        return '93.%d.%d.%d' % tuple(self.chance.randrange(1, 255) for _ in range(3))

    # ---- what they do ----

    def dhcp(self):
        packet = struct.pack('>BBBBIHH16s', 1, 1, 6, 0, self.chance.getrandbits(32), 0, 0, bytes(16))
        packet += bytes.fromhex(self.mac) + bytes(10 + 192) + b'\x63\x82\x53\x63\x35\x01\x01\xff'
        self.send('255.255.255.255', 67, packet, 68)

    def dns(self):
        query = struct.pack('>HHHHHH', self.chance.getrandbits(16), 0x100, 1, 0, 0, 0)
        with udp() as s:
            s.settimeout(1)
            s.sendto(query + b'\x04work\x00\x00\x01\x00\x01', (self.net + '.2', 53))
            try:
                s.recv(512)
            except OSError:
                pass

    def web(self):
        self.connect(self.net + '.2', 80, b'GET / HTTP/1.0\r\n\r\n')
        self.connect(self.net + '.2', 443, b'\x16\x03\x01')

    def smb(self):
        self.connect(self.net + '.2', 445, b'\x00\x00\x00\x04\xfeSMB')

    def names(self):
        query = struct.pack('>HHHHHH', self.chance.getrandbits(16), 0, 1, 0, 0, 0) + \
            b'\x04wpad\x00\x00\x01\x00\x01'
        self.send('224.0.0.251', 5353, query, 5353)
        self.send('224.0.0.252', 5355, query)
        self.send(self.net + '.255', 137, query, 137)
        if self.chance.random() < 0.2:  # who was that? (nbtstat -A, which Windows does by itself)
            self.send(self.chance.choice(self.peers), 137, query, 137)

    def devices(self):
        search = b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\n\r\n'
        self.send('239.255.255.250', 1900, search)
        self.send('239.255.255.250', 3702, b'<Probe/>')

    def printers(self):
        self.send(self.net + '.255', 161, b'0\x26\x02\x01\x00\x04\x06public')
        for port in (9100, 631, 515):  # one that policy forgot
            self.try_(self.net + '.50', port)

    def updates(self):
        """Delivery Optimization asks a few desktops of the network."""
        for peer in self.chance.sample(self.peers, 3):
            self.try_(peer, 7680)
        self.try_(self.public(), 443)

    def call(self):
        """Candidates of a call: STUN, a relay, and the other one directly."""
        for address in self.chance.sample(self.stun, 3):
            self.send(address, 3478, b'\x00\x01\x00\x00\x21\x12\xa4\x42' + bytes(12))
        peer = self.chance.choice(self.peers)
        for port in self.chance.sample(range(50000, 50060), 4):
            self.send(peer, port, b'\x00\x01\x00\x00\x21\x12\xa4\x42' + bytes(12))

    def browse(self):
        """A page of the internet, which a separated desktop does not reach."""
        for _ in range(self.chance.randrange(2, 25)):
            self.try_(self.public(), self.chance.choice((80, 443)))
        self.send(self.public(), 443, b'\xc0')
        self.send(self.public(), 123, b'\x23' + bytes(47), 123)

    def run(self, seconds):
        work = [(self.dns, 8), (self.web, 6), (self.smb, 4), (self.names, 3), (self.devices, 2),
                (self.printers, 1), (self.updates, 1), (self.call, 1), (self.browse, 2), (self.dhcp, 1)]
        actions = [a for a, weight in work for _ in range(weight)]
        end, done = time.monotonic() + seconds, {}
        while time.monotonic() < end:
            action = self.chance.choice(actions)
            action()
            done[action.__name__] = done.get(action.__name__, 0) + 1
            time.sleep(self.chance.uniform(0.2, 2))
        print(' '.join('%s=%d' % item for item in sorted(done.items())))


def server(net):
    listeners = []
    for port in (443, 445):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((net + '.2', port))
        s.listen(50)
        listeners.append(s)
    dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    dns.bind((net + '.2', 53))
    while True:
        for s in select.select(listeners + [dns], [], [])[0]:
            if s is dns:
                data, peer = s.recvfrom(512)
                s.sendto(data[:2] + b'\x81\x83' + data[4:], peer)
            else:
                c, _ = s.accept()
                c.settimeout(1)
                try:
                    c.recv(100)
                    c.sendall(b'answer')
                except OSError:
                    pass
                c.close()


if __name__ == '__main__':
    if sys.argv[1] == 'server':
        server(sys.argv[2])
    else:
        Desktop(sys.argv[2], int(sys.argv[3]), int(sys.argv[5])).run(float(sys.argv[4]))
