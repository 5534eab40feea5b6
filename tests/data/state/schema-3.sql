-- state.db of schema version 3, as a switch of that time wrote it.
CREATE TABLE address_set (  name TEXT NOT NULL,  prefix TEXT NOT NULL,  seal TEXT,  PRIMARY KEY (name, prefix)) WITHOUT ROWID;
CREATE TABLE address_set_meta (  name TEXT PRIMARY KEY NOT NULL,  changed_us INTEGER NOT NULL,  prefixes INTEGER NOT NULL,  seal TEXT) WITHOUT ROWID;
CREATE TABLE binding (  port TEXT NOT NULL,  addr TEXT NOT NULL,  how TEXT NOT NULL,  expires INTEGER NOT NULL, seal TEXT,  PRIMARY KEY (port, addr)) WITHOUT ROWID;
INSERT INTO "binding" VALUES('desk1','10.0.1.1','dhcp',4000000000,'181fc9c87707b473ab2d99949a0426b9');
INSERT INTO "binding" VALUES('desk2','fe80::2','link-local',0,'6ab33815bfd9dd6ed23be39e7e1f40ae');
CREATE TABLE initialised (one INTEGER PRIMARY KEY CHECK (one = 1));
INSERT INTO "initialised" VALUES(1);
CREATE TABLE policy_force (  one INTEGER PRIMARY KEY CHECK (one = 1),  version INTEGER NOT NULL,  last INTEGER NOT NULL,  confirm_by INTEGER NOT NULL,  go_back INTEGER NOT NULL,  seal TEXT);
INSERT INTO "policy_force" VALUES(1,1,1,0,0,'0c70bf19ef75b07b1d4e4333eb4830d9');
CREATE TABLE policy_source (  version INTEGER NOT NULL,  idx INTEGER NOT NULL,  name TEXT NOT NULL,  yaml TEXT NOT NULL,  seal TEXT,  PRIMARY KEY (version, idx));
INSERT INTO "policy_source" VALUES(1,0,'','version: 1
rules:
  - { id: web, direction: egress, peer: 10.0.9.0/24, protocol: tcp, ports: [443], action: allow }
','409f9759d60fc78b6cea3c52ed851a31');
CREATE TABLE policy_version (  version INTEGER PRIMARY KEY NOT NULL,  digest TEXT NOT NULL,  applied_us INTEGER NOT NULL,  who TEXT NOT NULL,  comment TEXT NOT NULL,  sources INTEGER NOT NULL,  seal TEXT);
INSERT INTO "policy_version" VALUES(1,'3839773908f03d1c0fb08d4823ef394bf62d81bd1ba7ccd62ac81e8e17dfb27f',0,'','',1,'b8ee3a947fd68d4d9637c9870b71cd1b');
CREATE TABLE port (  name TEXT PRIMARY KEY NOT NULL,  spec BLOB NOT NULL,  quarantined INTEGER NOT NULL DEFAULT 0, seal TEXT) WITHOUT ROWID;
INSERT INTO "port" VALUES('desk1',X'0A056465736B3110011A0C0A0A6465736B312E736F636B321130323A30303A30303A30303A30303A30313A0831302E302E302E314205616C696365',0,'deda092e8880eeaa390bed9d48741100');
INSERT INTO "port" VALUES('desk2',X'0A056465736B3210011A0C0A0A6465736B322E736F636B321130323A30303A30303A30303A30303A30323A0831302E302E302E324205616C696365',1,'1eade0af6282a22e93b2a529f1bc6fba');
CREATE TABLE rule_hits (  id TEXT PRIMARY KEY NOT NULL,  packets INTEGER NOT NULL,  bytes INTEGER NOT NULL,  last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER port_gone AFTER DELETE ON port BEGIN  DELETE FROM binding WHERE port = old.name;END;
CREATE TRIGGER port_made AFTER INSERT ON port BEGIN  UPDATE port SET seal = seal(name, spec, quarantined) WHERE name = new.name;END;
CREATE TRIGGER port_changed AFTER UPDATE OF name, spec, quarantined ON port BEGIN  UPDATE port SET seal = seal(name, spec, quarantined) WHERE name = new.name;END;
CREATE TRIGGER binding_made AFTER INSERT ON binding BEGIN  UPDATE binding SET seal = seal(port, addr, how, expires) WHERE port = new.port AND addr = new.addr;END;
CREATE TRIGGER binding_changed AFTER UPDATE OF port, addr, how, expires ON binding BEGIN  UPDATE binding SET seal = seal(port, addr, how, expires) WHERE port = new.port AND addr = new.addr;END;
CREATE TRIGGER policy_version_gone AFTER DELETE ON policy_version BEGIN  DELETE FROM policy_source WHERE version = old.version;END;
CREATE TRIGGER policy_version_made AFTER INSERT ON policy_version BEGIN  UPDATE policy_version SET seal = seal(version, digest, applied_us, who, comment, sources) WHERE version = new.version;END;
CREATE TRIGGER policy_version_changed AFTER UPDATE OF version, digest, applied_us, who, comment, sources ON policy_version BEGIN  UPDATE policy_version SET seal = seal(version, digest, applied_us, who, comment, sources) WHERE version = new.version;END;
CREATE TRIGGER policy_source_made AFTER INSERT ON policy_source BEGIN  UPDATE policy_source SET seal = seal(version, idx, name, yaml) WHERE version = new.version AND idx = new.idx;END;
CREATE TRIGGER policy_source_changed AFTER UPDATE OF version, idx, name, yaml ON policy_source BEGIN  UPDATE policy_source SET seal = seal(version, idx, name, yaml) WHERE version = new.version AND idx = new.idx;END;
CREATE TRIGGER policy_force_made AFTER INSERT ON policy_force BEGIN  UPDATE policy_force SET seal = seal(version, last, confirm_by, go_back) WHERE one = 1;END;
CREATE TRIGGER policy_force_changed AFTER UPDATE OF version, last, confirm_by, go_back ON policy_force BEGIN  UPDATE policy_force SET seal = seal(version, last, confirm_by, go_back) WHERE one = 1;END;
CREATE TRIGGER address_set_gone AFTER DELETE ON address_set_meta BEGIN  DELETE FROM address_set WHERE name = old.name;END;
CREATE TRIGGER address_set_meta_made AFTER INSERT ON address_set_meta BEGIN  UPDATE address_set_meta SET seal = seal(name, changed_us, prefixes) WHERE name = new.name;END;
CREATE TRIGGER address_set_meta_changed AFTER UPDATE OF name, changed_us, prefixes ON address_set_meta BEGIN  UPDATE address_set_meta SET seal = seal(name, changed_us, prefixes) WHERE name = new.name;END;
CREATE TRIGGER address_set_made AFTER INSERT ON address_set BEGIN  UPDATE address_set SET seal = seal(name, prefix) WHERE name = new.name AND prefix = new.prefix;END;
CREATE TRIGGER address_set_changed AFTER UPDATE OF name, prefix ON address_set BEGIN  UPDATE address_set SET seal = seal(name, prefix) WHERE name = new.name AND prefix = new.prefix;END;
PRAGMA user_version = 3;
