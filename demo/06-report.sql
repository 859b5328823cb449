-- What a user types every morning, and what it says after all that.
SET pulse.now = '2012-03-22 02:05+00';

\echo
\echo '=> SELECT * FROM pulse_check_drift();     -- the morning after the release'
SELECT * FROM pulse_check_drift();

\echo '=> How quiet it was: real customers, real campaigns, and the app'
SELECT * FROM demo.quiet;

\echo '=> Every incident: the bank in 2008 and 2009, the shop in 2011, the app in 2012'
SELECT * FROM demo.story;

\echo '=> SELECT * FROM pulse.segment_overview;'
SELECT segment, status, size, change, trend, incidents, worst, last_snapshot::date, state, owner FROM pulse.segment_overview;

\echo '=> SELECT pulse_explain_incident(id) …    -- why the power users fell by 42 %'
\pset format unaligned
\pset tuples_only on
SELECT pulse_explain_incident(max(id)) FROM pulse.incident WHERE segment = 'Mobile App Power Users' AND detector IN ('size_change', 'slow_erosion');
