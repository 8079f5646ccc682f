-- A database of version 8, as that version left it: what that of version 7 has, with numbers of conversations, and a sentence
-- of signs that no spaces divide, which its index of words has as one word.
PRAGMA application_id = 1667785076;
PRAGMA user_version = 8;
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
     , number INTEGER) STRICT;
INSERT INTO conversations VALUES(1,'#room',0,0,1);
INSERT INTO conversations VALUES(2,'#home',0,0,2);
INSERT INTO conversations VALUES(3,'#second',0,0,3);
INSERT INTO conversations VALUES(4,'#first',0,0,4);
INSERT INTO conversations VALUES(5,'#ask',0,0,5);
INSERT INTO conversations VALUES(6,'#open',0,0,6);
INSERT INTO conversations VALUES(7,'#shut',1,0,7);
INSERT INTO conversations VALUES(8,'#over',1,1,8);
INSERT INTO conversations VALUES(9,replace('=bob\n=carl','\n',char(10)),0,0,NULL);
INSERT INTO conversations VALUES(10,replace('=bob\n=conny','\n',char(10)),0,0,NULL);
INSERT INTO conversations VALUES(11,replace('=bob\n~25016499dd6de740','\n',char(10)),0,0,NULL);
INSERT INTO conversations VALUES(12,'#quiet',0,0,12);
CREATE TABLE participants (
         person TEXT NOT NULL,
         conversation INTEGER NOT NULL REFERENCES conversations,
         PRIMARY KEY (person, conversation)
     ) STRICT, WITHOUT ROWID;
