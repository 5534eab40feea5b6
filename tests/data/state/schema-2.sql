-- state.db of schema version 2, as a switch of that time wrote it.
CREATE TABLE port (  name TEXT PRIMARY KEY NOT NULL,  spec BLOB NOT NULL,  quarantined INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE policy (one INTEGER PRIMARY KEY CHECK (one = 1), yaml TEXT NOT NULL);
CREATE TABLE initialised (one INTEGER PRIMARY KEY CHECK (one = 1));
INSERT INTO initialised VALUES (1);
INSERT INTO port VALUES ('desk1', X'0a056465736b3110011a0c0a0a6465736b312e736f636b321130323a30303a30303a30303a30303a30313a0831302e302e302e314205616c696365', 0);
INSERT INTO port VALUES ('desk2', X'0a056465736b3210011a0c0a0a6465736b322e736f636b321130323a30303a30303a30303a30303a30323a0831302e302e302e324205616c696365', 1);
INSERT INTO policy VALUES (1, 'version: 1
rules:
  - { id: web, direction: egress, peer: 10.0.9.0/24, protocol: tcp, ports: [443], action: allow }
');
CREATE TABLE binding (  port TEXT NOT NULL,  addr TEXT NOT NULL,  how TEXT NOT NULL,  expires INTEGER NOT NULL,  PRIMARY KEY (port, addr)) WITHOUT ROWID;
CREATE TRIGGER port_gone AFTER DELETE ON port BEGIN  DELETE FROM binding WHERE port = old.name;END;
INSERT INTO binding VALUES ('desk1', '10.0.1.1', 'dhcp', 4000000000);
INSERT INTO binding VALUES ('desk2', 'fe80::2', 'link-local', 0);
PRAGMA user_version = 2;
