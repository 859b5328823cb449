SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SELECT pulse_now() = now() AS transaction_time;
