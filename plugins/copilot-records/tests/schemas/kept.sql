CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, email TEXT UNIQUE, boss_id INTEGER REFERENCES people (id), photo BLOB,
    shout TEXT GENERATED ALWAYS AS (upper(name)) STORED, weight REAL, anything);
CREATE TABLE books (isbn TEXT PRIMARY KEY, title TEXT NOT NULL, owner_id INTEGER REFERENCES people (id), lent DATE);
CREATE TABLE tags (book TEXT references Books on delete cascade, tag TEXT, PRIMARY KEY (book, tag));
INSERT INTO people (id, name, email, boss_id, photo, weight, anything) VALUES
    (1, 'Ada', 'ada@example.com', NULL, x'00ff', 61.5, 5), (2, 'Bob', 'bob@example.com', 1, x'89504e47', 80.0, 1e300),
    (3, 'Cy', NULL, 2, NULL, NULL, 'a' || char(0) || 'b'), (4, 'Di', NULL, 4, NULL, 1e18, '5');
INSERT INTO books VALUES ('a/1', 'Atlas', 1, '2026-01-02'), ('b:2', 'Bible', 2, NULL), ('c', 'Cookbook', NULL, NULL);
INSERT INTO tags VALUES ('c', 'food');
