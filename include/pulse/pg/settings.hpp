// The settings pulse.*, with units, ranges and help: src/pg/settings.cpp; pulse.now: src/pg/now.cpp.
#pragma once

#include "pulse/pg/error.hpp"
#include "pulse/base/time.hpp"

namespace pulse::pg::settings {

// ---- source and snapshot ----
extern int statement_timeout;  // ms; maximum run time of one definition
extern int lock_timeout;       // ms; maximum wait for another session that measures the same segment
extern int sketch_size;        // members kept exactly
extern int inactive_after;     // minutes; a member whose last activity is older is inactive
extern int max_values;         // categorical values kept by name per attribute

// ---- drift ----
extern double size_change_threshold;         // relative
extern double distribution_shift_threshold;  // total variation distance
extern double conversion_anomaly_threshold;  // relative
extern double inactivity_creep_threshold;    // relative
extern double membership_churn_threshold;    // share of members replaced
extern double null_spike_threshold;          // absolute change of the share of null, or of NaN
extern double value_threshold;               // share of a value that appeared or vanished
extern double slow_erosion_threshold;        // relative
extern double slow_growth_threshold;         // likewise, beyond the growth before it
extern double event_volume_threshold;        // relative
extern double p_value;                       // per finding
extern double false_discovery_rate;          // over one check
extern int baseline_window;                  // snapshots
extern int min_history;                      // snapshots before the noise of a segment counts as known
extern int resolve_after;                    // normal snapshots in a row
extern int settle_after;                     // snapshots; 0 = never
extern int reopen_within;                    // minutes
extern int unused_after;                     // minutes; 0 = never

// ---- health ----
extern int row_limit;      // rows; checks sample larger tables
extern int sample_rows;    // target number of rows of a sample
extern int check_timeout;  // ms; maximum run time of one table's checks

// ---- worker; set in postgresql.conf ----
extern bool run_jobs;          // whether background workers run jobs
extern int max_parallel_jobs;  // worker processes per database
extern int job_run_retention;  // minutes; as all below, 0 = for ever
extern int snapshot_retention;
extern int sketch_retention;
extern int check_retention;  // results of table checks
extern int usage_retention;  // of pulse.source_usage and pulse.api_key_usage
extern int audit_retention;  // of pulse.audit
extern int audience_settling;
extern double audience_size_tolerance;  // share; 0: sizes are not compared
extern int message_retention;           // of finished messages, and of investigations

// ---- delivery; set in postgresql.conf ----
extern int message_lifetime;  // minutes that a due message waits for its channel; 0 = for ever
extern bool send_messages;    // whether anything is sent
extern bool allow_http;       // also without TLS
const char* AllowedHosts();   // hosts, addresses and networks that may be connected to
extern int max_requests;      // in flight at once
extern int max_requests_per_host;
extern int max_attachment;   // kB; larger reports are not attached to mails
extern int notify_within;    // minutes; older events of incidents are not sent
const char* AuditChannel();  // gets checkpoints of the audit log; empty: none
const char* IncidentUrl();   // template of the link to an incident; empty: none

// ---- the agent of diagnosis; set in postgresql.conf ----
const char* AgentSeverities();  // incidents of these severities are investigated automatically
const char* AgentModel();       // the server of pulse_model to use; empty: the only one
extern int agent_max_steps;     // calls of the model for one investigation
extern int agent_max_tokens;    // of one investigation
extern int agent_daily_tokens;  // of all investigations of a day
extern double agent_max_cost;   // of one investigation, in the unit of the model's prices; 0: no limit
extern double agent_daily_cost;
extern bool agent_share_values;  // whether rare values may be shown to a model
extern int agent_tool_timeout;   // ms; maximum run time of one tool

// ---- diagnosis ----

extern int diagnosis_timeout;        // ms; for the questions about one incident; 0: none are asked
extern int diagnosis_total_timeout;  // ms; for those about all incidents of one call

// ---- profile, trait, flag ----
enum Evaluation { kSync, kAsync };
extern int evaluation;             // Evaluation: whether the transaction or the pipeline evaluates events
const char* TimeZone();            // of days and calendar windows
extern int max_batch;              // events of one pulse_ingest()
extern int max_event_size;         // bytes
extern int max_properties;         // of one event, nested ones counted
extern int max_event_depth;        // of nested properties
extern int clock_skew;             // ms; maximum deviation of a sender's clock that is not corrected
extern int max_event_age;          // minutes; older events are rejected unless imported; 0: no limit
extern int tcf_vendor;             // id in the global vendor list; 0: none
extern int retry_window;           // seconds; 0: none
extern int deduplication_horizon;  // minutes; 0: for ever
extern int max_linked;             // maximum number of profiles of a person
extern int event_retention;        // minutes; 0: for ever
extern int event_order_after;      // minutes; 0: never
extern int event_order_size;       // MB
extern int event_archive_after;    // minutes; 0: never
const char* EventArchiveServer();  // of postgres_fdw; empty: none
extern int rejected_event_retention;
extern int erasure_refusal;    // minutes that events of an erased person are refused
extern int erasure_retention;  // of pulse.erasure and the hashes of erased ids
extern int membership_change_retention;
extern int exposure_retention;
extern int export_retention;    // of the files of pulse.export
extern int export_link_expiry;  // seconds that a token of an export is valid
extern int max_exports;         // files
extern int max_export_size;     // MB of all files
extern int build_at_once;       // profiles up to which a statement builds its new definition itself
extern double exposure_sample;  // fraction of people whose exposures are recorded

// ---- web; set in postgresql.conf ----
extern int metrics_limit;  // segments, jobs and sources that pulse_metrics() shows one by one

void DefineNow();  // pulse.now, in now.cpp

}  // namespace pulse::pg::settings

namespace pulse::pg {

// The clock of everything: the transaction's time, or the setting pulse.now.
Moment Now();

// Now(), for functions that write history: throws UserError if it is in the future.
Moment PastNow();
// pulse.now, or else the wall clock: what others commit may be newer than Now(), when this transaction began.
Moment LatestNow();

}  // namespace pulse::pg
