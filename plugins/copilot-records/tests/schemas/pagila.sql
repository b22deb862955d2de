CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN year AS integer CHECK (VALUE >= 1901 AND VALUE <= 2155);
CREATE TABLE language (language_id serial PRIMARY KEY, name character(20) NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE actor (actor_id serial PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL);
CREATE TABLE film (
    film_id serial PRIMARY KEY, title text NOT NULL, description text, release_year year,
    language_id integer NOT NULL REFERENCES language, original_language_id integer REFERENCES language,
    rental_rate numeric(4, 2) DEFAULT 4.99 NOT NULL, rating mpaa_rating DEFAULT 'G', special_features text[], fulltext tsvector,
    slug text GENERATED ALWAYS AS (lower(title)) STORED);
CREATE TABLE film_actor (actor_id integer REFERENCES actor, film_id integer REFERENCES film, PRIMARY KEY (actor_id, film_id));
CREATE TABLE rental (
    rental_id uuid PRIMARY KEY, rental_date timestamp NOT NULL, returned date, film_id integer REFERENCES film,
    status varchar(12) NOT NULL CHECK (status IN ('out', 'back')), price money, hours interval, extra jsonb, photo bytea,
    paid boolean, ip inet);
CREATE TABLE rental_note (note_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, rental_id uuid REFERENCES rental, body text);
CREATE TABLE payment_p (payment_id integer, payment_date timestamptz, PRIMARY KEY (payment_id, payment_date)) PARTITION BY RANGE (payment_date);
CREATE SCHEMA audit;
CREATE TABLE audit.actor (id serial PRIMARY KEY, actor_id integer REFERENCES actor, what text);
CREATE TABLE "Mixed Case" ("Id" serial PRIMARY KEY, "Some Name" text);
CREATE VIEW film_list AS SELECT film_id AS fid, title, rental_rate AS price FROM film;
CREATE MATERIALIZED VIEW film_count AS SELECT count(*) AS films FROM film;
INSERT INTO language (name, last_update) VALUES ('English', '2022-02-15 10:02:19+00'), ('Italian', '2022-02-15 10:02:19+00');
INSERT INTO actor (first_name, last_name) VALUES ('PENELOPE', 'GUINESS'), ('NICK', 'WAHLBERG');
INSERT INTO film (title, description, release_year, language_id, rental_rate, rating, special_features)
    VALUES ('ACADEMY DINOSAUR', 'A drama about a Gonçalves', 2006, 1, 0.99, 'PG', '{Trailers,"Deleted Scenes"}'),
    ('ACE GOLDFINGER', 'An epistle', 2006, 1, 4.99, 'G', NULL), ('AFRICAN EGG', NULL, NULL, 2, 2.99, 'NC-17', '{}');
INSERT INTO film_actor VALUES (1, 1);
INSERT INTO rental VALUES
    ('6f1d3b0e-6d0c-4a54-9a2e-0d3d1c1a0001', '2005-05-24 22:53:30', '2005-05-26', 1, 'back', 2.5, '2 days', '{"a": 1}', '\x00', true, '10.0.0.1'),
    ('6f1d3b0e-6d0c-4a54-9a2e-0d3d1c1a0002', 'infinity', 'infinity', 2, 'out', NULL, NULL, NULL, NULL, false, NULL);
INSERT INTO rental_note (rental_id, body) VALUES ('6f1d3b0e-6d0c-4a54-9a2e-0d3d1c1a0001', 'late');
INSERT INTO audit.actor (actor_id, what) VALUES (1, 'renamed');
INSERT INTO "Mixed Case" ("Some Name") VALUES ('Ångström');
REFRESH MATERIALIZED VIEW film_count;
