-- A database of version 6, as that version left it.
PRAGMA application_id = 1667785076;
PRAGMA user_version = 6;
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
CREATE TABLE participants (
         person TEXT NOT NULL,
         conversation INTEGER NOT NULL REFERENCES conversations,
         PRIMARY KEY (person, conversation)
     ) STRICT, WITHOUT ROWID;
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
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 VALUES('conversations','conversation_names','2 1');
INSERT INTO sqlite_stat1 VALUES('conversations',NULL,'2');
INSERT INTO sqlite_stat1 VALUES('participants','participants','1 1 1');
INSERT INTO sqlite_stat1 VALUES('words_idx','words_idx','6 1 1');
INSERT INTO sqlite_stat1 VALUES('words_config','words_config','1 1');
INSERT INTO sqlite_stat1 VALUES('state','state','1 1');
INSERT INTO sqlite_stat1 VALUES('nonces','nonces','1 1 1');
INSERT INTO sqlite_stat1 VALUES('senders','sqlite_autoindex_senders_1','1 1 1 1 1');
INSERT INTO sqlite_stat1 VALUES('records','records_acts','2 1');
INSERT INTO sqlite_stat1 VALUES('records','records_about','0 0');
INSERT INTO sqlite_stat1 VALUES('records',NULL,'6');
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
INSERT INTO words_data VALUES(1,X'040a');
INSERT INTO words_data VALUES(10,X'000000000106060006010101020101030101040101050101060101');
INSERT INTO words_data VALUES(137438953473,X'0000001a06306669727374818080800101037468658180808001040c');
INSERT INTO words_data VALUES(274877906945,X'0000002d0230618180808002010565f09fa680818080800201037461678180808002010477697468818080800204080c0a');
INSERT INTO words_data VALUES(412316860417,X'0000001a06306c696e65738180808003010374776f8180808003040c');
INSERT INTO words_data VALUES(549755813889,X'0000001e0430666f72818080800501096f70657261746f72738180808005040a');
INSERT INTO words_data VALUES(687194767361,X'0000001b08306f6e6573656c6682808080000102746f8280808000040e');
INSERT INTO words_data VALUES(824633720833,X'0000001d08306f6e6573656c668280808000000102746f828080800000040f');
CREATE TABLE IF NOT EXISTS 'words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO words_idx VALUES(1,X'',2);
INSERT INTO words_idx VALUES(2,X'',2);
INSERT INTO words_idx VALUES(3,X'',2);
INSERT INTO words_idx VALUES(4,X'',2);
INSERT INTO words_idx VALUES(5,X'',2);
INSERT INTO words_idx VALUES(6,X'',2);
CREATE TABLE IF NOT EXISTS 'words_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO words_config VALUES('version',4);
CREATE TABLE unindexed (id INTEGER PRIMARY KEY) STRICT;
ANALYZE sqlite_schema;
CREATE UNIQUE INDEX conversation_names ON conversations (name) WHERE NOT is_retired;
CREATE INDEX records_about ON records (about) WHERE about IS NOT NULL;
CREATE INDEX records_acts ON records (id) WHERE kind BETWEEN 10 AND 20;
PRAGMA writable_schema=OFF;
COMMIT;