INSERT INTO participants VALUES('=bob',9);
INSERT INTO participants VALUES('=bob',10);
INSERT INTO participants VALUES('=bob',11);
INSERT INTO participants VALUES('=carl',9);
INSERT INTO participants VALUES('=conny',10);
INSERT INTO participants VALUES('~25016499dd6de740',11);
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
INSERT INTO records VALUES(536870912,1796029262577,92582231842266,2,10,0,'where we live',NULL,NULL);
INSERT INTO records VALUES(536870913,1796029262581,40133413555049,2,11,0,'+ik','{"arguments":["sesame"]}',NULL);
INSERT INTO records VALUES(536870914,1796029262585,120214885063935,2,11,0,'+o','{"arguments":["Carl"]}',NULL);
INSERT INTO records VALUES(536870915,1796029262589,132855317648833,2,11,0,'+I','{"arguments":["~a:dora"]}',NULL);
INSERT INTO records VALUES(536870916,1796029262593,45514806128618,2,11,0,'+e','{"arguments":["~a:Dora"]}',NULL);
INSERT INTO records VALUES(536870917,1796029262597,61773403810621,2,11,0,'+b','{"arguments":["*!*@192.0.2.7"]}',NULL);
INSERT INTO records VALUES(536870918,1796029262601,88608498828129,2,11,0,'+b','{"arguments":["~a:conny"]}',NULL);
INSERT INTO records VALUES(536870919,1796029262609,94114049765428,3,14,2,'Bob has made a link into #Home, until 2027-09-26T09:01:02Z, for 5 more',NULL,NULL);
INSERT INTO records VALUES(536870920,1796029262611,64832337231703,3,14,2,'Bob sets +v for the account Dora in #Home',NULL,NULL);
INSERT INTO records VALUES(536870921,1796029262617,9933295330419,2,1,0,'hello at home',NULL,NULL);
INSERT INTO records VALUES(536870922,1796029262621,117078104445934,4,22,0,':-)','{"tags":"+reply=1a22bafab1900908c68a2473;+draft/react=:-)"}',536870921);
INSERT INTO records VALUES(536870923,1796029262625,73759404506372,4,1,0,'said by carl, better',NULL,NULL);
INSERT INTO records VALUES(536870924,1796029262629,104686543244751,4,21,0,'said by carl, better','{"about":"1a22bafab2104315731abd04"}',536870923);
INSERT INTO records VALUES(536870925,1796029262633,119936478918919,4,5,0,'',NULL,NULL);
INSERT INTO records VALUES(536870926,1796029262637,76306101281262,4,20,0,'','{"arguments":["oops"],"about":"1a22bafab2906d14e338b907"}',536870925);
INSERT INTO records VALUES(536870927,1796029262641,78916263594423,4,1,2,'for operators at home',NULL,NULL);
INSERT INTO records VALUES(536870928,1796029262649,30559318971341,5,1,0,'dora is in',NULL,NULL);
INSERT INTO records VALUES(805306368,1796029262653,136273270440279,2,1,0,'said under the first name',NULL,NULL);
INSERT INTO records VALUES(805306369,1796029262661,59721297515834,2,13,0,'better','{"target":"#second"}',NULL);
INSERT INTO records VALUES(805306370,1796029262665,79746187121642,2,1,0,'said under the second name',NULL,NULL);
INSERT INTO records VALUES(1073741824,1796029262673,37154339133408,4,1,0,'a new first',NULL,NULL);
INSERT INTO records VALUES(1342177280,1796029262677,110653451545089,5,11,0,'+A',NULL,NULL);
INSERT INTO records VALUES(1610612736,1796029262685,66229005592051,6,1,0,'said in the open',NULL,NULL);
INSERT INTO records VALUES(1610612737,1796029262817,39833027484269,8,1,0,'said by eve',NULL,NULL);
INSERT INTO records VALUES(1610612738,1796029262818,66229005592052,8,1,0,'我在上海市工作',NULL,NULL);
INSERT INTO records VALUES(1879048192,1796029262693,73515107625913,6,11,0,'+i',NULL,NULL);
INSERT INTO records VALUES(1879048193,1796029262697,48229771627112,6,1,0,'behind a door',NULL,NULL);
INSERT INTO records VALUES(2147483648,1796029262705,22930535037937,6,11,0,'+s',NULL,NULL);
INSERT INTO records VALUES(2147483649,1796029262709,93001782832981,6,1,0,'gone',NULL,NULL);
INSERT INTO records VALUES(2415919104,1796029262717,118500805707975,2,1,0,'between us','{"target":"Carl"}',NULL);
INSERT INTO records VALUES(2415919105,1796029262721,68925030095945,4,1,1,'and back','{"target":"Bob"}',NULL);
INSERT INTO records VALUES(2684354560,1796029262729,20619269316744,7,1,1,'from the configuration','{"target":"Bob"}',NULL);
INSERT INTO records VALUES(2952790016,1796029262733,3560014675591,6,1,1,'from a guest','{"target":"Bob"}',NULL);
ANALYZE sqlite_schema;
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
INSERT INTO state VALUES(replace('account\nbob','\n',char(10)),'{"name":"Bob","since":1796029262}');
INSERT INTO state VALUES(replace('account\nbob\npassword','\n',char(10)),'{"argon2":"$argon2id$v=19$m=19456,t=2,p=1$MShg3rgORW+yeuJqKRQg1w$fKYypah9Aj5VZ759PGUZM2Q1+9oQNeRp3kt7jbZPqIQ","scram":"10000:6a2/kcjDVJ60Zk0QpqZCkQ==:H2aRe+uecXfgNhav/RnoYE4uWbSGgRUhTPHffG2vS/E=:KK1tF8cQLBSxwWLe63wenND+rg5ueLjxHIo++L4/cnM="}');
INSERT INTO state VALUES(replace('account\ncarl','\n',char(10)),'{"name":"Carl","since":1796029262}');
INSERT INTO state VALUES(replace('account\ncarl\npassword','\n',char(10)),'{"argon2":"$argon2id$v=19$m=19456,t=2,p=1$Mt5psrOstlNRZxLQCih8VQ$39Che64o18ovuHpAVceBVfAqgcdkVEbpt/3tzWGZEpI","scram":"10000:Ow+IFCd+mnbJUOp5FqPyjw==:mysILizWKa4Yw07/xUT2A7m2RVudyFbZMXHTw2+FjTQ=:CwjbTYyJpm/GcBCKo5QQdKvlw/MLHEvVv6rj6W+ytR8="}');
INSERT INTO state VALUES(replace('account\ncarl\nstays','\n',char(10)),'true');
INSERT INTO state VALUES(replace('account\ndora','\n',char(10)),'{"name":"Dora","since":1796029262}');
INSERT INTO state VALUES(replace('account\ndora\npassword','\n',char(10)),'{"argon2":"$argon2id$v=19$m=19456,t=2,p=1$Z+H4lGCNPLWGbkCo+Uy/Xw$QwzmDSTF25Q1hVsHvKv1aA7CBWmAbCpFsukYDC7SN5U","scram":"10000:8jy5svmLkuht1W6pYMQZ6w==:jHOL4yYsmNFYty18ZmF026ZZEZqCExR2uahNexVzYAQ=:DZCKLwh0pdGVkD2PDlbvrJijWqgleh1woi73TvrSu3I="}');
INSERT INTO state VALUES(replace('ban\n~a:mallory','\n',char(10)),'{"by":"Gus","at":1796029262774,"until":1821949262774,"reason":"spam"}');
INSERT INTO state VALUES(replace('marker\n=bob\n3','\n',char(10)),'1796025600000');
INSERT INTO state VALUES(replace('marker\n=bob\n6','\n',char(10)),'1796025600000');
INSERT INTO state VALUES(replace('marker\n=bob\n=carl','\n',char(10)),'1796025600000');
INSERT INTO state VALUES(replace('marker\n=carl\n2','\n',char(10)),'1796025600000');
INSERT INTO state VALUES(replace('marker\n=dora\n12','\n',char(10)),'1796025600000');
INSERT INTO state VALUES(replace('room\n2abd2fe7450e69e2','\n',char(10)),'{"name":"#second","founder":"bob","founded":1796029262653,"conversation":3}');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66','\n',char(10)),'{"name":"#Home","founder":"bob","founded":1796029262576,"conversation":2}');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\nflag\ni','\n',char(10)),'true');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\nkey','\n',char(10)),'"sesame"');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\nlink\njt3z9scse22am54qwzs76mav2','\n',char(10)),'{"by":"Bob","at":1796029262609,"until":1821949262609,"left":5}');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\nlist\nI\n~a:dora','\n',char(10)),'{"mask":"~a:dora","by":"Bob!u@127.0.0.1","at":1796029262589}');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\nlist\nb\n*!*@192.0.2.7','\n',char(10)),'{"mask":"*!*@192.0.2.7","by":"Bob!u@127.0.0.1","at":1796029262597}');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\nlist\nb\n~a:conny','\n',char(10)),'{"mask":"~a:conny","by":"Bob!u@127.0.0.1","at":1796029262601}');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\nlist\ne\n~a:dora','\n',char(10)),'{"mask":"~a:Dora","by":"Bob!u@127.0.0.1","at":1796029262593}');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\nmetadata\nurl','\n',char(10)),'"https://example.org/"');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\noperator\ncarl','\n',char(10)),'1796029262585');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\ntopic','\n',char(10)),'{"text":"where we live","by":"Bob!u@127.0.0.1","at":1796029262577}');
INSERT INTO state VALUES(replace('room\n4f3c65210990ff66\nvoice\ndora','\n',char(10)),'true');
INSERT INTO state VALUES(replace('room\n4fee4967d57637f1','\n',char(10)),'{"name":"#first","founder":"carl","founded":1796029262673,"conversation":4}');
INSERT INTO state VALUES(replace('room\ne24ee7720224b4d5','\n',char(10)),'{"name":"#ask","founder":"dora","founded":1796029262677,"conversation":5}');
INSERT INTO state VALUES(replace('room\ne24ee7720224b4d5\nasking\ncarl','\n',char(10)),'1796029262681');
INSERT INTO state VALUES(replace('room\ne24ee7720224b4d5\nflag\nA','\n',char(10)),'true');
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
INSERT INTO senders VALUES(2,'Bob!u@127.0.0.1','Bob',0,'=bob');
INSERT INTO senders VALUES(3,'ChanServ!services@chat.local','',0,'!');
INSERT INTO senders VALUES(4,'Carl!u@127.0.0.1','Carl',0,'=carl');
INSERT INTO senders VALUES(5,'Dora!u@127.0.0.1','Dora',0,'=dora');
INSERT INTO senders VALUES(6,'Gus!u@127.0.0.1','',0,'~25016499dd6de740');
INSERT INTO senders VALUES(7,'Stance!u@127.0.0.1','conny',0,'=conny');
INSERT INTO senders VALUES(8,'Eve!u@127.0.0.1','Eve',0,'=eve');
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
INSERT INTO words_data VALUES(1,X'143b');
INSERT INTO words_data VALUES(10,X'0000000002021100021101010101010000');
INSERT INTO words_data VALUES(137438953473,X'000000201630e68891e59ca8e4b88ae6b5b7e5b882e5b7a5e4bd9c868080800204');
INSERT INTO words_data VALUES(2336462209025,X'000001d0023061818080800282ffffff7e838080800183ffffff7f02026e64898080800102017482808080090601046261636b898080800102056568696e648780808001030474746572828080800b04047765656e8980808000020179828080800b83ffffff7601046361726c828080800b020c6f6e66696775726174696f6e8a808080000104646f6f728780808001030272618280808010010365766586808080010204f09fa680818080800201056669727374818080800181ffffff7f818080800002026f728180808005818080800a0203726f6d8a8080800081808080000104676f6e6588808080010204756573748b80808000010568656c6c6f828080800902036f6d658280808009060102696e828080801083ffffff70020173828080801001056c696e6573818080800301046e616d6583808080000202026577848080800001046f70656e868080800004067261746f72738180808005818080800a010473616964828080800bffffff750282ffffff7e01020565636f6e6483808080020103746167818080800202026865818080800181ffffff7f0282ffffff7e84808080000202776f81808080030105756e64657283808080000202017389808080000104776974688180808002041709090b0c0b0b0d0b130b090a0b160e0f0b0b0c0b0e080c0c090b12160c0a19090d08');
CREATE TABLE IF NOT EXISTS 'words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO words_idx VALUES(1,X'',2);
INSERT INTO words_idx VALUES(17,X'',2);
CREATE TABLE IF NOT EXISTS 'words_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO words_config VALUES('version',4);
CREATE TABLE unindexed (conversation INTEGER PRIMARY KEY, first INTEGER NOT NULL) STRICT;
CREATE INDEX records_about ON records (about) WHERE about IS NOT NULL;
CREATE INDEX records_acts ON records (id) WHERE kind BETWEEN 10 AND 20;
CREATE INDEX conversation_names ON conversations (name) WHERE NOT is_retired;
CREATE UNIQUE INDEX conversation_numbers ON conversations (number) WHERE NOT is_retired;
PRAGMA writable_schema=OFF;
COMMIT;
