-- A stand-in for Pulse's side of HTTP, with which the gateway is tested by itself: a database without the extension,
-- but with a row that says where it is. Each path asks for one behaviour.
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT 16000, 'pulse', 10, oid, false, '0' FROM pg_namespace WHERE nspname = 'public';
RESET allow_system_table_mods;

CREATE TABLE hits (path text, client jsonb, n bigserial);
CREATE TABLE usage (body jsonb);
CREATE TABLE checked (n int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);

CREATE FUNCTION pulse_http(text, text, text, jsonb, bytea, jsonb, OUT status int, OUT headers jsonb, OUT body bytea, OUT info jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    method ALIAS FOR $1;
    path ALIAS FOR $2;
    query ALIAS FOR $3;
    client ALIAS FOR $6;
    word text := split_part(path, '/', 2);
    rest text := split_part(path, '/', 3);
BEGIN
    status := 200;
    headers := '{"content-type": "application/json"}';
    IF client ? 'gateway' THEN
        CASE path
        WHEN '/gateway/hello' THEN
            body := convert_to(json_build_object('version', '0', 'interface', 2, 'writable', NOT pg_is_in_recovery())::text, 'UTF8');
        WHEN '/gateway/usage' THEN 
            status := 204;
            INSERT INTO usage VALUES (convert_from($5, 'UTF8')::jsonb);
        END CASE;
        RETURN;
    END IF;
    info := jsonb_build_object('route', '/' || word);
    IF $4 ? 'x-api-key' THEN
        info := info || jsonb_build_object('key', jsonb_build_object('id', CASE WHEN $4->>'x-api-key' = 'k2' THEN 6 ELSE 5 END, 'name', 'tester', 'rate', nullif($4->>'x-rate', '')::int));
    END IF;
    CASE word
    WHEN 'echo' THEN
        body := convert_to(json_build_object('method', method, 'path', path, 'query', query, 'headers', $4, 'bytes', length($5),
            'md5', md5($5), 'client', client)::text, 'UTF8');
    WHEN 'sleep' THEN
        PERFORM pg_sleep(rest::float);
        body := convert_to('{"slept": ' || rest || '}', 'UTF8');
    WHEN 'write' THEN
        INSERT INTO hits VALUES (path, client);
        IF rest <> '' THEN PERFORM pg_sleep(rest::float); END IF;
        status := 201;
    WHEN 'status' THEN
        status := rest::int;
        body := convert_to('{"status": ' || rest || '}', 'UTF8');
    WHEN 'large' THEN body := convert_to(repeat('0123456789', rest::int / 10), 'UTF8');
    WHEN 'slices' THEN
        body := 'slice 0,';
        info := info || jsonb_build_object('next', '1 ' || rest);
    WHEN 'live' THEN
        body := convert_to(E'data: 0\n\n', 'UTF8');
        info := info || jsonb_build_object('next', '1 ' || rest, 'stream', true);
    WHEN 'flood' THEN
        body := convert_to(E'data: 0\n\n', 'UTF8');
        info := info || jsonb_build_object('next', '1 -7', 'stream', true);
    WHEN 'split' THEN headers := jsonb_build_object('x-evil', E'a\r\nset-cookie: b');
    WHEN 'cookies' THEN headers := '{"set-cookie": ["a=1", "b=2"]}';
    WHEN 'commit' THEN INSERT INTO checked SELECT 1 FROM generate_series(1, 2);
    WHEN 'fail' THEN RAISE EXCEPTION 'a secret' USING ERRCODE = rest;
    WHEN 'kill' THEN PERFORM pg_terminate_backend(pg_backend_pid());
    WHEN 'metrics' THEN
        headers := jsonb_build_object('content-type', CASE WHEN rest = '' AND $4->>'accept' ~ 'openmetrics'
            THEN 'application/openmetrics-text; version=1.0.0; charset=utf-8' ELSE 'text/plain; version=0.0.4' END);
        body := convert_to(E'# TYPE pulse_up gauge\npulse_up 1\n' || CASE WHEN headers->>'content-type' ~ 'open' THEN E'# EOF\n' ELSE '' END, 'UTF8');
    WHEN 'v1' THEN body := convert_to(repeat('0123456789', query::int / 10), 'UTF8');  -- in the lane of decisions
    WHEN 'health' THEN body := '{"status": "healthy"}';
    ELSE
        status := 404;
        body := '{"error": "not found"}';
        info := NULL;
    END CASE;
END
$$;

CREATE FUNCTION pulse_http_next(token text, OUT body bytea, OUT next text) LANGUAGE plpgsql AS $$
DECLARE
    n int := split_part(token, ' ', 1);
    last int := split_part(token, ' ', 2);
BEGIN
    IF last = -7 THEN
        body := convert_to(repeat('x', 3000000), 'UTF8');
        next := token;
        RETURN;
    END IF;
    IF last < 0 AND n = 3 THEN RAISE EXCEPTION 'broken'; END IF;
    body := convert_to('slice ' || n || ',', 'UTF8');
    next := CASE WHEN last < 0 OR n < last THEN n + 1 || ' ' || last END;
END
$$;
