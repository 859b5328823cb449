-- For the pictures: the segments of the tests without the hostile ones, and people with events.
SET client_min_messages = warning;
SELECT pulse_delete_segment(name, true) FROM pulse.segment WHERE name NOT IN ('Mobile App Power Users', 'All app users');
DO $$
BEGIN
    FOR day IN 5 .. 20 LOOP
        PERFORM set_config('pulse.now', format('2026-10-%s 12:00+00', day), true);
        FOR i IN 1 .. 40 LOOP
            PERFORM pulse_identify(format('user-%s', (i * 7 + day * 3) % 220), jsonb_build_object('email', format('user-%s@shop.example', (i * 7 + day * 3) % 220)));
            PERFORM pulse_track(format('user-%s', (i * 7 + day * 3) % 220), (ARRAY['page_view', 'purchase', 'add_to_cart'])[1 + i % 3], jsonb_build_object('amount', 20 + i));
        END LOOP;
    END LOOP;
END $$;
