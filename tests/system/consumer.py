#!/usr/bin/python3
"""A reader of the switch with a stock gRPC client, as docs/operations.md says: exactly once.

    consumer.py take SOCKET DB     until it is killed
    consumer.py verify SOCKET DB   whether it got everything

It reads the drop stream and the incidents, and puts what it takes and its position into a database in one
step.  So it may be killed at any moment, and its disk may be full: it goes on from the last step.
"""
import os
import sqlite3
import sys
import threading
import time

import grpc

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'interop'))
from rpc_stubs import Stubs  # noqa: E402

BUILD = os.environ.get('FUSUMA_BUILD') or os.path.join(HERE, '..', '..', 'build')
ADDED, CHANGED, REMOVED, SYNCED, RESET = 1, 2, 3, 4, 5
INCIDENTS = 5
SCHEMA = '''
CREATE TABLE IF NOT EXISTS position (stream TEXT PRIMARY KEY, epoch INTEGER, n INTEGER);
CREATE TABLE IF NOT EXISTS event (at INTEGER PRIMARY KEY AUTOINCREMENT, epoch INTEGER, n INTEGER,
    what TEXT);
CREATE TABLE IF NOT EXISTS gap (at INTEGER, epoch INTEGER, n INTEGER);
CREATE TABLE IF NOT EXISTS incident (id INTEGER PRIMARY KEY, revision INTEGER, confirmed INTEGER);
CREATE TABLE IF NOT EXISTS change (epoch INTEGER, revision INTEGER);
'''


def connect(path):
    with open(os.path.join(BUILD, 'proto', 'fusuma.protoset'), 'rb') as f:
        return Stubs(grpc.insecure_channel('unix:' + path), f.read())


# ---- taking ----

def insist(step):
    """Until the disk takes it; a step is whole or not at all."""
    while True:
        try:
            return step()
        except sqlite3.OperationalError as e:
            print('database: %s' % e, flush=True)
            time.sleep(0.1)


def open_database(path):
    def step():
        db = sqlite3.connect(path, isolation_level=None)
        db.execute('PRAGMA busy_timeout = 10000')
        db.executescript(SCHEMA)
        return db
    return insist(step)


def put(db, stream, position, statements):
    """All of them and the position, in one transaction."""
    def step():
        try:
            db.execute('BEGIN IMMEDIATE')
            for sql, values in statements:
                db.execute(sql, values)
            if position:
                db.execute('INSERT OR REPLACE INTO position VALUES (?, ?, ?)', (stream, *position))
            db.execute('COMMIT')
        except sqlite3.Error:
            if db.in_transaction:
                db.execute('ROLLBACK')
            raise
    insist(step)


def position_of(db, stream):
    rows = insist(lambda: db.execute('SELECT epoch, n FROM position WHERE stream = ?',
                                     (stream,)).fetchall())
    return rows[0] if rows else None


def ends(r):
    return '%s:%d > %s:%d' % (r.src_ip, r.src_port, r.dst_ip, r.dst_port)


def take_drop(db, e):
    kind = e.WhichOneof('event')
    m = getattr(e, kind)
    at = m.last if kind == 'gap' else m.cursor
    what = ends(m) if kind == 'record' else kind
    statements = [('INSERT INTO event (epoch, n, what) VALUES (?, ?, ?)', (at.epoch, at.n, what))]
    if kind == 'gap':
        statements.append(('INSERT INTO gap VALUES (last_insert_rowid(), ?, ?)',
                           (m.first.epoch, m.first.n)))
    put(db, 'drops', (at.epoch, at.n), statements)


