#!/usr/bin/python3
"""A flow that never pauses: numbered datagrams and their echoes.

    steady.py echo PORT
    steady.py ask ADDRESS PORT DIR

'ask' sends a hundred a second for ever, and keeps the number of answers in DIR/answers.  When DIR/hold is there
it pauses, waits for the answers to all that it has sent, appends the number of those that never came to
DIR/lost, and makes DIR/held, until DIR/hold is gone.
"""
import os
import select
import socket
import sys
import time

PATIENCE_S = 20  # for answers, when it is to pause


def echo(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('', int(port)))
        while True:
            data, sender = s.recvfrom(2048)
            s.sendto(data, sender)


class Asker:
    def __init__(self, address, port, directory):
        self.to, self.dir = (address, int(port)), directory
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sent, self.answers, self.waiting = 0, 0, set()

    def path(self, name):
        return os.path.join(self.dir, name)

    def listen(self, seconds):
        """Takes the answers that come within the time, or the first one."""
        if select.select([self.socket], [], [], seconds)[0]:
            self.waiting.discard(int(self.socket.recv(2048)))
            self.answers += 1

    def hold(self):
        end = time.monotonic() + PATIENCE_S
        while self.waiting and time.monotonic() < end:
            self.listen(0.1)
        with open(self.path('lost'), 'a', encoding='ascii') as f:
            f.write('%d of %d\n' % (len(self.waiting), self.sent))
        self.waiting.clear()
        with open(self.path('held'), 'w', encoding='ascii'):
            pass
        while os.path.exists(self.path('hold')):
            time.sleep(0.01)
        os.unlink(self.path('held'))

    def run(self):
        with open(self.path('answers'), 'w', encoding='ascii') as answers:
            while True:
                if os.path.exists(self.path('hold')):
                    self.hold()
                self.socket.sendto(b'%d' % self.sent, self.to)
                self.waiting.add(self.sent)
                self.sent += 1
                next_one = time.monotonic() + 0.01
                while time.monotonic() < next_one:
                    self.listen(max(0, next_one - time.monotonic()))
                os.pwrite(answers.fileno(), b'%d' % self.answers, 0)


if __name__ == '__main__':
    if sys.argv[1] == 'echo':
        echo(sys.argv[2])
    else:
        Asker(*sys.argv[2:]).run()
