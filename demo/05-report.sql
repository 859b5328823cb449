-- What a user types every morning, and what it says after all that.
SET pulse.now = '2012-03-22 02:05+00';
\echo
\echo '=> SELECT * FROM pulse_check_drift();   -- the morning after the release'
SELECT * FROM pulse_check_drift();

\echo '=> every incident of the three histories: the shop in 2011, the bank in 2008 and 2009, the app in 2012'
SELECT * FROM demo.story(ARRAY(SELECT segment FROM pulse.segment_overview));

\echo '=> SELECT * FROM pulse.segment_overview;'
SELECT * FROM pulse.segment_overview;

\echo '=> SELECT pulse_explain_incident(…);    -- why the power users fell by 42 %'
\pset format unaligned
\pset tuples_only on
SELECT pulse_explain_incident(max(id)) FROM pulse.incident WHERE segment = 'Mobile App Power Users' AND detector = 'size_change';
