-- ---------------------------------------------------------------------------------------------------------
-- Who may do what. Comes last: it speaks of every object before it.

-- Operators in what follows are bound now: only PostgreSQL's own may be found, whoever may create in our schema.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

CREATE VIEW pulse.privilege AS
WITH member AS (
    SELECT d.classid, d.objid
    FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e' AND e.extname = 'pulse'
), verb (level, name) AS (
    VALUES ('reader', 'pulse_now'),
           ('reader', 'pulse_validate_rule'),
           ('reader', 'pulse_preview_segment'),
           ('reader', 'pulse_explain_segment'),
           ('reader', 'pulse_sketch%'),
           ('reader', 'pulse_compare_snapshots'),
           ('reader', 'pulse_backtest'),
           ('reader', 'pulse_explain_incident'),
           ('reader', 'pulse_diagnose_incident'),
           ('reader', 'pulse_status'),
           ('reader', 'pulse_preview_schedule'),
           ('reader', 'pulse_suggest_checks'),
           ('reader', 'pulse_list_traits'),
           ('reader', 'pulse_dependencies'),
           ('reader', 'pulse_test_expression'),
           ('reader', 'pulse_explain_membership'),
           ('reader', 'pulse_preview_segment_change'),
           ('operator', 'pulse_create_trait'),
           ('operator', 'pulse_update_trait'),
           ('admin', 'pulse_delete_trait'),
           ('writer', 'pulse_take_snapshot'),
           ('writer', 'pulse_take_snapshots'),
           ('writer', 'pulse_import_snapshot'),
           ('writer', 'pulse_ingest'),
           ('writer', 'pulse_track'),
           ('writer', 'pulse_identify'),
           ('writer', 'pulse_page'),
           ('writer', 'pulse_screen'),
           ('writer', 'pulse_group'),
           ('writer', 'pulse_alias'),
           ('writer', 'pulse_import_events'),
           ('operator', 'pulse_replay_rejected'),
           ('operator', 'pulse_create_segment'),
           ('operator', 'pulse_update_segment'),
           ('operator', 'pulse_pause_segment'),
           ('operator', 'pulse_resume_segment'),
           ('operator', 'pulse_archive_segment'),
           ('operator', 'pulse_set_monitoring'),
           ('writer', 'pulse_check_tables'),
           ('operator', 'pulse_test_source'),
           ('operator', 'pulse_monitor_table'),
           ('operator', 'pulse_unmonitor_table'),
           ('operator', 'pulse_mute'),
           ('operator', 'pulse_unmute'),
           ('operator', 'pulse_schedule'),
           ('operator', 'pulse_unschedule'),
           ('operator', 'pulse_run_job'),
           ('operator', 'pulse_check_drift'),
           ('operator', 'pulse_diagnose_incidents'),
           ('operator', 'pulse_acknowledge_incident'),
           ('operator', 'pulse_resolve_incident'),
           ('operator', 'pulse_ignore_incident'),
           ('reader', 'pulse_preview_message'),
           ('operator', 'pulse_test_channel'),
           ('operator', 'pulse_retry_message'),
           ('operator', 'pulse_cancel_message'),
           ('operator', 'pulse_create_route'),
           ('operator', 'pulse_update_route'),
           ('operator', 'pulse_delete_route'),
           ('operator', 'pulse_receive_webhook'),
           ('operator', 'pulse_investigate_incident'),
           ('operator', 'pulse_cancel_investigation'),
           ('admin', 'pulse_create_channel'),
           ('admin', 'pulse_create_model'),
           ('admin', 'pulse_subscribe'),
           ('admin', 'pulse_unsubscribe'),
           ('reader', 'pulse_in_segment'),
           ('reader', 'pulse_segments_of'),
           ('reader', 'pulse_trait'),
           ('reader', 'pulse_traits'),
           ('operator', 'pulse_take_changes'),
           ('operator', 'pulse_build'),
           ('operator', 'pulse_build_step'),
           ('operator', 'pulse_run_pipeline'),
           ('operator', 'pulse_refresh_definitions'),
           ('operator', 'pulse_pin_baseline'),
           ('operator', 'pulse_unpin_baseline'),
           ('reader', 'pulse_profile'),
           ('reader', 'pulse_search_profiles'),
           ('reader', 'pulse_identity_graph'),
           ('reader', 'pulse_simulate_merge'),
           ('reader', 'pulse_simulate_identity_kind'),
           ('operator', 'pulse_set_identity_kind'),
           ('operator', 'pulse_drop_identity_kind'),
           ('operator', 'pulse_merge'),
           ('operator', 'pulse_unmerge'),
           ('admin', 'pulse_create_source'),
           ('reader', 'pulse_list_flags'),
           ('reader', 'pulse_decide'),
           ('reader', 'pulse_decide_all'),
           ('reader', 'pulse_explain_decision'),
           ('reader', 'pulse_expose'),
           ('reader', 'pulse_log_exposure'),
           ('operator', 'pulse_create_flag'),
           ('operator', 'pulse_update_flag'),
           ('operator', 'pulse_enable_flag'),
           ('operator', 'pulse_disable_flag'),
           ('operator', 'pulse_archive_flag'),
           ('operator', 'pulse_restore_flag'),
           ('admin', 'pulse_delete_flag'),
           ('admin', 'pulse_start'),
           ('admin', 'pulse_stop'),
           ('admin', 'pulse_delete_segment'),
           ('admin', 'pulse_load_demo'),
           ('admin', 'pulse_drop_demo'),
           ('admin', 'pulse_grant'),
           ('admin', 'pulse_revoke')
)
SELECT 'reader' AS level, pg_catalog.format('USAGE ON SCHEMA %I', n.nspname) AS privilege
FROM member JOIN pg_catalog.pg_namespace AS n ON n.oid = member.objid
WHERE member.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
UNION ALL
SELECT 'reader', pg_catalog.format('USAGE ON TYPE %s', t.oid::pg_catalog.regtype)
FROM member JOIN pg_catalog.pg_type AS t ON t.oid = member.objid
WHERE member.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.typrelid = 0 AND t.typcategory <> 'A'
UNION ALL
SELECT 'reader', pg_catalog.format('SELECT ON %s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                                   c.oid::pg_catalog.regclass)
FROM member JOIN pg_catalog.pg_class AS c ON c.oid = member.objid
WHERE member.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
UNION ALL
SELECT 'writer', pg_catalog.format('INSERT ON TABLE %s', v.name) FROM (VALUES ('pulse.ingest'), ('pulse.import')) AS v (name)
UNION ALL
SELECT verb.level, pg_catalog.format('EXECUTE ON %s %s', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
                                      p.oid::pg_catalog.regprocedure)
FROM member JOIN pg_catalog.pg_proc AS p ON p.oid = member.objid JOIN verb ON p.proname LIKE verb.name
WHERE member.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.pronamespace <> 'pulse'::pg_catalog.regnamespace
UNION ALL
SELECT 'admin', pg_catalog.format('USAGE ON FOREIGN DATA WRAPPER %I', w.fdwname)
FROM member JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = member.objid
WHERE member.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass
UNION ALL
-- Functions in schema pulse are parts of what measures; it runs with the rights of the definition's maker. Those of triggers are nobody's:
-- a trigger needs no privilege to fire, and with it anybody could put them on a table of their own.
SELECT 'reader', pg_catalog.format('EXECUTE ON FUNCTION %s', p.oid::pg_catalog.regprocedure)
FROM member JOIN pg_catalog.pg_proc AS p ON p.oid = member.objid
WHERE member.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.pronamespace = 'pulse'::pg_catalog.regnamespace
  AND p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype;
COMMENT ON VIEW pulse.privilege IS
'What pulse_grant() gives: each level has its own privileges and those of the levels before it: reader, writer, operator, admin.';
COMMENT ON COLUMN pulse.privilege.level IS 'The lowest level that has the privilege.';
COMMENT ON COLUMN pulse.privilege.privilege IS 'As GRANT takes it.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

CREATE FUNCTION pulse_revoke(role text) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entry record;
BEGIN
    IF role IS NULL OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('role "%s" does not exist', coalesce(role, '(null)')),
            HINT = 'Give the name of a role, as it stands in pg_roles.';
    END IF;
    IF role = current_user THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('role "%s" owns the extension', role),
            HINT = 'The owner has every right; give levels to other roles.';
    END IF;
    -- Two sessions changing the privileges of one object would fail with "tuple concurrently updated".
    PERFORM pg_advisory_xact_lock(hashtextextended('pulse_grant', 0));
    FOR entry IN SELECT p.privilege FROM pulse.privilege AS p ORDER BY p.privilege LOOP
        EXECUTE format('REVOKE %s FROM %I', entry.privilege, role);
    END LOOP;
END $$;
COMMENT ON FUNCTION pulse_revoke(text) IS
'Takes from a role everything that pulse_grant() gave it. Errors: 42704 unknown role, 22023 the owner of the extension.';

CREATE FUNCTION pulse_grant(role text, level text) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    levels CONSTANT text[] := ARRAY['reader', 'writer', 'operator', 'admin'];
    verbs CONSTANT name := (SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
                            WHERE e.extname = 'pulse');
    entry record;
BEGIN
    IF level IS NULL OR array_position(levels, level) IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('unknown level "%s"', coalesce(level, '(null)')),
            HINT = 'Levels are reader, writer, operator, admin; each includes those before it.';
    END IF;
    PERFORM @extschema@.pulse_revoke(role);
    IF NOT has_schema_privilege(role, verbs, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', verbs, role);
    END IF;
    FOR entry IN
        SELECT p.privilege FROM pulse.privilege AS p
        WHERE array_position(levels, p.level) <= array_position(levels, pulse_grant.level) ORDER BY p.privilege
    LOOP
        EXECUTE format('GRANT %s TO %I', entry.privilege, role);
    END LOOP;
END $$;
COMMENT ON FUNCTION pulse_grant(text, text) IS
'Sets what a role may do: reader sees, writer also takes and imports snapshots, operator also keeps segments, checks and incidents, admin also deletes and grants. Replaces the level the role had; pulse.privilege lists all. Errors: 42704 unknown role, 22023 unknown level or the owner of the extension.';

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- What runs with somebody's rights is written by its verbs only, which work as the owner of these tables: without a policy for writing
-- not even pg_write_all_data may say what runs as whom. Who has SELECT sees all, but of other roles' jobs, whose commands are their own.
ALTER TABLE pulse.segment ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.monitor ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.monitor_check ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.job_run ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.notice ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.route ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.investigation ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.agent_step ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.segment FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.monitor FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.monitor_check FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.notice FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.outbox FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.route FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.subscription FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.investigation FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.agent_step FOR SELECT USING (true);
CREATE POLICY read_own ON pulse.job FOR SELECT USING (runs_as IS NULL OR pg_catalog.pg_has_role(role_oid, 'USAGE'));
CREATE POLICY read_own ON pulse.job_run FOR SELECT USING (EXISTS (SELECT FROM pulse.job AS j WHERE j.id = job_run.job_id));

-- Nothing is for everybody.
DO $$
DECLARE
    member record;
BEGIN
    FOR member IN
        SELECT CASE d.classid WHEN 'pg_proc'::regclass THEN 'ROUTINE ' || d.objid::regprocedure
                              WHEN 'pg_type'::regclass THEN 'TYPE ' || d.objid::regtype
                              WHEN 'pg_namespace'::regclass THEN 'SCHEMA ' || d.objid::regnamespace
                              WHEN 'pg_foreign_data_wrapper'::regclass THEN 'FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname)
                              ELSE CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || d.objid::regclass END AS object
        FROM pg_depend AS d
        JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pulse'
        LEFT JOIN pg_class AS c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
        LEFT JOIN pg_type AS t ON t.oid = d.objid AND d.classid = 'pg_type'::regclass
        LEFT JOIN pg_foreign_data_wrapper AS w ON w.oid = d.objid AND d.classid = 'pg_foreign_data_wrapper'::regclass
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND (d.classid IN ('pg_proc'::regclass, 'pg_namespace'::regclass, 'pg_foreign_data_wrapper'::regclass)
               OR c.relkind IN ('r', 'p', 'v', 'm', 'S') OR (t.typrelid = 0 AND t.typcategory <> 'A'))
    LOOP
        EXECUTE 'REVOKE ALL ON ' || member.object || ' FROM PUBLIC';
    END LOOP;
END $$;
