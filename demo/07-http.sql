-- The gateway's role, a role for applications, a flag, and an API key, which is all that is printed.
\o /dev/null
SET client_min_messages = warning;
CREATE ROLE demo_gateway LOGIN;
SELECT pulse_grant('demo_gateway', 'gateway');
CREATE ROLE demo_app;
SELECT pulse_grant('demo_app', 'operator');
SELECT pulse_create_flag('welcome-back', 'segment("recent_buyers")');
\o
SELECT pulse_create_api_key('demo', 'admin', 'demo_app');
