#!/usr/bin/python3
"""A receiver of webhooks: appends what it accepts to FILE, one event a line.

    relay_receiver.py PORT FILE SECRET [--moody]

It checks the signature and the keys of each request.  With --moody it fails every third request, in
turn with 500, 429 and by hanging up, before or after it has kept the events; and it refuses an event
to port 6666 for good.
"""
import hashlib
import hmac
import http.server
import json
import sys

PORT, FILE, SECRET = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
MOODY = "--moody" in sys.argv


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0
    complaints = 0

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def wrong(self, body, events):
        """What is wrong with the request, or None."""
        mac = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(self.headers.get("X-Fusuma-Signature", ""), mac):
            return "signature"
        ids = [e["event"]["id"] for e in events]
        key = ids[0] if len(ids) == 1 else f"{ids[0]}..{ids[-1]}"
        return None if self.headers.get("Idempotency-Key") == key else "Idempotency-Key"

    def keep(self, events):
        with open(FILE, "a", encoding="utf-8") as f:
            for e in events:
                f.write(json.dumps(e) + "\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        events = json.loads(body)
        events = events if isinstance(events, list) else [events]
        what = self.wrong(body, events)
        if what:
            print(f"wrong: {what}", flush=True)
            return self.answer(400)
        Handler.count += 1
        if MOODY and any(e.get("destination", {}).get("port") == 6666 for e in events):
            return self.answer(422)
        if MOODY and Handler.count % 3 == 0:
            Handler.complaints += 1
            mood = Handler.complaints % 4
            if mood == 3:  # it has the events, and its answer is lost
                self.keep(events)
            if mood >= 2:
                self.close_connection = True
                return None
            return self.answer((500, 429)[mood])
        self.keep(events)
        return self.answer(204)

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