def take_change(db, e):
    statements = []
    if e.type == RESET:
        statements.append(('UPDATE incident SET confirmed = 0', ()))
        statements.append(("DELETE FROM position WHERE stream = 'incidents'", ()))
    elif e.type == SYNCED:
        statements.append(('DELETE FROM incident WHERE NOT confirmed', ()))
    elif e.type == REMOVED:
        statements.append(('DELETE FROM incident WHERE id = ?', (e.incident.id,)))
    else:
        statements.append(('INSERT OR REPLACE INTO incident VALUES (?, ?, 1)',
                           (e.incident.id, e.incident.revision)))
    at = (e.position.epoch, e.position.revision) if e.HasField('position') else None
    if at and e.type != SYNCED:
        statements.append(('INSERT INTO change VALUES (?, ?)', at))
    put(db, 'incidents', at, statements)


def follow_drops(stubs, db):
    at = position_of(db, 'drops')
    request = stubs.request('fusuma.v1.DropService', 'WatchDrops', follow=True)
    if at:
        request.resume.epoch, request.resume.n = at
    for e in stubs.method('fusuma.v1.DropService', 'WatchDrops')(request):
        take_drop(db, e)


def follow_incidents(stubs, db):
    at = position_of(db, 'incidents')
    request = stubs.request('fusuma.v1.WatchService', 'Watch', kinds=[INCIDENTS])
    if at:
        request.resume.epoch, request.resume.revision = at
    else:
        put(db, 'incidents', None, [('UPDATE incident SET confirmed = 0', ())])
    for e in stubs.method('fusuma.v1.WatchService', 'Watch')(request):
        take_change(db, e)


def for_ever(follow, path, db_path):
    db = open_database(db_path)
    while True:
        stubs = connect(path)
        try:
            follow(stubs, db)
        except grpc.RpcError as e:
            print('%s: %s' % (follow.__name__, e.code()), flush=True)
        finally:
            stubs.channel.close()
        time.sleep(0.1)


def take(path, db_path):
    threading.Thread(target=for_ever, args=(follow_incidents, path, db_path), daemon=True).start()
    for_ever(follow_drops, path, db_path)


# ---- verifying ----

def check_drops(db):
    """Each event follows the one before, or a gap says so.  How many came and gaps, and where that is."""
    at, events, gaps, seen = (0, 0), 0, 0, set()
    rows = db.execute('SELECT e.epoch, e.n, g.epoch, g.n FROM event e LEFT JOIN gap g USING (at) '
                      'ORDER BY e.at')
    for epoch, n, first_epoch, first_n in rows:
        if first_n is None:
            assert n == at[1] + 1, '%s is followed by %s' % (at, (epoch, n))
            assert (epoch, n) not in seen, '%s came twice' % ((epoch, n),)
            seen.add((epoch, n))
            events += 1
        else:
            assert not at[0] or (first_epoch, first_n) == (at[0], at[1] + 1), \
                '%s is followed by a gap from %s' % (at, (first_epoch, first_n))
            gaps += 1
        at = (epoch, n)
    kept = position_of(db, 'drops')
    assert kept is None or kept == at, 'the position is %s behind %s' % (kept, at)
    return events, gaps, at


def check_incidents(stubs, db):
    twice = db.execute('SELECT * FROM change GROUP BY epoch, revision HAVING count(*) > 1').fetchall()
    assert not twice, 'changes came twice: %s' % twice
    there = {i.id: i.revision for i in stubs.call('fusuma.v1.IncidentService', 'ListIncidents',
                                                  limit=1000).incidents}
    mine = dict(db.execute('SELECT id, revision FROM incident'))
    assert there == mine, 'incidents are %s instead of %s' % (mine, there)
    return len(mine)


def verify(path, db_path):
    stubs, db = connect(path), sqlite3.connect(db_path)
    newest = stubs.call('fusuma.v1.SystemService', 'GetInfo')
    events, gaps, at = check_drops(db)
    assert at[1] == newest.drops_newest, 'it has come to %d of %d' % (at[1], newest.drops_newest)
    incidents = check_incidents(stubs, db)
    print('%d events, each once, and %d gaps; %d incidents' % (events, gaps, incidents))


if __name__ == '__main__':
    try:
        globals()[sys.argv[1]](*sys.argv[2:])
    except AssertionError as fault:
        sys.exit(str(fault))
