-- Databases of other encodings than UTF8: the extension says that it cannot be created, in text that every encoding has.
SET client_min_messages = error;
CREATE DATABASE pulse_encoding_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
CREATE DATABASE pulse_encoding_euc_jp TEMPLATE template0 ENCODING 'EUC_JP' LOCALE 'C';
CREATE DATABASE pulse_encoding_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C';
SELECT current_database() AS home \gset
\set SHOW_CONTEXT never
\c pulse_encoding_latin1
CREATE EXTENSION pulse;
\c pulse_encoding_euc_jp
CREATE EXTENSION pulse;
\c pulse_encoding_ascii
CREATE EXTENSION pulse;
SELECT count(*) AS left_behind FROM pg_namespace WHERE nspname = 'pulse';
\c :home
DROP DATABASE pulse_encoding_latin1;
DROP DATABASE pulse_encoding_euc_jp;
DROP DATABASE pulse_encoding_ascii;
