-- A database of version 5, as that version left it.
PRAGMA application_id = 1667785076;
PRAGMA user_version = 5;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE conversations (
         id INTEGER PRIMARY KEY,
         -- Of a room, its folded name; of two people, both, divided by a line break.
         name TEXT NOT NULL,
         -- Nobody who comes later than its end may read it.
         is_closed INTEGER NOT NULL DEFAULT 0,
         -- It has ended: whoever takes the name begins another one.
         is_retired INTEGER NOT NULL DEFAULT 0
     ) STRICT;
INSERT INTO conversations VALUES(1,'#room',0,0);
INSERT INTO conversations VALUES(2,replace('~67bd5ab293c7b16d\n~67bd5ab293c7b16d','\n',char(10)),0,0);
CREATE TABLE participants (
         person TEXT NOT NULL,
         conversation INTEGER NOT NULL REFERENCES conversations,
         PRIMARY KEY (person, conversation)
     ) STRICT, WITHOUT ROWID;
INSERT INTO participants VALUES('~67bd5ab293c7b16d',2);
CREATE TABLE records (
         -- conversation << 36 | place
         id INTEGER PRIMARY KEY,
         -- Milliseconds since 1970; never falling in a conversation.
         time INTEGER NOT NULL,
         -- The part of the msgid that is not the time.
         random INTEGER NOT NULL,
         sender INTEGER NOT NULL REFERENCES senders,
         kind INTEGER NOT NULL,
         -- In a room, for members with that rank: 0 all, 1 voice, 2 operators. Between two people, which of
         -- them wrote it: 0 the first in the conversation's name, 1 the second.
         part INTEGER NOT NULL,
         text TEXT NOT NULL,
         -- What few records have, as JSON.
         extra TEXT
     , about INTEGER) STRICT;
INSERT INTO records VALUES(268435456,1795276312095,4487144763919034,1,10,0,'what it is about',NULL,NULL);
INSERT INTO records VALUES(268435457,1795276312096,804172300489475,1,1,0,'the first',NULL,NULL);
INSERT INTO records VALUES(268435458,1795276312097,3398904665703904,1,2,0,'with a tag é🦀','{"tags":"+reply=abc"}',NULL);
INSERT INTO records VALUES(268435459,1795276312098,1796838910098839,1,3,0,replace('two\nlines','\n',char(10)),NULL,NULL);
INSERT INTO records VALUES(268435460,1795276312099,601207818757013,1,11,0,'+v','{"arguments":["ann"]}',NULL);
INSERT INTO records VALUES(268435461,1795276312100,1625898547314786,1,1,2,'for operators',NULL,NULL);
INSERT INTO records VALUES(536870912,1795276312097,2637365789340517,1,1,1,'to oneself','{"target":"ann"}',NULL);
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 VALUES('conversations','conversation_names','2 1');
INSERT INTO sqlite_stat1 VALUES('conversations',NULL,'2');
INSERT INTO sqlite_stat1 VALUES('participants','participants','1 1 1');
CREATE TABLE nonces (
         conversation INTEGER NOT NULL REFERENCES conversations,
         nonce TEXT NOT NULL,
         record INTEGER NOT NULL,
         PRIMARY KEY (conversation, nonce)
     ) STRICT, WITHOUT ROWID;
INSERT INTO nonces VALUES(1,'first',268435456);
CREATE TABLE state (
         -- Words divided by line breaks, what it is of first.
         path TEXT PRIMARY KEY,
         -- JSON.
         value TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;
INSERT INTO state VALUES(replace('account\nann','\n',char(10)),'{"name":"ann","since":1795276312}');
CREATE TABLE IF NOT EXISTS "senders" (
         id INTEGER PRIMARY KEY,
         source TEXT NOT NULL,
         account TEXT NOT NULL,
         marks INTEGER NOT NULL,
         -- Who it is, as direct conversations name people; empty where nobody wrote it down.
         person TEXT NOT NULL,
         UNIQUE (source, account, marks, person)
     ) STRICT;
INSERT INTO senders VALUES(1,'ann!u@127.0.0.1','',0,'');
PRAGMA writable_schema=ON;
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','words','words',0,'CREATE VIRTUAL TABLE words USING fts5(
         text,
         content = ''records'',
         content_rowid = ''id'',
         columnsize = 0,
         detail = none,
         tokenize = ''unicode61 remove_diacritics 2''
     )');
CREATE TABLE IF NOT EXISTS 'words_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO words_data VALUES(1,X'');
INSERT INTO words_data VALUES(10,X'00000000000000');
CREATE TABLE IF NOT EXISTS 'words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS 'words_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO words_config VALUES('version',4);
CREATE TABLE unindexed (id INTEGER PRIMARY KEY) STRICT;
INSERT INTO unindexed VALUES(268435457);
INSERT INTO unindexed VALUES(268435458);
INSERT INTO unindexed VALUES(268435459);
INSERT INTO unindexed VALUES(268435461);
INSERT INTO unindexed VALUES(536870912);
CREATE UNIQUE INDEX conversation_names ON conversations (name) WHERE NOT is_retired;
CREATE INDEX records_about ON records (about) WHERE about IS NOT NULL;
PRAGMA writable_schema=OFF;
COMMIT;
