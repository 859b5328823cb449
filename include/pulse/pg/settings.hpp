// The settings pulse.*, with units, ranges and help. All of them are defined in src/pg/settings.cpp.
#pragma once

#include "pulse/pg/error.hpp"
#include "pulse/base/time.hpp"

namespace pulse::pg::settings {

// ---- source and snapshot ----
extern int statement_timeout;   // ms; longest run of one definition
extern int lock_timeout;        // ms; longest wait for another session measuring the same segment
extern int sketch_size;         // members kept exactly
extern int inactive_after;      // minutes; a member whose last activity is older is inactive
extern int max_values;          // categorical values kept by name per attribute

// ---- drift ----
extern double size_change_threshold;         // relative
extern double distribution_shift_threshold;  // total variation distance
extern double conversion_anomaly_threshold;  // relative
extern double inactivity_creep_threshold;    // relative
extern double membership_churn_threshold;    // share of members replaced
extern double null_spike_threshold;          // absolute rise of the null share
extern double value_threshold;               // share of a value that appeared or vanished
extern double slow_erosion_threshold;        // relative, over the baseline window
extern double p_value;                       // per finding
extern double false_discovery_rate;          // over one check
extern int baseline_window;                  // snapshots
extern int min_history;                      // snapshots before the noise of a segment counts as known
extern int resolve_after;                    // normal snapshots in a row
extern int reopen_within;                    // minutes

// ---- health ----
extern int row_limit;            // rows of a table up to which checks read it whole; beyond they sample
extern int sample_rows;          // rows a sample aims at
extern int check_timeout;        // ms; longest run of one table's checks

// ---- worker; set in postgresql.conf ----
extern bool run_jobs;            // whether background workers run jobs
extern int max_parallel_jobs;    // worker processes per database
extern int job_run_retention;    // minutes; as all below, 0 = for ever
extern int snapshot_retention;
extern int sketch_retention;
extern int check_retention;      // results of table checks
extern int usage_retention;      // of pulse.source_usage

}  // namespace pulse::pg::settings

namespace pulse::pg {

// The clock of everything: the transaction's time, or the setting pulse.now.
Moment Now();

// Now(), for verbs that write history: a moment that has not been is refused with a UserError.
Moment PastNow();

}  // namespace pulse::pg
