CREATE TABLE "select" ("from" INTEGER PRIMARY KEY, "where" TEXT, "group" TEXT CHECK ("group" IN ('it''s', 'that')));
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, title TEXT, link TEXT, module TEXT, boss_id INTEGER REFERENCES person (id));
CREATE TABLE "nothing" (a TEXT, b TEXT);
CREATE TABLE empty_one (id TEXT PRIMARY KEY, "when" DATE, flag BOOLEAN, amount DECIMAL(10, 2) NOT NULL);
CREATE TABLE untyped (id INTEGER PRIMARY KEY, anything, day DATE, moment TIMESTAMP, flag BOOLEAN, big INTEGER);
CREATE TABLE hashes (digest BLOB PRIMARY KEY, note TEXT);
CREATE TABLE dangling (id INTEGER PRIMARY KEY, gone_id INTEGER REFERENCES gone (id), pair_a INTEGER REFERENCES "nothing" (a));
CREATE TABLE "weird ""name""" ("a ""quoted"" column" INTEGER PRIMARY KEY, "100%" TEXT, "ünï" TEXT, "" TEXT);
CREATE TABLE twins (id INTEGER PRIMARY KEY, customer TEXT, customer_id INTEGER REFERENCES person (id));
CREATE TABLE Twins_ (id INTEGER PRIMARY KEY, full_name TEXT);
CREATE VIRTUAL TABLE notes USING fts5(body);
CREATE VIEW broken AS SELECT * FROM missing_table;
CREATE VIEW people_view AS SELECT id, name FROM person;
INSERT INTO "select" VALUES (1, 'a' || char(0) || 'b', 'it''s'), (2, '', NULL);
INSERT INTO person VALUES (1, 'Ada', 'Countess', 'x', 'y', NULL), (2, 'Bob', 'Mr', NULL, NULL, 1), (3, 'Ada', 'Dr', NULL, NULL, 99);
INSERT INTO untyped VALUES
    (1, 'text', '2024-01-02', '2024-01-02T03:04:05', 1, 9223372036854775807), (2, 5, '2024-02-30', 'soon', 0, -1),
    (3, x'ff', 20240102, 1704164645, 2, 1e300), (4, NULL, NULL, NULL, NULL, NULL), (5, CAST(x'ff41' AS TEXT), '', '', '', 9e999);
INSERT INTO hashes VALUES (x'00', 'n');
INSERT INTO dangling VALUES (1, 5, 6);
INSERT INTO "weird ""name""" VALUES (1, 'half', 'ü', 'e');
INSERT INTO twins VALUES (1, 'Someone', 1);
