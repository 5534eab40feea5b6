#!/usr/bin/python3
"""What test_broker.sh needs of UDS Enterprise: a server that answers actors as the published one does,
and an actor that asks as the published one does (docs/brokers.md says where that was read).

    broker_uds.py server PORT DIR [CERT KEY]   each request becomes a file in DIR; DIR/mac is its desktop's
    broker_uds.py actor URL CA VERB ARGUMENT...
"""
import http.server
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request

MASTER = 'master-token-of-the-template'
OWN = '7d9f4b6e-own-token-of-the-desktop'
AGENT = 'UDS Actor v4.0.0/20240101'


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    directory = None
    n = 0
    sessions = 0

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def record(self, body):
        Server.n += 1
        with open(os.path.join(self.directory, f'request-{Server.n}'), 'w') as f:
            json.dump({'method': self.command, 'path': self.path, 'headers': dict(self.headers),
                       'body': body.decode('latin-1')}, f)

    def mac(self):
        with open(os.path.join(self.directory, 'mac')) as f:
            return f.read().strip()

    def result(self, method, p):
        if method == 'initialize':
            if p['token'] != MASTER:
                return None
            return {'own_token': OWN, 'token': OWN, 'master_token': None, 'unique_id': self.mac().upper(),
                    'os': {'action': 'none', 'name': 'vd-1', 'custom': {}}}
        if p.get('token') not in (OWN, 'other'):
            return None
        if method in ('ready', 'ipchange'):
            return {'private_key': 'K', 'key': 'K', 'server_certificate': 'C', 'certificate': 'C',
                    'password': 'P', 'ciphers': ''}
        if method == 'login':
            Server.sessions += 1
            return {'ip': '10.0.0.9', 'hostname': 'client', 'dead_line': None, 'deadline': None,
                    'max_idle': None, 'session_id': f'S{Server.sessions}'}
        return 'ok'

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.record(body)
        method = self.path.rpartition('/')[2]
        p = json.loads(body)
        if p.get('username') == 'refused':
            reply = {'result': '', 'stamp': int(time.time()), 'error': 'no'}
        else:
            result = self.result(method, p)
            if result is None:
                self.answer(403, b'Access denied', Content_Type='text/plain')
                return
            reply = {'result': result, 'stamp': int(time.time())}
        self.answer(200, json.dumps(reply).encode(), Content_Type='application/json', X_Of_The_Server='yes')

    def do_GET(self):
        self.record(b'')
        self.answer(200, b'[{"auth_id": "1"}]' if 'auths' in self.path else b'?' * 100000,
                    Content_Type='application/json')

    def log_message(self, *args):
        pass


def serve(port, directory, cert=None, key=None):
    Server.directory = directory
    server = http.server.ThreadingHTTPServer(('127.0.0.1', int(port)), Server)
    if cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print('there', flush=True)
    server.serve_forever()


class Actor:
    def __init__(self, url, ca):
        self.url = url + '/uds/rest/'
        self.context = ssl.create_default_context(cafile=ca)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3

    def ask(self, path, payload=None, **headers):
        request = urllib.request.Request(
            self.url + path, data=None if payload is None else json.dumps(payload).encode(),
            headers={'Content-Type': 'application/json', 'User-Agent': AGENT, **headers})
        try:
            with urllib.request.urlopen(request, timeout=5, context=self.context) as r:
                return r.status, r.read(), r.headers
        except urllib.error.HTTPError as e:
            return e.code, e.read(), e.headers

    def post(self, method, payload):
        status, body, headers = self.ask('actor/v3/' + method, payload)
        if status != 200:
            return status
        assert headers['X-Of-The-Server'] == 'yes' and headers['Content-Type'] == 'application/json'
        reply = json.loads(body)
        return reply['error'] if reply.get('error') else reply['result']

    def initialize(self, mac):
        return self.post('initialize', {'type': 'managed', 'token': MASTER, 'version': '4.0.0', 'build': '1',
                                        'id': [{'mac': mac, 'ip': '10.99.0.11'}]})

    def ready(self):
        return self.post('ready', {'token': OWN, 'secret': 's', 'ip': '10.99.0.11', 'port': 43910})

    def login(self, user, mac, token=OWN):
        return self.post('login', {'type': 'managed', 'id': [{'mac': '02:ff:ff:ff:ff:ff', 'ip': '10.0.0.1'},
                                                             {'mac': mac, 'ip': '10.99.0.11'}],
                                   'token': token, 'username': user, 'session_type': 'xrdp', 'secret': ''})

    def logout(self, user, mac, session, token=OWN):
        return self.post('logout', {'type': 'managed', 'id': [{'mac': mac, 'ip': '10.99.0.11'}],
                                    'token': token, 'username': user, 'session_type': 'xrdp',
                                    'session_id': session, 'secret': ''})

    def log(self):
        return self.post('log', {'token': OWN, 'level': 30000, 'message': 'x' * 4000})

    def get(self, path):
        status, body, _ = self.ask(path, **{'X-Auth-Token': 'abc', 'X-Forwarded-For': '192.0.2.7'})
        return [status, len(body)]

    def large(self):
        return self.ask('actor/v3/log', {'message': 'x' * 2000000})[0]


def main():
    if sys.argv[1] == 'server':
        serve(*sys.argv[2:])
    else:
        actor = Actor(*sys.argv[2:4])
        result = getattr(actor, sys.argv[4])(*sys.argv[5:])
        print(result.get('session_id', sorted(result)) if isinstance(result, dict) else result)


main()
