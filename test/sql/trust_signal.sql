-- Signals: recording, batches, their queries.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET pulse.now = '2026-03-01 12:00+00';

SELECT pulse_record_signal('emq', 7.5, 'meta', 'act_1') > 0 AS recorded;
SELECT pulse_record_signal('emq', 8, 'meta', 'act_1', '2026-03-01 11:00+00', '{"dataset": 12}') > 0 AS recorded;
SELECT name, source, entity, value, at, details, recorded_by = current_user AS mine FROM pulse.signal ORDER BY id;
-- The newest counts, whatever came last.
SELECT * FROM pulse.signal_series;
-- Up to five minutes ahead is now.
SELECT pulse_record_signal('spend', 100, 'meta', 'act_1', '2026-03-01 12:04+00') > 0 AS recorded;
SELECT last_at FROM pulse.signal_series WHERE name = 'spend';

\set SHOW_CONTEXT never
SELECT pulse_record_signal(NULL, 1);
SELECT pulse_record_signal('emq', NULL);
SELECT pulse_record_signal('', 1);
SELECT pulse_record_signal('Big Name', 1);
SELECT pulse_record_signal(repeat('a', 64), 1);
SELECT pulse_record_signal('spend', 'NaN');
SELECT pulse_record_signal('spend', 'Infinity');
SELECT pulse_record_signal('spend', '-Infinity');
SELECT pulse_record_signal('emq', 10.5);
SELECT pulse_record_signal('emq', -1);
SELECT pulse_record_signal('match_rate', 1.5);
SELECT pulse_record_signal('spend', 1, repeat('s', 256));
SELECT pulse_record_signal('spend', 1, '', repeat('e', 256));
SELECT pulse_record_signal('spend', 1, 'pulse');
SELECT pulse_record_signal('spend', 1, at => '2026-03-02');
SELECT pulse_record_signal('spend', 1, at => 'infinity');
SELECT pulse_record_signal('spend', 1, details => '[1]');
SELECT pulse_record_signal('spend', 1, details => jsonb_build_object('a', repeat('x', 9000)));
SELECT pulse_record_signal('spend', 1e308, 'big') > 0 AS recorded, pulse_record_signal('spend', -5, 'negative') > 0 AS recorded;
SET pulse.now = '2999-01-01';
SELECT pulse_record_signal('spend', 1);
SET pulse.now = '2026-03-01 12:00+00';

-- One invalid signal rejects no other.
SELECT place, status, id IS NOT NULL AS has_id, error FROM pulse_record_signals('[
  {"name": "spend", "value": 120, "source": "google", "entity": "g1"},
  {"name": "spend", "value": "much"},
  {"name": "spend"},
  {"name": "roas", "value": 3, "source": "google", "entity": "g1", "at": "2026-03-01T10:00:00Z"},
  {"name": "spend", "value": 1, "colour": "red"},
  7,
  {"name": "spend", "value": 90, "source": "google", "entity": "g1", "at": "2026-03-01T09:00:00Z"}]');
SELECT name, last_value, last_at, signals FROM pulse.signal_series WHERE source = 'google' ORDER BY name;
SELECT count(*) FROM pulse_record_signals('[]');
SELECT count(*) FROM pulse_record_signals('{}');
SELECT count(*) FROM pulse_record_signals(NULL);
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg('{"name": "a", "value": 1}'::jsonb) FROM generate_series(1, 1001)));
SELECT count(*) FILTER (WHERE status = 'recorded') FROM pulse_record_signals((SELECT jsonb_agg('{"name": "a", "value": 1}'::jsonb) FROM generate_series(1, 1000)));

-- Writers record, readers read; details are for those who see people.
CREATE ROLE regress_signal_reader;
CREATE ROLE regress_signal_writer;
SELECT pulse_grant('regress_signal_reader', 'reader'), pulse_grant('regress_signal_writer', 'writer');
SET ROLE regress_signal_reader;
SELECT pulse_record_signal('spend', 1);
SELECT count(*) > 0 AS reads FROM (SELECT name FROM pulse.signal) AS s;
SELECT details FROM pulse.signal;
INSERT INTO pulse.signal (name, value, at, recorded_by) VALUES ('emq', 10, now(), 'me');
SET ROLE regress_signal_writer;
SELECT pulse_record_signal('spend', 1) > 0 AS recorded;
RESET ROLE;
SELECT recorded_by FROM pulse.signal ORDER BY id DESC LIMIT 1;
BEGIN READ ONLY;
SELECT pulse_record_signal('spend', 1);
ROLLBACK;

-- Retention.
SELECT pulse_record_signal('old', 1, at => '2024-01-01') > 0 AS recorded;
RESET pulse.now;
SELECT status FROM pulse_run_job('retention');
SELECT count(*) FROM pulse.signal WHERE name = 'old';
SELECT count(*) FROM pulse.signal_series WHERE name = 'old';
DROP OWNED BY regress_signal_reader, regress_signal_writer;
DROP ROLE regress_signal_reader, regress_signal_writer;
DROP EXTENSION pulse CASCADE;
